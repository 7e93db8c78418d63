package runtimedb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// editReceipt recognizes the file before and after an edit.
type editReceipt struct {
	Before string `json:"before"` // fingerprints of all bytes
	After  string `json:"after"`
	// Time is that of the edit.
	Time time.Time `json:"time,omitzero"`
}

func fileSum(k secret.Key, data []byte) string { return k.Sum("file", string(data)) }

// editSettings changes general-settings.json so that undoSettings can take it
// back and settingsDone knows it again.
func editSettings(ctx context.Context, c *providers.Call, change func(*jsonedit.Doc) error) error {
	if err := c.Instance.SaveOriginal(c.Run, dss.SettingsFile); err != nil {
		return err
	}
	return c.Instance.EditSettings(ctx, func(doc *jsonedit.Doc) error {
		before := doc.Bytes()
		if err := change(doc); err != nil {
			return fmt.Errorf("edit internalDatabase in %s: %w", c.Instance.Path(dss.SettingsFile), err)
		}
		// Durable before the file is written: what is found later is then
		// known to be ours.
		return c.Receipt.Save(editReceipt{fileSum(c.Key, before), fileSum(c.Key, doc.Bytes()), c.Clock.Now()})
	})
}

// settingsDone reports whether the file is as the edit left it.
func settingsDone(c *providers.Call) (bool, error) {
	var r editReceipt
	found, err := c.Receipt.Load(&r)
	if err != nil || !found {
		return false, err
	}
	doc, err := c.Instance.Settings()
	if err != nil {
		return false, err
	}
	return secret.Equal(r.After, fileSum(c.Key, doc.Bytes())), nil
}

// undoSettings puts back the exact bytes where nobody has written since, and
// the one member otherwise.
func undoSettings(ctx context.Context, c *providers.Call) error {
	var r editReceipt
	found, err := c.Receipt.Load(&r)
	if err != nil || !found {
		return err
	}
	original, existed, kept, err := c.Instance.Original(c.Run, dss.SettingsFile)
	if err != nil {
		return err
	}
	if !kept || !existed {
		return fmt.Errorf("undo the edit of %s: the original is not kept in %s any more", c.Instance.Path(dss.SettingsFile), c.Instance.Companion())
	}
	doc, err := c.Instance.Settings()
	if err != nil {
		return err
	}
	now := fileSum(c.Key, doc.Bytes())
	switch {
	case secret.Equal(now, r.Before):
		return nil
	case secret.Equal(now, r.After) && secret.Equal(fileSum(c.Key, original), r.Before):
		return c.Instance.PutBack(c.Run, dss.SettingsFile)
	}
	old, err := jsonedit.Parse(original)
	if err != nil {
		return fmt.Errorf("undo the edit of %s: the kept original: %w", c.Instance.Path(dss.SettingsFile), err)
	}
	if !secret.Equal(now, r.After) { // otherwise another step of the run edited it before
		c.Notice("general-settings.json has changed since: internalDatabase alone is put back")
	}
	return c.Instance.EditSettings(ctx, func(doc *jsonedit.Doc) error { return doc.Restore(member, old) })
}

// configureStep writes the declared connection.
type configureStep struct{}

func (configureStep) Done(_ context.Context, c *providers.Call) (bool, error) { return settingsDone(c) }

func (configureStep) Do(ctx context.Context, c *providers.Call) error {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return err
	}
	s, err := a.Connection.resolve(c.Secrets)
	if err != nil {
		return fmt.Errorf("read the declaration of %s: %w", c.Action.Block, err)
	}
	password := ""
	if a.SetPassword && s.Password != nil {
		if password = *s.Password; !isEncrypted(password) {
			if password, err = c.Instance.EncryptPassword(ctx, password); err != nil {
				return err
			}
		}
	}
	return editSettings(ctx, c, func(doc *jsonedit.Doc) error { return writeConnection(doc, s, a, password) })
}

func (configureStep) Verify(_ context.Context, c *providers.Call) error {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return err
	}
	s, err := a.Connection.resolve(c.Secrets)
	if err != nil {
		return err
	}
	l, err := readInstance(c)
	if err != nil {
		return err
	}
	var wrong []string
	if a.Embedded {
		var set changeSet
		set.pool(a.Connection.Pool, s.Pool, l)
		for _, ch := range set.list {
			wrong = append(wrong, ch.Path)
		}
	} else {
		for _, ch := range compare(a.Connection, s, l) {
			wrong = append(wrong, ch.Path)
		}
		if a.SetPassword && s.Password != nil && !isEncrypted(l.Password) {
			wrong = append(wrong, "password")
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("read %s again: it is not as it was written: %s", c.Instance.Path(dss.SettingsFile), strings.Join(wrong, ", "))
	}
	if c.Action.Kind != KindReconfigure {
		return nil // a move is remembered once it is verified
	}
	if a.Embedded {
		return c.Record(Name, record{Type: embedded, Leftovers: a.Kept})
	}
	return c.Record(Name, record{Type: postgresql, Password: passwordOf(c.Key, s.Password, l.Password), Leftovers: a.Kept})
}

func (configureStep) Undo(ctx context.Context, c *providers.Call) error { return undoSettings(ctx, c) }

// embedStep takes the connection out, which makes DSS use its embedded
// databases.
type embedStep struct{}

func (embedStep) Done(_ context.Context, c *providers.Call) (bool, error) { return settingsDone(c) }

func (embedStep) Do(ctx context.Context, c *providers.Call) error {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return err
	}
	s, err := a.Connection.resolve(c.Secrets)
	if err != nil {
		return err
	}
	return editSettings(ctx, c, func(doc *jsonedit.Doc) error { return embed(doc, s) })
}

func embed(doc *jsonedit.Doc, s settings) error {
	for _, key := range []string{"connection", "tableNamePrefix", "schema"} {
		if err := doc.Delete(member + "/" + key); err != nil {
			return err
		}
	}
	return writePool(doc, s)
}

func (embedStep) Verify(_ context.Context, c *providers.Call) error {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return err
	}
	l, err := readInstance(c)
	if err != nil {
		return err
	}
	if l.External {
		return errors.New("read general-settings.json again: internalDatabase still has a connection")
	}
	return c.Record(Name, record{Type: embedded, Leftovers: a.Kept})
}

func (embedStep) Undo(ctx context.Context, c *providers.Call) error { return undoSettings(ctx, c) }
