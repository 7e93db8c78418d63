package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// NotReadyError says that a started DSS did not become ready.
type NotReadyError struct {
	After   time.Duration
	Why     string // failed, ended, or "the time was up"
	Service Service
	// Ended is set when DSS ended by itself meanwhile.
	Ended   bool
	Lines   []ProcessLine
	URL     string
	Answer  string // what the URL answered last
	LogFile string
	Log     string // the last lines, redacted; "" when there are none
}

func (e *NotReadyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s: %s", e.verdict(), table(e.Lines), e.URL, e.Answer)
	switch {
	case e.Log != "":
		fmt.Fprintf(&b, "\nthe end of %s:\n  %s", e.LogFile, strings.ReplaceAll(e.Log, "\n", "\n  "))
	case e.LogFile != "":
		fmt.Fprintf(&b, "\n%s says nothing: look at the other logs beside it", e.LogFile)
	}
	return b.String()
}

// verdict says in a line what became of DSS.
func (e *NotReadyError) verdict() string {
	after := e.After.Round(time.Second)
	if e.Why != failed {
		return fmt.Sprintf("DSS is not ready after %s (%s): its state is %s", after, e.Why, e.Service)
	}
	when := "right away"
	if after > 0 {
		when = "after " + after.String()
	}
	return fmt.Sprintf("DSS failed %s: its supervisor has given up %s, and waiting longer would not help", when, strings.Join(fatal(e.Lines), ", "))
}

const (
	readyTimeout = 10 * time.Second // of one request
	answerEvery  = 200 * time.Millisecond
	// How long a started DSS may look stopped: a unit may return before its
	// supervisor is there.
	stoppedGrace = 30 * time.Second
	// And once it was seen up, a look or two at it being down are enough.
	endedGrace = 3 * time.Second
)

// WaitReady waits until DSS answers as a ready one does: the main process is
// RUNNING and the API of its node type answers; nginx alone does not count.
// progress, which may be nil, is told what it is waiting for. The error is a
// *NotReadyError when DSS failed, at once, or after the timeout.
func (in *Instance) WaitReady(ctx context.Context, timeout time.Duration, progress func(note string)) error {
	began := in.o.Clock.Now()
	stoppedSince, grace := began, stoppedGrace
	pause := 200 * time.Millisecond
	told := ""
	answered, answer := in.answers(ctx)
	for {
		state, lines, err := in.State(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var unknown *UnknownStatusError
		if err != nil && !errors.As(err, &unknown) {
			return err
		}
		if answered && state == ServiceRunning {
			return nil
		}
		now := in.o.Clock.Now()
		if state != ServiceStopped && !allStopped(lines) {
			stoppedSince, grace = now, endedGrace
		}
		why := ""
		switch {
		case len(fatal(lines)) > 0:
			why = failed
		case now.Sub(stoppedSince) > grace:
			why = ended
		case now.Sub(began) >= timeout:
			why = "the time was up"
		}
		if why != "" {
			return in.notReady(now.Sub(began), why, state, lines, answer)
		}
		if note := fmt.Sprintf("%s; %s", state, answer); progress != nil && note != told {
			progress(note)
			told = note
		}
		if answered, answer, err = in.nextAnswer(ctx, pause, answer); err != nil {
			return err
		}
		pause = min(pause*3/2, time.Second)
	}
}

// nextAnswer asks until DSS answers otherwise than last, for that long. The
// status costs a process and is asked seldom; the address costs nothing, and each
// moment that DSS is up without being noticed is downtime.
func (in *Instance) nextAnswer(ctx context.Context, pause time.Duration, last string) (answered bool, answer string, err error) {
	for answer = last; pause > 0 && answer == last; pause -= answerEvery {
		if err := in.o.Clock.Sleep(ctx, min(pause, answerEvery)); err != nil {
			return false, "", err
		}
		answered, answer = in.answers(ctx)
	}
	return answered, answer, nil
}

// Ready looks once.
func (in *Instance) Ready(ctx context.Context) (bool, error) {
	state, _, err := in.State(ctx)
	var unknown *UnknownStatusError
	if err != nil && !errors.As(err, &unknown) {
		return false, err
	}
	if state != ServiceRunning {
		return false, nil
	}
	ok, _ := in.answers(ctx)
	return ok, nil
}

// Why a wait is given up: when DSS went down meanwhile, and when its supervisor
// has given up a process.
const (
	ended  = "it ended"
	failed = "it failed"
)

// allStopped reports whether a supervisor is up and has nothing running.
func allStopped(lines []ProcessLine) bool {
	for _, l := range lines {
		if l.State != "STOPPED" {
			return false
		}
	}
	return len(lines) > 0
}

// fatal names the processes that the supervisor has given up, with their state:
// DSS will not become ready by waiting.
func fatal(lines []ProcessLine) []string {
	var out []string
	for _, l := range lines {
		if l.State == "FATAL" {
			out = append(out, l.Name+" ("+l.State+")")
		}
	}
	return out
}

func (in *Instance) notReady(after time.Duration, why string, state Service, lines []ProcessLine, answer string) error {
	e := &NotReadyError{After: after, Why: why, Service: state, Ended: why == ended, Lines: lines, Answer: answer}
	e.URL, _ = in.readyURL()
	e.LogFile, e.Log = in.logTail()
	return e
}

// base is the root of the instance's own web server, on the loopback address.
func (in *Instance) base() (string, head, error) {
	h, err := in.head()
	scheme := "http"
	if h.ssl {
		scheme = "https"
	}
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, h.port), h, err
}

