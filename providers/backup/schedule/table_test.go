package schedule

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func entry() Entry {
	return Entry{
		ID: "design.nightly", Expr: "15 6 * * 1-5", Dir: "/srv/my estate",
		Command:     []string{"/usr/local/bin/dssctl", "backup", "run", "50% o'clock", "$HOME", "a&&b", ""},
		Environment: map[string]string{"LANG": "C.UTF-8"},
	}
}

const wantBlock = `# dssctl design.nightly (managed, do not edit)
15 6 * * 1-5 cd '/srv/my estate' && env LANG=C.UTF-8 PATH=` + DefaultPath + ` /usr/local/bin/dssctl backup run '50\% o'\''clock' '$HOME' 'a&&b' ''
# dssctl design.nightly end
`

func TestBlock(t *testing.T) {
	text := blockText(entry().normal())
	if diff := cmp.Diff(wantBlock, text); diff != "" {
		t.Error(diff)
	}
	back, why := readBlock("design.nightly", text)
	if why != "" || back == nil || !back.Equal(entry()) {
		t.Errorf("read back as %+v, %q", back, why)
	}
}

// TestShellReadsTheSame has a real shell run what cron would give it.
func TestShellReadsTheSame(t *testing.T) {
	e := entry()
	e.Dir = t.TempDir()
	e.Command[0] = "/usr/bin/printf"
	e.Command = append(e.Command[:1], append([]string{`%s|`}, e.Command[1:]...)...)
	_, command := cutExpr(strings.Split(blockText(e.normal()), "\n")[1])
	out, err := exec.Command("/bin/sh", "-c", strings.ReplaceAll(command, `\%`, "%")).CombinedOutput()
	if want := "backup|run|50% o'clock|$HOME|a&&b||"; err != nil || string(out) != want {
		t.Errorf("found %q, %v; expected %q", out, err, want)
	}
}

