package dsskit_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

var kits struct {
	sync.Mutex
	dir  string
	dirs map[string]string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dsskit-test-")
	if err != nil {
		panic(err)
	}
	kits.dir, kits.dirs = dir, map[string]string{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// kit returns a kit of a version, shared by all tests of this run.
func kit(t *testing.T, version string) string {
	t.Helper()
	kits.Lock()
	defer kits.Unlock()
	if kits.dirs[version] == "" {
		_, dir, err := dsskit.Build(t.Context(), kits.dir, dsskit.KitOptions{Version: version, Seed: 42})
		must(t, err)
		kits.dirs[version] = dir
	}
	return kits.dirs[version]
}

func install(t *testing.T, kitDir string, opts dsskit.InstallOptions) *dsskit.Instance {
	t.Helper()
	if opts.Port == 0 {
		port, release, err := dsskit.FreePorts(10)
		must(t, err)
		t.Cleanup(release)
		opts.Port = port
	}
	if opts.DataDir == "" {
		opts.DataDir = filepath.Join(t.TempDir(), "dss data")
	}
	i, err := dsskit.Install(t.Context(), kitDir, opts)
	must(t, err)
	t.Cleanup(func() { must(t, i.Close()) })
	return i
}

// patience is how long a test waits for what takes seconds: only what is stuck
// takes it, however slow the machine.
const patience = 5 * time.Minute

// start returns the time before the start.
func start(t *testing.T, i *dsskit.Instance) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	before := time.Now()
	must(t, i.Start(ctx))
	return before
}

func stop(t *testing.T, i *dsskit.Instance) {
	t.Helper()
	must(t, i.Stop(t.Context()))
}

func mustRun(t *testing.T, i *dsskit.Instance, command string, args ...string) dsskit.Result {
	t.Helper()
	result, err := i.Run(t.Context(), command, args...)
	must(t, err)
	return result
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}
