package dsskit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// InstallOptions say how to install a data directory.
type InstallOptions struct {
	DataDir string
	// Port is the first of ten; see FreePorts.
	Port int
	// NodeType is design where it is empty, or automation, deployer, api or govern.
	NodeType string
	// Seed chooses what is not public of DSS.
	Seed int64
	// RowsPerTable is how many rows each table of the runtime databases starts with; 20 where it is zero.
	RowsPerTable int
	// License is a file to install as license.json; without it there is a made-up one.
	License string
	// Links are names in the data directory, such as "config", and where the content of each is moved to; a link of
	// the name leads there, with the words given here. Relative ones start from the folder of the link.
	Links map[string]string
	// Faults hold for the installer alone; see SetFault for the instance.
	Faults Faults
	// Detached lets the instance outlive this process. Otherwise its processes end when this process dies.
	Detached bool
}

// Instance is an installed data directory.
type Instance struct {
	DataDir string
	// Environment is added to what the commands of the instance inherit.
	Environment []string

	unguard func()
}

// Result is how a command of DSS ended.
type Result struct {
	Output   string // standard output and standard error as they came
	ExitCode int
}

// Process is a line of the table that "bin/dss status" prints.
type Process struct {
	Name  string
	State string // as the supervisor calls it: RUNNING, STARTING, FATAL, …
	About string // "pid 3611, uptime 22:17:33"
}

// Install runs the installer of a kit for a new data directory.
func Install(ctx context.Context, kitDir string, opts InstallOptions) (*Instance, error) {
	args := []string{"-d", opts.DataDir, "-p", fmt.Sprint(opts.Port), "-y"}
	if opts.NodeType != "" {
		args = append(args, "-t", opts.NodeType)
	}
	if opts.License != "" {
		args = append(args, "-l", opts.License)
	}
	rows := opts.RowsPerTable
	if rows == 0 {
		rows = 20
	}
	env := []string{fmt.Sprintf("DSSKIT_SEED=%d", opts.Seed), fmt.Sprintf("DSSKIT_ROWS=%d", rows)}
	if len(opts.Faults) > 0 {
		env = append(env, opts.Faults.Environ())
	}
	result, err := run(ctx, env, filepath.Join(kitDir, "installer.sh"), args...)
	if err != nil {
		return nil, err
	}
	if result.ExitCode != 0 {
		return nil, fmt.Errorf("installer.sh ended with %d:\n%s", result.ExitCode, result.Output)
	}
	if err := linkOut(opts.DataDir, opts.Links); err != nil {
		return nil, err
	}
	i, err := Open(opts.DataDir)
	if err != nil || opts.Detached {
		return i, err
	}
	return i, i.Guard()
}

// Open takes an existing data directory as an instance: a clone, a restored one, or one that another process made. It
// is not guarded.
func Open(dataDir string) (*Instance, error) {
	resolved, err := filepath.EvalSymlinks(dataDir)
	if err == nil {
		resolved, err = filepath.Abs(resolved)
	}
	if err != nil {
		return nil, fmt.Errorf("open an instance: %w", err)
	}
	return &Instance{DataDir: resolved}, nil
}

// Run runs one of the commands in bin/ to its end, whatever its exit code.
func (i *Instance) Run(ctx context.Context, command string, args ...string) (Result, error) {
	return run(ctx, i.Environment, filepath.Join(i.DataDir, "bin", command), args...)
}

// Start starts DSS and waits until it is ready.
func (i *Instance) Start(ctx context.Context) error {
	result, err := i.Run(ctx, "dss", "start")
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("dss start ended with %d:\n%s%s", result.ExitCode, result.Output, i.Log())
	}
	return i.WaitReady(ctx)
}

// Stop stops DSS and fails where its supervisor is still there afterwards.
func (i *Instance) Stop(ctx context.Context) error {
	result, err := i.Run(ctx, "dss", "stop")
	if err != nil {
		return err
	}
	if len(i.pids()) > 0 {
		return fmt.Errorf("dss stop ended with %d and left DSS running:\n%s", result.ExitCode, result.Output)
	}
	return nil
}

