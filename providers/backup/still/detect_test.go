package still

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

const table = `21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 253:3 / /data rw,relatime - xfs /dev/mapper/vg0-data rw
31 30 253:4 / /data/luks rw,relatime - xfs /dev/mapper/crypt rw
32 21 0:40 /@dss /srv rw - btrfs /dev/sdb rw,subvol=/@dss
33 21 0:41 / /tank rw - zfs tank rw
34 21 0:42 /a/b /bind\040mount rw - ext4 /dev/sda1 rw
35 21 0:43 / /twice rw - ext4 /dev/sdc rw
36 35 0:44 / /twice rw - xfs /dev/sdd rw
`

func parseTable(t *testing.T, text string) mounts {
	t.Helper()
	all, err := mountinfo.GetMountsFromReader(strings.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDetect(t *testing.T) {
	devices := t.TempDir()
	for name, uuid := range map[string]string{"253:3": "LVM-abc", "253:4": "CRYPT-LUKS2-abc"} {
		put(t, filepath.Join(devices, name, "dm", "uuid"), uuid+"\n")
	}
	all := parseTable(t, table)
	for dir, want := range map[string]string{
		"/data/dss": LVM, "/srv/dss": Btrfs, "/tank/dss": ZFS, "/srv": Btrfs,
		"/home/dss":      "is on ext4 (/dev/sda1, mounted at /)",
		"/data/luks/dss": "is on xfs (/dev/mapper/crypt, mounted at /data/luks)",
		"/database":      "is on ext4",
		"/twice/dss":     "is on xfs (/dev/sdd",
	} {
		kind, err := detect(all, dir, devices)
		if err == nil && kind != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: found %q (%v), expected %q", dir, kind, err, want)
		}
		if err != nil && (!strings.Contains(err.Error(), `"commands"`) || !strings.Contains(err.Error(), `"stop"`)) {
			t.Errorf("%s: it does not say what to choose: %v", dir, err)
		}
	}
}

func TestMounts(t *testing.T) {
	all := parseTable(t, table)
	if got := all.below("/"); len(got) != 6 {
		t.Errorf("below /: %q", got)
	}
	if got := all.below("/data"); !slices.Equal(got, []string{"/data/luks"}) {
		t.Errorf("below /data: %q", got)
	}
	if n := all.count("/twice"); n != 2 || all.at("/twice").Source != "/dev/sdd" || all.at("/dat") != nil {
		t.Errorf("%d at /twice", n)
	}
	i, err := all.of("/bind mount/x/y")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := inside(i, "/bind mount/x/y"); err != nil || got != "a/b/x/y" {
		t.Errorf("found %q (%v)", got, err)
	}
}

func TestNew(t *testing.T) {
	_, err := New("magic", Options{})
	if err == nil || !strings.Contains(err.Error(), `no kind "magic"`) || !strings.Contains(err.Error(), strings.Join(Kinds(), ", ")) {
		t.Errorf("found %v", err)
	}
	commands := Commands{Create: []string{"c", "${mount}"}, Destroy: []string{"d"}}
	for _, kind := range Kinds()[1:] {
		s, err := New(kind, Options{DataDir: "/x", Companion: "/x.dssctl", Commands: commands})
		if err != nil || s.Name() != kind {
			t.Errorf("%s: found %v, %v", kind, s, err)
		}
	}
	for kind, o := range map[string]Options{LVM: {Size: "much"}, Custom: {}} {
		if s, err := New(kind, o); err == nil || s != nil {
			t.Errorf("%s: found %v, %v, expected an error", kind, s, err)
		}
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := newSite(Custom, Options{DataDir: dir, Companion: dir + ".dssctl"})
	if ro, err := s.readOnly(dir); err != nil || ro {
		t.Errorf("found %v (%v)", ro, err)
	}
}
