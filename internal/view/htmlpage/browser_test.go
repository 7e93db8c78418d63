package htmlpage

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/check.js
var checkJS string

// browser starts a headless Chromium with an empty profile of its own.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("no Chromium is installed: run `make setup`, or install the package chromium")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoFirstRun,
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(time.Minute),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-crash-reporter", "no-default-browser-check",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// witness notes what a page asks for, says and does.
type witness struct {
	sync.Mutex
	requests, faults []string
}

func (w *witness) hear(ev any) {
	w.Lock()
	defer w.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, ev.Request.URL)
	case *runtime.EventConsoleAPICalled:
		w.faults = append(w.faults, fmt.Sprintf("console.%s %v", ev.Type, ev.Args))
	case *runtime.EventExceptionThrown:
		w.faults = append(w.faults, ev.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		w.faults = append(w.faults, ev.Entry.Text)
	case *cdppage.EventJavascriptDialogOpening:
		w.faults = append(w.faults, "dialog: "+ev.Message)
	}
}

func (w *witness) take() (requests, faults []string) {
	w.Lock()
	defer w.Unlock()
	requests, faults = w.requests, w.faults
	w.requests, w.faults = nil, nil
	return requests, faults
}

// TestBrowser opens every page in a real browser, on a phone and on a desktop,
// light and dark: no request but for the page, no word on the console, nothing
// active in it, the structure that screen readers go by, contrast, width.
func TestBrowser(t *testing.T) {
	ctx := browser(t)
	w := &witness{}
	if err := chromedp.Listen(ctx, w.hear); err != nil {
		t.Fatal(err)
	}
	must(chromedp.Call(ctx, network.Enable, network.EnableParams{}))(t)
	must(chromedp.Call(ctx, log.Enable, cdp.Empty{}))(t)
	must(chromedp.Call(ctx, runtime.Enable, cdp.Empty{}))(t)
	dir := t.TempDir()
	for name, r := range pages() {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, []byte(html(t, r)), 0o644); err != nil {
			t.Fatal(err)
		}
		url := "file://" + file
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				if strings.HasPrefix(name, "hostile") && (width == 390) == (scheme == "light") {
					continue // long pages; twice is enough
				}
				t.Run(fmt.Sprintf("%s/%d/%s", name, width, scheme), func(t *testing.T) {
					show(ctx, t, url, width, scheme, "")
					got := must(chromedp.Run(ctx, chromedp.Evaluate[checked](checkJS)))(t)
					if len(got.Faults) > 0 {
						t.Errorf("faults:\n%s", strings.Join(got.Faults, "\n"))
					}
					if got.Checked < 5 {
						t.Errorf("only %d texts were looked at", got.Checked)
					}
					requests, faults := w.take()
					for _, u := range requests {
						if u != url && !strings.HasPrefix(u, "data:") {
							t.Errorf("asks for %s", u)
						}
					}
					if len(faults) > 0 {
						t.Errorf("says:\n%s", strings.Join(faults, "\n"))
					}
					if shots := os.Getenv("DSSCTL_TEST_SCREENSHOTS"); shots != "" {
						screenshot(ctx, t, filepath.Join(shots, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)))
					}
				})
			}
		}
	}
	t.Run("bad", func(t *testing.T) { bad(ctx, t, w, dir) })
	t.Run("keyboard", func(t *testing.T) { keyboard(ctx, t, "file://"+filepath.Join(dir, "rolled_back.html")) })
	t.Run("roles", func(t *testing.T) { roles(ctx, t, "file://"+filepath.Join(dir, "everything.html")) })
	t.Run("print", func(t *testing.T) { printed(ctx, t, "file://"+filepath.Join(dir, "rolled_back.html")) })
}

// checked is what check.js returns.
type checked struct {
	Faults  []string `json:"faults"`
	Checked int      `json:"checked"`
	Worst   float64  `json:"worst"`
}

// must hands a result through, or ends the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// show opens a page as a device of this width has it.
func show(ctx context.Context, t *testing.T, url string, width int64, scheme, media string) {
	t.Helper()
	must(chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500,
	}))(t)
	must(chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
}

