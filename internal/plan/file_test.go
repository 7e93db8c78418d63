package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/secret"
)

var testKey = secret.Key("0123456789abcdef0123456789abcdef")

// sample is a small plan with something in most members.
func sample() *Plan {
	p := &Plan{
		FormatVersion: FormatVersion,
		Tool:          "0.1.0",
		CreatedAt:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Estate:        Estate{Lineage: "abc", Files: map[string]string{"main.dss.hcl": "00ff"}},
		Variables:     map[string]json.RawMessage{"host": json.RawMessage(`"<pg> & \u2028 co"`)},
		Secrets:       []Secret{{Name: "instance.design.runtime_database.password", Fingerprint: "f00d"}},
		Instances: []Instance{{
			Address: "instance.design", DataDir: "/data/design",
			Seen:    Seen{Version: "14.2.1", NodeType: "design", Service: "running"},
			Changes: []Change{{Block: "runtime_database", Path: "type", Op: Update, Before: json.RawMessage(`"embedded"`), After: json.RawMessage(`"postgresql"`)}},
			Stages: []Stage{{Kind: Window, Number: 1, Actions: []Action{
				{ID: "design/1", Kind: "service.stop", Title: "stop DSS", Phase: Stop, Undo: Undo{Possible: true, How: "start"}},
				{
					ID: "design/2", Kind: "runtimedb.set", Title: "set internalDatabase", Phase: Doing, Undo: Undo{Possible: true, How: "exact bytes"},
					Args:  json.RawMessage(`{"password":{"secret":"instance.design.runtime_database.password"},"n":1.50}`),
					Reads: []Fingerprint{{Probe: "config/x#/y", Subject: "y", Sum: "aa"}},
				},
				{ID: "design/3", Kind: "service.start", Title: "start DSS", Phase: Start, Undo: Undo{Possible: true}},
			}}},
			Records: map[string]json.RawMessage{"install_ini": json.RawMessage("null")},
		}},
	}
	p.Summary = Summarize(p)
	return p
}

