package dss

import (
	"encoding/json"
	"slices"
	"strings"
)

// The most of what DSS says that is repeated.
const (
	mostReasons = 5
	mostDepth   = 4 // arrays and objects in each other
)

// outcome is an answer that says whether something went well. Which of its members
// are there depends on the call and the version.
type outcome struct {
	Success  truth           `json:"success"`
	Messages json.RawMessage `json:"messages"`
	Message  json.RawMessage `json:"message"`
	Detailed json.RawMessage `json:"detailedMessage"`
}

// failed reports whether the answer says failure anywhere.
func (o outcome) failed() bool {
	return o.Success.isFalse() || !o.Success.isTrue() && bad(o.Messages, 0)
}

func (o outcome) reasons(a *API) string { return a.reasons(o.Messages, o.Detailed, o.Message) }

// bad reports whether messages tell an error: the member "error" says it, and where
// that is not there, how severe one of them is.
func bad(raw json.RawMessage, depth int) bool {
	if len(raw) == 0 || depth > mostDepth {
		return false
	}
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) == nil {
		return slices.ContainsFunc(all, func(r json.RawMessage) bool { return bad(r, depth+1) })
	}
	var one struct {
		Error    truth           `json:"error"`
		Severity string          `json:"severity"`
		Most     string          `json:"maxSeverity"`
		Messages json.RawMessage `json:"messages"`
	}
	if members(raw, &one) != nil {
		return false
	}
	if one.Error.told {
		return one.Error.yes
	}
	for _, s := range []string{one.Severity, one.Most} {
		if strings.EqualFold(s, "ERROR") || strings.EqualFold(s, "FATAL") {
			return true
		}
	}
	return bad(one.Messages, depth+1)
}

// reasons are the words of a failed answer's "messages", without the key. Their
// shape is not the same everywhere: a list of objects or of texts, or an object
// with such a list in it.
func (a *API) reasons(raw ...json.RawMessage) string {
	var lines []string
	for _, r := range raw {
		collect(r, 0, &lines)
	}
	if len(lines) == 0 {
		return "DSS says that it failed, and not why"
	}
	return a.redact.String(strings.Join(lines, "\n"))
}

func collect(raw json.RawMessage, depth int, lines *[]string) {
	if len(raw) == 0 || depth > mostDepth || len(*lines) >= mostReasons {
		return
	}
	add := func(text string) {
		if text = strings.TrimSpace(text); text != "" && len(*lines) < mostReasons {
			*lines = append(*lines, tail(text, 3, 500))
		}
	}
	var text string
	var all []json.RawMessage
	var one struct {
		Title    string          `json:"title"`
		Message  string          `json:"message"`
		Details  string          `json:"details"`
		Messages json.RawMessage `json:"messages"`
	}
	switch {
	case json.Unmarshal(raw, &text) == nil:
		add(text)
	case json.Unmarshal(raw, &all) == nil:
		for _, r := range all {
			collect(r, depth+1, lines)
		}
	case json.Unmarshal(raw, &one) == nil:
		add(strings.Join(distinct(one.Title, one.Message, one.Details), " "))
		collect(one.Messages, depth+1, lines)
	}
}

// distinct leaves out what is empty or said already: title, message and details
// often are the same words.
func distinct(texts ...string) []string {
	var out []string
	for _, t := range texts {
		t = strings.TrimSpace(t)
		if t != "" && !strings.Contains(strings.Join(out, "\x00"), t) {
			out = append(out, t)
		}
	}
	return out
}
