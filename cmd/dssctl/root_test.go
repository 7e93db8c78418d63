package main

import (
	"bytes"
	"strings"
	"testing"
)

// The last line of a failed command passes the same way out as all others.
func TestErrorLineActsOnNothing(t *testing.T) {
	var out, errs bytes.Buffer
	w := testWorld()
	w.out, w.err, w.chdir = &out, &errs, t.TempDir()
	if code := run(w, []string{"recover", "\x1b[31mX\n::error::boom"}); code == 0 {
		t.Error("exit 0")
	}
	text := errs.String()
	if !strings.Contains(text, "Error: ") || !strings.Contains(text, "boom") || strings.ContainsAny(text, "\x1b") || strings.Contains(text, "\n::error") {
		t.Errorf("got %q", text)
	}
}
