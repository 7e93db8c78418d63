package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// kitName is the folder that a kit's archive unpacks to.
func kitName(version string) string { return "dataiku-dss-" + version }

const (
	versionFile   = "dss-version.json"
	installerFile = "installer.sh"
	// mostVersion bounds what is read of dss-version.json.
	mostVersion = 64 << 10
)

// kitVersion reads the version of an unpacked kit.
func kitVersion(dir string) (string, error) {
	info, err := os.Stat(filepath.Join(dir, installerFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s has no %s", dir, installerFile)
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%s in %s is no program", installerFile, dir)
	}
	raw, err := os.ReadFile(filepath.Join(dir, versionFile))
	if err != nil {
		return "", fmt.Errorf("read the kit's version: %w", err)
	}
	return parseKitVersion(raw)
}

func parseKitVersion(raw []byte) (string, error) {
	var v struct {
		Product string `json:"product_version"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", fmt.Errorf("the kit's %s is no readable JSON: %w", versionFile, err)
	}
	if !versionForm.MatchString(v.Product) {
		return "", fmt.Errorf("the kit's %s has the product_version %.40q, expected one such as 14.4.1", versionFile, v.Product)
	}
	return v.Product, nil
}

func lookPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
