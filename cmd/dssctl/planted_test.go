package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Secrets planted in every place that can hold one: variables, files, commands,
// the environment, each secret attribute, leaves of settings, driver
// properties, and what stands in clear in the live instance. None is found in
// anything that a run leaves or prints, nor on a command line, but for DSS's
// own encrypt-password.
func TestPlantedSecrets(t *testing.T) {
	t.Parallel()
	l := newLab(t, 51)
	in := l.install("design", dsskit.InstallOptions{})
	key, err := in.APIKey()
	l.ok(err)

	planted := map[string]string{
		"setting": "planted-setting-6b1f", "deep": "planted-deep-77aa", "ini": "planted-ini-09cd",
		"property": "planted-property-51ef", "file": "planted-file-a2b3", "command": "planted-command-c4d5",
		"old": "planted-live-e6f7", "old url": "planted-url-81c2", "old pair": "planted-pair-3d90", "old option": "planted-option-5b7e",
		"environment": "planted-environment-f00d",
	}
	write(t, l.dir, "deep.secret", planted["file"]+"\n")
	l.ok(os.Chmod(filepath.Join(l.dir, "deep.secret"), 0o600))
	write(t, l.dir, "say.sh", "#!/bin/sh\nprintf '%s\\n' '"+planted["command"]+"'\n")
	l.ok(os.Chmod(filepath.Join(l.dir, "say.sh"), 0o700))
	// What the plan will replace stands in clear in the live file.
	l.stop("design")
	settings := filepath.Join(in.DataDir, "config", "general-settings.json")
	raw, err := os.ReadFile(settings)
	l.ok(err)
	// And what a harmless key hides: a URL, a pair, an option of Java.
	l.ok(os.WriteFile(settings, []byte(strings.Replace(string(raw), "{", `{"mailPassword": "`+planted["old"]+`",
		"extraUrl": "jdbc:sqlserver://h;user=u;password=`+planted["old url"]+`", "extra": [{"key": "mail.smtp.password", "value": "`+planted["old pair"]+`"}],`, 1)), 0o600))
	ini := filepath.Join(in.DataDir, "install.ini")
	raw, err = os.ReadFile(ini)
	l.ok(err)
	l.ok(os.WriteFile(ini, append(raw, []byte("\n[planted]\nopts = -Djavax.net.ssl.keyStorePassword="+planted["old option"]+"\n")...), 0o600))
	l.start("design")

	write(t, l.dir, "main.dss.hcl", `
variable "pg_password" {
  type      = string
  sensitive = true
}
variable "setting" {
  type      = string
  sensitive = true
}
variable "property" {
  type      = string
  sensitive = true
}
instance "design" {
  data_dir = "`+in.DataDir+`"
  api_key  = env("TEST_API_KEY")

  runtime_database "postgresql" {
    host       = "127.0.0.1"
    port       = `+strconv.Itoa(l.pg.Port)+`
    database   = "dss"
    schema     = "dss_runtime"
    user       = "dss"
    password   = var.pg_password
    properties = { ApplicationName = var.property }
  }
  general_settings = {
    mailPassword = var.setting
    extraUrl     = "jdbc:sqlserver://h"
    extra        = []
    deepSettings = {
      list = [1, { token = secret_file("deep.secret") }]
      note = "plain"
    }
    proxy = { password = secret_command(["./say.sh"]) }
  }
  install_ini = {
    planted  = { opts = "-Dnothing" }
    javaopts = { "backend.additional.opts" = "-Dx=${sensitive("`+planted["ini"]+`")}" }
  }
}
`)
	l.env = append(l.env, "TEST_API_KEY="+key, "DSSCTL_VAR_setting="+planted["setting"], "DSSCTL_VAR_property="+planted["property"], "CI_JOB_TOKEN="+planted["environment"])

	needles := []string{key}
	for _, p := range planted {
		needles = append(needles, p)
	}
	stop := watchArguments(t, append(append([]string(nil), needles...), l.password))
	out := ""
	add := func(o outcome) outcome { out += o.String(); return o }
	add(l.run("validate").must(t, 0))
	add(l.run("plan", "-out", "p.plan").must(t, 0))
	add(l.run("plan", "-json").must(t, 0))
	add(l.run("show", "p.plan").must(t, 0))
	l.ok(in.SetFault(dsskit.Faults{dsskit.CopyFail: ""}))
	add(l.run("apply", "p.plan").must(t, 6))
	l.ok(in.SetFault(nil))
	add(l.run("apply", "-auto-approve", "-json").must(t, 0))
	add(l.run("plan", "-detailed-exitcode").must(t, 0))
	add(l.run("show").must(t, 0))
	add(l.run("show", "-json").must(t, 0))
	add(l.run("state", "show", "instance.design").must(t, 0))
	add(l.run("status", "-json").must(t, 0))
	// A change of a secret is seen, and not shown.
	l.env = append(l.env, "DSSCTL_VAR_setting=planted-changed-1234")
	needles = append(needles, "planted-changed-1234")
	o := add(l.run("plan", "-detailed-exitcode").must(t, 2))
	if !strings.Contains(o.stdout, "mailPassword") || !strings.Contains(o.stdout, "(secret)") {
		t.Errorf("the changed secret is not in the plan: %s", o)
	}
	// Errors on the way are no leak either.
	add(dssctl(t, l.dir, append(l.env, "DSSCTL_VAR_pg_password=planted-wrong-5678"), "plan"))
	needles = append(needles, "planted-wrong-5678")
	stop()
	environs := environsOf(in.DataDir)
	if len(environs) == 0 {
		t.Error("no process of DSS is there to look into")
	}
	for pid, environ := range environs {
		for _, n := range append(append([]string(nil), needles...), l.password) {
			// The options of Java that install.ini declares are given by DSS itself.
			if n != planted["ini"] && strings.Contains(environ, n) {
				t.Errorf("%q stands in the environment of process %s of DSS", n, pid)
			}
		}
	}

	for _, n := range needles {
		if strings.Contains(out, n) {
			t.Errorf("%q stands in the output", n)
		}
	}
	for _, dir := range []string{filepath.Join(l.dir, ".dssctl"), filepath.Join(l.dir, "p.plan")} {
		walk(t, dir, func(rel string, _ os.FileInfo, content []byte) {
			for _, n := range needles {
				if strings.Contains(string(content), n) {
					t.Errorf("%q stands in %s", n, filepath.Join(dir, rel))
				}
			}
		})
	}
	noSecrets(t, l, out)
}

// environsOf are the environments of the processes of a data directory, by number.
func environsOf(dataDir string) map[string]string {
	out := map[string]string{}
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		raw, _ := os.ReadFile(path)
		if strings.Contains("\x00"+string(raw)+"\x00", "\x00DIP_HOME="+dataDir+"\x00") {
			out[filepath.Base(filepath.Dir(path))] = string(raw)
		}
	}
	return out
}

// watchArguments looks at the command lines of all processes until it is
// stopped: only encrypt-password may show a secret.
func watchArguments(t *testing.T, needles []string) (stop func()) {
	t.Helper()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range lines {
				raw, _ := os.ReadFile(path)
				line := string(raw)
				// DSS's own command, its script and its Java program.
				if strings.Contains(line, "encrypt-password") {
					continue
				}
				for _, n := range needles {
					if strings.Contains(line, n) {
						t.Errorf("%q stands on a command line: %s", n, strings.ReplaceAll(line, "\x00", " "))
					}
				}
			}
			select {
			case <-end:
				return
			case <-time.After(15 * time.Millisecond):
			}
		}
	}()
	return func() { close(end); <-ended }
}
