// Package secret keeps secrets out of everything dssctl writes. A Text is a
// string that may be secret: written as JSON, a secret is a reference by name;
// only a Resolver turns it back into the value, in memory. A Redactor is the
// last line: it takes known values out of any text on its way out. A Key makes
// fingerprints, by which a secret is recognised without being stored.
package secret

import (
	"encoding/json"
	"fmt"
)

// Placeholder stands where a secret's value would stand.
const Placeholder = "(secret)"

// Text is a plain string or a reference to a secret. The zero value is the
// plain empty string.
type Text struct {
	plain string
	name  string
}

// Plain returns a Text that is no secret.
func Plain(s string) Text { return Text{plain: s} }

// Ref returns a reference to the secret of this name, an attribute's address
// such as "instance.design.runtime_database.password".
func Ref(name string) Text { return Text{name: name} }

// IsSecret reports whether t is a reference.
func (t Text) IsSecret() bool { return t.name != "" }

// Name returns the secret's name, or "" for a plain text.
func (t Text) Name() string { return t.name }

// String returns the plain text, or the placeholder: safe to print.
func (t Text) String() string {
	if t.IsSecret() {
		return Placeholder
	}
	return t.plain
}

// Reveal returns the value. It must not be printed or stored.
func (t Text) Reveal(r Resolver) (string, error) {
	if !t.IsSecret() {
		return t.plain, nil
	}
	if r == nil {
		return "", &MissingError{Name: t.name}
	}
	return r.Secret(t.name)
}

type textRef struct {
	Secret string `json:"secret"`
}

// MarshalJSON writes a JSON string, or {"secret": NAME}.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.IsSecret() {
		return json.Marshal(textRef{t.name})
	}
	return json.Marshal(t.plain)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err == nil {
		*t = Plain(s)
		return nil
	}
	var ref textRef
	if err := json.Unmarshal(b, &ref); err != nil || ref.Secret == "" {
		return fmt.Errorf("expected a string or {\"secret\": NAME}")
	}
	*t = Ref(ref.Secret)
	return nil
}

// Resolver finds the value of a secret by its name.
type Resolver interface {
	Secret(name string) (string, error)
}

// Values resolves from memory.
type Values map[string]string

// Secret returns the value, or a *MissingError.
func (v Values) Secret(name string) (string, error) {
	if s, ok := v[name]; ok {
		return s, nil
	}
	return "", &MissingError{Name: name}
}

// MissingError says that a secret that is needed has no value here.
type MissingError struct{ Name string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the secret %s has no value here: give it in the same way as when the plan was made (a variable, -var-file or DSSCTL_VAR_…)", e.Name)
}
