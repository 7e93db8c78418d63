package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// merge performs settings.merge.
type merge struct{}

// receipt recognizes the file as the step left it. It holds fingerprints only.
type receipt struct {
	After string `json:"after"` // of all bytes
	// Encrypted are the values that the step had encrypted, by pointer.
	Encrypted map[string]encryption `json:"encrypted,omitempty"`
}

func fileSum(k secret.Key, data []byte) string { return k.Sum("file", string(data)) }

// wanted are the leaves with their values.
type wanted struct {
	leaf
	raw []byte
}

func arguments(c *providers.Call) (mergeArgs, []wanted, error) {
	var args mergeArgs
	if err := c.Args(&args); err != nil {
		return args, nil, fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	out := make([]wanted, 0, len(args.Leaves))
	for _, l := range args.Leaves {
		if len(l.Keys) == 0 || l.Keys[0] == databaseKey {
			return args, nil, fmt.Errorf("the arguments of %s name a place that general_settings may not change", c.Action.Kind)
		}
		raw, err := l.json(c.Secrets)
		if err != nil {
			return args, nil, fmt.Errorf("set %s: %w", pathText(l.Keys), err)
		}
		out = append(out, wanted{l, raw})
	}
	return args, out, nil
}

// Done reports whether every value is as declared.
func (merge) Done(_ context.Context, c *providers.Call) (bool, error) {
	_, all, err := arguments(c)
	if err != nil {
		return false, err
	}
	wrong, _, err := different(c, all)
	return err == nil && len(wrong) == 0, err
}

// different reads the file and returns the places that are neither as declared
// nor as the step wrote them, and what the step remembers of itself.
func different(c *providers.Call, all []wanted) (wrong []string, r receipt, err error) {
	if _, err := c.Receipt.Load(&r); err != nil {
		return nil, r, err
	}
	doc, err := c.Instance.Settings()
	if err != nil {
		return nil, r, err
	}
	for i := range all {
		live := look(doc, all[i].Keys)
		if !settled(&all[i].leaf, all[i].raw, live) && !r.wrote(c.Key, &all[i], live) {
			wrong = append(wrong, pathText(all[i].Keys))
		}
	}
	return wrong, r, nil
}

// Do writes the values that differ, in one step.
func (merge) Do(ctx context.Context, c *providers.Call) error {
	_, all, err := arguments(c)
	if err != nil {
		return err
	}
	if err := c.Instance.SaveOriginal(c.Run, dss.SettingsFile); err != nil {
		return err
	}
	return c.Instance.EditSettings(ctx, func(doc *jsonedit.Doc) error {
		var before receipt
		if _, err := c.Receipt.Load(&before); err != nil {
			return err
		}
		after, err := write(ctx, c, doc, all, before)
		if err != nil {
			return err
		}
		// Durable before the file is written: what is found later is then
		// known to be ours.
		return c.Receipt.Save(after)
	})
}

func (w *wanted) apply(doc *jsonedit.Doc) error {
	live := look(doc, w.Keys)
	switch {
	case settled(&w.leaf, w.raw, live):
		return nil
	case w.Remove:
		return doc.Delete(w.pointer())
	}
	if live.blocked != "" {
		if err := doc.Set(live.blocked, []byte("{}")); err != nil {
			return err
		}
	}
	raw, err := doc.Format(w.pointer(), json.RawMessage(w.raw))
	if err != nil {
		return err
	}
	return doc.Set(w.pointer(), raw)
}

// Verify reads the file again.
func (merge) Verify(_ context.Context, c *providers.Call) error {
	args, all, err := arguments(c)
	if err != nil {
		return err
	}
	wrong, r, err := different(c, all)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("read %s again: it is not as it was written: %s", c.Instance.Path(dss.SettingsFile), strings.Join(wrong, ", "))
	}
	for pointer, e := range r.Encrypted {
		if _, declared := args.Record.Encrypted[pointer]; declared {
			args.Record.Encrypted[pointer] = e
		}
	}
	return c.Record(Name, args.Record)
}

// CheckUndo: the file's original must be kept still, and the file be replaceable.
func (merge) CheckUndo(_ context.Context, c *providers.Call) error {
	return providers.CheckEdit(c, dss.SettingsFile, &receipt{})
}

// Reverted implements providers.Reverter.
func (merge) Reverted(_ context.Context, c *providers.Call) (bool, error) {
	return c.Instance.AsOriginal(c.Run, dss.SettingsFile)
}

// Undo puts the values back one by one. When nothing else has changed that
// makes the old file, byte for byte.
func (merge) Undo(ctx context.Context, c *providers.Call) error {
	var args mergeArgs
	if err := c.Args(&args); err != nil {
		return fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	original, existed, kept, err := c.Instance.Original(c.Run, dss.SettingsFile)
	if err == nil && !kept {
		// Without one nothing was written, or it was taken away.
		err = providers.CheckOriginal(c, dss.SettingsFile, &receipt{})
	}
	if err != nil || !kept || !existed {
		return err
	}
	old, err := jsonedit.Parse(original)
	if err != nil {
		return fmt.Errorf("undo the edit of %s: the kept original: %w", c.Instance.Path(dss.SettingsFile), err)
	}
	exact := false
	err = c.Instance.EditSettings(ctx, func(doc *jsonedit.Doc) error {
		var r receipt
		ours, err := c.Receipt.Load(&r)
		if err != nil {
			return err
		}
		ours = ours && secret.Equal(r.After, fileSum(c.Key, doc.Bytes()))
		for _, l := range slices.Backward(args.Leaves) {
			if err := restore(doc, old, l.Keys); err != nil {
				return fmt.Errorf("undo the edit of %s: %w", c.Instance.Path(dss.SettingsFile), err)
			}
		}
		exact = string(doc.Bytes()) == string(original)
		if !ours && !exact {
			c.Notice("general-settings.json has changed since it was edited: just the declared values are put back")
		}
		return nil
	})
	if err != nil || !exact {
		return err
	}
	return c.Instance.PutBack(c.Run, dss.SettingsFile)
}

// restore puts one place back. Where something on the way to it was, or has
// become, no object, that is put back as a whole.
func restore(doc, old *jsonedit.Doc, keys []string) error {
	if at := blockedAt(old, keys); at != "" {
		return doc.Restore(at, old)
	}
	if at := blockedAt(doc, keys); at != "" {
		return doc.Restore(at, old)
	}
	return doc.Restore(jsonedit.Pointer(keys...), old)
}