func screenshot(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	png := must(chromedp.Run(ctx, chromedp.FullScreenshot(100)))(t)
	if err := os.WriteFile(path, png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// bad: a page that has every fault is found out, so that the checks can fail.
func bad(ctx context.Context, t *testing.T, w *witness, dir string) {
	const page = `<!doctype html><title></title><body style="width: 3000px"><h1>a</h1><h3 id=x>b</h3><p id=x style="color: #999">pale</p>
<section>no name</section><a href="#nowhere">x</a><table><tr><td>x</table><details>x</details><pre>x</pre><ul><p>x</ul><p style="font-size: 8px">x
<img src="http://127.0.0.1:9/x.png" onerror="1"><script>console.log("hello"); throw 1</script>`
	file := filepath.Join(dir, "bad.html")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	show(ctx, t, "file://"+file, 390, "light", "")
	got := must(chromedp.Run(ctx, chromedp.Evaluate[checked](checkJS)))(t)
	all := strings.Join(got.Faults, "\n")
	for _, want := range []string{
		"no language", "no title", "0 of main", "level 3 below level 1", "section without a name", "id twice", "link to nowhere", "table without heads",
		"details without summary", "takes no focus", "list with something else", "active element: <img", "attribute onerror", "attribute style",
		"wider than", "contrast 2.", "text of 8 px",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not found; only:\n%s", want, all)
		}
	}
	requests, faults := w.take()
	if !slices.Contains(requests, "http://127.0.0.1:9/x.png") {
		t.Errorf("the request was not noticed: %q", requests)
	}
	if said := strings.Join(faults, "\n"); !strings.Contains(said, "console.log") || !strings.Contains(said, "Uncaught") {
		t.Errorf("the console was not heard: %q", faults)
	}
}

// keyboard: the first stop skips to the content, every stop shows itself, and a
// folded part opens.
func keyboard(ctx context.Context, t *testing.T, url string) {
	const where = `(() => { const e = document.activeElement, r = e.getBoundingClientRect();
		return [e.localName + " " + e.textContent.trim().slice(0, 30), getComputedStyle(e).outlineStyle !== "none" && r.left >= 0 && r.width > 0]; })()`
	show(ctx, t, url, 1280, "light", "")
	var stops []string
	for range 60 {
		must(chromedp.Run(ctx, chromedp.KeyEvent(kb.Tab)))(t)
		at := must(chromedp.Run(ctx, chromedp.Evaluate[[]any](where)))(t)
		stop := fmt.Sprint(at[0])
		if strings.HasPrefix(stop, "body") {
			break
		}
		if at[1] != true {
			t.Errorf("the stop %q is not seen", stop)
		}
		stops = append(stops, stop)
		if strings.HasPrefix(stop, "summary Records") {
			must(chromedp.Run(ctx, chromedp.KeyEvent(kb.Enter)))(t)
			if !must(chromedp.Run(ctx, chromedp.Evaluate[bool](`document.activeElement.parentElement.open`)))(t) {
				t.Error("Enter does not unfold the journal")
			}
		}
	}
	if len(stops) < 8 || stops[0] != "a Skip to the content" || !slices.ContainsFunc(stops, func(s string) bool { return strings.HasPrefix(s, "summary Records") }) {
		t.Errorf("stops: %q", stops)
	}
}

// roles are what a screen reader is told.
func roles(ctx context.Context, t *testing.T, url string) {
	show(ctx, t, url, 390, "light", "")
	nodes := must(chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}))(t).Nodes
	count := map[string]int{}
	for _, n := range nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		count[role]++
		if role == "region" && (n.Name == nil || string(n.Name.Value) == `""`) {
			t.Error("a region without a name")
		}
	}
	for role, least := range map[string]int{
		"banner": 1, "navigation": 1, "main": 1, "contentinfo": 1, "heading": 10, "table": 3, "rowheader": 10, "columnheader": 3,
		"list": 5, "listitem": 20, "region": 5, "link": 5, "insertion": 5, "deletion": 3,
	} {
		if count[role] < least {
			t.Errorf("%d of the role %s, expected %d at least; there are %v", count[role], role, least, count)
		}
	}
	for _, role := range []string{"banner", "navigation", "main", "contentinfo"} {
		if count[role] != 1 {
			t.Errorf("%d of the landmark %s", count[role], role)
		}
	}
}

// printed: what is folded on the screen stands on paper.
func printed(ctx context.Context, t *testing.T, url string) {
	show(ctx, t, url, 1280, "light", "print")
	height := must(chromedp.Run(ctx, chromedp.Evaluate[float64](`document.querySelector(".journal").getBoundingClientRect().height`)))(t)
	if pdf := must(chromedp.Run(ctx, chromedp.PrintToPDF()))(t); len(pdf) < 5000 {
		t.Errorf("a PDF of %d bytes", len(pdf))
	}
	if height < 50 {
		t.Errorf("the folded journal has a height of %v on paper", height)
	}
}
