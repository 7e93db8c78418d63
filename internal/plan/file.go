package plan

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/secret"
)

// What can be wrong with a plan file. Errors of this file wrap one of these.
var (
	ErrNotPlan   = errors.New("no plan file")
	ErrTruncated = errors.New("truncated plan file")
	ErrTooLarge  = errors.New("plan file too large")
	ErrVersion   = errors.New("plan file of another format")
	ErrEdited    = errors.New("plan file edited or damaged")
	ErrInvalid   = errors.New("plan file breaks the rules of plans")
)

// FileError says what is wrong with a plan file, in words for the user that
// begin behind the file's name: "NAME: " + Error().
type FileError struct {
	Kind error // one of the above
	Text string
}

func (e *FileError) Error() string { return e.Text }

// Unwrap returns the kind.
func (e *FileError) Unwrap() error { return e.Kind }

func fileError(kind error, format string, args ...any) error {
	return &FileError{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

const again = " Make a new plan with `dssctl plan -out FILE`."

// Encode returns the plan file: indented JSON, the same bytes for the same
// plan, with digest, and with a seal unless the key is empty. p's own Digest and
// Seal do not matter.
func Encode(p *Plan, key secret.Key) ([]byte, error) {
	q := *p
	q.Digest, q.Seal = "", ""
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&q); err != nil {
		return nil, fmt.Errorf("write the plan as JSON: %w", err)
	}
	text := bytes.TrimSuffix(compact.Bytes(), []byte("}\n"))
	head, err := read(append(text[:len(text):len(text)], '}'))
	if err != nil {
		return nil, fmt.Errorf("write the plan as JSON: it %w", err)
	}
	tail := fmt.Sprintf(`,"digest":%q`, head.digest)
	if len(key) > 0 {
		tail += fmt.Sprintf(`,"seal":%q`, seal(key, head.digest))
	}
	var out bytes.Buffer
	out.Grow(len(text) + len(text)/2)
	if err := json.Indent(&out, append(text, tail+"}"...), "", "  "); err != nil {
		return nil, fmt.Errorf("indent the plan: %w", err)
	}
	out.WriteByte('\n')
	if out.Len() > MaxSize {
		return nil, fileError(ErrTooLarge, "the plan file would have %d bytes; at most %d can be read again. Plan fewer instances at a time, with -target.", out.Len(), MaxSize)
	}
	return out.Bytes(), nil
}

// Decode reads a plan file and checks it: format, digest, and Validate. Members
// that it does not know are passed over, for newer minor formats add some. The
// error is a *FileError.
func Decode(data []byte) (*Plan, error) {
	if len(data) > MaxSize {
		return nil, tooLarge()
	}
	head, err := read(data)
	if err != nil {
		return nil, notJSON(data, err)
	}
	if err := head.checkVersion(); err != nil {
		return nil, err
	}
	switch want := head.text("digest"); {
	case want == "":
		return nil, fileError(ErrEdited, "was edited or damaged: it has no digest.%s", again)
	case want != head.digest:
		return nil, fileError(ErrEdited, "was edited or damaged: its content does not match its digest.%s", again)
	}
	p := new(Plan)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fileError(ErrInvalid, "cannot be read as a plan: %s.%s", shapeError(err), again)
	}
	if err := Validate(p); err != nil {
		return nil, fileError(ErrInvalid, "breaks the rules of plans, so it cannot be carried out:\n  %s\nIt was written by dssctl %q; if that is a release, please report it.",
			strings.ReplaceAll(err.Error(), "\n", "\n  "), p.Tool)
	}
	return p, nil
}

func tooLarge() error {
	return fileError(ErrTooLarge, "is no plan file: it has more than %d bytes.", MaxSize)
}

// Read reads a plan file from r, never more than MaxSize, and returns its bytes
// with the plan.
func Read(r io.Reader) ([]byte, *Plan, error) { return readAtMost(r, MaxSize) }

func readAtMost(r io.Reader, limit int64) ([]byte, *Plan, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read the plan file: %w", err)
	case int64(len(raw)) > limit:
		return nil, nil, tooLarge()
	}
	p, err := Decode(raw)
	return raw, p, err
}

