package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// SecretsOf returns the names of the secrets that the actions refer to, sorted:
// every {"secret": NAME} in their arguments, see secret.Text.
func SecretsOf(p *Plan) ([]string, error) {
	names := map[string]bool{}
	var err error
	p.Actions(func(_ *Instance, _ *Stage, a *Action) bool {
		if err = refsIn(a.Args, names); err != nil {
			err = fmt.Errorf("the arguments of the action %s (%s) are no JSON: %w", a.ID, a.Kind, err)
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}

func refsIn(raw json.RawMessage, names map[string]bool) error {
	if len(raw) == 0 {
		return nil
	}
	if !json.Valid(raw) {
		return json.Unmarshal(raw, new(any)) // for its error
	}
	// Most arguments refer to none: do not build them in memory. A backslash
	// could hide the word.
	if !bytes.Contains(raw, []byte("secret")) && !bytes.ContainsRune(raw, '\\') {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	walkRefs(v, names)
	return nil
}

func walkRefs(v any, names map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["secret"].(string); ok && len(v) == 1 && name != "" {
			names[name] = true
			return
		}
		for _, e := range v {
			walkRefs(e, names)
		}
	case []any:
		for _, e := range v {
			walkRefs(e, names)
		}
	}
}
