package install

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// edit performs install.edit.
type edit struct{}

// receipt recognizes the file as the step left it.
type receipt struct {
	After string `json:"after"` // the fingerprint of all bytes
	// Undoing says that the file is being put back, after which DSS has to
	// regenerate its configuration.
	Undoing bool `json:"undoing,omitempty"`
}

func fileSum(k secret.Key, data []byte) string { return k.Sum("file", string(data)) }

func arguments(c *providers.Call) (stepArgs, error) {
	var a stepArgs
	if err := c.Args(&a); err != nil {
		return a, fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	return a, nil
}

// values are the lines with what they shall hold, checked again: a plan is a
// file, and a secret may be another one by now.
func values(c *providers.Call, a stepArgs) (map[string]string, error) {
	out := make(map[string]string, len(a.Lines))
	for i := range a.Lines {
		l := &a.Lines[i]
		if _, ok := reserved[l.name()]; ok && l.name() != "server.port" {
			return nil, fmt.Errorf("the arguments of %s name %s, which dssctl never changes", c.Action.Kind, l.name())
		}
		value, err := l.Value.Reveal(c.Secrets)
		if err != nil {
			return nil, fmt.Errorf("set %s in install.ini: %w", l.name(), err)
		}
		if err := iniedit.CheckSection(l.Section); err != nil {
			return nil, err
		}
		if err := iniedit.CheckKey(l.Key); err != nil {
			return nil, err
		}
		if err := iniedit.CheckValue(value); err != nil {
			return nil, fmt.Errorf("set %s in install.ini: %w", l.name(), err)
		}
		out[l.name()] = value
	}
	return out, nil
}

func different(file *iniedit.File, a stepArgs, want map[string]string) []string {
	var out []string
	for i := range a.Lines {
		l := &a.Lines[i]
		if live, ok := file.Get(l.Section, l.Key); !ok || live != want[l.name()] {
			out = append(out, l.name())
		}
	}
	return out
}

// Done reports whether every line is as declared.
func (edit) Done(_ context.Context, c *providers.Call) (bool, error) {
	wrong, err := compare(c)
	return err == nil && len(wrong) == 0, err
}

func compare(c *providers.Call) ([]string, error) {
	a, err := arguments(c)
	if err != nil {
		return nil, err
	}
	want, err := values(c, a)
	if err != nil {
		return nil, err
	}
	file, err := c.Instance.InstallINI()
	if err != nil {
		return nil, err
	}
	return different(file, a, want), nil
}

// Do sets the lines that differ, in one step.
func (edit) Do(ctx context.Context, c *providers.Call) error {
	a, err := arguments(c)
	if err != nil {
		return err
	}
	want, err := values(c, a)
	if err != nil {
		return err
	}
	if err := c.Instance.SaveOriginal(c.Run, dss.InstallINIFile); err != nil {
		return err
	}
	return c.Instance.EditInstallINI(ctx, func(file *iniedit.File) error {
		for i := range a.Lines {
			l := &a.Lines[i]
			if live, ok := file.Get(l.Section, l.Key); !ok || live != want[l.name()] {
				file.Set(l.Section, l.Key, want[l.name()])
			}
		}
		// Durable before the file is written: what is found later is then
		// known to be ours.
		return c.Receipt.Save(receipt{After: fileSum(c.Key, file.Bytes())})
	})
}

// Verify reads the file again.
func (edit) Verify(_ context.Context, c *providers.Call) error {
	wrong, err := compare(c)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("read %s again: it is not as it was written: %s", c.Instance.Path(dss.InstallINIFile), strings.Join(wrong, ", "))
	}
	a, err := arguments(c)
	if err != nil || len(a.Record) == 0 {
		return err
	}
	return c.Record(a.Aspect, a.Record)
}

// CheckUndo: the file's original must be kept still, and the file be replaceable.
func (edit) CheckUndo(_ context.Context, c *providers.Call) error {
	return providers.CheckEdit(c, dss.InstallINIFile, &receipt{})
}

// Reverted implements providers.Reverter.
func (edit) Reverted(_ context.Context, c *providers.Call) (bool, error) {
	return c.Instance.AsOriginal(c.Run, dss.InstallINIFile)
}

// Undo puts the lines back one by one, which makes the old file, byte for
// byte, when nothing else has changed; then DSS regenerates its configuration
// from it.
func (edit) Undo(ctx context.Context, c *providers.Call) error {
	a, err := arguments(c)
	if err != nil {
		return err
	}
	original, existed, kept, err := c.Instance.Original(c.Run, dss.InstallINIFile)
	if err == nil && !kept {
		// Without one nothing was written, or it was taken away.
		err = providers.CheckOriginal(c, dss.InstallINIFile, &receipt{})
	}
	if err != nil || !kept || !existed {
		return err
	}
	old, err := iniedit.Parse(original)
	if err != nil {
		return fmt.Errorf("undo the edit of %s: the kept original: %w", c.Instance.Path(dss.InstallINIFile), err)
	}
	var r receipt
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	exact := false
	err = c.Instance.EditInstallINI(ctx, func(file *iniedit.File) error {
		now := string(file.Bytes())
		for _, l := range slices.Backward(a.Lines) {
			file.Restore(l.Section, l.Key, old)
		}
		back := string(file.Bytes())
		exact = back == string(original)
		if back == now {
			return nil
		}
		if !exact && !secret.Equal(r.After, fileSum(c.Key, []byte(now))) {
			c.Notice("install.ini has changed since it was edited: just the declared lines are put back")
		}
		r.Undoing = true
		return c.Receipt.Save(r)
	})
	if err != nil {
		return err
	}
	if exact {
		if err := c.Instance.PutBack(c.Run, dss.InstallINIFile); err != nil {
			return err
		}
	}
	if !r.Undoing {
		return nil // the file was never written
	}
	if err := run(ctx, c, a.Govern); err != nil {
		// The file is as it was, and DSS is better up than down: whether it
		// starts shows what the generated configuration is worth.
		return &providers.LeftoverError{What: "what DSS generated from install.ini while it was edited (run " + regenerateCommand(a.Govern) + " by hand while DSS is stopped)", Err: err}
	}
	return nil
}
