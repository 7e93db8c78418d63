package pg

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestRestoreKeepsEverything restores beside the source, under another prefix
// and in another schema, and at the very place in another database.
func TestRestoreKeepsEverything(t *testing.T) {
	p := server(t)
	src := database(t, p)
	file, info := dumped(t, src)
	from, elsewhere := places()
	ctx := context.Background()
	for name, tt := range map[string]struct {
		login Login
		place Place
	}{
		"same place, another database": {database(t, p), from},
		"beside it":                    {src, Place{Schema: from.Schema, Prefix: "c_"}},
		"another schema":               {src, elsewhere},
		"another schema, same prefix":  {src, Place{Schema: "third", Prefix: from.Prefix}},
	} {
		t.Run(name, func(t *testing.T) {
			to, _ := tools()
			r := Restore{Login: tt.login, To: tt.place, File: file, Info: info, CreateSchema: true, Run: "r1"}
			var planned []Object
			var told int
			r.Planned = func(o []Object) error { planned = o; return nil }
			r.Progress = func(done, total int64, table string) { told++ }
			if err := to.Restore(ctx, r); err != nil {
				t.Fatal(err)
			}
			if len(planned) != 6 || told == 0 {
				t.Errorf("planned %v, %d calls of Progress", planned, told)
			}
			if err := Restored(ctx, tt.login, tt.place, info); err != nil {
				t.Error(err)
			}
			name := func(base string) string { return Quote(tt.place.Schema, tt.place.Prefix+base) }
			a := ask(t, src, `SELECT row(j.*)::text FROM "Old Schema".a_jobs j ORDER BY id`)
			b := ask(t, tt.login, `SELECT row(j.*)::text FROM `+name("jobs")+` j ORDER BY id`)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("rows differ: %s", diff)
			}
			// Twice is refused, and leaves the first.
			if err := to.Restore(ctx, r); KindOf(err) != InUse {
				t.Errorf("error %v, want that the place is in use", err)
			}
			// New rows go on where the old ones ended, and are seen.
			run(t, tt.login, `INSERT INTO `+name("jobs")+` (name) VALUES ('next')`)
			if got := ask(t, tt.login, `SELECT max(id)::text FROM `+name("jobs")); got[0] != "5004" {
				t.Errorf("numbers go on with %q", got)
			}
			err := Restored(ctx, tt.login, tt.place, info)
			if KindOf(err) != Mismatch || !strings.Contains(err.Error(), "5004 rows") || !strings.Contains(err.Error(), "_id_seq is at 5004") {
				t.Errorf("error %v, want the row and the sequence", err)
			}
			if err := Drop(ctx, tt.login, tt.place.Schema, planned); err != nil {
				t.Fatal(err)
			}
			if left, err := Objects(ctx, tt.login, tt.place, false); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
			if _, err := DropSchema(ctx, tt.login, tt.place.Schema, "r1"); err != nil {
				t.Error(err)
			}
		})
	}
	if left := ask(t, src, `SELECT count(*)::text FROM "Old Schema".a_jobs`); left[0] != "5003" {
		t.Errorf("the source changed: %q rows", left)
	}
}

