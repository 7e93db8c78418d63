package preflight

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/nobody"
	"github.com/dssctl/dssctl/providers/dss"
)

func lookAtSettings(t *testing.T, in *dss.Instance) (found []Finding) {
	t.Helper()
	as(t, func() { found = Replaceable(in, dss.SettingsFile) })
	return found
}

func TestReplaceable(t *testing.T) {
	in := newInstance(t)
	expect(t, lookAtSettings(t, in))
	as(t, func() { expect(t, Replaceable(in, Edited(in)...)) })

	chmod(t, in.Path("config"), 0o555)
	expect(t, lookAtSettings(t, in), "error: config/general-settings.json cannot be replaced|"+in.Path("config")+"|0555|chmod u+wx "+in.Path("config"))
}

func TestReplaceableLinks(t *testing.T) {
	in := newInstance(t)
	settings := in.Path(dss.SettingsFile)
	elsewhere := filepath.Join(filepath.Dir(in.DataDir), "elsewhere")
	must(t, os.Mkdir(elsewhere, 0o755))
	to := func(target string) {
		t.Helper()
		must(t, os.RemoveAll(settings))
		must(t, os.Symlink(target, settings))
		if os.Geteuid() == 0 {
			ownAll(t, filepath.Dir(in.DataDir))
		}
	}

	must(t, os.WriteFile(filepath.Join(elsewhere, "shared.json"), []byte("{}"), 0o640))
	to("../../elsewhere/shared.json")
	expect(t, lookAtSettings(t, in), "warning: |link to a file outside|"+filepath.Join(elsewhere, "shared.json"))

	// Another file of the data directory is no surprise.
	must(t, os.WriteFile(in.Path("config", "real.json"), []byte("{}"), 0o640))
	to("real.json")
	expect(t, lookAtSettings(t, in))

	to("/nowhere/at/all.json")
	expect(t, lookAtSettings(t, in), "error: |cannot be replaced|/nowhere/at|no such folder")

	// A ConfigMap, as Kubernetes mounts it.
	volume := filepath.Join(elsewhere, "map")
	must(t, os.MkdirAll(filepath.Join(volume, "..2026_11_30_03_55"), 0o755))
	must(t, os.WriteFile(filepath.Join(volume, "..2026_11_30_03_55", "general-settings.json"), []byte("{}"), 0o644))
	must(t, os.Symlink("..2026_11_30_03_55", filepath.Join(volume, "..data")))
	must(t, os.Symlink("..data/general-settings.json", filepath.Join(volume, "general-settings.json")))
	to(filepath.Join(volume, "general-settings.json"))
	expect(t, lookAtSettings(t, in), "error: |cannot be replaced|ConfigMap|"+volume)

	must(t, os.Remove(settings))
	must(t, os.Mkdir(settings, 0o755))
	expect(t, lookAtSettings(t, in), "error: |found a folder")
}

// TestReplaceableOfOthers is what sudo leaves behind.
func TestReplaceableOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	in := newInstance(t)
	settings := in.Path(dss.SettingsFile)
	must(t, os.Chown(settings, 0, 0))
	must(t, os.Chmod(settings, 0o644))
	expect(t, lookAtSettings(t, in), "error: config/general-settings.json cannot be replaced|Found: it belongs to root|chown "+dss.AccountName(nobody.ID)+": "+settings)

	must(t, os.Chown(settings, nobody.ID, 0))
	expect(t, lookAtSettings(t, in), "warning: config/general-settings.json loses its group|root|chgrp")
	nobody.Own(t, settings)

	must(t, os.Chown(in.Path("config"), 0, 0))
	expect(t, lookAtSettings(t, in), "error: |a folder of root|chown "+dss.AccountName(nobody.ID)+": "+in.Path("config"))
	nobody.Own(t, in.Path("config"))

	must(t, unix.Mount(settings, settings, "", unix.MS_BIND, ""))
	expect(t, lookAtSettings(t, in), "error: |a mount of its own")
	must(t, unix.Unmount(settings, unix.MNT_DETACH))

	config := in.Path("config")
	must(t, unix.Mount(config, config, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(config, unix.MNT_DETACH) })
	must(t, unix.Mount("", config, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	expect(t, lookAtSettings(t, in), "error: |mounted read-only")
	must(t, unix.Unmount(config, unix.MNT_DETACH))

	if out, err := exec.Command("chattr", "+i", settings).CombinedOutput(); err != nil {
		t.Skipf("chattr: %v: %s", err, out)
	}
	found := lookAtSettings(t, in)
	must(t, exec.Command("chattr", "-i", settings).Run())
	expect(t, found, "error: |immutable|chattr -i "+settings)
}
