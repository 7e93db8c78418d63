package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Sets by the real programs: two of them, verified, pruned to one, restored to
// exactly what was there. The password of a repository is seen nowhere.
func TestBackupByOtherMethods(t *testing.T) {
	t.Parallel()
	for i, tc := range []struct{ method, body string }{
		{"restic", "repository_password = var.pg_password"},
		{"rsync", ""},
		{"duplicity", "repository_password = var.pg_password"},
	} {
		t.Run(tc.method, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, int64(91+i))
			l.install("design", dsskit.InstallOptions{})
			data := l.dss["design"].DataDir
			dest := l.backupEstate("method = \"" + tc.method + "\"\n" + tc.body + "\nretention {\n  keep_last = 1\n}")
			defer watchArguments(t, []string{l.password})()
			outputs := ""
			run := func(codes []int, args ...string) outcome {
				t.Helper()
				o := l.run(args...).must(t, codes...)
				outputs += o.String()
				return o
			}
			run([]int{0}, "apply", "-auto-approve")
			if o := run([]int{0}, "backup", "run", "-auto-approve"); !strings.Contains(o.stdout, "first pass with "+tc.method+" while DSS runs") {
				t.Errorf("no first pass: %s", o)
			}
			if !l.running("design") {
				t.Fatal("DSS does not run")
			}
			l.stop("design")
			oddities(t, data)
			run([]int{0}, "backup", "run", "-auto-approve")
			if good := goodSets(t, l); len(good) != 1 {
				t.Fatalf("good sets: %v", good)
			}
			run([]int{0}, "backup", "verify")
			run([]int{0}, "backup", "verify", "-quick")
			out := filepath.Join(l.dir, "out")
			run([]int{0}, "backup", "restore", "instance.design", "-auto-approve", "-to", out)
			if tc.method != "duplicity" { // which loses attributes and holes
				sameTree(t, data, out)
			}
			if tc.method == "rsync" { // restic fills holes before its version 0.15
				sameHoles(t, data, out)
			}
			run([]int{0}, "backup", "restore", "instance.design", "-auto-approve", "-to", out+"2", "-only", "install.ini")
			if _, err := os.Stat(filepath.Join(out+"2", "install.ini")); err != nil {
				t.Error(err)
			}
			l.start("design")
			write(t, data, "config/projects/LATER/params.json", "{}")
			run([]int{0}, "backup", "restore", "instance.design", "-auto-approve", "-allow", "data-loss")
			if _, err := os.Stat(filepath.Join(data, "config/projects/LATER")); !os.IsNotExist(err) || !l.running("design") {
				t.Errorf("what came later is there: %v; DSS runs: %v", err, l.running("design"))
			}
			noSecrets(t, l, outputs)
			for name := range snapshot(t, dest) {
				raw, err := os.ReadFile(filepath.Join(dest, name))
				if err == nil && bytes.Contains(raw, []byte(l.password)) {
					t.Errorf("the password stands in %s", name)
				}
			}
		})
	}
}
