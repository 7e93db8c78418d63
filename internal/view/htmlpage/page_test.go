package htmlpage

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/internal/view/viewtest"
	"github.com/dssctl/dssctl/internal/view/viewtest/runs"
)

var update = flag.Bool("update", false, "write the golden files anew; read them with your own eyes then")

// webNasty tries to break out of every place of a page.
const webNasty = `"'></code></pre></style></title><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}` + "\n\x1b\u202e<!-- javascript:alert(1) "

// pages are what the tests look at.
func pages() map[string]*view.Review {
	observed := viewtest.Move()
	observed.Instances[0].Mode, observed.Instances[0].Stages = plan.Observe, nil
	hostile, report, journal := runs.Hostile(webNasty)
	return map[string]*view.Review{
		"everything":   view.NewReview(viewtest.Everything(), nil, nil),
		"none":         view.NewReview(&plan.Plan{CreatedAt: viewtest.Noon, Tool: "0.1.0"}, nil, nil),
		"observed":     view.NewReview(observed, nil, nil),
		"rolled_back":  view.NewReview(runs.RolledBack()),
		"hostile_plan": view.NewReview(viewtest.Hostile(webNasty), nil, nil),
		"hostile_run":  view.NewReview(hostile, report, journal),
	}
}

func html(t *testing.T, r *view.Review) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"everything", "rolled_back"} {
		_, got, _ := strings.Cut(html(t, pages()[name]), "</head>") // the style is no news
		path := "testdata/" + name + ".html"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// The policy allows exactly the style that is in the page.
func TestPolicyAllowsOnlyTheStyle(t *testing.T) {
	page := html(t, pages()["none"])
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil || !strings.Contains(strings.ReplaceAll(policy[1], "&#43;", "+"), base64.StdEncoding.EncodeToString(sum[:])) {
		t.Errorf("the policy %v has not the hash of the style", policy)
	}
	if !strings.Contains(policy[1], "default-src &#39;none&#39;") {
		t.Errorf("the policy is %s", policy[1])
	}
}

func TestNoSecretAndNoAddress(t *testing.T) {
	page := html(t, pages()["everything"])
	if !strings.Contains(page, "(secret)") {
		t.Error("no placeholder")
	}
	for _, m := range regexp.MustCompile(`(?i)(?:src|href|url\()\s*=?\s*["']?[^"'\s>]*`).FindAllString(page, -1) {
		if strings.Contains(m, "//") {
			t.Errorf("leads outside: %s", m)
		}
	}
}
