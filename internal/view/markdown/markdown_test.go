package markdown

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/internal/view/viewtest"
	"github.com/dssctl/dssctl/internal/view/viewtest/runs"
)

var update = flag.Bool("update", false, "write the golden files anew; read them with your own eyes then")

func rendered(t *testing.T, r *view.Review, limit int) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, r, limit); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	observed := viewtest.Move()
	observed.Instances[0].Mode, observed.Instances[0].Stages = plan.Observe, nil
	for name, r := range map[string]*view.Review{
		"move":        view.NewReview(viewtest.Move(), nil, nil),
		"everything":  view.NewReview(viewtest.Everything(), nil, nil),
		"none":        view.NewReview(&plan.Plan{}, nil, nil),
		"observed":    view.NewReview(observed, nil, nil),
		"rolled_back": view.NewReview(runs.RolledBack()),
	} {
		t.Run(name, func(t *testing.T) {
			got := rendered(t, r, MaxLength)
			path := "testdata/" + name + ".md"
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
		})
	}
}

// However much there is to say, it fits into a comment, is whole, and says what
// is missing.
func TestFits(t *testing.T) {
	big := viewtest.Many(0)
	one := big.Instances[0]
	for i := range 3000 {
		in := one
		in.Address = fmt.Sprintf(`instance.node["n%05d"]`, i)
		big.Instances = append(big.Instances, in)
	}
	wide := viewtest.Everything()
	for i := range wide.Diagnostics {
		wide.Diagnostics[i].Detail = strings.Repeat("ä ", 100000)
	}
	wide.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		a.Title = strings.Repeat("long ", 20000)
		return true
	})
	for name, p := range map[string]*plan.Plan{"many": big, "wide": wide} {
		for _, limit := range []int{1000, 5000, MaxLength} {
			got := rendered(t, view.NewReview(p, nil, nil), limit)
			if len(got) > limit || !utf8.ValidString(got) {
				t.Errorf("%s: %d bytes, at most %d", name, len(got), limit)
			}
			if strings.Count(got, "<details>") != strings.Count(got, "</details>") {
				t.Errorf("%s, %d: details are cut", name, limit)
			}
			if limit < MaxLength && !strings.Contains(got, "did not fit") {
				t.Errorf("%s, %d: does not say that something is missing:\n%s", name, limit, got)
			}
		}
	}
}

// webNasty tries to break out of every place of Markdown and HTML.
const webNasty = "</code></details><script>alert(1)</script><img src=x onerror=alert(1)>" +
	"![p](http://evil.example/p.png)[l](javascript:alert(1)) https://evil.example www.evil.example a@evil.example\n# h @everyone #1 | `a` ``b`` ```\n````\n~~~\n- x <!-- "

var tag = regexp.MustCompile(`<[a-z!/][^>]*>`)

// A real Markdown parser finds no element in the page that is not the page's
// own, whatever the plan says.
func TestHostileTextStaysText(t *testing.T) {
	own := []string{
		"<details>", "<summary>", "<code>", "<sub>", "<h2>", "<p>", "<strong>", "<ul>", "<li>", "<pre>", "<table>", "<thead>", "<tbody>", "<tr>", "<th>", "<td>",
		`<code class="language-diff">`, `<code class="language-text">`, `<code class="language-sh">`,
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	p, run, journal := runs.Hostile(webNasty)
	for name, r := range map[string]*view.Review{
		"plan": view.NewReview(viewtest.Hostile(webNasty), nil, nil), "run": view.NewReview(p, run, journal),
	} {
		text := rendered(t, r, MaxLength)
		var out bytes.Buffer
		if err := md.Convert([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		for _, got := range tag.FindAllString(out.String(), -1) {
			if strings.HasPrefix(got, "</") || got == Marker || slices.Contains(own, got) {
				continue
			}
			t.Errorf("%s: the element %s", name, got)
		}
		if n := strings.Count(out.String(), "<!--"); n != 1 {
			t.Errorf("%s: %d comments", name, n)
		}
		outside := regexp.MustCompile(`(?s)<code.*?</code>`).ReplaceAllString(out.String(), "")
		if regexp.MustCompile(`[@#][a-z0-9]`).MatchString(outside) {
			t.Errorf("%s: somebody is mentioned:\n%s", name, outside)
		}
	}
}

func TestNoSecret(t *testing.T) {
	got := rendered(t, view.NewReview(viewtest.Everything(), nil, nil), MaxLength)
	if !strings.Contains(got, "(secret)") {
		t.Error("no placeholder")
	}
}
