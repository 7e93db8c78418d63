package dsskit_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// upload sends an archive as a form, and returns DSS's name for it.
func (c client) upload(archive string) (int, string) {
	c.t.Helper()
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", "x.zip")
	must(c.t, err)
	_, err = part.Write([]byte(archive))
	must(c.t, err)
	must(c.t, m.Close())
	request, err := http.NewRequestWithContext(c.t.Context(), "POST", c.i.URL()+"/public/api/projects/import/upload", &form)
	must(c.t, err)
	request.Header.Set("Content-Type", m.FormDataContentType())
	request.SetBasicAuth(c.key, "")
	response, err := http.DefaultClient.Do(request)
	must(c.t, err)
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	must(c.t, err)
	_, id, _ := strings.Cut(text.String(), `"id": "`)
	id, _, _ = strings.Cut(id, `"`)
	return response.StatusCode, id
}

// A project goes out as a zip with what was asked for, whatever its layout, and
// comes in under another key; what the faults say goes wrong.
func TestTransfer(t *testing.T) {
	t.Parallel()
	for _, seed := range []int64{42, 43, 44} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: seed})
			for _, folder := range []string{"uploads", "managed_datasets"} {
				dir := filepath.Join(i.DataDir, folder, "CHURN")
				must(t, os.MkdirAll(dir, 0o755))
				must(t, os.WriteFile(filepath.Join(dir, "x.csv"), []byte(folder), 0o600))
			}
			start(t, i)
			key, err := i.APIKey()
			must(t, err)
			c := client{t, i, key}
			export := func() (string, error) {
				request, err := http.NewRequestWithContext(t.Context(), "POST", i.URL()+"/public/api/projects/CHURN/export", strings.NewReader(`{"exportUploads": true, "exportManagedFS": false}`))
				must(t, err)
				request.SetBasicAuth(key, "")
				response, err := http.DefaultClient.Do(request)
				must(t, err)
				defer response.Body.Close()
				var b bytes.Buffer
				_, err = b.ReadFrom(response.Body)
				return b.String(), err
			}
			archive, err := export()
			must(t, err)
			z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
			must(t, err)
			var names []string
			for _, f := range z.File {
				names = append(names, f.Name)
			}
			if all := strings.Join(names, " "); !strings.Contains(all, "uploads/x.csv") || strings.Contains(all, "managed_datasets") || !strings.Contains(all, "config/scenarios/NIGHTLY.json") {
				t.Errorf("exported: %s", all)
			}
			must(t, i.SetFault(dsskit.Faults{dsskit.ExportCut: ""}))
			if got, err := export(); err == nil {
				t.Errorf("%d of %d bytes came, and no error", len(got), len(archive))
			}
			must(t, i.SetFault(dsskit.Faults{dsskit.ExportCut: "quiet"}))
			if got, err := export(); err != nil || len(got) >= len(archive) {
				t.Errorf("%d of %d bytes came quietly: %v", len(got), len(archive), err)
			}
			must(t, i.SetFault(nil))

			process := func(to string) string {
				_, id := c.upload(archive)
				status, _, text := c.call("POST", "/public/api/projects/import/"+id+"/process", `{"targetProjectKey": "`+to+`"}`)
				return fmt.Sprint(status, " ", text)
			}
			if got := process("CHURN"); strings.Contains(got, `"success": true`) || !strings.Contains(got, "not usable") {
				t.Errorf("over one that is there: %s", got)
			}
			must(t, i.SetFault(dsskit.Faults{dsskit.ImportRefuse: "TWO"}))
			if got := process("TWO"); strings.Contains(got, `"success": true`) || !strings.Contains(got, "not there") {
				t.Errorf("refused: %s", got)
			}
			must(t, i.SetFault(dsskit.Faults{dsskit.UploadRefuse: "html"}))
			if status, _ := c.upload(archive); status != http.StatusBadGateway {
				t.Errorf("a refused upload: %d", status)
			}
			must(t, i.SetFault(nil))
			if got := process("TWO"); !strings.Contains(got, `"success": true`) {
				t.Errorf("imported: %s", got)
			}
			if n := len(c.list("/public/api/projects/TWO/scenarios/")); n != 3 {
				t.Errorf("%d scenarios came", n)
			}
			if raw, err := os.ReadFile(filepath.Join(i.DataDir, "uploads/TWO/x.csv")); err != nil || string(raw) != "uploads" {
				t.Errorf("uploads: %q, %v", raw, err)
			}
			c.call("DELETE", "/public/api/projects/TWO", "")
			if n := len(c.list("/public/api/projects/")); n != len(dsskit.Projects) {
				t.Errorf("%d projects after the deletion", n)
			}
			stop(t, i)
		})
	}
}
