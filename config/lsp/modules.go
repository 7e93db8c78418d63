package lsp

import (
	"os"
	"path/filepath"
	"strings"
)

// moduleFiles are the files in HCL's own syntax of the folder that a module block
// names. The block stands in src, its part of the file begins at base.
func (q *query) moduleFiles(src string, base int, b *block) []source {
	a, ok := b.attr("source")
	if !ok || q.doc.path == "" {
		return nil
	}
	at := a.value.plus(base)
	folder := strings.Trim(strings.TrimSpace(src[at.start:at.end]), `"`)
	if !strings.HasPrefix(folder, "./") && !strings.HasPrefix(folder, "../") {
		return nil
	}
	dir := filepath.Join(q.doc.dir(), filepath.FromSlash(folder))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // diagnostics say it
	}
	var out []source
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !inEstate(name) || isVars(name) || !strings.HasSuffix(name, ".hcl") {
			continue
		}
		path := filepath.Join(dir, name)
		if d := q.s.openAt(path); d != nil {
			out = append(out, source{uri: d.uri, name: filepath.Join(folder, name), text: d.text, outline: d.outline()})
		} else if f := q.s.outlineOf(path); f != nil {
			out = append(out, source{uri: q.s.clientURI(path), name: filepath.Join(folder, name), text: f.text, outline: f.outline})
		}
	}
	return out
}

// inModule calls f for the blocks of a type in the folder that a module block
// names: its variables, its outputs.
func (q *query) inModule(src string, base int, b *block, typ string, f func(at place, b *block)) {
	blocks(q.moduleFiles(src, base, b), func(src source, base int, b *block) {
		if b.typ.text == typ && len(b.labels) == 1 && b.labels[0].text != "" {
			f(place{src, b.labels[0].plus(base), true}, b)
		}
	})
}

// called calls f for the blocks of a type in the module of that name.
func (q *query) called(name, typ string, f func(at place, b *block)) {
	declared(q.sources(), func(sym symbol, at place, b *block) {
		if sym == (symbol{"module", name}) {
			q.inModule(at.src, at.start-b.labels[0].start, b, typ, f)
		}
	})
}

// isCall reports whether a block is a module block.
func (b *block) isCall() bool {
	return b != nil && b.typ.text == "module" && b.parent != nil && b.parent.parent == nil
}

// output is the step of a reference that names a module's output; -1 where there
// is none: module.NAME.OUTPUT, module.NAME["KEY"].OUTPUT.
func output(steps []word) int {
	if len(steps) < 3 || steps[0].text != "module" {
		return -1
	}
	if steps[2].text != indexStep {
		return 2
	}
	if len(steps) > 3 {
		return 3
	}
	return -1
}
