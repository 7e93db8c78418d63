package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// noSecrets is law 5: the planted password stands in no output and in no file
// that dssctl made, and no such file is wider than its owner alone.
func noSecrets(t *testing.T, l *lab, outputs string) {
	t.Helper()
	needles := spellings(t, l.password)
	for _, n := range needles {
		if strings.Contains(outputs, n) {
			t.Errorf("the password stands in the output, as %q", n)
		}
	}
	if i := strings.Index(outputs, "e:AES:"); i >= 0 {
		t.Errorf("an encrypted password stands in the output: %s", outputs[i:min(len(outputs), i+60)])
	}
	dirs := []string{l.dir}
	for _, in := range l.dss {
		dirs = append(dirs, in.DataDir+".dssctl")
	}
	for _, dir := range dirs {
		walk(t, dir, func(rel string, info fs.FileInfo, content []byte) {
			own := dir != l.dir || strings.HasPrefix(rel, ".dssctl") || strings.HasSuffix(rel, ".plan")
			if !own {
				return
			}
			// What a restore has replaced keeps its modes, behind a folder of the owner's.
			if info.Mode().Perm()&0o077 != 0 && info.Mode()&fs.ModeSymlink == 0 && !strings.HasPrefix(rel, "replaced/") {
				t.Errorf("%s is open to others: %v", filepath.Join(dir, rel), info.Mode())
			}
			for _, n := range needles {
				if bytes.Contains(content, []byte(n)) {
					t.Errorf("the password stands in %s, as %q", filepath.Join(dir, rel), n)
				}
			}
			// Ciphertexts belong into the copies of the data directory only.
			if dir == l.dir && bytes.Contains(content, []byte("e:AES:")) {
				t.Errorf("an encrypted password stands in %s", filepath.Join(dir, rel))
			}
		})
	}
	// The data directory has it encrypted alone.
	for name, in := range l.dss {
		walk(t, filepath.Join(in.DataDir, "config"), func(rel string, _ fs.FileInfo, content []byte) {
			for _, n := range needles {
				if bytes.Contains(content, []byte(n)) {
					t.Errorf("%s: the password stands in clear in config/%s", name, rel)
				}
			}
		})
	}
}

// spellings are the forms that a secret can take in a text.
func spellings(t *testing.T, s string) []string {
	t.Helper()
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		s, strings.Trim(string(asJSON), `"`), url.QueryEscape(s), url.PathEscape(s),
		base64.StdEncoding.EncodeToString([]byte(s)), strings.ReplaceAll(s, `'`, `''`),
		// Its heart, whatever was done to the quotes around it.
		"planted-Se",
	}
}
