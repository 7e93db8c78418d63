package fleet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestDataDirs(t *testing.T) {
	root := t.TempDir()
	if err := DataDirs(root, 3); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(Dir(root, 2), "config", "general-settings.json"))
	if err != nil || !json.Valid(raw) || len(raw) < 4000 {
		t.Errorf("the settings are %d bytes, valid %t, %v", len(raw), json.Valid(raw), err)
	}
	ini, err := os.ReadFile(filepath.Join(Dir(root, 2), "install.ini"))
	if err != nil || !strings.Contains(string(ini), "port = 2020\n") {
		t.Errorf("install.ini is %q, %v", ini, err)
	}
	if Port(MostPorts-1)+9 > 65535 || Port(MostPorts) != FirstPort {
		t.Errorf("the last port is %d, the next %d", Port(MostPorts-1), Port(MostPorts))
	}
}

func TestEstate(t *testing.T) {
	for _, s := range Shapes() {
		for _, n := range []int{10, 2000, 7000} {
			if has := strings.Contains(Estate("/data", n, s), "  port "); has != (n <= MostPorts) {
				t.Errorf("%d, %s: ports declared: %t", n, s, has)
			}
			if n > MostPorts && s != Each {
				continue // parsing takes seconds
			}
			for kind, text := range map[string]string{"estate": Estate("/data", n, s), "terraform": Terraform(n, s)} {
				f, diags := hclsyntax.ParseConfig([]byte(text), kind, hcl.InitialPos)
				if diags.HasErrors() {
					t.Fatalf("%s of %d, %s: %s", kind, n, s, diags)
				}
				blocks := 0
				for _, b := range f.Body.(*hclsyntax.Body).Blocks {
					if b.Type == "instance" || b.Type == "resource" {
						blocks++
					}
				}
				want := n
				if s == Each {
					want = 1
				}
				if blocks != want {
					t.Errorf("%s of %d, %s: %d blocks, want %d", kind, n, s, blocks, want)
				}
			}
			raw, err := TerraformState(n, s)
			if err != nil || !json.Valid(raw) || strings.Count(string(raw), `"id"`) != n {
				t.Errorf("the state of %d, %s: %v", n, s, err)
			}
		}
	}
}
