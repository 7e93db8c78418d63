package preflight

import (
	"os"
	"testing"
)

func TestMovable(t *testing.T) {
	in := newInstance(t)
	look := func() (found []Finding) {
		as(t, func() { found = Movable(in, []string{"config", "databases", "install.ini", "gone"}) })
		return found
	}
	expect(t, look())
	chmod(t, in.Path("databases"), 0o555)
	expect(t, look(), "error: The data directory's content cannot be moved aside|"+in.Path("databases")+"|0555")
	must(t, os.Chmod(in.Path("databases"), 0o755))
	chmod(t, in.DataDir, 0o555)
	expect(t, look(), "error: |"+in.DataDir+"|may not make files")
}

func TestFolder(t *testing.T) {
	in := newInstance(t)
	as(t, func() { expect(t, Folder("The data directory cannot be made", in.Path("new", "below"))) })
	chmod(t, in.DataDir, 0o555)
	as(t, func() {
		expect(t, Folder("The data directory cannot be made", in.Path("new", "below")), "error: The data directory cannot be made|"+in.DataDir)
	})
}

func TestInstallable(t *testing.T) {
	in := newInstance(t)
	look := func() (found []Finding) {
		as(t, func() {
			var err error
			if found, err = Installable(t.Context(), in); err != nil {
				t.Error(err)
			}
		})
		return found
	}
	expect(t, look())
	chmod(t, in.Path("config", "projects", "P"), 0o555)
	chmod(t, in.Path("bin"), 0o555)
	expect(t, look(), "error: DSS's own commands cannot write|"+in.Path("bin"), "error: What the installer changes|1 file or folder|config/projects/P|chown -R")
	if os.Geteuid() == 0 {
		must(t, os.Chmod(in.Path("bin"), 0o755))
		must(t, os.Chown(in.Path("config", "general-settings.json"), 0, 0))
		expect(t, look(), "error: |2 files or folders|config/general-settings.json|config/projects/P")
	}
}
