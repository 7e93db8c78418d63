package state

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

var runID = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$`)

// NewRunID returns a name for a run: the time in UTC to the second and four
// random digits, "20261120-143907-4f2a". Names sort by time.
func NewRunID(now time.Time) (string, error) {
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a run id: %w", err)
	}
	return now.UTC().Format("20060102-150405") + "-" + hex.EncodeToString(b[:]), nil
}

// ValidRunID reports whether id has the shape of a run's name. A name becomes
// a folder, so nothing else may get through.
func ValidRunID(id string) bool { return runID.MatchString(id) }
