package dss

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
)

// Options of Open. The zero value is ready for use on the machine itself.
type Options struct {
	// Runner runs DSS's commands; proc.New when nil.
	Runner proc.Runner
	// Clock is clock.System when nil.
	Clock clock.Clock
	// HTTP asks DSS on the loopback address. When nil: no proxy, no redirects,
	// certificates not checked (the peer is this machine).
	HTTP *http.Client
	// Companion is the folder of dssctl beside the data directory;
	// DATA_DIR + ".dssctl" when "".
	Companion string
	// UID is os.Getuid when nil.
	UID func() int
	// UnitDirs are the folders of boot units, the first one wins;
	// DefaultUnitDirs when nil.
	UnitDirs []string
	// Unit is the boot unit by configuration: it is not looked for.
	// NoUnit says that there is none.
	Unit string
	// Environment names further variables that DSS inherits, see Keep.
	Environment []string
	// Proc is where the kernel tells of processes and ports; "/proc" when "".
	Proc string
	// Bare takes a folder that does not look like a data directory, or that is
	// not there: a run that makes or exchanges its content was broken off.
	Bare bool
	// Redactor knows the secrets that DSS's logs may hold; may be nil.
	Redactor *secret.Redactor
}

// CompanionSuffix follows the data directory's path in that of its companion
// folder, unless another one is declared.
const CompanionSuffix = ".dssctl"

// NoUnit as a unit's name says that no boot unit owns the instance, whatever
// the unit files say.
const NoUnit = "none"

// Instance is one live instance. It is safe for use from several goroutines.
type Instance struct {
	// DataDir is absolute, clean, and without symlinks.
	DataDir string

	given     string // the data directory as it was asked for
	companion string
	uid       int
	gid       int
	o         Options
	frozen    *frozenFiles // nil: files are read anew each time
	units     *UnitFiles   // nil: boot units are read anew each time
	confined  bool         // see Confined
}

// Path returns a path in the data directory.
func (in *Instance) Path(elem ...string) string {
	return filepath.Join(append([]string{in.DataDir}, elem...)...)
}

// Companion returns the folder of dssctl that belongs to the instance. It need
// not exist, see EnsureCompanion.
func (in *Instance) Companion() string { return in.companion }

// Runner runs commands for whoever works on the instance.
func (in *Instance) Runner() proc.Runner { return in.o.Runner }

// Clock tells the time for whoever works on the instance.
func (in *Instance) Clock() clock.Clock { return in.o.Clock }

// Redactor takes known secrets out of texts.
func (in *Instance) Redactor() *secret.Redactor { return in.o.Redactor }

// WithRunner returns the same instance, whose commands go through r.
func (in *Instance) WithRunner(r proc.Runner) *Instance {
	out := *in
	out.o.Runner = r
	return &out
}

// WithUnit returns the same instance with its boot unit set by configuration;
// "" leaves it to be looked for.
func (in *Instance) WithUnit(name string) *Instance {
	if name == "" {
		return in
	}
	out := *in
	out.o.Unit = name
	return &out
}

func (o Options) withDefaults() Options {
	if o.Runner == nil {
		o.Runner = proc.New(proc.Options{Redactor: o.Redactor})
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.HTTP == nil {
		o.HTTP = loopbackClient()
	}
	if o.UID == nil {
		o.UID = os.Getuid
	}
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	if o.UnitDirs == nil {
		o.UnitDirs = DefaultUnitDirs()
	}
	if o.Redactor == nil {
		o.Redactor = &secret.Redactor{}
	}
	return o
}

func loopbackClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			// A proxy has no business between dssctl and its own machine, and
			// would see the API key.
			Proxy:               nil,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // the peer is this machine
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: apiParallel,
			IdleConnTimeout:     10 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
