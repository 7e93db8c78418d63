package runtimedb

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// What DSS adds to the connection when it saves its settings keeps no run from
// being undone; what somebody else has changed does.
func TestStands(t *testing.T) {
	const (
		embeddedBefore = `{"maxPooledExternalConnections": 50}`
		externalBefore = `{"connection": {"params": {"port": 1, "host": "old", "user": "dss", "password": "e:AES:first", "db": "dss"}, "type": "PostgreSQL"}, "schema": "s", "maxPooledExternalConnections": 50}`
	)
	moved := connectionArgs{
		Connection:  connectionOf(one(t, "runtime_database \"postgresql\" {\n host = \"pg\"\n database = \"dss\"\n schema = \"s\"\n table_prefix = \"p_\"\n user = \"dss\"\n password = var.pw\n}").Instances[0].Child("runtime_database")),
		SetPassword: true,
	}
	kept := moved
	kept.SetPassword, kept.Connection.Password = false, nil

	for name, c := range map[string]struct {
		before string
		step   interface {
			providers.Performer
			providers.Stander
		}
		args  connectionArgs
		by    func(internal map[string]any) // what came after the run
		wants bool
	}{
		"nothing": {embeddedBefore, configureStep{}, moved, func(map[string]any) {}, true},
		"defaults spelled out, the port a string, the password encrypted anew": {embeddedBefore, configureStep{}, moved, func(in map[string]any) {
			c := in["connection"].(map[string]any)
			c["allowWrite"] = true
			p := c["params"].(map[string]any)
			p["useURL"], p["properties"], p["namingRule"] = false, []any{}, map[string]any{"canOverride": true}
			p["port"], p["password"] = "5432", "e:AES:another"
		}, true},
		"another host": {embeddedBefore, configureStep{}, moved, func(in map[string]any) {
			in["connection"].(map[string]any)["params"].(map[string]any)["host"] = "elsewhere"
		}, false},
		"a URL": {embeddedBefore, configureStep{}, moved, func(in map[string]any) {
			p := in["connection"].(map[string]any)["params"].(map[string]any)
			p["useURL"], p["url"] = true, "jdbc:postgresql://elsewhere/dss"
		}, false},
		"a pool that was not declared": {embeddedBefore, configureStep{}, moved, func(in map[string]any) {
			in["maxPooledExternalConnections"] = 51
		}, false},
		"the connection taken out": {embeddedBefore, configureStep{}, moved, func(in map[string]any) { delete(in, "connection") }, false},
		"the kept password": {externalBefore, configureStep{}, kept, func(in map[string]any) {
			in["connection"].(map[string]any)["new"] = 1
		}, true},
		"another password than the kept one": {externalBefore, configureStep{}, kept, func(in map[string]any) {
			in["connection"].(map[string]any)["params"].(map[string]any)["password"] = "e:AES:theirs"
		}, false},
		"another password than the run's": {externalBefore, configureStep{}, moved, func(in map[string]any) {
			in["connection"].(map[string]any)["params"].(map[string]any)["password"] = "e:AES:theirs"
		}, false},
		"the run's password": {externalBefore, configureStep{}, moved, func(in map[string]any) { in["new"] = 1 }, true},
		"embedded, with an addition": {externalBefore, embedStep{}, kept, func(in map[string]any) {
			in["connection"], in["new"] = nil, 1
		}, true},
		"embedded, and external again": {externalBefore, embedStep{}, kept, func(in map[string]any) {
			in["connection"] = map[string]any{"type": "PostgreSQL", "params": map[string]any{"host": "x", "port": 1, "db": "d", "user": "u"}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			write := func(name, text string) {
				t.Helper()
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("install.ini", "[general]\nnodetype = design\n\n[server]\nport = 11200\n")
			write("dss-version.json", `{"product_version": "14.4.1"}`)
			write("bin/dss", "")
			write(dss.SettingsFile, `{"internalDatabase": `+c.before+`}`)
			uid := os.Getuid()
			if uid == 0 {
				uid = 65534
				if err := os.Chown(dir, uid, uid); err != nil {
					t.Fatal(err)
				}
			}
			in, err := dss.Open(dir, dss.Options{UnitDirs: []string{}, UID: func() int { return uid }})
			if err != nil {
				t.Fatal(err)
			}
			if err := in.SaveOriginal("run", dss.SettingsFile); err != nil {
				t.Fatal(err)
			}
			secrets := one(t, "runtime_database \"postgresql\" {\n host = \"pg\"\n database = \"dss\"\n user = \"dss\"\n password = var.pw\n}").Secrets
			s, err := c.args.Connection.resolve(secrets)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := in.Settings()
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := c.step.(embedStep); ok {
				err = embed(doc, s)
			} else {
				err = writeConnection(doc, s, c.args, map[bool]string{true: "e:AES:run"}[c.args.SetPassword])
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := doc.Get(member)
			var internal map[string]any
			if err := json.Unmarshal(raw, &internal); err != nil {
				t.Fatal(err)
			}
			c.by(internal)
			write(dss.SettingsFile, `{"internalDatabase": `+string(jsonOf(internal))+`}`)

			call := &providers.Call{
				Run: "run", Action: plan.Action{Args: jsonOf(c.args)}, Instance: in, Secrets: secrets, Key: testKey,
				Recorded: func(context.Context, string) (json.RawMessage, error) {
					return jsonOf(record{Type: postgresql, Password: passwordOf(testKey, s.Password, "e:AES:run")}), nil
				},
			}
			if got, err := c.step.Stands(t.Context(), call); err != nil || got != c.wants {
				t.Errorf("stands: %v, %v", got, err)
			}
		})
	}
}
