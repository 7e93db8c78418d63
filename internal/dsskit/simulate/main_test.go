package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), &out, []string{"install", "-dir", dir, "-version", "13.1.0", "-rows", "5"}); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	for _, want := range []string{"archive=", "kit=", "datadir=" + data + "\n", "port=", "url=http://", "apikey="} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := run(t.Context(), &out, []string{"rows", "-data", data}); err != nil || !strings.Contains(out.String(), "=5\n") {
		t.Errorf("rows: %v\n%s", err, out.String())
	}
	if err := run(t.Context(), &out, []string{"kill", "-data", data}); err != nil {
		t.Error(err)
	}
}

func TestUnknownCommand(t *testing.T) {
	if err := run(t.Context(), &bytes.Buffer{}, []string{"postgres"}); err == nil {
		t.Error("half a command is accepted")
	}
}
