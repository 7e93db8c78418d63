package preflight

import (
	"fmt"
	"os"
	"testing"
)

func TestSafetyBackupReadsEverything(t *testing.T) {
	in := newInstance(t)
	look := func() (found []Finding) {
		as(t, func() {
			var err error
			if found, err = SafetyBackup(t.Context(), in); err != nil {
				t.Error(err)
			}
		})
		return found
	}
	expect(t, look())
	for i := range 7 {
		path := in.Path("config", fmt.Sprintf("secret-%d.json", i))
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Chmod(path, 0))
	}
	must(t, os.Mkdir(in.Path("timelines"), 0o755))
	must(t, os.Mkdir(in.Path("timelines", "closed"), 0o755))
	if os.Geteuid() == 0 {
		ownAll(t, in.DataDir)
	}
	chmod(t, in.Path("timelines", "closed"), 0)
	// A link that leads nowhere is copied as a link.
	must(t, os.Symlink("nowhere", in.Path("config", "dangling")))
	// What is not protected is not of interest.
	must(t, os.WriteFile(in.Path("other"), nil, 0o600))
	must(t, os.Chmod(in.Path("other"), 0))
	expect(t, look(), "error: The safety backup cannot be made|8 files or folders|config/secret-0.json|and 3 more|chmod u+r")
}

func TestSafetyBackupNeedsInodes(t *testing.T) {
	in := newInstance(t)
	found := safetyRoom(in, 0, 1<<50)
	if len(found) == 0 {
		t.Skip("this file system has no bound for files")
	}
	expect(t, found[:1], "error: There is no room|inodes|companion_dir")
}
