package dss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dssctl/dssctl/internal/secret"
)

const (
	// apiParallel bounds the requests under way at once.
	apiParallel = 8
	apiTimeout  = 60 * time.Second // of one request
	apiBody     = 256 << 20        // of one answer; it is read as a stream
)

// API is the public API of the instance, with one key. It is safe for use from
// several goroutines.
type API struct {
	in     *Instance
	key    string
	redact *secret.Redactor
	// bearer is set once that way of showing the key has worked.
	bearer atomic.Bool
}

// API returns a client for the instance's public API on the loopback address.
func (in *Instance) API(key string) *API {
	a := &API{in: in, key: key, redact: &secret.Redactor{}}
	a.redact.Add(key)
	return a
}

// APIError is an answer that is no success.
type APIError struct {
	Method, Path string
	Status       int
	// Message is DSS's own, without the key; "" when the answer was not DSS's.
	Message string
	Gateway bool // the answer came from nginx or a proxy: DSS is not ready
}

func (e *APIError) Error() string {
	what := fmt.Sprintf("%s %s of DSS's public API: HTTP %d", e.Method, e.Path, e.Status)
	switch {
	case e.Gateway:
		return what + " from the web server before DSS: DSS is not ready, or its port is another one"
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return what + ": the API key is not known, or has too few rights (an administrator's key is needed): " + e.Message
	case e.Message == "":
		return what
	default:
		return what + ": " + e.Message
	}
}

// notFound reports whether DSS says that there is no such thing, or no such call.
func notFound(err error) bool {
	var said *APIError
	return errors.As(err, &said) && said.Status == http.StatusNotFound && !said.Gateway
}

// request is what is asked of the API.
type request struct {
	method, path string
	body         []byte // JSON; nil for none
	timeout      time.Duration
	// upload takes the body's place: it is made anew for each attempt.
	upload *upload
	// download takes an answer of any kind and length, and is told the length
	// that was announced, -1 for none.
	download *int64
	// header takes the answer's header, also that of a refusal; nil for none.
	header *http.Header
}

// upload is a body that is read while it is sent.
type upload struct {
	kind string // its media type
	size int64
	open func() io.Reader
}

// call sends one request without a body; the answer's body is given to read.
func (a *API) call(ctx context.Context, method, path string, read func(io.Reader) error) error {
	return a.send(ctx, request{method: method, path: path, timeout: apiTimeout}, read)
}

// send sends one request. The key goes as the user name of basic
// authentication; when DSS refuses that, as a bearer token.
func (a *API) send(ctx context.Context, r request, read func(io.Reader) error) error {
	bearer := a.bearer.Load()
	err := a.once(ctx, r, bearer, read)
	var refused *APIError
	if !bearer && errors.As(err, &refused) && !refused.Gateway &&
		(refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden) {
		if again := a.once(ctx, r, true, read); again == nil {
			a.bearer.Store(true)
			return nil
		}
	}
	return err
}

func (a *API) once(ctx context.Context, r request, bearer bool, read func(io.Reader) error) error {
	method, path := r.method, r.path
	base, _, err := a.in.base()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base+"/public/api"+path, r.reader())
	if err != nil {
		return fmt.Errorf("%s %s of DSS's public API: %w", method, a.redact.String(path), err)
	}
	r.describe(req)
	if strings.ContainsAny(a.key, "\r\n\x00") {
		return errors.New("the API key has a line break or a NUL in it")
	}
	if bearer {
		req.Header.Set("Authorization", "Bearer "+a.key)
	} else {
		req.SetBasicAuth(a.key, "")
	}
	resp, err := a.in.o.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s of DSS's public API: %s", method, path, a.redact.String(rootCause(err)))
	}
	defer resp.Body.Close()
	if r.header != nil {
		*r.header = resp.Header
	}
	body := io.LimitReader(resp.Body, apiBody)
	if r.download != nil {
		*r.download, body = resp.ContentLength, resp.Body
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return a.refusal(method, path, resp, body)
	}
	if strings.Contains(resp.Header.Get("Content-Type"), "text/html") {
		return &APIError{Method: method, Path: path, Status: resp.StatusCode, Gateway: true}
	}
	if read == nil {
		return nil
	}
	if err := read(body); err != nil {
		var shape *AnswerError
		if errors.As(err, &shape) {
			return shape // it names the call
		}
		return fmt.Errorf("%s %s of DSS's public API: read the answer: %s", method, path, a.redact.String(err.Error()))
	}
	return nil
}

func (r request) reader() io.Reader {
	switch {
	case r.upload != nil:
		return r.upload.open()
	case r.body == nil:
		return http.NoBody
	default:
		return bytes.NewReader(r.body)
	}
}

// describe says what is sent, and what may come back.
func (r request) describe(req *http.Request) {
	req.Header.Set("Accept", "application/json")
	if r.download != nil {
		req.Header.Set("Accept", "*/*")
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.upload != nil {
		req.Header.Set("Content-Type", r.upload.kind)
		req.ContentLength = r.upload.size
	}
}

func (a *API) refusal(method, path string, resp *http.Response, body io.Reader) error {
	e := &APIError{Method: method, Path: path, Status: resp.StatusCode}
	raw, _ := io.ReadAll(io.LimitReader(body, 64<<10)) // best effort: for the message
	var said struct {
		Message  string `json:"message"`
		Detailed string `json:"detailedMessage"`
		Type     string `json:"errorType"`
	}
	if json.Unmarshal(raw, &said) == nil {
		for _, s := range []string{said.Detailed, said.Message, said.Type} {
			if s != "" {
				e.Message = a.redact.String(tail(s, 5, 1000))
				break
			}
		}
		return e
	}
	e.Gateway = looksHTML(resp, raw) || resp.StatusCode >= 502 && resp.StatusCode <= 504
	if !e.Gateway {
		e.Message = a.redact.String(tail(strings.ToValidUTF8(string(raw), "?"), 5, 500))
	}
	return e
}

func escape(s string) string { return url.PathEscape(s) }
