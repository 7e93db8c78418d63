package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// KitUsers finds the data directories that are attached to a kit, whether DSS
// runs in them or not: among the known ones, those beside them, and those in the
// usual places of the machine. doubt says what could not be looked at; then there
// may be more. What is another account's and may not be read is not seen.
func KitUsers(ctx context.Context, kit string, known []string) (users []string, doubt string, err error) {
	info, err := os.Stat(kit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("look who uses the kit: %w", err)
	}
	var candidates, places []string
	for _, dir := range known {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			candidates, places = append(candidates, resolved), append(places, filepath.Dir(resolved))
		}
		// Beside the link, too.
		places = append(places, filepath.Dir(dir))
	}
	home, _ := os.UserHomeDir() // without one there is a place less
	places = append(places, UsualPlaces(home)...)
	slices.Sort(places)
	found, whole, err := find(ctx, slices.Compact(places), kitUserFolders)
	if err != nil {
		return nil, "", err
	}
	if !whole {
		doubt = fmt.Sprintf("there are more than %d folders to look for data directories in", kitUserFolders)
	}
	candidates = append(candidates, found...)
	slices.Sort(candidates)
	for _, dir := range slices.Compact(candidates) {
		uses, err := attachedTo(dir, kit, info)
		switch {
		case err != nil && doubt == "":
			doubt = err.Error()
		case uses:
			users = append(users, dir)
		}
	}
	return users, doubt, nil
}

// kitUserFolders bounds the search: a kit is removed seldom.
const kitUserFolders = 200_000

// attachedTo reads which kit a data directory names.
func attachedTo(dir, kit string, info fs.FileInfo) (bool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, EnvDefaultFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("which kit %s uses: %w", dir, err)
	}
	named := ParseEnvFile(raw).Values()["DKUINSTALLDIR"]
	if named == "" {
		return false, nil
	}
	// By what it is, not by its name: a link, or the same volume at another place.
	at, err := os.Stat(named)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return filepath.Clean(named) == filepath.Clean(kit), nil
	case err != nil:
		return false, fmt.Errorf("which kit %s uses: %w", dir, err)
	}
	return os.SameFile(at, info), nil
}
