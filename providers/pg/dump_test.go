package pg

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/proc"
)

// watched runs commands for real and keeps what could be seen of them.
type watched struct {
	proc.Runner
	mu       sync.Mutex
	commands []string
	started  func(proc.Process)
}

func (w *watched) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	c.Started = func(p proc.Process) {
		line, _ := os.ReadFile("/proc/" + itoa(p.PID) + "/cmdline")
		w.mu.Lock()
		w.commands = append(w.commands, strings.ReplaceAll(string(line), "\x00", " "), c.Path+" "+strings.Join(c.Args, " "))
		w.mu.Unlock()
		if w.started != nil && strings.Contains(strings.Join(c.Args, " "), "--dbname") {
			w.started(p)
		}
	}
	return w.Runner.Run(ctx, c)
}

func tools() (Tools, *watched) {
	w := &watched{Runner: proc.New(proc.Options{})}
	return Tools{Runner: w}, w
}

// dumped makes a dump of the wide place.
func dumped(t *testing.T, l Login) (string, DumpInfo) {
	t.Helper()
	run(t, l, wide...)
	from, _ := places()
	file := filepath.Join(t.TempDir(), "postgresql.dump")
	to, _ := tools()
	info, err := to.Dump(context.Background(), Dump{Login: l, Place: from, File: file})
	if err != nil {
		t.Fatal(err)
	}
	return file, throughJSON(t, info)
}

// throughJSON is what a manifest gives back.
func throughJSON(t *testing.T, info DumpInfo) DumpInfo {
	t.Helper()
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var out DumpInfo
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func expectGone(t *testing.T, files ...string) {
	t.Helper()
	for _, f := range files {
		if _, err := os.Lstat(f); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", f, err)
		}
	}
}

