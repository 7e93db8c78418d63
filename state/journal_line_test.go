package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func sampleJournal(t testing.TB, n int) []byte {
	t.Helper()
	var out []byte
	for i := range n {
		line, err := encodeLine(Record{
			Seq: i + 1, Time: time.Date(2026, 11, 20, 14, 0, i, 0, time.UTC), Type: "begin",
			Action: "design/1", Data: json.RawMessage(`{"path":"/a\nb","n":[1,2]}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line...)
	}
	return out
}

// A journal cut off anywhere reads as the records before the cut.
func TestJournalCutAnywhere(t *testing.T) {
	whole := sampleJournal(t, 3)
	for cut := range len(whole) + 1 {
		want := bytes.Count(whole[:cut], []byte("\n"))
		for _, tail := range []string{"", "\x00\x00\x00"} {
			records, size, err := decodeJournal("j", append(bytes.Clone(whole[:cut]), tail...))
			if err != nil || len(records) != want || size != want*len(whole)/3 {
				t.Fatalf("cut at %d, tail %q: %d records in %d bytes, %v; expected %d", cut, tail, len(records), size, err, want)
			}
		}
	}
}

// The last line reached the disk with a hole in it: nobody was told that it
// was written.
func TestJournalHoleInLastLine(t *testing.T) {
	b := sampleJournal(t, 2)
	copy(b[len(b)-40:], make([]byte, 20))
	records, _, err := decodeJournal("j", b)
	if err != nil || len(records) != 1 {
		t.Errorf("%d records, %v; expected 1", len(records), err)
	}
}

func TestJournalEdited(t *testing.T) {
	whole := string(sampleJournal(t, 3))
	lines := strings.SplitAfter(whole, "\n")
	for _, c := range []struct{ name, text, want string }{
		{"a letter in the middle", strings.Replace(whole, "begin", "bogus", 1), "line 1: the checksum is"},
		{"a letter in the last line", lines[0] + lines[1] + strings.Replace(lines[2], "begin", "bogus", 1), "line 3: the checksum is"},
		{"a line removed", lines[0] + lines[2], "line 2: its number is 3, expected 2"},
		{"a line repeated", lines[0] + lines[0] + lines[1], "line 2: its number is 1, expected 2"},
		{"an empty line", lines[0] + "\n" + lines[1], "line 2: not a journal line"},
		{"another file", "hello\nworld\n", "line 1: not a journal line"},
		{"a hole in the middle", lines[0] + strings.Replace(lines[1], "design", "\x00\x00\x00\x00\x00\x00", 1) + lines[2], "line 2: the checksum is"},
	} {
		records, _, err := decodeJournal("/run/journal.jsonl", []byte(c.text))
		var fe *FileError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/run/journal.jsonl") || records != nil {
			t.Errorf("%s: %v, expected %q", c.name, err, c.want)
		}
	}
}

func FuzzDecodeJournal(f *testing.F) {
	whole := sampleJournal(f, 3)
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, size, err := decodeJournal("j", b)
		if err != nil {
			return
		}
		if size > len(b) || size > 0 && b[size-1] != '\n' {
			t.Fatalf("size %d of %d", size, len(b))
		}
		again, n, err := decodeJournal("j", b[:size])
		if err != nil || n != size || len(again) != len(records) {
			t.Fatalf("what was kept reads differently: %d records, %v", len(again), err)
		}
	})
}
