package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
)

// Tools runs PostgreSQL's own pg_dump and pg_restore.
type Tools struct {
	Runner proc.Runner
	// Clock is clock.System when nil.
	Clock clock.Clock
	// Dirs are the folders where the programs are looked for; nil for those of
	// PATH and those where Debian and Red Hat keep one folder a version.
	Dirs []string
}

// tool is a program found.
type tool struct {
	path, name, version string
	major               int
}

func (t tool) String() string { return t.name + " " + t.version }

// major is what two versions are compared by: 0 for all before PostgreSQL 10,
// which every program still supported can talk to.
func major(serverVersion int) int {
	if serverVersion < 100000 {
		return 0
	}
	return serverVersion / 10000
}

// find looks for the oldest program that is new enough: a newer one may write
// what the server does not understand yet.
func (t Tools) find(ctx context.Context, name string, atLeast int) (tool, error) {
	var best tool
	var seen []string
	for _, path := range t.candidates(name) {
		found, err := t.version(ctx, name, path)
		if ctx.Err() != nil {
			return tool{}, context.Cause(ctx)
		}
		if err != nil {
			seen = append(seen, path+" (does not tell its version)")
			continue
		}
		seen = append(seen, path+" ("+found.version+")")
		if found.major >= atLeast && (best.path == "" || found.major < best.major) {
			best = found
		}
	}
	switch {
	case best.path != "":
		return best, nil
	case len(seen) == 0:
		return tool{}, &Error{Kind: NoTool, Doing: "look for", Where: name, Detail: "it is neither on the PATH nor below /usr/lib/postgresql"}
	}
	return tool{}, &Error{
		Kind: NoTool, Doing: "look for", Where: name,
		Detail: fmt.Sprintf("version %d at least is needed, found: %s", atLeast, FirstNames(seen)),
	}
}

// candidates are the programs of that name, each file once.
func (t Tools) candidates(name string) []string {
	dirs := t.Dirs
	if dirs == nil {
		dirs = filepath.SplitList(os.Getenv("PATH"))
		for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"} {
			more, _ := filepath.Glob(pattern) // the pattern is well formed
			dirs = append(dirs, more...)
		}
	}
	var out []string
	known := map[string]bool{}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || known[path] {
			continue
		}
		known[path] = true
		out = append(out, path)
	}
	return out
}

// version understands "pg_dump (PostgreSQL) 15.14 (Debian 15.14-0)".
func (t Tools) version(ctx context.Context, name, path string) (tool, error) {
	result, err := t.Runner.Run(ctx, proc.Cmd{Path: path, Args: []string{"--version"}})
	if err != nil {
		return tool{}, err
	}
	_, rest, _ := strings.Cut(string(result.Stdout), "(PostgreSQL) ")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return tool{}, errors.New("no version")
	}
	digits := fields[0][:len(fields[0])-len(strings.TrimLeft(fields[0], "0123456789"))]
	n, err := strconv.Atoi(digits)
	if n < 10 {
		n = 0
	}
	return tool{path: path, name: name, version: fields[0], major: n}, err
}

// connection is how a program is told where to connect. The password goes
// through the environment, which only this account can see.
func (l Login) connection() (argument string, env []string, err error) {
	argument, err = l.settings()
	if err != nil {
		return "", nil, err
	}
	if root := systemRoots(l.Properties); root != "" {
		argument += "sslrootcert='" + root + "' "
	}
	return "--dbname=" + argument, []string{
		"PGPASSWORD=" + l.Password, "PGAPPNAME=" + ApplicationName, "PGOPTIONS=", "PGCLIENTENCODING=UTF8", "LC_ALL=C",
	}, nil
}

// systemRoots is the machine's list of certificates where a server is to be
// verified and nobody says against what: libpq has no such default.
func systemRoots(properties map[string]string) string {
	mode, err := sslMode(properties)
	if err != nil || !strings.HasPrefix(mode, "verify-") || properties["sslrootcert"] != "" {
		return ""
	}
	own := ""
	if home, err := os.UserHomeDir(); err == nil {
		own = filepath.Join(home, ".postgresql", "root.crt")
	}
	if _, err := os.Stat(own); err == nil {
		return ""
	}
	for _, path := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// run runs a program. With a login it connects there.
func (t Tools) run(ctx context.Context, l *Login, doing string, program tool, c proc.Cmd) (proc.Result, error) {
	c.Path = program.path
	c.Env = append(c.Env, "LC_ALL=C")
	if l != nil {
		argument, env, err := l.connection()
		if err != nil {
			return proc.Result{}, err
		}
		c.Args = append([]string{"--no-password", argument}, c.Args...)
		c.Env, c.Secrets = env, []string{l.Password}
	}
	if l != nil {
		var stop func()
		ctx, stop = Watch(ctx, *l, t.clock())
		defer stop()
	}
	result, err := t.Runner.Run(ctx, c)
	if err == nil {
		return result, nil
	}
	return result, t.explain(ctx, l, doing, program, err)
}

// runOn runs a program that connects and whose output is of no interest.
func (t Tools) runOn(ctx context.Context, l Login, doing string, program tool, args []string) error {
	_, err := t.run(ctx, &l, doing, program, proc.Cmd{Args: args})
	return err
}

// noSpace is what the C library says when a file cannot grow.
var noSpace = []string{"No space left on device", "Disk quota exceeded", "File too large"}

// explain makes an Error of a program's failure. What the program heard from
// the server is in the server's language, so the server is asked again.
func (t Tools) explain(ctx context.Context, l *Login, doing string, program tool, err error) error {
	e := &Error{Kind: Failed, Doing: doing, Where: "with " + program.String()}
	if l != nil {
		e.Where, e.Role = l.Where(), l.User
	}
	if cause := context.Cause(ctx); cause != nil {
		if KindOf(cause) == Silent {
			return cause
		}
		return fmt.Errorf("%s %s: %w", doing, e.Where, cause)
	}
	var exit *proc.ExitError
	if !errors.As(err, &exit) {
		// The whole text would repeat the arguments, the name of every table.
		e.Detail = program.path + " could not be run"
		var errno syscall.Errno
		if errors.As(err, &errno) {
			e.Detail += ": " + errno.Error()
		}
		return e
	}
	e.Detail = program.String() + " says: " + said(exit.Stderr)
	switch {
	case slices.ContainsFunc(noSpace, func(s string) bool { return strings.Contains(exit.Stderr, s) }):
		e.Kind = NoSpace
		return e
	case l == nil:
		return e
	case strings.Contains(exit.Stderr, "server closed the connection"), strings.Contains(exit.Stderr, "terminating connection"):
		e.Kind = Lost
		return e
	}
	c, cause := Connect(ctx, *l)
	if cause == nil {
		c.Close()
		return e
	}
	if again := (*Error)(nil); errors.As(cause, &again) {
		e.Kind = again.Kind
	}
	return e
}

// said takes the program's own errors from its output. The lines that quote
// rows are left out.
func said(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"error: ", "detail: Error message from server: ", "FATAL: ", "HINT: "} {
			if _, after, ok := strings.Cut(line, mark); ok {
				lines = append(lines, strings.TrimSpace(after))
				break
			}
		}
	}
	switch {
	case len(lines) == 0:
		return "nothing"
	case len(lines) > 3:
		lines = lines[:3]
	}
	return strings.Join(lines, "; ")
}

func (t Tools) clock() clock.Clock {
	if t.Clock == nil {
		return clock.System{}
	}
	return t.Clock
}
