package still

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// blockDevices is where the kernel describes them.
const blockDevices = "/sys/dev/block"

// detect returns the kind of snapshot that the data directory's file system
// has.
func detect(all mounts, dataDir, devices string) (string, error) {
	i, err := all.of(dataDir)
	if err != nil {
		return "", err
	}
	switch {
	case i.FSType == "btrfs":
		return Btrfs, nil
	case i.FSType == "zfs":
		return ZFS, nil
	case onLVM(i, devices):
		return LVM, nil
	}
	return "", fmt.Errorf("hold the data directory still: %s is on %s (%s, mounted at %s), which dssctl knows no snapshot of: choose snapshot = \"commands\" with the commands of your cloud or storage, or consistency = \"stop\"", dataDir, i.FSType, i.Source, i.Mountpoint)
}

// onLVM reports whether a mount is of a logical volume, by the name that the
// kernel's device mapper has for it.
func onLVM(i *mountinfo.Info, devices string) bool {
	name := fmt.Sprintf("%d:%d", i.Major, i.Minor)
	uuid, err := os.ReadFile(filepath.Join(devices, name, "dm", "uuid"))
	return err == nil && strings.HasPrefix(string(uuid), "LVM-")
}
