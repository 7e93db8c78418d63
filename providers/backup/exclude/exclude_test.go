package exclude

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func compile(t testing.TB, r Rules) *Matcher {
	t.Helper()
	m, err := Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVerdict(t *testing.T) {
	everything := Rules{Classes: ClassNames(), Globs: []string{"managed_folders/*/big", "**/*.bak", "own", "plugins/{a,b/c}/x", "lib/**", `odd\[name`}}
	for _, tc := range []struct {
		rel  string
		dir  bool
		want Verdict
	}{
		// The documented folders, and both spellings of the one that slips.
		{"tmp", true, KeepEmpty},
		{"caches", true, KeepEmpty},
		{"data-catalog", true, KeepEmpty},
		{"jobs", true, KeepEmpty},
		{"scenarios", true, KeepEmpty},
		{"diagnosis", true, KeepEmpty},
		{"exports", true, KeepEmpty},
		{"prepared_bundles", true, KeepEmpty},
		{"apinode-packages", true, KeepEmpty},
		{"managed_datasets", true, KeepEmpty},
		{"saved_models", true, KeepEmpty},
		{"analysis-data", true, KeepEmpty},
		{"analysis_data", true, KeepEmpty},
		{"_pre_migration_backup_20260101-1200", true, KeepEmpty},
		{"_pre_migration", true, Keep},
		{"tmp/a/b", false, Drop},
		{"tmp/a", true, Drop},
		// run keeps its folders.
		{"run", true, Keep},
		{"run/supervisord.pid", false, Drop},
		{"run/audit", true, KeepEmpty},
		{"run/nginx/deep", true, Drop},
		// A symlink is not what lies behind it.
		{"managed_datasets", false, Keep},
		{"tmp", false, Keep},
		{"run", false, Keep},
		{"run/link", false, Drop},
		// Only at the top.
		{"managed_folders/tmp", true, Keep},
		{"config/projects/jobs", true, Keep},
		{"tmp2", true, Keep},
		{"Tmp", true, Keep},
		// Globs.
		{"managed_folders/K/big", true, KeepEmpty},
		{"managed_folders/K/big", false, Drop},
		{"managed_folders/K/x/big", true, Keep},
		{"a.bak", false, Drop},
		{"x/y/z.bak", false, Drop},
		{"own", true, KeepEmpty},
		{"own", false, Drop},
		{"owner", true, Keep},
		{"plugins/a/x", false, Drop},
		{"plugins/b/c/x", true, KeepEmpty},
		{"plugins/b/x", true, Keep},
		{"lib", true, KeepEmpty},
		{"odd[name", false, Drop},
		{"x/\xff.bak", false, Drop},
		// What nobody knows, and what is never left out.
		{"ai-assistants", true, Keep},
		{"a/b/c", false, Keep},
		{"config", true, Keep},
		{"config/old.bak", false, Keep},
		{"databases/x.bak", false, Keep},
		{"install.ini", false, Keep},
	} {
		if got := compile(t, everything).Verdict(tc.rel, tc.dir); got != tc.want {
			t.Errorf("%s (folder: %v): found %d, expected %d", tc.rel, tc.dir, got, tc.want)
		}
	}
	none := compile(t, Rules{})
	for _, rel := range []string{"tmp", "run", "exports"} {
		if got := none.Verdict(rel, true); got != Keep {
			t.Errorf("without rules %s is %d", rel, got)
		}
	}
	if !none.Empty() || compile(t, everything).Empty() {
		t.Error("Empty is wrong")
	}
}

func TestClassesNeverNameWhatIsProtected(t *testing.T) {
	seen := map[string]string{}
	for _, c := range Classes() {
		if c.Doc == "" || len(c.All()) == 0 {
			t.Errorf("class %s says nothing", c.Name)
		}
		for _, folder := range c.All() {
			if isProtected(folder) || seen[folder] != "" {
				t.Errorf("class %s names %s, which is protected or in %q too", c.Name, folder, seen[folder])
			}
			seen[folder] = c.Name
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		rules Rules
		want  string
	}{
		{Rules{Classes: []string{"log"}}, "did you mean logs?"},
		{Rules{Classes: []string{"tmp"}}, "the folder tmp is in class temporary"},
		{Rules{Classes: []string{"run"}}, "the folder run is in class logs"},
		{Rules{Classes: []string{"databases"}}, "databases cannot be left out"},
		{Rules{Classes: []string{"config"}}, "config cannot be left out"},
		{Rules{Classes: []string{"elephants"}}, "the classes are temporary, logs, exports, rebuildable"},
		{Rules{Globs: []string{""}}, "is empty"},
		{Rules{Globs: []string{"/tmp"}}, "is absolute"},
		{Rules{Globs: []string{"../x"}}, "has .. as a folder"},
		{Rules{Globs: []string{"a/../config"}}, "has .. as a folder"},
		{Rules{Globs: []string{"./a"}}, "has . as a folder"},
		{Rules{Globs: []string{"a//b"}}, "has // in it"},
		{Rules{Globs: []string{"a/"}}, "ends in /"},
		{Rules{Globs: []string{"!a"}}, "begins with !"},
		{Rules{Globs: []string{"a\nb"}}, "control character"},
		{Rules{Globs: []string{strings.Repeat("a", 1001)}}, "has 1001 bytes"},
		{Rules{Globs: []string{"{a}{b}{c}{d}{e}"}}, "more than 4 braces"},
		{Rules{Globs: []string{"a/**.bak"}}, `has ** inside "**.bak"`},
		{Rules{Globs: []string{"a[b"}}, "is not a pattern"},
		{Rules{Globs: []string{"{a,b"}}, "is not a pattern"},
		{Rules{Globs: []string{`a\`}}, "is not a pattern"},
		{Rules{Globs: []string{"config"}}, "would leave out config,"},
		{Rules{Globs: []string{"config/**"}}, "would leave out config,"},
		{Rules{Globs: []string{"config/*/x"}}, "would leave out config,"},
		{Rules{Globs: []string{"conf[i]g/deep/*.bak"}}, "would leave out config,"},
		{Rules{Globs: []string{"{tmp,databases}"}}, "would leave out databases,"},
		{Rules{Globs: []string{"*"}}, "would leave out config,"},
		{Rules{Globs: []string{"**"}}, "would leave out config,"},
		{Rules{Globs: []string{"*.ini"}}, "would leave out install.ini,"},
		{Rules{Globs: []string{"**/*.json"}}, "would leave out dss-version.json,"},
		{Rules{Globs: []string{"**/*.db"}}, "would leave out databases/jobs.mv.db,"},
		{Rules{Globs: []string{"**/*.mv.db"}}, "would leave out databases/jobs.mv.db,"},
		{Rules{Globs: []string{"*/dss"}}, "would leave out bin/dss,"},
		{Rules{Globs: []string{"bin"}}, "would leave out bin,"},
	} {
		m, err := Compile(tc.rules)
		if err == nil || m != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: found %v, expected %q", tc.rules, err, tc.want)
		}
	}
	// All that is wrong is told at once.
	_, err := Compile(Rules{Classes: []string{"log", "logs"}, Globs: []string{"/x", "x", "config"}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("found %v", err)
	}
}

// tree makes folders (a name that ends in /), symlinks (name -> target) and files.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case link:
			err = os.Symlink(target, p)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		default:
			err = os.WriteFile(p, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestConcrete(t *testing.T) {
	root := tree(t, "config/x.bak", "config/tmp/", "tmp/a/b", "caches -> /elsewhere", "run/backend.log", "run/audit/audit.log", "run/empty/",
		"jobs/P/1/output.log", "analysis-data/A/f", "managed_folders/K/big/1", "managed_folders/K/small/2", "managed_folders/L/big",
		"lib/a.bak", "lib/b", "unknown/f", "_pre_migration_backup_1/config/x", "install.ini")
	emptied, dropped, err := compile(t, Rules{Classes: ClassNames(), Globs: []string{"managed_folders/*/big", "**/*.bak"}}).Concrete(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"_pre_migration_backup_1", "analysis-data", "jobs", "managed_folders/K/big", "run/audit", "run/empty", "tmp"}, emptied); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"lib/a.bak", "managed_folders/L/big", "run/backend.log"}, dropped); diff != "" {
		t.Error(diff)
	}
}

// Only folders that a rule reaches are listed: a folder that nobody may read
// tells.
func TestConcreteWalksOnlyWhereRulesReach(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read every folder")
	}
	root := tree(t, "managed_folders/K/deep/", "lib/deep/", "plugins/", "run/audit/", "tmp/closed/")
	for _, closed := range []string{"managed_folders/K/deep", "lib/deep", "plugins", "run/audit", "tmp/closed"} {
		if err := os.Chmod(filepath.Join(root, closed), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := compile(t, Rules{Classes: ClassNames(), Globs: []string{"managed_folders/*/big", "lib/*.bak"}}).Concrete(root); err != nil {
		t.Error(err)
	}
	_, _, err := compile(t, Rules{Globs: []string{"**/x"}}).Concrete(root)
	if err == nil || !strings.Contains(err.Error(), "look for what the backup of "+root) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("found %v", err)
	}
}

func TestConcreteOfNothing(t *testing.T) {
	if emptied, dropped, err := compile(t, Rules{}).Concrete(t.TempDir()); err != nil || len(emptied)+len(dropped) > 0 {
		t.Errorf("without rules %v and %v are left out, %v", emptied, dropped, err)
	}
	if _, _, err := compile(t, Rules{Classes: []string{"logs"}}).Concrete("/nowhere"); err == nil {
		t.Error("a root that is not there is an error")
	}
}

func BenchmarkVerdict(b *testing.B) {
	m := compile(b, Rules{Classes: ClassNames(), Globs: []string{"managed_folders/*/big", "**/*.bak"}})
	b.ReportAllocs()
	for b.Loop() {
		m.Verdict("managed_folders/KEY/some/folder/deep/below/file.parquet", false)
	}
}
