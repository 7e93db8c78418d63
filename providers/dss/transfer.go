package dss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"time"

	"github.com/dssctl/dssctl/internal/jsonedit"
)

// transferTimeout bounds one export, upload or import of a project.
const transferTimeout = 12 * time.Hour

// ExportOptions say what an export of a project has with it besides the
// project's definition, by the names of the public API ("exportUploads").
type ExportOptions map[string]bool

// Export writes a project's archive to w as it comes. announced is told its
// length ahead of it, -1 where DSS does not say it; an error of it ends the
// export. What came short of that length is an error.
func (a *API) Export(ctx context.Context, project string, o ExportOptions, announced func(int64) error, w io.Writer) (int64, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return 0, err
	}
	var n, length int64
	var mine error // what is not DSS's fault keeps its kind
	r := request{
		method: http.MethodPost, path: "/projects/" + escape(project) + "/export", body: body, timeout: transferTimeout, download: &length,
	}
	err = a.send(ctx, r, func(in io.Reader) error {
		if mine = announced(length); mine != nil {
			return mine
		}
		n, mine, err = copyTo(w, in)
		return errors.Join(mine, err)
	})
	if mine != nil {
		return n, mine
	}
	return n, err
}

// copyTo tells an error of the writer from one of the reader.
func copyTo(w io.Writer, r io.Reader) (n int64, writing, reading error) {
	guarded := &writer{w: w}
	n, err := io.Copy(guarded, r)
	if guarded.err != nil {
		return n, guarded.err, nil
	}
	return n, nil, err
}

type writer struct {
	w   io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.err = err
	return n, err
}

// Upload sends a project's archive, which DSS keeps until it is imported, and
// returns DSS's name for it. sent is told how far it is.
func (a *API) Upload(ctx context.Context, archive io.ReaderAt, size int64, sent func(int64)) (string, error) {
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	if _, err := m.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="project.zip"`},
		"Content-Type":        {"application/zip"},
	}); err != nil {
		return "", err
	}
	head := form.Len()
	if err := m.Close(); err != nil {
		return "", err
	}
	around := form.Bytes()
	u := &upload{kind: m.FormDataContentType(), size: int64(len(around)) + size, open: func() io.Reader {
		file := &counted{r: io.NewSectionReader(archive, 0, size), tell: sent}
		return io.MultiReader(bytes.NewReader(around[:head]), file, bytes.NewReader(around[head:]))
	}}
	var said struct {
		ID word `json:"id"`
	}
	r := request{method: http.MethodPost, path: "/projects/import/upload", timeout: transferTimeout, upload: u}
	if err := a.object(ctx, r, &said); err != nil {
		return "", err
	}
	if said.ID == "" {
		return "", errors.New("DSS took the archive and did not say under which id")
	}
	return string(said.ID), nil
}

type counted struct {
	r    io.Reader
	n    int64
	tell func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

// ImportError is DSS's answer that it did not import a project.
type ImportError struct{ Reasons string }

func (e *ImportError) Error() string { return e.Reasons }

// Import has DSS make a project of an archive that was uploaded, and waits for
// it. An answer that says failure is an *ImportError; one that says neither is
// believed where DSS then lists the project, and an *ImportError where it does not.
func (a *API) Import(ctx context.Context, upload, project string) error {
	body, err := json.Marshal(map[string]string{"targetProjectKey": project})
	if err != nil {
		return err
	}
	var said outcome
	r := request{method: http.MethodPost, path: "/projects/import/" + escape(upload) + "/process", body: body, timeout: transferTimeout}
	switch err := a.object(ctx, r, &said); {
	case err != nil:
		return err
	case said.Success.isTrue():
		return nil
	case said.Success.isFalse() || said.failed():
		return &ImportError{Reasons: said.reasons(a)}
	}
	switch all, err := a.Projects(ctx); {
	case err != nil:
		return fmt.Errorf("DSS does not say whether it imported the project, and its list of projects does not help: %w", err)
	case !slices.Contains(all, project):
		return &ImportError{Reasons: said.reasons(a)}
	}
	return nil
}

// Unanswered reports whether err leaves open what became of a request: DSS gave
// no answer of its own to it, or none that can be understood.
func Unanswered(err error) bool {
	var said *APIError
	var no *ImportError
	return err != nil && !errors.As(err, &no) && (!errors.As(err, &said) || said.Gateway)
}

// DeleteProject deletes a project and none of its datasets' data, which may be
// where another instance has its own. One that is not there is no error.
func (a *API) DeleteProject(ctx context.Context, project string) error {
	err := a.send(ctx, request{method: http.MethodDelete, path: "/projects/" + escape(project), timeout: buildTimeout}, nil)
	if notFound(err) {
		return nil
	}
	return err
}

// ActiveScenarios lists the scenarios of a project that run by themselves. One
// of which DSS does not say it counts as active.
func (a *API) ActiveScenarios(ctx context.Context, project string) ([]string, error) {
	path := "/projects/" + escape(project) + "/scenarios/"
	var out []string
	nameless := false
	err := list(ctx, a, path, func(s struct {
		ID     word  `json:"id"`
		Active truth `json:"active"`
	},
	) {
		if !s.Active.isFalse() {
			nameless = nameless || s.ID == ""
			out = append(out, string(s.ID))
		}
	})
	if err == nil && nameless {
		err = a.lacking(path, "id")
	}
	return out, err
}

// Deactivate has a scenario run no more by itself. Nothing else of it changes.
func (a *API) Deactivate(ctx context.Context, project, scenario string) error {
	path := "/projects/" + escape(project) + "/scenarios/" + escape(scenario) + "/"
	var raw json.RawMessage
	if err := a.get(ctx, path, &raw); err != nil {
		return err
	}
	d, err := jsonedit.Parse(raw)
	if err == nil {
		err = d.Set("/active", []byte("false"))
	}
	if err != nil {
		return fmt.Errorf("the definition of the scenario %s that DSS gave: %w", scenario, err)
	}
	return a.send(ctx, request{method: http.MethodPut, path: path, body: d.Bytes(), timeout: apiTimeout}, nil)
}

// Connections lists the names of the connections.
func (a *API) Connections(ctx context.Context) ([]string, error) {
	// Of their content, which has passwords, nothing is kept.
	var all map[string]struct{}
	err := a.get(ctx, "/admin/connections/", &all)
	return slices.Sorted(maps.Keys(all)), err
}

// Plugins lists the ids of the plugins.
func (a *API) Plugins(ctx context.Context) ([]string, error) {
	const path = "/plugins/"
	var out []string
	nameless := false
	err := pages(ctx, a, path, func(p struct {
		ID word `json:"id"`
	},
	) {
		nameless = nameless || p.ID == ""
		out = append(out, string(p.ID))
	})
	if err == nil && nameless {
		err = a.lacking(path, "id")
	}
	return out, err
}