// CheckSeal reports whether the file raw is as the estate with this key wrote
// it: only who holds the key can have made it. The error is a *FileError.
func CheckSeal(p *Plan, raw []byte, key secret.Key) error {
	head, err := read(raw)
	if err != nil {
		return notJSON(raw, err)
	}
	switch got := head.text("seal"); {
	case p.Seal == "" || got == "":
		return fileError(ErrEdited, "has no seal, so it cannot be told who made it.%s", again)
	case !secret.Equal(got, seal(key, head.digest)):
		return fileError(ErrEdited, "was edited, or made with another state than this estate's: its seal does not match.%s", again)
	}
	return nil
}

func seal(key secret.Key, digest string) string { return key.Sum("plan seal", digest) }

// head is what a file says before its members are taken for a plan.
type head struct {
	digest string // of the canonical form
	top    map[string]json.RawMessage
}

func read(data []byte) (*head, error) {
	sum := sha256.New()
	w := bufio.NewWriterSize(sum, 64<<10)
	s := &scanner{data: data, out: w}
	if err := s.scan(); err != nil {
		return nil, err
	}
	_ = w.Flush() // into a hash: it cannot fail
	return &head{digest: hex.EncodeToString(sum.Sum(nil)), top: s.top}, nil
}

// text returns a member that is a string, "" otherwise.
func (h *head) text(name string) string {
	var s string
	if json.Unmarshal(h.top[name], &s) != nil {
		return ""
	}
	return s
}

func (h *head) checkVersion() error {
	if _, ok := h.top["format_version"]; !ok {
		return fileError(ErrNotPlan, "is no plan file: it has no format_version. Expected what `dssctl plan -out FILE` wrote.")
	}
	version := h.text("format_version")
	majorText, minorText, ok := strings.Cut(version, ".")
	major, err := strconv.ParseUint(majorText, 10, 16)
	_, err2 := strconv.ParseUint(minorText, 10, 16)
	if !ok || err != nil || err2 != nil {
		return fileError(ErrNotPlan, "is no plan file: its format_version is %s, expected a number such as %q.", clip(h.top["format_version"]), FormatVersion)
	}
	ours, _, _ := strings.Cut(FormatVersion, ".")
	switch n, _ := strconv.ParseUint(ours, 10, 16); {
	case major > n:
		return fileError(ErrVersion, "has the format %s, and this dssctl reads %s.x: it was written by a newer dssctl (%s). Use that one, or make a new plan with this one.",
			version, ours, clip(h.top["dssctl_version"]))
	case major < n:
		return fileError(ErrVersion, "has the old format %s, and this dssctl reads %s.x.%s", version, ours, again)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(h.top["instances"]), []byte("[")) {
		return fileError(ErrNotPlan, "is no plan file: it has no list of instances. Expected what `dssctl plan -out FILE` wrote.")
	}
	return nil
}

// clip keeps a hostile value from filling the screen.
func clip(raw json.RawMessage) string {
	if len(raw) > 40 {
		return string(bytes.ToValidUTF8(raw[:40], nil)) + "…"
	}
	return string(raw)
}

func notJSON(data []byte, err error) error {
	var se *syntaxError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return fileError(ErrTruncated, "is empty.%s", again)
	case !errors.As(err, &se):
		return fileError(ErrNotPlan, "is no plan file: %s", err)
	case bytes.TrimSpace(data)[0] != '{':
		return fileError(ErrNotPlan, "is no plan file: it is no JSON object. Expected what `dssctl plan -out FILE` wrote.")
	case se.end:
		return fileError(ErrTruncated, "is truncated: it breaks off after %d bytes, in the middle of the plan.%s", len(data), again)
	}
	before := data[:se.offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := se.offset - bytes.LastIndexByte(before, '\n')
	return fileError(ErrEdited, "was edited or damaged: at line %d, column %d it %s.%s", line, column, se.reason, again)
}

func shapeError(err error) string {
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		return fmt.Sprintf("%q is a %s, expected a %s", te.Field, te.Value, te.Type)
	}
	return err.Error()
}
