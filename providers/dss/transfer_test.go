package dss

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExport(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	content := strings.Repeat("PK-content ", 100_000)
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != `{"exportGitRepository":false,"exportUploads":true}` {
			t.Errorf("options %s, %v", body, err)
		}
		switch r.URL.Path {
		case "/public/api/projects/A/export":
			w.Header().Set("Content-Length", itoa(len(content)))
			fmt.Fprint(w, content)
		case "/public/api/projects/CHUNKS/export":
			w.(http.Flusher).Flush()
			fmt.Fprint(w, content)
		case "/public/api/projects/CUT/export":
			w.Header().Set("Content-Length", itoa(len(content)))
			fmt.Fprint(w, content[:5000])
		case "/public/api/projects/HTML/export":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>log in</html>")
		default:
			w.WriteHeader(404)
			fmt.Fprint(w, `{"errorType":"NotFound","message":"Project not found"}`)
		}
	})
	o := ExportOptions{"exportUploads": true, "exportGitRepository": false}
	for project, tt := range map[string]struct {
		length int64
		want   string // in the error
	}{
		"A": {int64(len(content)), ""}, "CHUNKS": {-1, ""}, "CUT": {int64(len(content)), "unexpected EOF"},
		"HTML": {0, "from the web server before DSS"}, "GONE": {0, "Project not found"},
	} {
		var got bytes.Buffer
		length := int64(0)
		n, err := in.API(apiKey).Export(t.Context(), project, o, func(l int64) error { length = l; return nil }, &got)
		if tt.want == "" && (err != nil || n != int64(len(content)) || got.String() != content) {
			t.Errorf("%s: %d bytes, %v", project, n, err)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", project, err, tt.want)
		}
		if length != tt.length {
			t.Errorf("%s: %d bytes announced, want %d", project, length, tt.length)
		}
	}
	// What is not DSS's fault is told as it is.
	full := errors.New("no space left")
	for _, f := range []func() (int64, error){
		func() (int64, error) {
			return in.API(apiKey).Export(t.Context(), "A", o, func(int64) error { return full }, io.Discard)
		},
		func() (int64, error) {
			return in.API(apiKey).Export(t.Context(), "A", o, func(int64) error { return nil }, failing{full})
		},
	} {
		if _, err := f(); err != full { //nolint:errorlint // the very error, not one around it
			t.Errorf("got %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// An archive goes as the one file of a form, of known length, and again when
// the key has to be shown otherwise.
func TestUpload(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	archive := strings.Repeat("zip", 50_000)
	tries := 0
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		tries++
		f, head, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		got, err := io.ReadAll(f)
		if err != nil || string(got) != archive || head.Filename == "" || r.ContentLength <= int64(len(archive)) {
			t.Errorf("%d bytes of %q, %d announced, %v", len(got), head.Filename, r.ContentLength, err)
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"message":"basic is not for me"}`)
			return
		}
		fmt.Fprint(w, `{"id": "imp-1"}`)
	})
	var last int64
	id, err := in.API(apiKey).Upload(t.Context(), strings.NewReader(archive), int64(len(archive)), func(n int64) { last = n })
	if err != nil || id != "imp-1" || last != int64(len(archive)) || tries != 2 {
		t.Errorf("%q after %d tries and %d bytes, %v", id, tries, last, err)
	}
}

func TestUploadAnswers(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":42}`: "", `{"id":""}`: "under which id", `{"id":null}`: "under which id", `{}`: "under which id", `[`: "broken or cut off",
	} {
		in := open(t, newDataDir(t), nil)
		routes(t, in, map[string]string{"POST /projects/import/upload": body})
		id, err := in.API(apiKey).Upload(t.Context(), strings.NewReader("x"), 1, func(int64) {})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) || err == nil && id != "42" {
			t.Errorf("%s: %q, %v", body, id, err)
		}
	}
}

// Only success is success; DSS's reasons are told in whatever shape they come.
func TestImport(t *testing.T) {
	for body, want := range map[string]string{
		`{"success":true,"messages":[{"severity":"WARNING","message":"odd"}]}`:                               "",
		`{"success":false,"messages":[{"severity":"ERROR","title":"No","details":"connection x"},"second"]}`: "No connection x\nsecond",
		`{"success":false,"messages":{"error":true,"messages":[{"message":"deep","title":"deep"}]}}`:         "deep",
		`{"messages":"plain ` + apiKey + `"}`:                                                                "plain ",
		`{"success":false,"message":"short","detailedMessage":"long"}`:                                       "long\nshort",
		`{}`: "and not why",
		`{"success":false,"messages":[[[[[[["too deep"]]]]]]]}`: "and not why",
	} {
		in := open(t, newDataDir(t), nil)
		serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprint(w, "[]")
				return
			}
			sent, err := io.ReadAll(r.Body)
			if err != nil || string(sent) != `{"targetProjectKey":"A"}` || r.URL.EscapedPath() != "/public/api/projects/import/i%2F1/process" {
				t.Errorf("%s to %s, %v", sent, r.URL.EscapedPath(), err)
			}
			fmt.Fprint(w, body)
		})
		err := in.API(apiKey).Import(t.Context(), "i/1", "A")
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		var no *ImportError
		if !errors.As(err, &no) || !strings.Contains(no.Reasons, want) || strings.Contains(no.Reasons, apiKey) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
		if Unanswered(err) {
			t.Errorf("%s counts as no answer", body)
		}
	}
}

