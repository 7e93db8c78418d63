package dss

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// DefaultUnitDirs is where systemd finds units, in its own order: a unit in an
// earlier folder hides one of the same name in a later one. A folder of the name
// init.d holds scripts of the older kind, of which systemd makes units.
func DefaultUnitDirs() []string {
	return []string{
		"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
		"/run/systemd/generator.early",
		"/etc/systemd/system", "/etc/systemd/system.attached",
		"/run/systemd/system", "/run/systemd/system.attached",
		"/run/systemd/generator",
		"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
		"/run/systemd/generator.late",
		"/etc/init.d", "/etc/rc.d/init.d",
	}
}

// bootUnit is a boot unit, as far as its files tell whose it is.
type bootUnit struct {
	name string
	// says is its section [Service], with its drop-ins.
	says unitText
	// words is all of that with its variables filled in; runs is the part that
	// starts something. all is the name, the words and what they refer to.
	words, runs, all string
	// refers are the small text files that it names (an EnvironmentFile, the
	// script that it starts, the settings of that script).
	refers []string
	vars   map[string]string
}

// UnitFiles are the boot units of the machine, each file read once: for looking
// at many instances. The zero value is ready for use.
type UnitFiles struct {
	mu  sync.Mutex
	all map[string][]bootUnit // by the folders
}

// WithUnitFiles returns the same instance, which looks for its boot unit among
// these instead of reading them again.
func (in *Instance) WithUnitFiles(u *UnitFiles) *Instance {
	out := *in
	out.units = u
	return &out
}

// bootUnits are the machine's units.
func (in *Instance) bootUnits(ctx context.Context) []bootUnit {
	if in.units == nil {
		return readUnits(ctx, in.o.UnitDirs, in.o.Runner)
	}
	in.units.mu.Lock()
	defer in.units.mu.Unlock()
	key := strings.Join(in.o.UnitDirs, "\x00")
	all, ok := in.units.all[key]
	if !ok {
		all = readUnits(ctx, in.o.UnitDirs, in.o.Runner)
		if in.units.all == nil {
			in.units.all = map[string][]bootUnit{}
		}
		in.units.all[key] = all
	}
	return all
}

// unitIndex is what is in the folders of units.
type unitIndex struct {
	dirs []string
	// fragments are the units' files by name; "" for a masked unit, and for
	// another name of one.
	fragments map[string]string
	aliases   map[string]string // the file that another name leads to
	names     []string          // in the order in which they were found
	dropins   map[string]map[string]string
	timers    map[string]bool
	scripts   map[string]string // of init.d, by the unit's name
}

// readUnits reads the folders. What cannot be read is not for this account, and
// passed over.
func readUnits(ctx context.Context, dirs []string, runner proc.Runner) []bootUnit {
	x := &unitIndex{
		dirs: dirs, fragments: map[string]string{}, dropins: map[string]map[string]string{},
		aliases: map[string]string{}, timers: map[string]bool{}, scripts: map[string]string{},
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			switch name := e.Name(); {
			case filepath.Base(dir) == "init.d":
				x.addScript(dir, name)
			case strings.HasSuffix(name, ".service"):
				x.add(dir, name)
			case strings.HasSuffix(name, ".timer"):
				x.timers[strings.TrimSuffix(name, ".timer")] = true
			case strings.HasSuffix(name, ".service.d"):
				x.addDropins(dir, name)
			case strings.HasSuffix(name, ".wants"), strings.HasSuffix(name, ".requires"):
				x.addInstances(filepath.Join(dir, name))
			}
		}
	}
	x.askForInstances(ctx, runner)
	return x.units()
}

// add takes a unit's file, unless an earlier folder hides it.
func (x *unitIndex) add(dir, name string) {
	if _, hidden := x.fragments[name]; hidden {
		return
	}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return // a link to a unit that is gone
	case !info.Mode().IsRegular() || info.Size() == 0:
		path = "" // masked
	default:
		if target, err := filepath.EvalSymlinks(path); err == nil {
			base := filepath.Base(target)
			if base != name && strings.HasSuffix(base, ".service") && !isInstanceOf(name, base) {
				x.aliases[name], path = target, "" // another name of a unit
			}
		}
	}
	x.put(name, path)
}

func (x *unitIndex) put(name, path string) {
	x.fragments[name] = path
	x.names = append(x.names, name)
}

// isInstanceOf reports whether name is of the template: dataiku@a.service of
// dataiku@.service.
func isInstanceOf(name, template string) bool { return templateOf(name) == template }

// templateOf is the template of an instance; "" for a unit of another kind.
func templateOf(name string) string {
	prefix, instance, ok := strings.Cut(strings.TrimSuffix(name, ".service"), "@")
	if !ok || instance == "" {
		return ""
	}
	return prefix + "@.service"
}