var statusLine = regexp.MustCompile(`^(\S+)\s+(STOPPED|STARTING|RUNNING|BACKOFF|STOPPING|EXITED|FATAL|UNKNOWN)\s*(.*)$`)

// Status runs "bin/dss status" and reads its table, which is empty where DSS is stopped.
func (i *Instance) Status(ctx context.Context) ([]Process, Result, error) {
	result, err := i.Run(ctx, "dss", "status")
	var table []Process
	for _, line := range strings.Split(result.Output, "\n") {
		if m := statusLine.FindStringSubmatch(line); m != nil {
			table = append(table, Process{Name: m[1], State: m[2], About: m[3]})
		}
	}
	return table, result, err
}

// Main is the state of the process that DSS stands and falls with, or "" where DSS is stopped.
func (i *Instance) Main(ctx context.Context) (string, error) {
	table, _, err := i.Status(ctx)
	if err != nil || len(table) == 0 {
		return "", err
	}
	return table[0].State, nil
}

// Ready tells whether DSS answers as it does once its start is over.
func (i *Instance) Ready(ctx context.Context) bool {
	page := "/dip/api/get-configuration"
	if i.generated("DKU_NODE_TYPE") == "api" {
		page = "/isAlive"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL()+page, http.NoBody)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// WaitReady waits until DSS is ready, and gives up when its main process has failed for good.
func (i *Instance) WaitReady(ctx context.Context) error {
	for n := 1; !i.Ready(ctx); n++ {
		if n%10 == 0 {
			if state, err := i.Main(ctx); err == nil && (state == "FATAL" || state == "EXITED" || state == "") {
				return fmt.Errorf("DSS did not start, it is %q now:\n%s", state, i.Log())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for DSS: %w\n%s", ctx.Err(), i.Log())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// URL is the address of the instance, without a final slash.
func (i *Instance) URL() string {
	return "http://127.0.0.1:" + i.generated("DKU_BASE_PORT")
}

// Kit is the kit that the data directory is attached to.
func (i *Instance) Kit() string {
	return i.generated("DKUINSTALLDIR")
}

// generated reads a variable of bin/env-default.sh.
func (i *Instance) generated(name string) string {
	text, err := os.ReadFile(filepath.Join(i.DataDir, "bin", "env-default.sh"))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), "export "+name+`="`)
	value, _, _ := strings.Cut(after, "\"\n")
	return value
}

// APIKey is the key of an administrator; ReaderKey that of somebody who is not.
func (i *Instance) APIKey() (string, error) { return i.apiKey(0) }

// ReaderKey is a valid API key without administration rights.
func (i *Instance) ReaderKey() (string, error) { return i.apiKey(1) }

func (i *Instance) apiKey(n int) (string, error) {
	text, err := os.ReadFile(filepath.Join(i.DataDir, "config", "public-apikeys.json"))
	if err != nil {
		return "", fmt.Errorf("read the API keys: %w", err)
	}
	var all struct {
		Keys []struct {
			Key string `json:"key"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &all); err != nil || len(all.Keys) <= n {
		return "", fmt.Errorf("read the API keys: found %d: %w", len(all.Keys), err)
	}
	return all.Keys[n].Key, nil
}

// SetFault switches faults on in a living or stopped instance, and those that were on before off.
func (i *Instance) SetFault(faults Faults) error {
	return writeFaults(filepath.Join(i.DataDir, "run", "dsskit-faults"), faults)
}

// Log is the end of the main process's log.
func (i *Instance) Log() string {
	var end []byte
	for _, name := range []string{"backend", "governserver", "apimain"} {
		text, err := os.ReadFile(filepath.Join(i.DataDir, "run", name+".log"))
		if err == nil {
			end = text[max(0, len(text)-3000):]
		}
	}
	return string(end)
}

// Commands lists the administrative commands that were run, each with the version of the kit that ran it in front:
// "14.4.1 dssadmin install-R-integration".
func (i *Instance) Commands() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(i.DataDir, "run", "dsskit-commands"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n"), err
}

func run(ctx context.Context, env []string, command string, args ...string) (Result, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	result := Result{Output: out.String(), ExitCode: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return result, nil
	}
	if err != nil {
		return result, fmt.Errorf("run %s: %w\n%s", command, err, result.Output)
	}
	return result, nil
}
