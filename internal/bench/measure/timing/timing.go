// Package timing runs commands several times, in turn (A B A B …), and takes
// their wall time, processor time and peak memory from the kernel.
package timing

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Job is a command to be timed.
type Job struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	Dir  string   `json:"dir,omitempty"`
	// Env is the whole environment, "NAME=value".
	Env []string `json:"env,omitempty"`
	// Exit is the exit code that it must end with.
	Exit int `json:"exit,omitempty"`
	// Prints must be in what it prints; looked for in the warm-up only.
	Prints string `json:"prints,omitempty"`
	// Before is a command that makes ready for each run, and is not timed.
	Before []string `json:"before,omitempty"`
}

// Request is what to time.
type Request struct {
	Rounds int   `json:"rounds"`
	Jobs   []Job `json:"jobs"`
	// Cold leaves the run to warm up out, where one takes minutes.
	Cold bool `json:"cold,omitempty"`
}

// Sample is one run. Of a command that starts others, the processor time is of
// all of them, and the memory is that of the largest.
type Sample struct {
	Wall time.Duration `json:"wall_ns"`
	CPU  time.Duration `json:"cpu_ns"` // user and system
	RSS  int64         `json:"rss_bytes"`
}

// Report holds the samples of each job, in order.
type Report map[string][]Sample

// Run runs each job once to warm up, and then all of them in turn.
func Run(req Request) (Report, error) {
	out := Report{}
	for _, j := range req.Jobs {
		if req.Cold {
			break
		}
		if err := warmUp(j); err != nil {
			return nil, err
		}
	}
	for range req.Rounds {
		for _, j := range req.Jobs {
			s, err := once(j)
			if err != nil {
				return nil, err
			}
			out[j.Name] = append(out[j.Name], s)
		}
	}
	return out, nil
}

func (j *Job) command() *exec.Cmd {
	cmd := exec.Command(j.Argv[0], j.Argv[1:]...)
	cmd.Dir, cmd.Env = j.Dir, j.Env
	return cmd
}

// prepare runs what comes before a run.
func (j *Job) prepare() error {
	if len(j.Before) == 0 {
		return nil
	}
	cmd := exec.Command(j.Before[0], j.Before[1:]...)
	cmd.Dir, cmd.Env = j.Dir, j.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: make ready (%s): %w\n%s", j.Name, strings.Join(j.Before, " "), err, tail(string(out)))
	}
	return nil
}

func warmUp(j Job) error {
	if err := j.prepare(); err != nil {
		return err
	}
	cmd := j.command()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := j.check(cmd.Run(), out.String()); err != nil {
		return err
	}
	if !strings.Contains(out.String(), j.Prints) {
		return fmt.Errorf("%s does not print %q but:\n%s", j.Name, j.Prints, tail(out.String()))
	}
	return nil
}

func once(j Job) (Sample, error) {
	if err := j.prepare(); err != nil {
		return Sample{}, err
	}
	cmd := j.command()
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began)
	if err := j.check(err, ""); err != nil {
		return Sample{}, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return Sample{}, errors.New("this system tells no resource usage")
	}
	return Sample{
		Wall: wall, CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		RSS: usage.Maxrss * 1024, // Linux counts in KiB
	}, nil
}

func (j *Job) check(err error, printed string) error {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", j.Name, err)
	}
	if code := codeOf(exit); code != j.Exit {
		return fmt.Errorf("%s (%s) ended with %d, not %d\n%s", j.Name, strings.Join(j.Argv, " "), code, j.Exit, tail(printed))
	}
	return nil
}

func codeOf(e *exec.ExitError) int {
	if e == nil {
		return 0
	}
	return e.ExitCode()
}

func tail(s string) string { return s[max(0, len(s)-4000):] }