func isTemplate(name string) bool { return strings.HasSuffix(name, "@.service") }

// addDropins takes the files that change a unit; one in an earlier folder hides
// one of the same name.
func (x *unitIndex) addDropins(dir, name string) {
	unit := strings.TrimSuffix(name, ".d")
	paths, _ := filepath.Glob(filepath.Join(dir, name, "*.conf")) // the pattern is well-formed, or nothing fits it
	for _, path := range paths {
		if x.dropins[unit] == nil {
			x.dropins[unit] = map[string]string{}
		}
		if base := filepath.Base(path); x.dropins[unit][base] == "" {
			x.dropins[unit][base] = path
		}
	}
	if templateOf(unit) != "" {
		x.addInstance(unit)
	}
}

// addInstances takes the instances of templates that are started at boot.
func (x *unitIndex) addInstances(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".service") && templateOf(e.Name()) != "" {
			x.addInstance(e.Name())
		}
	}
}

// addInstance notes an instance of a template that may come in a later folder.
func (x *unitIndex) addInstance(name string) {
	if _, known := x.fragments[name]; !known && !slices.Contains(x.names, name) {
		x.names = append(x.names, name)
	}
}

// addScript takes a script of init.d: where systemd has made no unit of it yet,
// it makes one of this name.
func (x *unitIndex) addScript(dir, name string) {
	unit := strings.TrimSuffix(name, ".sh") + ".service"
	if _, native := x.fragments[unit]; native || x.scripts[unit] != "" {
		return
	}
	x.scripts[unit] = filepath.Join(dir, name)
	x.names = append(x.names, unit)
}

// likely finds what has to do with DSS in a unit's text or name.
var likely = lazyregexp.New(`(?i)dataiku|\bdss\b|\bDSS_|DIP_HOME`)

// askForInstances asks systemd which instances there are of a template that has
// to do with DSS: started by hand, they stand in no file.
func (x *unitIndex) askForInstances(ctx context.Context, runner proc.Runner) {
	for _, name := range slices.Clone(x.names) {
		path := x.fragments[name]
		if !isTemplate(name) || path == "" || !likely.MatchString(name+"\n"+smallText(path)) {
			continue
		}
		result, err := runner.Run(ctx, proc.Cmd{
			Path: "systemctl", Dir: "/", Env: plainWords, Timeout: askTimeout,
			Args: []string{"list-units", "--all", "--plain", "--no-legend", "--type=service", strings.TrimSuffix(name, ".service") + "*"},
		})
		if err != nil {
			continue // no systemd: nothing is started
		}
		for line := range strings.Lines(string(result.Stdout)) {
			if f := strings.Fields(strings.TrimLeft(line, "● \t")); len(f) > 0 && isInstanceOf(f[0], name) {
				x.addInstance(f[0])
			}
		}
	}
}

// units reads what was found.
func (x *unitIndex) units() []bootUnit {
	var out []bootUnit
	seen := map[string]bool{}
	for _, name := range x.names {
		if seen[name] || isTemplate(name) {
			continue
		}
		seen[name] = true
		path, own := x.fragments[name]
		if template := templateOf(name); !own && template != "" {
			path = x.fragments[template]
		}
		script := ""
		if target := x.aliases[name]; target != "" {
			if _, known := x.fragments[filepath.Base(target)]; !known {
				path = target
			}
		}
		if path == "" {
			if script = x.scripts[name]; script == "" || own {
				continue // masked, another name of a unit, or no file at all
			}
		}
		if u := x.read(name, path, script); u.ownsDSS() && !x.timers[strings.TrimSuffix(name, ".service")] {
			out = append(out, u)
		}
	}
	return out
}

// startsDSS finds what tells a unit that starts DSS from one that only names the
// data directory, such as of a backup or of a monitor.
var startsDSS = lazyregexp.New(`\bbin/dss\b|\bdataiku-boot\b|\b(?:DIP_HOME|DSS_DATADIR)=`)

// ownsDSS reports whether the unit may own an instance: it starts DSS, and does
// not end with what it starts.
func (u *bootUnit) ownsDSS() bool {
	return !u.says.isJob() && (u.installed() || startsDSS.MatchString(u.all))
}

// installed reports whether the name is one that install-boot.sh gives.
func (u *bootUnit) installed() bool { return strings.HasPrefix(u.name, "dataiku") }

