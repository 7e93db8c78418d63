package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script: what a person types and reads, without a
// DSS that runs. Where a script needs a data directory, it brings a stand-in.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			scripts, err := filepath.Abs("../../examples/ci/scripts")
			if err != nil {
				return err
			}
			env.Setenv("CI_SCRIPTS", scripts)
			env.Setenv("DSSCTL_TEST_UID", "") // the account that runs the tests
			if os.Getuid() == 0 {
				env.Setenv("DSSCTL_TEST_UID", "65534")
			}
			return nil
		},
	})
}