func TestRestoreRefuses(t *testing.T) {
	p := server(t)
	src := database(t, p)
	file, info := dumped(t, src)
	ctx := context.Background()
	to, _ := tools()
	_, place := places()
	r := Restore{Login: database(t, p), To: place, File: file, Info: info}
	if err := to.Restore(ctx, r); err == nil || !strings.Contains(err.Error(), "CREATE SCHEMA") {
		t.Errorf("error %v, want what to run for the schema", err)
	}
	// A role that may not create.
	other := database(t, p)
	other.Database = r.Login.Database
	r.Login, r.CreateSchema = other, true
	if err := to.Restore(ctx, r); KindOf(err) != Denied {
		t.Errorf("error %v, want permission denied", err)
	}
	// A manifest that counts otherwise.
	r.Login = database(t, p)
	r.Info.Tables = append([]DumpedTable{}, info.Tables...)
	r.Info.Tables[3].Rows++
	if err := to.Restore(ctx, r); KindOf(err) != Mismatch {
		t.Errorf("error %v, want a mismatch", err)
	}
	r.Info = info
	r.Planned = func([]Object) error { return io.ErrShortWrite }
	if err := to.Restore(ctx, r); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want the failing receipt", err)
	}
	// The manifest's columns are others.
	r.Planned = nil
	r.Info = throughJSON(t, info)
	r.Info.Definition.table("a_cache").Columns[0].Name = "q"
	if err := to.Restore(ctx, r); KindOf(err) != Damaged {
		t.Errorf("error %v, want damage", err)
	}
	if left, err := Objects(ctx, r.Login, place, false); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRestoreBreaksOff(t *testing.T) {
	src := database(t, server(t))
	file, info := dumped(t, src)
	ctx := context.Background()
	own, err := dsskit.StartPostgres(ctx, t.TempDir(), dsskit.PGOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	dst := database(t, own)
	_, place := places()
	run(t, admin(own, dst), `CHECKPOINT`)
	to, _ := tools()
	r := Restore{Login: dst, To: place, File: file, Info: info, CreateSchema: true, Run: "r"}
	var once atomic.Bool
	r.Progress = func(int64, int64, string) {
		if once.CompareAndSwap(false, true) {
			if err := own.Crash(ctx); err != nil {
				t.Error(err)
			}
		}
	}
	if k := KindOf(to.Restore(ctx, r)); k != Lost && k != Starting {
		t.Errorf("%s, want a lost connection", k)
	}
	if err := own.Start(ctx); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancelCause(ctx)
	stop := errors.New("interrupted by the user")
	r.Progress = func(int64, int64, string) { cancel(stop) }
	if err := to.Restore(stopped, r); !errors.Is(err, stop) {
		t.Errorf("error %v, want the interruption", err)
	}
	if there, err := SchemaExists(ctx, dst, place.Schema); err != nil || there {
		t.Errorf("the schema is there: %t, %v", there, err)
	}
	r.Progress = nil
	if err := to.Restore(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := Restored(ctx, dst, place, info); err != nil {
		t.Error(err)
	}
}

func TestWholeDatabase(t *testing.T) {
	p := server(t)
	src, dst := database(t, p), database(t, p)
	run(t, src, `CREATE SCHEMA gov`, `CREATE TYPE gov.mood AS ENUM ('a', 'b')`, `CREATE TABLE gov.items (id serial PRIMARY KEY, m gov.mood)`,
		`CREATE FUNCTION gov.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
		`CREATE TRIGGER t BEFORE INSERT ON gov.items FOR EACH ROW EXECUTE FUNCTION gov.f()`,
		`CREATE VIEW public.v AS SELECT * FROM gov.items`, `INSERT INTO gov.items (m) VALUES ('a'), ('b')`)
	ctx := context.Background()
	to, _ := tools()
	file := filepath.Join(t.TempDir(), "d")
	info, err := to.Dump(ctx, Dump{Login: src, Whole: true, File: file})
	if err != nil {
		t.Fatal(err)
	}
	info = throughJSON(t, info)
	if diff := cmp.Diff([]DumpedTable{{"gov", "items", 2}}, info.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if err := to.Restore(ctx, Restore{Login: src, File: file, Info: info}); KindOf(err) != InUse {
		t.Errorf("error %v, want that the database is in use", err)
	}
	if err := Restored(ctx, dst, Place{}, info); KindOf(err) != Mismatch {
		t.Errorf("error %v, want that nothing is there", err)
	}
	if err := to.Restore(ctx, Restore{Login: dst, File: file, Info: info}); err != nil {
		t.Fatal(err)
	}
	if err := Restored(ctx, dst, Place{}, info); err != nil {
		t.Error(err)
	}
	run(t, dst, `INSERT INTO gov.items (m) VALUES ('a')`)
	if got := ask(t, dst, `SELECT count(*) || '/' || max(id) FROM public.v`); got[0] != "3/3" {
		t.Errorf("%q rows and last id, want 3/3", got)
	}
	if err := Restored(ctx, dst, Place{}, info); KindOf(err) != Mismatch {
		t.Errorf("error %v, want the row that came after", err)
	}
}

func TestCopyColumns(t *testing.T) {
	for line, want := range map[string][]string{
		"COPY public.x (a, b) FROM stdin;\n":                         {"a", "b"},
		"COPY \"S \"\"x\".\".\" (\"a, b\", \"q\"\"\") FROM stdin;\n": {"a, b", `q"`},
		"COPY x (a) FROM stdin;\n":                                   {"a"},
		"COPY x (\"a\nb\") FROM stdin;\n":                            {"a\nb"},
		"COPY x () FROM stdin;\n":                                    nil,
		"COPY x FROM stdin;\n":                                       nil,
		"COPY x (a) FROM '/etc/passwd';\n":                           nil,
		"COPY x (a); DROP TABLE y; -- FROM stdin;\n":                 nil,
		"COPY \"x (a) FROM stdin;\n":                                 nil,
		"":                                                           nil,
	} {
		if got, ok := copyColumns(line); !cmp.Equal(got, want) || ok != (want != nil) {
			t.Errorf("%q: %q, %t, want %q", line, got, ok, want)
		}
	}
}

func TestCopyRows(t *testing.T) {
	long := strings.Repeat("x", 300)
	rows := "1\ta\n\\\\.\n" + long + "\\.\n\n" + long + "\n"
	script := "SET x = 1;\n--\nCOPY s.\"t\n\" (a, b) FROM stdin;\n" + rows + "\\.\n\n\nSELECT 1;\n"
	for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader} {
		// A buffer smaller than the rows.
		r, columns, err := openRows(bufio.NewReaderSize(wrap(strings.NewReader(script)), 64))
		if err != nil || len(columns) != 2 {
			t.Fatalf("%s: %q, %v", name, columns, err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(r))
		if err != nil || string(got) != rows {
			t.Errorf("%s: %q, %v, want %q", name, got, err, rows)
		}
	}
	r, _, err := openRows(bufio.NewReader(strings.NewReader("COPY t (a) FROM stdin;\n1\n")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("rows without an end: %v", err)
	}
	if _, _, err := openRows(bufio.NewReader(strings.NewReader("SELECT 1;\n"))); err == nil {
		t.Error("no rows were found and no error told")
	}
}
