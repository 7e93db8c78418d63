package retention

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestPage: the example of the page is what comes out.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/explanation/retention.md")
	if err != nil {
		t.Fatal(err)
	}
	zone := paris(t)
	in := sets(t, zone, `2026-10-31 06:15 id=20261031-061500
2026-11-13 06:15 id=20261113-061500
2026-11-16 06:15 id=20261116-061500
2026-11-18 06:15 id=20261118-061500 pinned
2026-11-19 06:15 id=20261119-061500
2026-11-20 06:15 id=20261120-061500
2026-11-23 06:15 id=20261123-061500 damaged
2026-11-24 06:15 id=20261124-061500 needs=20261120-061500
2026-11-25 06:15 id=20261125-061500 unverified`)
	p := Policy{KeepLast: 1, KeepDaily: 2, KeepMonthly: 2}
	if want := show(Decide(in, p, time.Date(2026, 11, 25, 7, 0, 0, 0, zone), zone)); !strings.Contains(string(page), want) {
		t.Errorf("the page does not show:\n%s", want)
	}
}
