package still

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// volume is what `lvs` tells of a logical volume.
type volume struct {
	Group   string `json:"vg_name"`
	Name    string `json:"lv_name"`
	Pool    string `json:"pool_lv"` // "" for a volume that is not thin
	Origin  string `json:"origin"`
	Size    string `json:"lv_size"`
	Free    string `json:"vg_free"`
	Invalid string `json:"lv_snapshot_invalid"`
	Health  string `json:"lv_health_status"`
	Percent string `json:"data_percent"`
}

const volumeFields = "vg_name,lv_name,pool_lv,origin,lv_size,vg_free,lv_snapshot_invalid,lv_health_status,data_percent"

// lvs asks for volumes; what is a device, a group, or either with a selection.
func (l *lvmKind) lvs(ctx context.Context, doing string, what ...string) ([]volume, error) {
	result, err := l.run(ctx, "", step{
		doing: doing, root: true,
		argv:   append([]string{"lvs", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", volumeFields}, what...),
		remedy: "LVM's commands want root: run dssctl's backup with sudo for lvs, lvcreate, lvremove, mount and umount",
	})
	if err != nil {
		return nil, err
	}
	var out struct {
		Report []struct {
			Volumes []volume `json:"lv"`
		} `json:"report"`
	}
	if err := json.Unmarshal(result.Stdout, &out); err != nil {
		return nil, fmt.Errorf("%s: read what lvs printed: %w", doing, err)
	}
	var all []volume
	for _, r := range out.Report {
		all = append(all, r.Volumes...)
	}
	return all, nil
}

// bad says why a snapshot cannot be trusted, "" when it can.
func (v volume) bad() string {
	switch {
	case v.Invalid != "" && v.Invalid != "0" && v.Invalid != "-1" && v.Invalid != "unknown":
		return "it is invalid: more was changed in the meantime than it had room for"
	case v.Pool == "" && strings.HasPrefix(v.Percent, "100"):
		return "its room is used up"
	case v.Health != "" && v.Health != "unknown":
		return "LVM says: " + v.Health
	}
	return ""
}

var (
	sizeBytes   = lazyregexp.New(`^([0-9]+(?:\.[0-9]+)?)([bBkKmMgGtTpP]?)$`)
	sizePercent = lazyregexp.New(`^([0-9]{1,3})%(ORIGIN|FREE|VG|PVS)$`)
)

func checkSize(size string) error {
	if sizeBytes.MatchString(size) || sizePercent.MatchString(size) {
		return nil
	}
	return fmt.Errorf("%q is no size of an LVM snapshot: expected one like \"20G\", \"15%%ORIGIN\" or \"50%%FREE\"", size)
}

// sizeArgs are the words that give lvcreate the size.
func sizeArgs(size string) []string {
	if strings.Contains(size, "%") {
		return []string{"-l", size}
	}
	return []string{"-L", size}
}

// room returns the bytes that a snapshot of this size of v needs; 0 when that
// depends on more than v. More than the volume itself has is never taken.
func (v volume) room(size string) float64 {
	all, _ := strconv.ParseFloat(v.Size, 64) // 0 where lvs does not tell
	if m := sizePercent.FindStringSubmatch(size); m != nil && m[2] == "ORIGIN" {
		percent, _ := strconv.ParseFloat(m[1], 64) // the pattern has digits only
		return min(percent/100, 1) * all
	}
	if m := sizeBytes.FindStringSubmatch(size); m != nil {
		n, _ := strconv.ParseFloat(m[1], 64)
		unit := strings.ToUpper(m[2])
		if unit == "" {
			unit = "M" // lvcreate's own default
		}
		return min(n*float64(int64(1)<<(10*strings.Index("BKMGTP", unit))), all)
	}
	return 0
}
