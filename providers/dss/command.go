package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
)

// How long DSS's commands may take. A copy of big databases, or an image,
// takes hours; what is meant is that nothing hangs for ever.
const (
	statusTimeout  = 2 * time.Minute
	encryptTimeout = 5 * time.Minute
	serviceTimeout = 30 * time.Minute
	adminTimeout   = 24 * time.Hour
)

// command runs a script of the data directory's bin folder.
func (in *Instance) command(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	name := c.Path
	c.Path, c.Dir = in.Path("bin", name), in.DataDir
	c.Env, c.Keep = append(in.environment(), c.Env...), in.Keep()
	if _, err := os.Stat(c.Path); err != nil {
		return proc.Result{ExitCode: -1}, fmt.Errorf("run DSS's bin/%s: %w", name, err)
	}
	return in.o.Runner.Run(ctx, c)
}

// environment is what DSS's scripts are given beside the account's own: they
// expect a UTF-8 locale, and a dssctl that cron started has none. The scripts
// set DIP_HOME themselves; given from outside, it marks what they start.
func (in *Instance) environment() []string {
	env := []string{"DIP_HOME=" + in.DataDir}
	for _, name := range []string{"LC_ALL", "LC_CTYPE"} {
		switch v := os.Getenv(name); {
		case v == "":
		case utf8Locale.MatchString(v):
			return env
		default:
			return append(env, "LC_ALL="+locale)
		}
	}
	if utf8Locale.MatchString(os.Getenv("LANG")) {
		return env
	}
	return append(env, "LANG="+locale)
}

// kept are the variables that DSS and its installer may be set up by: Java, and
// what Hadoop, Spark, Kerberos, Kubernetes and containers need.
var kept = []string{"DKU*", "JAVA_HOME", "HADOOP_*", "SPARK_*", "KRB5*", "KUBECONFIG", "DOCKER_*", "PYTHON*", "R_HOME", "R_LIBS*"}

// Keep names the variables of dssctl's environment that DSS's commands inherit,
// and with them DSS itself for as long as it runs, see proc.Cmd.
func (in *Instance) Keep() []string { return append(slices.Clone(kept), in.o.Environment...) }

// locale is the one that DSS's documentation asks for.
const locale = "en_US.utf8"

var utf8Locale = lazyregexp.New(`(?i)utf-?8`)

// Dssadmin runs bin/dssadmin. The error says what it printed, redacted.
func (in *Instance) Dssadmin(ctx context.Context, args ...string) (proc.Result, error) {
	return in.administer(ctx, proc.Cmd{Path: "dssadmin", Args: args, Timeout: adminTimeout})
}

// GovernAdmin runs bin/govern-admin, on a Govern node.
func (in *Instance) GovernAdmin(ctx context.Context, args ...string) (proc.Result, error) {
	return in.administer(ctx, proc.Cmd{Path: "govern-admin", Args: args, Timeout: adminTimeout})
}

// EncryptedPrefix begins a secret that DSS encrypted.
const EncryptedPrefix = "e:AES:"

var encrypted = lazyregexp.New(`e:AES:[A-Za-z0-9+/=_:.\-]+`)

// EncryptPassword has DSS encrypt a password, as bin/dssadmin
// encrypt-password does (bin/govern-admin, where that is all there is): the result is bound to this instance, and another one
// each time. No error holds the password.
func (in *Instance) EncryptPassword(ctx context.Context, password string) (string, error) {
	tool := "dssadmin"
	if _, err := os.Stat(in.Path("bin", tool)); errors.Is(err, fs.ErrNotExist) {
		// A Govern node's tool has another name; a wrong guess says so itself.
		if _, err := os.Stat(in.Path("bin", "govern-admin")); err == nil {
			tool = "govern-admin"
		}
	}
	doing := "encrypt a password with bin/" + tool + " encrypt-password"
	switch {
	case password == "":
		return "", errors.New(doing + ": the password is empty")
	case strings.HasPrefix(password, EncryptedPrefix):
		return "", errors.New(doing + ": it is encrypted already (" + EncryptedPrefix + "…)")
	case strings.ContainsAny(password, "\x00\n\r"):
		return "", errors.New(doing + ": it has a line break or a NUL in it, which no command line can carry")
	}
	result, err := in.command(ctx, proc.Cmd{
		Path: tool, Args: []string{"encrypt-password", password},
		Secrets: []string{password}, Timeout: encryptTimeout,
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, withoutPassword(err, password, result.ExitCode))
	}
	found := encrypted.FindAllString(string(result.Stdout), -1)
	if len(found) == 0 {
		return "", fmt.Errorf("%s: it ended well and printed no word that begins with %s", doing, EncryptedPrefix)
	}
	return found[len(found)-1], nil
}

// withoutPassword makes sure that the error's text has no password. A short
// one cannot be taken out of a text: then nothing of the text is shown.
func withoutPassword(err error, password string, exitCode int) error {
	var r secret.Redactor
	r.Add(password)
	text := r.String(err.Error())
	if strings.Contains(text, password) {
		text = fmt.Sprintf("exit code %d; what it printed is held back, for it holds the password", exitCode)
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return &heldBackError{text, ended}
		}
	}
	return &heldBackError{text, nil}
}

// heldBackError is an error whose text was cleaned: the one that it came from
// must not be reachable.
type heldBackError struct {
	text  string
	ended error
}

func (e *heldBackError) Error() string { return e.text }
func (e *heldBackError) Unwrap() error { return e.ended }