// read reads a unit with its drop-ins and what they refer to.
func (x *unitIndex) read(name, path, script string) bootUnit {
	u := bootUnit{name: name}
	var texts []string
	if script != "" {
		// As systemd's generator writes it.
		texts = append(texts, "[Service]\nType=forking\nExecStart="+script+" start\n")
	} else {
		texts = append(texts, smallText(path))
	}
	changes := map[string]string{}
	for _, unit := range x.dropinNames(name) {
		for base, file := range x.dropins[unit] {
			if changes[base] == "" {
				changes[base] = file
			}
		}
	}
	for _, base := range slices.Sorted(maps.Keys(changes)) {
		texts = append(texts, smallText(changes[base]))
	}
	u.says = parseUnit(texts...)

	var settings []string
	for _, v := range u.says["EnvironmentFile"] {
		if text := x.refer(&u, expandUnit(withoutMarks(v), name, nil), path); text != "" {
			settings = append(settings, text)
		}
	}
	u.vars = u.says.environment(name, settings)
	u.words = u.says.words(name, u.vars)
	for _, v := range u.says["ExecStart"] {
		u.runs += expandUnit(withoutMarks(v), name, u.vars) + "\n"
	}
	if likely.MatchString(name + "\n" + u.words + "\n" + strings.Join(settings, "\n")) {
		x.follow(&u, path)
	}
	u.all = strings.Join(append([]string{u.name, u.words}, u.refers...), "\n")
	return u
}

// dropinNames are the names under which a unit's drop-ins may stand, the nearest
// first.
func (x *unitIndex) dropinNames(name string) []string {
	out := []string{name}
	if t := templateOf(name); t != "" {
		out = append(out, t)
	}
	stem := strings.TrimSuffix(name, ".service")
	for i := strings.LastIndexByte(stem, '-'); i > 0; i = strings.LastIndexByte(stem[:i], '-') {
		out = append(out, stem[:i+1]+".service") // of all units that begin so
	}
	return out
}

// paths finds absolute paths in a text.
var paths = lazyregexp.New(`(?m)(?:^|[\s="'\-@:+!(;{}])(/[A-Za-z0-9_./@:%+~,\-]*[A-Za-z0-9_])`)

// follow reads what a unit refers to: settings, the script that it starts, and
// what stands beside that script or is named in it.
func (x *unitIndex) follow(u *bootUnit, fragment string) {
	for _, m := range paths.FindAllStringSubmatch(u.words, 16) {
		text := x.refer(u, m[1], fragment)
		if !strings.HasPrefix(text, "#!") {
			continue
		}
		dir, base := filepath.Split(m[1])
		beside := []string{filepath.Join(dir, base+".conf")}
		if filepath.Base(dir) == "init.d" {
			etc := filepath.Dir(filepath.Clean(dir))
			if filepath.Base(etc) == "rc.d" {
				etc = filepath.Dir(etc)
			}
			beside = append(beside, filepath.Join(etc, "sysconfig", base), filepath.Join(etc, "default", base))
		}
		for _, n := range paths.FindAllStringSubmatch(withoutComments(text), 16) {
			beside = append(beside, n[1])
		}
		for _, p := range beside {
			x.refer(u, p, fragment)
		}
	}
}

// mostReferred bounds what is read for one unit.
const mostReferred = 24

// refer reads a file that a unit names, where such a file is of the system's
// settings or a script; it returns its text.
func (x *unitIndex) refer(u *bootUnit, path, fragment string) string {
	if len(u.refers) >= mostReferred || !filepath.IsAbs(path) || systemProgram(path) {
		return ""
	}
	text := smallText(path)
	if text == "" || !strings.HasPrefix(text, "#!") && !x.setting(path, fragment) {
		return ""
	}
	if plain := withoutComments(text); !slices.Contains(u.refers, plain) {
		u.refers = append(u.refers, plain)
	}
	return text
}

// setting reports whether a path is in /etc, or beside the unit's own file.
func (x *unitIndex) setting(path, fragment string) bool {
	if strings.HasPrefix(path, "/etc/") || fragment != "" && filepath.Dir(path) == filepath.Dir(fragment) {
		return true
	}
	for _, dir := range x.dirs {
		if i := strings.LastIndex(dir, "/etc/"); i >= 0 && strings.HasPrefix(path, dir[:i+len("/etc/")]) {
			return true
		}
	}
	return false
}

// systemProgram reports whether the path is of a program that the system brings
// along, or no file at all: nothing is learnt from it.
func systemProgram(path string) bool {
	for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/systemd/", "/lib/systemd/", "/proc/", "/sys/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if t := strings.TrimSpace(line); !strings.HasPrefix(t, "#") && !strings.HasPrefix(t, ";") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// smallText reads a regular file of up to 64 KiB; "" for anything else.
func smallText(path string) string {
	if path == "" {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return "" // units are public by default; a closed one is not for this account
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return ""
	}
	return string(b)
}

// askTimeout bounds a question to systemd, sudo or polkit, which answer at once.
const askTimeout = 10 * time.Second

// plainWords has programs answer in English.
var plainWords = []string{"LC_ALL=C"}
