package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/text/unicode/norm"

	"github.com/dssctl/dssctl/internal/proc"
)

// maxRead bounds a file that an expression reads, commandTimeout a command.
const (
	maxRead        = 4 << 20
	commandTimeout = 60 * time.Second
)

// outside is what expressions see of the machine.
type outside struct {
	opts     LoadOptions
	base     string // where relative paths begin
	env      map[string]string
	commands map[string]commandResult // by their arguments as JSON
}

type commandResult struct {
	out string
	err error
}

func newOutside(opts LoadOptions, base string) *outside {
	return &outside{opts: opts, base: base, commands: map[string]commandResult{}}
}

func (o *outside) functions() map[string]function.Function {
	return map[string]function.Function{
		"abspath":        o.shownFunc("path", o.abspath),
		"env":            o.shownFunc("name", o.getenv),
		"file":           o.shownFunc("path", o.file),
		"pathexpand":     o.shownFunc("path", o.pathexpand),
		"secret_command": o.secretCommand(),
		"secret_file":    o.secretFile(),
	}
}

// shownFunc makes a function whose errors may name the argument, unless that
// is sensitive. f is given the argument as it may be shown.
func (o *outside) shownFunc(param string, f func(arg, shown string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: param, Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			arg, shown, marks := argument(args[0])
			out, err := f(arg, shown)
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(out).WithMarks(marks), nil
		},
	})
}

func argument(v cty.Value) (arg, shown string, marks cty.ValueMarks) {
	v, marks = v.Unmark()
	arg = v.AsString()
	shown = fmt.Sprintf("%q", arg)
	if len(marks) > 0 {
		shown = "(sensitive)"
	}
	return arg, shown, marks
}

func (o *outside) getenv(name, shown string) (string, error) {
	if o.env == nil {
		o.env = make(map[string]string, len(o.opts.Environ))
		for _, e := range o.opts.Environ {
			if k, v, ok := strings.Cut(e, "="); ok {
				o.env[k] = v
			}
		}
	}
	v, ok := o.env[name]
	if !ok {
		return "", publicError(fmt.Sprintf("the environment has no variable %s: set it, or write try(env(…), DEFAULT)", shown))
	}
	return v, nil
}

// resolve makes a path relative to the folder of the files one for the machine.
func (o *outside) resolve(p string) string {
	p = o.expand(p)
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(o.base, p)
}

func (o *outside) expand(p string) string {
	if p != "~" && !strings.HasPrefix(p, "~/") {
		return p
	}
	home, err := o.getenv("HOME", "HOME")
	if err != nil {
		return p
	}
	return filepath.Join(home, p[1:])
}

func (o *outside) pathexpand(p, _ string) (string, error) { return o.expand(p), nil }

func (o *outside) abspath(p, shown string) (string, error) {
	abs, err := filepath.Abs(o.resolve(p))
	if err != nil {
		return "", publicError(fmt.Sprintf("making %s absolute failed", shown))
	}
	return abs, nil
}

func (o *outside) file(p, shown string) (string, error) {
	b, _, err := o.read(p, shown)
	return string(b), err
}

// read returns a text file and its mode.
func (o *outside) read(p, shown string) ([]byte, fs.FileMode, error) {
	fail := func(why string) ([]byte, fs.FileMode, error) {
		return nil, 0, publicError(fmt.Sprintf("reading the file %s: %s", shown, why))
	}
	name := o.resolve(p)
	info, err := o.stat(name)
	if err != nil {
		return fail(reason(err))
	}
	switch {
	case info.IsDir():
		return fail("it is a folder")
	case info.Size() > maxRead:
		return fail(fmt.Sprintf("it has %d bytes, at most %d are read", info.Size(), maxRead))
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0:
		return fail("it is no file")
	}
	b, err := o.content(name)
	if err != nil {
		return fail(reason(err))
	}
	if !utf8.Valid(b) {
		return fail("it is no UTF-8 text")
	}
	return b, info.Mode(), nil
}

func (o *outside) stat(name string) (fs.FileInfo, error) {
	if rel, ok := o.inFS(name); ok {
		return fs.Stat(o.opts.FS, rel)
	}
	return os.Stat(name)
}

func (o *outside) content(name string) ([]byte, error) {
	if rel, ok := o.inFS(name); ok {
		return fs.ReadFile(o.opts.FS, rel)
	}
	return os.ReadFile(name)
}