func TestDumpHoldsExactlyThePlace(t *testing.T) {
	l := database(t, server(t))
	run(t, l, wide...)
	from, _ := places()
	file := filepath.Join(t.TempDir(), "d")
	to, w := tools()
	var told int
	info, err := to.Dump(context.Background(), Dump{Login: l, Place: from, File: file, Progress: func(done, total int64, table string) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	want := []DumpedTable{{"Old Schema", `a_Parts "x"`, 3}, {"Old Schema", "a_cache", 2}, {"Old Schema", "a_empty", 0}, {"Old Schema", "a_jobs", 5003}}
	if diff := cmp.Diff(want, info.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if info.Rows() != 5008 || len(info.Sequences) != 3 || !strings.HasPrefix(info.Tool, "pg_dump ") || info.Server == 0 || told == 0 {
		t.Errorf("info: %+v, %d calls of Progress", info, told)
	}
	stat, err := os.Stat(file)
	if err != nil || stat.Mode().Perm() != 0o600 || stat.Size() != info.Bytes {
		t.Errorf("the file: %v, %v, want mode 0600 and %d bytes", stat, err, info.Bytes)
	}
	expectGone(t, file+".part")
	list, err := exec.Command("pg_restore", "--list", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	for _, not := range []string{"ab_jobs", "a_2_jobs"} {
		if strings.Contains(string(list), not) {
			t.Errorf("the dump holds somebody else's %s:\n%s", not, list)
		}
	}
	if err := to.VerifyDump(context.Background(), file, throughJSON(t, info)); err != nil {
		t.Error(err)
	}
	for _, c := range w.commands {
		if strings.Contains(c, "pw '") || strings.Contains(c, l.Password) {
			t.Errorf("a password in the arguments: %s", c)
		}
	}
	if len(w.commands) == 0 {
		t.Error("no command was watched")
	}
}

func TestDumpTakesPatternsForNames(t *testing.T) {
	l := database(t, server(t))
	for _, name := range []string{`x_*`, `x_?a`, `x_%`, `x_"q"`, `x_.dot`, `X_Big`, `x_$(a|b)`, `x_[ab]`, `x_\d`, "x_ünï", `x_--help`, `x_ a`, `x_+`} {
		run(t, l, `CREATE TABLE public.`+Quote(name)+` AS SELECT 1 AS "an id"`)
	}
	run(t, l, `CREATE TABLE public.x_2_a (i int)`, `CREATE TABLE public.y_a (i int)`)
	file := filepath.Join(t.TempDir(), "d")
	to, _ := tools()
	p := Place{Schema: "public", Prefix: "x_", Others: []string{"x_2_"}}
	info, err := to.Dump(context.Background(), Dump{Login: l, Place: p, File: file})
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Tables) != 12 { // X_Big begins with another prefix
		t.Errorf("%d tables: %+v", len(info.Tables), info.Tables)
	}
	into := Place{Schema: "public", Prefix: "z_"}
	if err := to.Restore(context.Background(), Restore{Login: l, To: into, File: file, Info: throughJSON(t, info)}); err != nil {
		t.Fatal(err)
	}
	if err := Restored(context.Background(), l, into, info); err != nil {
		t.Error(err)
	}
}

// TestDumpBesideAWriter counts what the dump holds, whatever is written
// meanwhile.
func TestDumpBesideAWriter(t *testing.T) {
	l := database(t, server(t))
	run(t, l, `CREATE TABLE public.x_a (id serial, v text)`, `INSERT INTO public.x_a (v) SELECT 'v' FROM generate_series(1, 1000)`)
	to, w := tools()
	w.started = func(proc.Process) {
		run(t, l, `INSERT INTO public.x_a (v) SELECT 'w' FROM generate_series(1, 100)`, `DELETE FROM public.x_a WHERE id < 10`, `CREATE TABLE public.x_b ()`)
	}
	place := Place{Schema: "public", Prefix: "x_"}
	file := filepath.Join(t.TempDir(), "d")
	info, err := to.Dump(context.Background(), Dump{Login: l, Place: place, File: file})
	if err != nil {
		t.Fatal(err)
	}
	w.started = nil
	if diff := cmp.Diff([]DumpedTable{{"public", "x_a", 1000}}, info.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	into := Place{Schema: "public", Prefix: "z_"}
	if err := to.Restore(context.Background(), Restore{Login: l, To: into, File: file, Info: info}); err != nil {
		t.Fatal(err)
	}
	if err := Restored(context.Background(), l, into, info); err != nil {
		t.Error(err)
	}
}

// TestDumpWithoutRoom has the real pg_dump run into a limit of this process's
// file size, which fails like a full disk and needs none.
func TestDumpWithoutRoom(t *testing.T) {
	l := database(t, server(t))
	run(t, l, `CREATE TABLE public.x_a AS SELECT md5(i::text) FROM generate_series(1, 20000) i`)
	to, _ := tools()
	found, err := to.find(context.Background(), "pg_dump", 0)
	if err != nil {
		t.Fatal(err)
	}
	to.Dirs = []string{t.TempDir()}
	script := "#!/bin/bash\ntrap '' XFSZ\nulimit -f 32\nexec " + found.path + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(to.Dirs[0], "pg_dump"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "d")
	_, err = to.Dump(context.Background(), Dump{Login: l, Place: Place{Schema: "public", Prefix: "x_"}, File: file})
	if KindOf(err) != NoSpace || !strings.Contains(err.Error(), "File too large") {
		t.Errorf("error %v (%s), want one about room", err, KindOf(err))
	}
	expectGone(t, file, file+".part")
}

func TestDumpOfTooManyTables(t *testing.T) {
	var info DumpInfo
	for i := range 20_000 {
		info.Tables = append(info.Tables, DumpedTable{Schema: "public", Name: "a_table_with_a_long_name_" + itoa(i)})
	}
	if _, err := info.patterns(Login{}); err == nil || !strings.Contains(err.Error(), "20000 tables") {
		t.Errorf("error %v, want one that counts them", err)
	}
	info.Tables = info.Tables[:10_000]
	if names, err := info.patterns(Login{}); err != nil || len(names) != 10_000 {
		t.Errorf("%d names, %v", len(names), err)
	}
}

func TestDumpRefuses(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, admin(p, l), `CREATE TABLE public.f_mine (id int)`, `CREATE VIEW public.v_all AS SELECT 1`)
	run(t, l, `CREATE TABLE public.v_a (id int)`)
	to, _ := tools()
	wrong := l
	wrong.Password = "hunter2 wrong"
	for name, tt := range map[string]struct {
		login  Login
		prefix string
		kind   Kind
		want   string
	}{
		"nothing there":  {l, "no_", Failed, "no table with the prefix"},
		"a view":         {l, "v_", Failed, "view v_all"},
		"not readable":   {l, "f_", Failed, "f_mine, which the role may not read"},
		"wrong password": {wrong, "v_", WrongPassword, "password"},
	} {
		file := filepath.Join(t.TempDir(), "d")
		_, err := to.Dump(context.Background(), Dump{Login: tt.login, Place: Place{Schema: "public", Prefix: tt.prefix}, File: file})
		if KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v (%s), want %s with %q", name, err, KindOf(err), tt.kind, tt.want)
		}
		expectGone(t, file, file+".part")
	}
	if _, err := to.Dump(context.Background(), Dump{Login: l, Place: Place{Schema: "public", Prefix: "v_"}, File: "/nowhere/d"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one about the folder", err)
	}
}

func TestDumpNeedsAProgramNewEnough(t *testing.T) {
	l := database(t, server(t))
	run(t, l, `CREATE TABLE public.x_a (id int)`)
	ctx := context.Background()
	dir := t.TempDir()
	to, _ := tools()
	to.Dirs = []string{dir}
	d := Dump{Login: l, Place: Place{Schema: "public", Prefix: "x_"}, File: filepath.Join(t.TempDir(), "d")}
	if _, err := to.CheckDump(ctx, d); KindOf(err) != NoTool {
		t.Errorf("error %v, want no tool", err)
	}
	standIn := func(name, version string) string {
		path := filepath.Join(dir, name, "pg_dump")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho 'pg_dump (PostgreSQL) "+version+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(path)
	}
	to.Dirs = []string{standIn("a", "9.6.24"), standIn("b", "11.3 (Debian 11.3-1)")}
	_, err := to.Dump(ctx, d)
	if KindOf(err) != NoTool || !strings.Contains(err.Error(), "9.6.24") || !strings.Contains(err.Error(), "11.3") {
		t.Errorf("error %v, want one that names both versions", err)
	}
	expectGone(t, d.File, d.File+".part")
	// The oldest that is new enough.
	to.Dirs = []string{standIn("c", "42.1"), standIn("a", "9.6.24"), standIn("d", "19beta1"), standIn("e", "30")}
	if found, err := to.find(ctx, "pg_dump", 15); err != nil || found.version != "19beta1" {
		t.Errorf("found %v, %v, want 19beta1", found, err)
	}
	if info, err := to.CheckDump(ctx, d); err != nil || len(info.Tables) != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}

// quickClock looks at once again.
type quickClock struct{ clock.System }

func (c quickClock) Sleep(ctx context.Context, _ time.Duration) error {
	return c.System.Sleep(ctx, time.Millisecond)
}

func signal(t *testing.T, group int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-group, s); err != nil {
		t.Error(err)
	}
}

func TestDumpBreaksOff(t *testing.T) {
	ctx := context.Background()
	own, err := dsskit.StartPostgres(ctx, t.TempDir(), dsskit.PGOptions{MaxConnections: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	l := database(t, own)
	run(t, l, `CREATE TABLE public.x_a AS SELECT i, md5(i::text) AS v FROM generate_series(1, 400000) i`)
	file := filepath.Join(t.TempDir(), "d")
	d := Dump{Login: l, Place: Place{Schema: "public", Prefix: "x_"}, File: file}
	to, w := tools()

	stopped, cancel := context.WithCancelCause(ctx)
	stop := errors.New("interrupted by the user")
	w.started = func(proc.Process) { cancel(stop) }
	if _, err := to.Dump(stopped, d); !errors.Is(err, stop) {
		t.Errorf("error %v, want the interruption", err)
	}
	expectGone(t, file, file+".part")

	run(t, admin(own, l), `CHECKPOINT`) // what is not on disk, the crash takes
	// The server goes while pg_dump is held in the middle of the table.
	var pid atomic.Int64
	w.started = func(p proc.Process) { pid.Store(int64(p.PID)) }
	to.Clock = quickClock{}
	var once sync.Once
	d.Progress = func(done, _ int64, _ string) {
		if done < 64<<10 {
			return
		}
		once.Do(func() {
			signal(t, int(pid.Load()), syscall.SIGSTOP)
			if err := own.Crash(ctx); err != nil {
				t.Error(err)
			}
			signal(t, int(pid.Load()), syscall.SIGCONT)
		})
	}
	_, err = to.Dump(ctx, d)
	if k := KindOf(err); k != Lost && k != Starting && k != Refused {
		t.Errorf("error %v (%s), want a lost connection", err, k)
	}
	expectGone(t, file, file+".part")
	if err := own.Start(ctx); err != nil {
		t.Fatal(err)
	}

	// No connection left for pg_dump beside dssctl's own.
	w.started, d.Progress = nil, nil
	run(t, admin(own, l), `ALTER ROLE "`+l.User+`" CONNECTION LIMIT 1`)
	if _, err = to.Dump(ctx, d); KindOf(err) != TooMany && !strings.Contains(err.Error(), "too many connections") {
		t.Errorf("error %v (%s), want too many connections", err, KindOf(err))
	}
	expectGone(t, file, file+".part")
	run(t, admin(own, l), `ALTER ROLE "`+l.User+`" CONNECTION LIMIT -1`)
	if _, err := to.Dump(ctx, d); err != nil {
		t.Error(err)
	}
}

func TestVerifyDumpFindsDamage(t *testing.T) {
	l := database(t, server(t))
	file, info := dumped(t, l)
	to, _ := tools()
	ctx := context.Background()
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, good...)
	flipped[len(flipped)/2] ^= 4
	for name, content := range map[string][]byte{"flipped": flipped, "cut": good[:len(good)-1], "empty": nil} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := to.VerifyDump(ctx, file, info); KindOf(err) != Damaged {
			t.Errorf("%s: error %v, want damage", name, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := to.VerifyDump(ctx, file, info); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one about no file", err)
	}
}

func TestSaidLeavesRowsOut(t *testing.T) {
	got := said(`pg_dump: dumping contents of table "public.x"
pg_dump: error: query failed: ERROR:  out of shared memory
HINT:  You might need to increase max_locks_per_transaction.
DETAIL:  Key (mail)=(planted) exists.
CONTEXT:  COPY x, line 3: "planted"
pg_dump: detail: Query was: SELECT 'planted'
`)
	if want := "query failed: ERROR:  out of shared memory; You might need to increase max_locks_per_transaction."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProgramThatCannotRun(t *testing.T) {
	to, _ := tools()
	l := Login{Host: "127.0.0.1", Port: 1, Database: "d", User: "u", Password: "planted"}
	program := tool{path: "/dev/null", name: "pg_dump", version: "15"}
	err := to.runOn(context.Background(), l, dumping, program, []string{"--table=many"})
	if KindOf(err) != Failed || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "many") || strings.Contains(err.Error(), "planted") {
		t.Errorf("error %v, want one without the arguments", err)
	}
}

// TestHostileDump restores nothing from a dump whose manifest fits it and that
// holds other things than tables of its place.
func TestHostileDump(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, `CREATE TABLE public.x_a (id int)`, `CREATE TABLE public.y_victim (id int)`, `CREATE SCHEMA other`, `CREATE TABLE other.x_a (id int)`,
		`CREATE FUNCTION public.x_f() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
	to, _ := tools()
	ctx := context.Background()
	place := Place{Schema: "public", Prefix: "x_"}
	file := filepath.Join(t.TempDir(), "d")
	info, err := to.Dump(ctx, Dump{Login: l, Place: place, File: file})
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"function":      {"--schema=public", "--exclude-table=public.y_victim"},
		"another table": {"--table=public.x_a", "--table=public.y_victim"},
		"other schema":  {"--table=public.x_a", "--table=other.x_a"},
	} {
		evil := file + ".evil"
		cmd := exec.Command("pg_dump", append(args, "--format=custom", "--file="+evil, p.DSN(l.Database))...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		f, err := os.Open(evil)
		if err != nil {
			t.Fatal(err)
		}
		fits := info
		fits.Bytes, fits.SHA256, err = digest(ctx, f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		err = to.Restore(ctx, Restore{Login: l, To: Place{Schema: "public", Prefix: "z_"}, File: evil, Info: fits})
		if KindOf(err) != Damaged {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
	if left := ask(t, l, `SELECT relname::text FROM pg_class WHERE relname LIKE 'z%'`); len(left) > 0 {
		t.Errorf("made: %q", left)
	}
}