func TestUnanswered(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&ImportError{"no"}, false},
		{&APIError{Status: 500, Message: "no"}, false},
		{fmt.Errorf("import: %w", &APIError{Status: 504, Gateway: true}), true},
		{errors.New("connection reset by peer"), true},
	} {
		if got := Unanswered(tt.err); got != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}

// A scenario is sent back as it came, but for the one member.
func TestDeactivate(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	const definition = "{\"id\":\"s\",  \"active\" : true, \"n\": 1.50, \"params\":{\"active\":true}}"
	put := ""
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		switch what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/public/api"); what {
		case "GET /projects/A/scenarios/":
			fmt.Fprint(w, `[{"id":"s","active":true},{"id":"off","active":false},{"id":"untold"},{"active":false},{"id":"odd","active":{}}]`)
		case "GET /projects/A/scenarios/s/":
			fmt.Fprint(w, definition)
		case "PUT /projects/A/scenarios/s/":
			raw, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			put = string(raw)
		default:
			t.Errorf("asked %s", what)
		}
	})
	api := in.API(apiKey)
	active, err := api.ActiveScenarios(t.Context(), "A")
	if diff := cmp.Diff([]string{"s", "untold", "odd"}, active); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if err := api.Deactivate(t.Context(), "A", "s"); err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(definition, "true", "false", 1); put != want {
		t.Errorf("sent %s\nwant %s", put, want)
	}
}

func TestAround(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	n := routes(t, in, map[string]string{
		"GET /admin/connections/": `{"b":{"params":{"password":"planted"}},"a":{}}`,
		"GET /plugins/":           `[{"id":"p","version":"1"}]`,
		"DELETE /projects/A":      "",
	})
	api := in.API(apiKey)
	connections, err := api.Connections(t.Context())
	if diff := cmp.Diff([]string{"a", "b"}, connections); diff != "" || err != nil {
		t.Error(diff, err)
	}
	plugins, err := api.Plugins(t.Context())
	if diff := cmp.Diff([]string{"p"}, plugins); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, project := range []string{"A", "GONE"} {
		if err := api.DeleteProject(t.Context(), project); err != nil {
			t.Errorf("%s: %v", project, err)
		}
	}
	if n.Load() != 4 {
		t.Errorf("%d requests", n.Load())
	}
}
