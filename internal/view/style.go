package view

import (
	"strings"

	"github.com/dssctl/dssctl/internal/plan"
)

// defaultWidth is used where the Style gives none.
const defaultWidth = 100

// Style is how text looks.
type Style struct {
	Color bool
	// Width in columns; 0 means 100. Commands to copy are never broken.
	Width int
	// Unicode allows arrows, dots and ellipses; without it, ASCII stands in.
	Unicode bool
}

// Terminal describes where events are shown.
type Terminal struct {
	IsTTY bool
	Width int
	// WidthNow is asked before each drawing, for windows are resized; nil for
	// one that keeps its Width.
	WidthNow func() int
}

func (t Terminal) width() int {
	if t.WidthNow != nil {
		return t.WidthNow()
	}
	return t.Width
}

// DetectColor decides on color: NO_COLOR (any value) forbids it, FORCE_COLOR
// (any value but "0") wants it, and otherwise it is for terminals that are not
// "dumb". env returns an environment variable, "" for none.
func DetectColor(env func(string) string, isTTY bool) bool {
	switch {
	case env("NO_COLOR") != "":
		return false
	case env("FORCE_COLOR") != "":
		return env("FORCE_COLOR") != "0"
	}
	return isTTY && env("TERM") != "dumb"
}

// DetectUnicode reports whether the locale is one of UTF-8. Without any
// locale, as in most containers, UTF-8 is assumed.
func DetectUnicode(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := env(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

func (s Style) width() int {
	if s.Width <= 0 {
		return defaultWidth
	}
	return max(s.Width, 40)
}

func (s Style) pick(unicode, ascii string) string {
	if s.Unicode {
		return unicode
	}
	return ascii
}

func (s Style) arrow() string    { return s.pick("→", "->") }
func (s Style) dot() string      { return s.pick(" · ", " | ") }
func (s Style) ellipsis() string { return s.pick("…", "...") }

// paint is a select graphic rendition.
type paint string

const (
	bold   paint = "1"
	dim    paint = "2"
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
	cyan   paint = "36"
	alarm  paint = "1;31"
)

func (s Style) paint(p paint, text string) string {
	if !s.Color || p == "" || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

var symbols = map[plan.Op]struct {
	sign  string
	paint paint
	word  string
}{
	plan.Create: {"+", green, "create"},
	plan.Update: {"~", yellow, "update"},
	plan.Delete: {"-", red, "delete"},
	plan.Forget: {".", cyan, "forget (stays, no longer managed)"},
	plan.Move:   {">", cyan, "move (in state only)"},
	plan.Import: {"<", cyan, "import (taken over as it is)"},
}

// ops in the order of the legend.
var ops = []plan.Op{plan.Create, plan.Update, plan.Delete, plan.Forget, plan.Move, plan.Import}

func (s Style) sign(op plan.Op) string {
	if y, ok := symbols[op]; ok {
		return s.paint(y.paint, y.sign)
	}
	return "?"
}
