package state

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

var runID = lazyregexp.New(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$`)

// NewRunID returns a name for a run: the time in UTC to the second and four
// random digits, "20261120-143907-4f2a". Names sort by time.
func NewRunID(now time.Time) (string, error) {
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a run id: %w", err)
	}
	return now.UTC().Format("20060102-150405") + "-" + hex.EncodeToString(b[:]), nil
}

// after makes an id that sorts behind the newest run's: two runs of one second
// are told apart by their digits alone, and a clock may have been set back.
func after(id, newest string) (string, error) {
	if id > newest {
		return id, nil
	}
	second, digits, ok := strings.Cut(newest[len("20060102-"):], "-")
	n, err := strconv.ParseUint(digits, 16, 16)
	if !ok || err != nil {
		return id, nil
	}
	if n == 0xffff {
		t, err := time.Parse("20060102-150405", newest[:len("20060102-")]+second)
		if err != nil {
			return "", fmt.Errorf("make a run id behind %s: %w", newest, err)
		}
		return t.Add(time.Second).Format("20060102-150405") + "-0000", nil
	}
	return fmt.Sprintf("%s%s-%04x", newest[:len("20060102-")], second, n+1), nil
}

// ValidRunID reports whether id has the shape of a run's name. A name becomes
// a folder, so nothing else may get through.
func ValidRunID(id string) bool { return runID.MatchString(id) }