func (o *outside) inFS(name string) (string, bool) {
	if o.opts.FS == nil {
		return "", false
	}
	rel, err := filepath.Rel(o.opts.Dir, name)
	return filepath.ToSlash(rel), err == nil && fs.ValidPath(filepath.ToSlash(rel))
}

func (o *outside) secretFile() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, shown, _ := argument(args[0])
			b, mode, err := o.read(p, shown)
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			if mode.Perm()&0o007 != 0 {
				return cty.UnknownVal(cty.String), publicError(fmt.Sprintf(
					"the file %s has mode %04o, so every user of the machine may get at the secret: take that away with chmod o-rwx", shown, mode.Perm()))
			}
			text, err := secretText(b)
			if err != nil {
				return cty.UnknownVal(cty.String), publicError(fmt.Sprintf("the file %s %v", shown, err))
			}
			return cty.StringVal(text).Mark(sensitive), nil
		},
	})
}

// secretText takes the final newline, and a byte order mark at the beginning, from
// the text of a secret. It refuses what cannot be one: the error quotes nothing.
func secretText(b []byte) (string, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return "", errors.New("is in UTF-16: save it as UTF-8")
	case bytes.IndexByte(b, 0) >= 0:
		return "", errors.New("holds a NUL byte, which no secret of DSS can")
	case !utf8.Valid(b):
		return "", errors.New("is not UTF-8 text")
	case !norm.NFC.IsNormal(b):
		// The language composes every string: the password would be another one.
		return "", errors.New("has decomposed characters (an accent after its letter), which the language would compose: write it in composed form (NFC)")
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

func (o *outside) secretCommand() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "argv", Type: cty.List(cty.String), AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			bare, marks := args[0].UnmarkDeep()
			if !bare.IsWhollyKnown() {
				return cty.UnknownVal(cty.String).Mark(sensitive), nil
			}
			var argv []string
			for it := bare.ElementIterator(); it.Next(); {
				_, v := it.Element()
				if v.IsNull() {
					return cty.UnknownVal(cty.String), publicError("an argument is null")
				}
				argv = append(argv, v.AsString())
			}
			out, err := o.run(argv, len(marks) > 0)
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(out).Mark(sensitive), nil
		},
	})
}

// run runs a command once, however often it is asked for. Its output is the
// secret: no error carries it.
func (o *outside) run(argv []string, hidden bool) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", publicError(`it needs the program and its arguments, such as ["pass", "show", "dss/pg"]`)
	}
	id, err := json.Marshal(argv)
	if err != nil {
		return "", publicError("the arguments are no text")
	}
	r, done := o.commands[string(id)]
	if !done {
		r.out, r.err = o.runNow(argv, hidden)
		o.commands[string(id)] = r
	}
	return r.out, r.err
}

func (o *outside) runNow(argv []string, hidden bool) (string, error) {
	shown := fmt.Sprintf("the command %q", argv[0])
	if hidden {
		shown = "the command"
	}
	if o.opts.Runner == nil {
		return "", publicError(fmt.Sprintf("%s cannot be run here: this command of dssctl runs no programs", shown))
	}
	res, err := o.opts.Runner.Run(o.opts.Context, proc.Cmd{
		Path: argv[0], Args: argv[1:], Dir: o.base, Keep: []string{proc.Everything}, Timeout: commandTimeout, Secrets: argv[1:],
	})
	switch {
	case o.opts.Context.Err() != nil:
		return "", publicError(fmt.Sprintf("%s was interrupted", shown))
	case err != nil && errors.Is(err, fs.ErrNotExist):
		return "", publicError(fmt.Sprintf("%s was not found", shown))
	case err != nil && res.Signal != "":
		return "", publicError(fmt.Sprintf("%s was ended by %s; it has %s", shown, res.Signal, commandTimeout))
	case err != nil && res.ExitCode > 0:
		return "", publicError(fmt.Sprintf("%s ended with exit code %d; what it printed is not shown", shown, res.ExitCode))
	case err != nil:
		return "", publicError(fmt.Sprintf("%s could not be run", shown))
	}
	text, err := secretText(res.Stdout)
	if err != nil {
		return "", publicError(fmt.Sprintf("what %s printed %v", shown, err))
	}
	return text, nil
}
