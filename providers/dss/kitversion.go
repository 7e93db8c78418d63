package dss

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// KitVersion reads what an unpacked kit says of itself.
func KitVersion(kit string) (string, error) {
	const expected = "expected the folder that a dataiku-dss-VERSION.tar.gz was unpacked to"
	if info, err := os.Stat(filepath.Join(kit, "installer.sh")); err != nil || info.IsDir() {
		return "", fmt.Errorf("the kit %s has no installer.sh; %s", kit, expected)
	}
	raw, err := os.ReadFile(filepath.Join(kit, "dss-version.json"))
	if err != nil {
		return "", fmt.Errorf("the kit %s: %w; %s", kit, err, expected)
	}
	var v struct {
		Product string `json:"product_version"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || !versionLike(v.Product) {
		return "", fmt.Errorf("the kit %s: its dss-version.json names no product_version", kit)
	}
	return v.Product, nil
}