func (in *Instance) readyURL() (string, error) {
	base, h, err := in.base()
	if h.nodeType == "api" {
		return base + "/isAlive", err
	}
	return base + "/dip/api/get-configuration", err
}

// answers asks once and returns what came, in words.
func (in *Instance) answers(ctx context.Context) (bool, string) {
	ok, words, _ := in.askReady(ctx)
	return ok, words
}

// askReady is answers with what came itself.
func (in *Instance) askReady(ctx context.Context) (ok bool, words string, body []byte) {
	url, err := in.readyURL()
	if err != nil {
		return false, err.Error(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false, err.Error(), nil
	}
	req.Header.Set("Accept", "application/json")
	resp, err := in.o.HTTP.Do(req)
	if err != nil {
		return false, "no answer: " + rootCause(err), nil
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	switch {
	case err != nil:
		return false, "the answer broke off: " + rootCause(err), nil
	case resp.StatusCode != http.StatusOK:
		return false, "answered " + resp.Status, nil
	case strings.HasSuffix(url, "/isAlive"):
		if looksHTML(resp, body) {
			return false, "answered with a web page", nil
		}
		return true, "answered " + resp.Status, body
	case !json.Valid(body):
		return false, "answered " + resp.Status + " with something that is no JSON", nil
	}
	return true, "answered " + resp.Status, body
}

func looksHTML(resp *http.Response, body []byte) bool {
	start := strings.ToLower(strings.TrimSpace(string(body[:min(len(body), 200)])))
	return strings.Contains(resp.Header.Get("Content-Type"), "text/html") || strings.HasPrefix(start, "<!doctype") || strings.HasPrefix(start, "<html")
}

// rootCause takes the URL, which may carry a key, and the method out of an
// HTTP client's error.
func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// logTail returns the log of the main process and its last lines, redacted.
func (in *Instance) logTail() (file, lines string) {
	main, err := in.mainProcess()
	if err != nil {
		return "", ""
	}
	file = in.Path("run", main+".log")
	f, err := os.Open(file)
	if err != nil {
		return file, ""
	}
	defer f.Close()
	const most = 16 << 10
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return file, ""
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return file, ""
	}
	return file, in.o.Redactor.String(tail(strings.ToValidUTF8(string(b), "?"), 20, 4000))
}