func TestPut(t *testing.T) {
	const own, other = wantBlock, "# mine\nMAILTO=me\n\n0 1 * * * x\\%y\n"
	for name, tc := range map[string]struct {
		table, text string
		line        int
		want        string
	}{
		"new":                     {other, own, -1, other + own},
		"without a last newline":  {"0 1 * * * x", own, -1, "0 1 * * * x\n" + own},
		"first":                   {"", own, -1, own},
		"in place":                {other + "# dssctl design.nightly (managed, do not edit)\nold\nlines\n# dssctl design.nightly end\n" + other, own, -1, other + own + other},
		"taken out":               {other + own + other, "", -1, other + other},
		"taken out twice":         {other, "", -1, other},
		"put back where it was":   {other, own, 2, "# mine\nMAILTO=me\n" + own + "\n0 1 * * * x\\%y\n"},
		"put back at the top":     {other, own, 0, own + other},
		"behind lines now gone":   {"a\n", own, 7, "a\n" + own},
		"another's block remains": {strings.ReplaceAll(own, "nightly", "weekly"), own, -1, strings.ReplaceAll(own, "nightly", "weekly") + own},
	} {
		b, err := findBlock(tc.table, "design.nightly")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, b.put(tc.text, tc.line)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBrokenBlocks(t *testing.T) {
	begin, line, end := beginOf("x")+"\n", "0 1 * * * cd / && env /bin/true\n", endOf("x")+"\n"
	for name, table := range map[string]string{
		"no end": begin + line + "0 2 * * * theirs\n", "twice": begin + line + end + begin + line + end, "end only": line + end,
		"two beginnings": begin + begin + line + end, "another inside": begin + beginOf("y") + "\n" + line + end,
	} {
		if _, err := findBlock(table, "x"); err == nil || !strings.Contains(err.Error(), "crontab -e") {
			t.Errorf("%s: found %v", name, err)
		}
	}
}

func TestEditedByHand(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to, want string
		readable       bool
	}{
		"another time":  {"15 6 * * 1-5 cd", "15 7 * * 1-5  cd", "was edited by hand: line 2", true},
		"switched off":  {"15 6", "#15 6", "was switched off by hand", false},
		"gone":          {"15 6", "\n15 6", "was edited by hand: line 2 is \"\"", true},
		"two lines":     {"15 6", "0 0 * * * x\n15 6", "it has 2 lines", false},
		"a pipe":        {" ''\n", " '' | logger\n", "was edited by hand", false},
		"no cd":         {"cd '/srv/my estate' && env", "nice env", "was edited by hand", false},
		"a wrong field": {"15 6", "75 6", "out of range", false},
	} {
		e, why := readBlock("design.nightly", strings.Replace(wantBlock, tc.from, tc.to, 1))
		if !strings.Contains(why, tc.want) || (e != nil) != tc.readable {
			t.Errorf("%s: found %+v, %q", name, e, why)
		}
	}
	// An edit in the way of dssctl is another entry, which the plan compares.
	e, why := readBlock("design.nightly", strings.Replace(wantBlock, "15 6", "15 7", 1))
	if why != "" || e == nil || e.Expr != "15 7 * * 1-5" || e.Equal(entry()) {
		t.Errorf("found %+v, %q", e, why)
	}
}

func TestUnits(t *testing.T) {
	e := entry()
	e.Expr = "0 3 13 * 5"
	n := e.normal()
	const service = `# dssctl design.nightly (managed, do not edit)
[Unit]
Description=dssctl design.nightly

[Service]
Type=oneshot
User=dataiku
KillMode=process
WorkingDirectory=/srv/my estate
Environment=LANG=C.UTF-8
Environment=PATH=` + DefaultPath + `
ExecStart=/usr/local/bin/dssctl backup run "50%% o'clock" "$$HOME" "a&&b" ""
`
	const timer = `# dssctl design.nightly (managed, do not edit)
# schedule: 0 3 13 * 5
[Unit]
Description=dssctl design.nightly

[Timer]
OnCalendar=*-*-13 03:00:00
OnCalendar=Fri *-*-* 03:00:00
Persistent=true

[Install]
WantedBy=timers.target
`
	if diff := cmp.Diff(service, serviceText(n, "dataiku")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(timer, timerText(n)); diff != "" {
		t.Error(diff)
	}
	back, why := readUnits(e.ID, "dataiku", service, timer)
	if why != "" || !back.Equal(e) {
		t.Errorf("read back as %+v, %q", back, why)
	}
	for from, want := range map[string]string{
		"KillMode=process":         "dssctl-design.nightly.service was edited by hand: line 8",
		"OnCalendar=Fri":           "dssctl-design.nightly.timer was edited by hand: line 8",
		"# schedule":               "cron expression",
		"ExecStart=/usr":           "line 12 is",
		"Environment=LANG=C.UTF-8": "was edited by hand",
	} {
		edit := func(s string) string { return strings.Replace(s, from, strings.Replace(from, "=", "= ", 1)+"x", 1) }
		if _, why := readUnits(e.ID, "dataiku", edit(service), edit(timer)); !strings.Contains(why, want) {
			t.Errorf("%s: found %q", from, why)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := entry().Check(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Entry){
		"the id \"-x\"":           func(e *Entry) { e.ID = "-x" },
		"the id \"a/b\"":          func(e *Entry) { e.ID = "a/b" },
		"the id \"a\\nb\"":        func(e *Entry) { e.ID = "a\nb" },
		"it has one field":        func(e *Entry) { e.Expr = "x" },
		"the command is empty":    func(e *Entry) { e.Command = nil },
		"\"dssctl\" is not absol": func(e *Entry) { e.Command = []string{"dssctl"} },
		"\"rel\" is not absolute": func(e *Entry) { e.Dir = "rel" },
		"control character":       func(e *Entry) { e.Command = append(e.Command, "a\n* * * * * evil") },
		"is not UTF-8":            func(e *Entry) { e.Command = append(e.Command, "\xff") },
		`holds a \`:               func(e *Entry) { e.Environment["X"] = `a\` },
		"has no valid name":       func(e *Entry) { e.Environment["A B"] = "" },
		"ends with a space":       func(e *Entry) { e.Dir = "/x " },
	} {
		e := entry()
		spoil(&e)
		if err := e.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
}

func TestID(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"design.nightly", `instance.automation["auto1"].backup.nightly`, "instance.automation-auto1-backup.nightly", "instance.automation.auto1.backup.nightly",
		"", "-", "…", "é", ".x", "x", "x-", "x.", "a b", "a/b", strings.Repeat("a", 100), strings.Repeat("a", 101), strings.Repeat("a", 102),
	} {
		id := ID(name)
		if err := CheckID(id); err != nil || seen[id] != "" || id != ID(name) {
			t.Errorf("%q gets %q, as does %q: %v", name, id, seen[id], err)
		}
		seen[id] = name + " "
	}
	if got := ID("design.nightly"); got != "design.nightly" {
		t.Errorf("found %s", got)
	}
}

// FuzzEntry: whatever may be installed is read back as it was, from a crontab
// and from units, and one line stays one line.
func FuzzEntry(f *testing.F) {
	f.Add("15 6 * * 1-5", "/srv/x y", "50%%", "'\"$`;", "v=%w", "0 1 * * * x\n")
	f.Add("@daily", "/%", "\\", " ", "", "")
	f.Fuzz(func(t *testing.T, expr, dir, a, b, value, table string) {
		e := Entry{ID: "x", Expr: expr, Dir: dir, Command: []string{"/bin/" + a, b, a}, Environment: map[string]string{"V": value}}
		if e.Check() != nil {
			return
		}
		n := e.normal()
		text := blockText(n)
		if strings.Count(text, "\n") != 3 {
			t.Errorf("%q", text)
		}
		if back, why := readBlock("x", text); why != "" || !back.Equal(e) {
			t.Errorf("%q is read back as %+v, %q", text, back, why)
		}
		service, timer := serviceText(n, "me"), timerText(n)
		if back, why := readUnits("x", "me", service, timer); why != "" || !back.Equal(e) {
			t.Errorf("%q is read back as %+v, %q", service, back, why)
		}
		old, err := findBlock(table, "x")
		if err != nil || old.found {
			return
		}
		with := old.put(text, -1)
		if b, err := findBlock(with, "x"); err != nil || b.text != text || strings.TrimSuffix(b.put("", -1), "\n") != strings.TrimSuffix(table, "\n") {
			t.Errorf("put into %q: %q, %v", table, with, err)
		}
	})
}
