package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// stateFormat of state.json. An older dssctl does not touch the file of a
// newer one: it would drop what it does not know.
const stateFormat = "1.0"

// stateFile is state.json.
type stateFile struct {
	FormatVersion string              `json:"format_version"`
	Lineage       string              `json:"lineage"`
	Serial        int64               `json:"serial"`
	Instances     map[string]Instance `json:"instances"`
}

// FileError says that a file of the state cannot be used.
type FileError struct {
	Path string
	// Found is what is wrong with it, Advice what to do.
	Found  string
	Advice string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("the state file %s cannot be used: %s. %s", e.Path, e.Found, e.Advice)
}

const moveAway = "Put a good copy back, or move the file away: the state is memory, not truth, and the next plan is made from the live instances. What is lost is which things dssctl made, and the fingerprints of secrets"

// decodeState reads state.json; path is for messages.
func decodeState(path string, b []byte) (*stateFile, error) {
	bad := func(format string, args ...any) error {
		return &FileError{Path: path, Found: fmt.Sprintf(format, args...), Advice: moveAway}
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, bad("it is empty")
	}
	var head struct {
		FormatVersion *string `json:"format_version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, bad("it is damaged or cut off (%v)", err)
	}
	if head.FormatVersion == nil {
		return nil, bad("it is not a state of dssctl (no format_version)")
	}
	if newer, ok := newerFormat(*head.FormatVersion); !ok {
		return nil, bad("its format_version is %q, expected %q", *head.FormatVersion, stateFormat)
	} else if newer {
		return nil, &FileError{
			Path:   path,
			Found:  fmt.Sprintf("its format %s is newer than %s, the newest that this dssctl knows", *head.FormatVersion, stateFormat),
			Advice: "Use the dssctl that wrote it, or a newer one",
		}
	}
	var s stateFile
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, bad("its content has another shape than expected (%v)", err)
	}
	if s.Lineage == "" || s.Serial < 0 {
		return nil, bad("lineage or serial is missing")
	}
	for addr, in := range s.Instances {
		for name, raw := range in.Aspects {
			var c bytes.Buffer
			if err := json.Compact(&c, raw); err != nil {
				return nil, bad("the record %s of %s is damaged (%v)", name, addr, err)
			}
			in.Aspects[name] = c.Bytes()
		}
	}
	return &s, nil
}

// newerFormat reports whether v is newer than stateFormat; ok is false where v
// is no version at all.
func newerFormat(v string) (newer, ok bool) {
	major, minor, found := strings.Cut(v, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !found || err1 != nil || err2 != nil || a < 1 || b < 0 {
		return false, false
	}
	return a > 1 || b > 0, true
}

// encode writes a JSON text with a newline, as people and diffs like it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
