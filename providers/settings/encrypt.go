package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// secretString reports whether the value is one string that is declared
// sensitive.
func (l *leaf) secretString() bool {
	return len(l.Value) == 1 && l.Value[0].Secret != nil && l.Value[0].Quote
}

// toEncrypt returns the text that must not be written in clear: DSS keeps it
// encrypted in this place. An empty one is no secret.
func (l *leaf) toEncrypt(want []byte, live found) (text string, ok bool) {
	if !l.secretString() || !encrypted(live.raw) || encrypted(want) {
		return "", false
	}
	text, _ = stringOf(want)
	return text, text != ""
}

func stringOf(raw []byte) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	v, err := decode(raw)
	s, ok := v.(string)
	return s, ok && err == nil
}

func encrypted(raw []byte) bool {
	s, ok := stringOf(raw)
	return ok && strings.HasPrefix(s, dss.EncryptedPrefix)
}

// wrote reports whether the live value is the ciphertext that the step wrote
// for what is declared.
func (r receipt) wrote(key secret.Key, w *wanted, live found) bool {
	e, ok := r.Encrypted[w.pointer()]
	return ok && live.raw != nil && secret.Equal(e.Value, valueSum(key, &w.leaf, w.raw)) && secret.Equal(e.Stored, storedSum(key, &w.leaf, live.raw))
}

// write applies the leaves, encrypting what DSS keeps encrypted. It returns the
// receipt for the document as it then is.
func write(ctx context.Context, c *providers.Call, doc *jsonedit.Doc, all []wanted, before receipt) (receipt, error) {
	after := receipt{Encrypted: map[string]encryption{}}
	for i := range all {
		w := all[i]
		live := look(doc, w.Keys)
		if before.wrote(c.Key, &w, live) {
			after.Encrypted[w.pointer()] = before.Encrypted[w.pointer()]
			continue
		}
		if text, ok := w.toEncrypt(w.raw, live); ok {
			raw, err := encrypt(ctx, c, text)
			if err != nil {
				return after, fmt.Errorf("set %s: %w", pathText(w.Keys), err)
			}
			after.Encrypted[w.pointer()] = encryption{Value: valueSum(c.Key, &w.leaf, w.raw), Stored: storedSum(c.Key, &w.leaf, raw)}
			w.raw = raw
		}
		if err := w.apply(doc); err != nil {
			return after, fmt.Errorf("edit %s: %w", c.Instance.Path(dss.SettingsFile), err)
		}
	}
	after.After = fileSum(c.Key, doc.Bytes())
	return after, nil
}

// encrypt has DSS encrypt a text and returns it as JSON. DSS's tool must not be
// run while DSS runs.
func encrypt(ctx context.Context, c *providers.Call, text string) ([]byte, error) {
	path := c.Instance.Path(dss.SettingsFile)
	switch state, _, err := c.Instance.State(ctx); {
	case err != nil:
		return nil, fmt.Errorf("edit %s: is DSS stopped? %w", path, err)
	case state != dss.ServiceStopped:
		return nil, &dss.NotStoppedError{File: path, Service: state}
	}
	stored, err := c.Instance.EncryptPassword(ctx, text)
	if err != nil {
		return nil, err
	}
	return json.Marshal(stored)
}

// uncarriable is what no command line can carry.
const uncarriable = "\x00\n\r"

// exposed refuses a secret that could not be encrypted, and warns of one that
// will stand in the file in clear. The leaf is one that changes.
func (p *proposer) exposed(l *leaf, want []byte, live found) {
	path := pathText(l.Keys)
	if !l.secretString() {
		if strings.Contains(string(live.raw), `"`+dss.EncryptedPrefix) && l.plain(p.req.Secrets) {
			p.warn("Secrets in clear",
				"The secrets in general_settings.%s are written in clear, though DSS keeps some there encrypted now: dssctl encrypts single strings, not those in lists. Encrypted values (bin/dssadmin encrypt-password) can be declared instead.", path)
		}
		return
	}
	if text, ok := l.toEncrypt(want, live); ok {
		if strings.ContainsAny(text, uncarriable) {
			p.fail("A secret that DSS cannot encrypt",
				"DSS keeps general_settings.%s encrypted, but what is declared has a line break or a NUL in it, which bin/dssadmin encrypt-password cannot be given. Declare it without, or the value as DSS encrypted it elsewhere on this instance.", path)
		}
		return
	}
	text, _ := stringOf(want)
	if text == "" || encrypted(want) || !secret.NameMeans(l.Keys[len(l.Keys)-1]) {
		return
	}
	as := "as DSS keeps it there now"
	if live.raw == nil {
		as = "for DSS keeps nothing there now"
	}
	p.warn("A secret in clear", "general_settings.%s is written in clear, %s; an encrypted value (bin/dssadmin encrypt-password) can be declared instead.", path, as)
}

// plain reports whether one of the secret strings is not encrypted.
func (l *leaf) plain(r secret.Resolver) bool {
	for _, p := range l.Value {
		if p.Secret == nil || !p.Quote {
			continue
		}
		if text, err := p.Secret.Reveal(r); err == nil && text != "" && !strings.HasPrefix(text, dss.EncryptedPrefix) {
			return true
		}
	}
	return false
}

func (p *proposer) warn(summary, detail string, args ...any) {
	p.fail(summary, detail, args...)
	p.diags[len(p.diags)-1].Severity = hcl.DiagWarning
}
