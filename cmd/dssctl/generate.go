package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/atomicfile"
)

// generateConfig writes the blocks of the instances that imports lead to and
// that no file declares yet. Nothing is written where there are none.
func (w *world) generateConfig(ctx context.Context, o planOptions) error {
	fail := func(err error) error { return fmt.Errorf("-generate-config-out: %w", err) }
	path, err := filepath.Abs(o.generate)
	if err != nil {
		return fail(err)
	}
	name := filepath.Base(path)
	if filepath.Dir(path) != w.estateDir() || !config.IsConfigFile(name) || strings.HasSuffix(name, ".json") {
		return fail(fmt.Errorf("the plan would not read %s: give a name such as %s", o.generate, filepath.Join(w.dir(), "generated.dss.hcl")))
	}
	if err := refuseExisting(path); err != nil {
		return fail(err)
	}
	estate, diags := w.load(o.varOptions, nil, true)
	if diags.HasErrors() {
		return w.printDiagnostics(diags, sourcesOf(estate))
	}
	var src bytes.Buffer
	for _, im := range estate.Imports {
		if !im.Undeclared {
			continue
		}
		block, err := w.draft(ctx, im.To.Name, im.DataDir)
		if err != nil {
			return fail(fmt.Errorf("%s, which the block at %s imports: %w", im.To, im.Range, err))
		}
		if src.Len() > 0 {
			src.WriteByte('\n')
		}
		src.Write(block)
	}
	if src.Len() == 0 {
		return nil
	}
	if err := atomicfile.Write(path, src.Bytes(), 0o644); err != nil {
		return fail(err)
	}
	fmt.Fprintf(w.stderr(), "Wrote %s. It is a part of the estate now: look it through, and keep it.\n\n", o.generate)
	return nil
}
