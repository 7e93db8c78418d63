package method

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDuplicityChain: increments are small and need no other set, and with
// another password nothing is restored.
func TestDuplicityChain(t *testing.T) {
	t.Parallel()
	b := newBench(t, kindNamed(t, "duplicity"))
	makeTree(t, b.view)
	b.prepare()
	first := b.save(b.job(nil))
	if err := os.WriteFile(filepath.Join(b.view, "added"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := b.save(b.job(&first))
	if second.Part.Stored > first.Part.Stored/4 || len(second.Part.Needs) > 0 || increments(filepath.Join(second.Folder, treeName)) != 1 {
		t.Errorf("the first set takes %d, the second is %+v", first.Part.Stored, second.Part)
	}
	for name := range volumes(filepath.Join(second.Folder, treeName)) {
		content, err := os.ReadFile(filepath.Join(second.Folder, treeName, name))
		if err != nil || !strings.HasSuffix(name, ".gpg") || bytes.Contains(content, []byte("managed_folders")) {
			t.Errorf("%s is not encrypted, %v", name, err)
		}
	}
	if err := removeAll(first.Folder); err != nil {
		t.Fatal(err)
	}
	b.expect(look(t, b.view), look(t, b.restore(second)))
	b.o.Password = "hunter22"
	b.open()
	if err := b.m.Restore(context.Background(), second, t.TempDir(), Selection{}); err == nil || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("with another password: %v", err)
	}
	for _, c := range b.runner.calls {
		if strings.Contains(strings.Join(c.Args, " "), password) {
			t.Errorf("the password is in an argument: %q", c.Args)
		}
	}
}
