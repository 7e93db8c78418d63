package proc

import "strings"

// account are the variables that every program is given: who runs it, where it
// finds programs and libraries, the language, and how it reaches the user's own
// services and the network. A name that ends in * stands for all that begin so.
var account = []string{
	"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TMP", "TEMP", "TERM",
	"LD_LIBRARY_PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
}

// Everything is a Cmd's Keep that has the command inherit the whole environment but
// for what is dssctl's own.
const Everything = "*"

// inherited are the variables of env that a command is given: those of the
// account, and those that keep names. dssctl's own never are: they may hold
// secrets, and a dssctl that the command starts must not inherit arguments.
func inherited(env, keep []string) []string {
	out := make([]string, 0, len(env))
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "DSSCTL_") && (matches(name, account) || matches(name, keep)) {
			out = append(out, e)
		}
	}
	return out
}

func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if begin, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(name, begin) || name == p {
			return true
		}
	}
	return false
}
