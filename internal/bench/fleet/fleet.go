// Package fleet makes many small data directories and the estates that declare
// them as they are, for benchmarks: the files are real, and nothing of DSS is
// behind them. It makes what Terraform plans beside them as well.
package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FirstPort is the base port of the first data directory; each has ten.
const FirstPort = 2000

// ports repeat behind the last block of ten that a machine has.
const blocks = (65526 - FirstPort) / 10

// Port returns the base port of data directory i.
func Port(i int) int { return FirstPort + 10*(i%blocks) }

// MostPorts is how many data directories have ports of their own.
const MostPorts = blocks

// Dir returns data directory i below root.
func Dir(root string, i int) string { return filepath.Join(root, fmt.Sprintf("n%d", i)) }

// DataDirs makes n data directories below root, of 6 small files each. Their bin/dss
// prints at once what DSS prints when it runs.
func DataDirs(root string, n int) error {
	settings := generalSettings()
	for i := range n {
		dir := Dir(root, i)
		for _, sub := range []string{"bin", "config", "databases"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				return err
			}
		}
		for _, f := range []struct {
			name, content string
			mode          os.FileMode
		}{
			{"install.ini", fmt.Sprintf(installINI, i, i, Port(i)), 0o644},
			{"dss-version.json", `{"conf_version":"14400","product_version":"14.4.1","product_commitid":""}`, 0o644},
			{"bin/dss", "#!/bin/sh\ncat <<END\n" + Status + "END\n", 0o755},
			{"bin/env-default.sh", envDefault, 0o644},
			{"config/general-settings.json", settings, 0o600},
			{"databases/jobs.mv.db", "not a database\n", 0o600},
		} {
			if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.content), f.mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// Status is what `bin/dss status` prints of an instance that runs.
const Status = `backend                          RUNNING    pid 3611, uptime 22:17:33
ipython                          RUNNING    pid 3612, uptime 22:17:33
nginx                            RUNNING    pid 3610, uptime 22:17:33
`

const installINI = `[general]
nodetype = design
installid = a1b2c3d4e5f6a7b8c9d0%04d
nodeid = n%d

[server]
; the first of ten
port = %d

[javaopts]
backend.xmx = 8g
jek.xmx = 2g
fek.xmx = 2g

[git]
mode = project
`

const envDefault = `# Generated
export DKUINSTALLDIR="/opt/dataiku/dataiku-dss-14.4.1"
export DKUJAVABIN="/usr/lib/jvm/java-17/bin/java"
export DKUPYTHONBIN="/usr/bin/python3"
`

// SettingsSize is the size of each general-settings.json, in bytes.
func SettingsSize() int { return len(generalSettings()) }

// generalSettings resembles a small config/general-settings.json: embedded
// databases, pool numbers, and dozens of keys that nobody declares.
func generalSettings() string {
	var b strings.Builder
	b.WriteString("{\n  \"maxRunningActivities\": 20,\n  \"maxRunningActivitiesPerJob\": 5,\n")
	for i := range 60 {
		fmt.Fprintf(&b, "  \"section%02d\": {\n    \"enabled\": %t,\n    \"limit\": %d,\n    \"names\": [\"a\\u0026b\", \"c\"]\n  },\n", i, i%2 == 0, 100*i)
	}
	b.WriteString(`  "internalDatabase": {
    "externalConnectionsMaxIdleTimeMS": 600000,
    "externalConnectionsValidationIntervalMS": 180000,
    "maxPooledExternalConnections": 50,
    "builtinConnectionsMaxIdleTimeMS": 1800000,
    "builtinConnectionsValidationIntervalMS": 600000,
    "maxPooledBuiltinConnectionsPerDatabase": 50
  },
  "themeId": "light"
}
`)
	return b.String()
}