func encoded(t testing.TB, p *Plan) []byte {
	t.Helper()
	raw, err := Encode(p, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestRoundTrip(t *testing.T) {
	want := sample()
	raw := encoded(t, want)
	got, err := Decode(raw)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if got.Digest == "" || got.Seal == "" {
		t.Error("no digest or no seal")
	}
	if err := CheckSeal(got, raw, testKey); err != nil {
		t.Errorf("CheckSeal: %v", err)
	}
	again := encoded(t, got)
	if !bytes.Equal(raw, again) {
		t.Errorf("not the same bytes again:\n%s", cmp.Diff(string(raw), string(again)))
	}
	got.Digest, got.Seal = "", ""
	// Indenting reaches into raw values too: compare them compacted.
	for _, p := range []*Plan{want, got} {
		p.Instances[0].Stages[0].Actions[1].Args = compacted(t, p.Instances[0].Stages[0].Actions[1].Args)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func compacted(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Another layout of the same text is the same plan; a newer minor format may
// bring members that this dssctl does not know.
func TestDecodeTolerates(t *testing.T) {
	raw := encoded(t, sample())
	if _, err := Decode(compacted(t, raw)); err != nil {
		t.Errorf("compact: %v", err)
	}
	newer := signed(t, strings.Replace(string(compacted(t, raw)), `"format_version":"1.0"`, `"format_version":"1.7","mood":{"a":[1]}`, 1))
	p, err := Decode(newer)
	if err != nil {
		t.Fatalf("newer minor: %v", err)
	}
	if p.FormatVersion != "1.7" {
		t.Errorf("format version %q", p.FormatVersion)
	}
	if err := CheckSeal(p, newer, testKey); err != nil {
		t.Errorf("CheckSeal of a newer minor: %v", err)
	}
}

// signed gives a text another digest and seal.
func signed(t *testing.T, text string) []byte {
	t.Helper()
	h, err := read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"digest": h.digest, "seal": seal(testKey, h.digest)} {
		text = strings.Replace(text, fmt.Sprintf("%q:%s", name, h.top[name]), fmt.Sprintf("%q:%q", name, value), 1)
	}
	return []byte(text)
}

func TestDecodeRefuses(t *testing.T) {
	good := string(compacted(t, encoded(t, sample())))
	replace := func(old, by string) []byte {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("the plan has no %s", old)
		}
		return []byte(strings.Replace(good, old, by, 1))
	}
	tests := map[string]struct {
		data []byte
		kind error
		text string
	}{
		"empty":              {nil, ErrTruncated, "is empty"},
		"white space":        {[]byte(" \n"), ErrTruncated, "is empty"},
		"truncated":          {[]byte(good[:len(good)/2]), ErrTruncated, "breaks off after"},
		"last byte missing":  {[]byte(good[:len(good)-1]), ErrTruncated, "breaks off"},
		"cut in a word":      {[]byte(`{"format_version":tr`), ErrTruncated, "breaks off"},
		"trailing garbage":   {[]byte(good + "x"), ErrEdited, "goes on behind its end"},
		"two plans":          {[]byte(good + good), ErrEdited, "goes on behind its end"},
		"binary":             {[]byte("\x1f\x8b\x08\x00\xff\xfe"), ErrNotPlan, "no JSON object"},
		"HCL":                {[]byte(`instance "design" {}`), ErrNotPlan, "no JSON object"},
		"a list":             {[]byte(`[1]`), ErrNotPlan, "no format_version"},
		"another JSON":       {[]byte(`{"a":1}`), ErrNotPlan, "no format_version"},
		"a strange version":  {[]byte(`{"format_version":{"x":1}}`), ErrNotPlan, `{"x":1}`},
		"a terraform plan":   {[]byte(`{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[]}`), ErrNotPlan, "no list of instances"},
		"newer major":        {replace(`"format_version":"1.0"`, `"format_version":"2.0"`), ErrVersion, `newer dssctl ("0.1.0")`},
		"older major":        {replace(`"format_version":"1.0"`, `"format_version":"0.9"`), ErrVersion, "old format 0.9"},
		"edited value":       {replace("set internalDatabase", "set internaldatabase"), ErrEdited, "does not match its digest"},
		"edited number":      {replace(`"n":1.50`, `"n":1.5`), ErrEdited, "does not match its digest"},
		"member taken out":   {replace(`"title":"stop DSS",`, ``), ErrEdited, "does not match its digest"},
		"no digest":          {replace(`"digest":`, `"tsegid":`), ErrEdited, "no digest"},
		"duplicate member":   {replace(`"title":"stop DSS"`, `"title":"stop DSS","title":"x"`), ErrEdited, `"title" twice`},
		"escaped duplicate":  {replace(`"title":"stop DSS"`, `"title":"stop DSS","t\u0069tle":"x"`), ErrEdited, "twice"},
		"NaN":                {replace(`1.50`, `NaN`), ErrEdited, `"N" where a value`},
		"Infinity":           {replace(`1.50`, `-Infinity`), ErrEdited, "without digits"},
		"huge number":        {replace(`1.50`, `1e999`), ErrEdited, "beyond all measure"},
		"endless number":     {replace(`1.50`, strings.Repeat("1", 500)), ErrEdited, "500 characters"},
		"leading zero":       {replace(`1.50`, `01`), ErrEdited, "comma"},
		"invalid UTF-8":      {replace("stop DSS", "stop \xff DSS"), ErrEdited, "no valid UTF-8"},
		"half a surrogate":   {replace("stop DSS", `stop \ud800 DSS`), ErrEdited, "surrogate"},
		"control character":  {replace("stop DSS", "stop \x01 DSS"), ErrEdited, "control character"},
		"comment":            {replace(`"n":1.50`, `/* */"n":1.50`), ErrEdited, "member's name"},
		"trailing comma":     {replace(`"n":1.50`, `"n":1.50,`), ErrEdited, "member's name"},
		"deep nesting":       {replace(`1.50`, strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), ErrEdited, "deeper than 200"},
		"wrong shape":        {signed(t, strings.Replace(good, `"number":1`, `"number":"one"`, 1)), ErrInvalid, "number"},
		"against the rules":  {signed(t, strings.Replace(good, `"design/2"`, `"design/1"`, 1)), ErrInvalid, "not unique"},
		"hostile title":      {signed(t, strings.Replace(good, `stop DSS`, `stop\u001b[2J`, 1)), ErrInvalid, "control characters"},
		"unknown kind stage": {signed(t, strings.Replace(good, `"kind":"window"`, `"kind":"party"`, 1)), ErrInvalid, "party"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := Decode(tt.data)
			if !errors.Is(err, tt.kind) {
				t.Fatalf("error %v (plan %v), expected %v", err, p != nil, tt.kind)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q does not say %q", err, tt.text)
			}
			if strings.ContainsAny(err.Error(), "\x1b\x01") || !utf8.ValidString(err.Error()) {
				t.Errorf("error %q carries raw bytes", err)
			}
		})
	}
}

func TestDecodeTooLarge(t *testing.T) {
	if _, err := Decode(make([]byte, MaxSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Decode: %v", err)
	}
	if _, _, err := readAtMost(endless{}, 1000); !errors.Is(err, ErrTooLarge) {
		t.Errorf("of an endless file: %v", err)
	}
	raw := encoded(t, sample())
	if got, p, err := Read(bytes.NewReader(raw)); err != nil || !bytes.Equal(got, raw) || p.Digest == "" {
		t.Errorf("of a good file: %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestCheckSeal(t *testing.T) {
	raw := encoded(t, sample())
	p, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckSeal(p, raw, secret.Key("another key")); !errors.Is(err, ErrEdited) {
		t.Errorf("other key: %v", err)
	}
	// An edit whose digest was put right still lacks the key.
	edited := strings.Replace(string(compacted(t, raw)), "set internalDatabase", "set internaldatabase", 1)
	h, err := read([]byte(edited))
	if err != nil {
		t.Fatal(err)
	}
	edited = strings.Replace(edited, string(h.top["digest"]), `"`+h.digest+`"`, 1)
	q, err := Decode([]byte(edited))
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckSeal(q, []byte(edited), testKey); !errors.Is(err, ErrEdited) {
		t.Errorf("edited: %v", err)
	}
	unsealed, err := Encode(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(unsealed, []byte(`"seal"`)) {
		t.Error("sealed without a key")
	}
	if err := CheckSeal(p, unsealed, testKey); !errors.Is(err, ErrEdited) {
		t.Errorf("no seal: %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	tests := map[string]func(p *Plan){
		"NaN":              func(p *Plan) { p.Summary.Downtime.Seconds = math.NaN() },
		"broken arguments": func(p *Plan) { p.Instances[0].Stages[0].Actions[0].Args = json.RawMessage(`{"a":`) },
		"twice":            func(p *Plan) { p.Instances[0].Stages[0].Actions[0].Args = json.RawMessage(`{"a":1,"a":2}`) },
		"invalid UTF-8":    func(p *Plan) { p.Instances[0].Stages[0].Actions[0].Args = json.RawMessage("\"\xff\"") },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			p := sample()
			spoil(p)
			if raw, err := Encode(p, testKey); err == nil {
				t.Errorf("no error, wrote %s", raw)
			}
		})
	}
}

// Every prefix of a plan is refused, whatever byte a write stopped at.
func TestEveryTruncation(t *testing.T) {
	raw := encoded(t, sample())
	for n := range len(raw) - 1 { // the last byte is the newline
		if _, err := Decode(raw[:n]); !errors.Is(err, ErrTruncated) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
}

// Every single changed byte is noticed, or changes nothing but white space.
func TestEveryByteCounts(t *testing.T) {
	raw := encoded(t, sample())
	want, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, c := range []byte{raw[i] ^ 1, ' '} {
			bad := bytes.Clone(raw)
			bad[i] = c
			if p, err := Decode(bad); err == nil && CheckSeal(p, bad, testKey) == nil {
				if diff := cmp.Diff(want, p, cmp.Transformer("compact", func(m json.RawMessage) string {
					var b bytes.Buffer
					if json.Compact(&b, m) != nil {
						return string(m)
					}
					return b.String()
				})); diff != "" {
					t.Fatalf("byte %d changed to %q went unnoticed:\n%s", i, c, diff)
				}
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	raw := encoded(f, sample())
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte(`{"format_version":"1.0","instances":[],"digest":""}`))
	f.Add([]byte(`{"a":"\ud83d\ude00","b":[1e3,-0.5,true,null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := read(data)
		if err == nil {
			if !json.Valid(data) {
				t.Fatalf("accepted what is no JSON: %q", data)
			}
			if len(data) > 0 && bytes.TrimLeft(data, " \t\r\n")[0] == '{' {
				var m map[string]json.RawMessage
				if err := json.Unmarshal(data, &m); err != nil || len(m) != len(h.top) {
					t.Fatalf("%d members, expected %d (%v)", len(h.top), len(m), err)
				}
			}
			h2, err := read(compactBytes(data))
			if err != nil || h2.digest != h.digest {
				t.Fatalf("the layout changes the digest (%v)", err)
			}
		}
		p, err := Decode(data)
		if err != nil {
			if fe := (*FileError)(nil); !errors.As(err, &fe) {
				t.Fatalf("not a *FileError: %v", err)
			}
			return
		}
		if err := Validate(p); err != nil {
			t.Fatalf("decoded, but not valid: %v", err)
		}
		if _, err := Encode(p, testKey); err != nil {
			t.Fatalf("decoded, but not encodable: %v", err)
		}
	})
}

func compactBytes(data []byte) []byte {
	var b bytes.Buffer
	_ = json.Compact(&b, data) // its caller knows that it is valid
	return b.Bytes()
}
