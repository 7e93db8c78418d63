package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Service is the state of an instance's service.
type Service string

// The states.
const (
	ServiceRunning  Service = "running"
	ServiceStopped  Service = "stopped"
	ServiceStarting Service = "starting"
	ServiceFailed   Service = "failed" // FATAL, BACKOFF, EXITED
	ServiceUnknown  Service = "unknown"
)

// Facts are what every aspect wants to know of an instance.
type Facts struct {
	Version    string // product_version of dss-version.json
	NodeType   string // design, automation, deployer, api, govern
	InstallID  string
	NodeID     string
	Port       int    // the base port
	InstallDir string // the kit, DKUINSTALLDIR; "" when not found
	Service    Service
	// ServiceNote says why Service is unknown; "" otherwise.
	ServiceNote string
	Unit        string // the boot unit that owns the instance, "" for none
}

// Facts reads the files and asks for the service's state. A file that is not
// as it must be is a *FileError. A service whose state cannot be told is no
// error: ServiceUnknown, with the reason.
func (in *Instance) Facts(ctx context.Context) (Facts, error) {
	f, err := in.Identity()
	if err != nil {
		return f, err
	}
	// Which of several units owns the instance matters to who stops it: Stop
	// and Start say so then.
	var several *AmbiguousUnitError
	if f.Unit, err = in.Unit(ctx); err != nil && !errors.As(err, &several) {
		return f, err
	}
	f.Service, _, err = in.State(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		f.Service, f.ServiceNote = ServiceUnknown, in.o.Redactor.String(err.Error())
	}
	return f, nil
}

// Identity is what the files alone say: Facts without Unit and Service.
func (in *Instance) Identity() (Facts, error) {
	version, verr := in.version()
	ini, ierr := in.head()
	if err := errors.Join(verr, ierr); err != nil {
		return Facts{}, err
	}
	env, err := in.EnvDefault()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Facts{}, err
	}
	return Facts{
		Version: version, NodeType: ini.nodeType, InstallID: ini.installID, NodeID: ini.nodeID,
		Port: ini.port, InstallDir: env["DKUINSTALLDIR"],
	}, nil
}

// version reads product_version of dss-version.json.
func (in *Instance) version() (string, error) {
	path := in.Path("dss-version.json")
	data, err := in.readFile(path)
	if err != nil {
		return "", err
	}
	var v struct {
		Product json.RawMessage `json:"product_version"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return "", &FileError{File: path, Line: jsonLine(data, err), Found: "no readable JSON", Expected: `an object with "product_version"`, Err: err}
	}
	var s string
	switch err := json.Unmarshal(v.Product, &s); {
	case v.Product == nil:
		return "", &FileError{File: path, Found: `no "product_version"`, Expected: `a version such as "14.4.1"`}
	case err != nil || !versionLike(s):
		return "", &FileError{File: path, Found: `"product_version": ` + shorten(string(v.Product)), Expected: `a version such as "14.4.1"`}
	}
	return s, nil
}

func versionLike(s string) bool {
	return s != "" && s[0] >= '0' && s[0] <= '9' && !strings.ContainsAny(s, " \t\r\n/\\")
}

// head is what install.ini says of the instance.
type head struct {
	nodeType, installID, nodeID string
	port                        int
	ssl                         bool
}

var nodeTypes = []string{"design", "automation", "deployer", "api", "govern"}

func (in *Instance) head() (head, error) {
	var h head
	path := in.Path("install.ini")
	ini, err := in.InstallINI()
	if err != nil {
		return h, err
	}
	fail := func(section, key, found, expected string) error {
		return &FileError{File: path, Line: iniLine(ini.Bytes(), section, key), Found: found, Expected: expected}
	}
	var errs []error
	nodeType, ok := ini.Get("general", "nodetype")
	switch {
	case !ok && iniLine(ini.Bytes(), "general", "") == 0:
		errs = append(errs, fail("general", "", "no section [general]", "[general] with nodetype = "+strings.Join(nodeTypes, ", ")))
	case !ok:
		errs = append(errs, fail("general", "", "no nodetype in [general]", "nodetype = "+strings.Join(nodeTypes, ", ")))
	case !known(nodeType):
		errs = append(errs, fail("general", "nodetype", fmt.Sprintf("nodetype = %s", shorten(nodeType)), "one of "+strings.Join(nodeTypes, ", ")))
	default:
		h.nodeType = nodeType
	}
	port, ok := ini.Get("server", "port")
	n, nerr := strconv.Atoi(strings.TrimSpace(port))
	switch {
	case !ok && iniLine(ini.Bytes(), "server", "") == 0:
		errs = append(errs, fail("server", "", "no section [server]", "[server] with port = the base port"))
	case !ok:
		errs = append(errs, fail("server", "", "no port in [server]", "port = the base port, 1 to 65526"))
	case nerr != nil || n < 1 || n > 65526:
		errs = append(errs, fail("server", "port", fmt.Sprintf("port = %s", shorten(port)), "a base port from 1 to 65526"))
	default:
		h.port = n
	}
	h.installID, _ = ini.Get("general", "installid")
	h.nodeID, _ = ini.Get("general", "nodeid")
	ssl, _ := ini.Get("server", "ssl")
	switch strings.ToLower(strings.TrimSpace(ssl)) {
	case "true", "yes", "on", "1":
		h.ssl = true
	}
	return h, errors.Join(errs...)
}

func known(nodeType string) bool {
	for _, n := range nodeTypes {
		if n == nodeType {
			return true
		}
	}
	return false
}

// shorten quotes a short piece of what was found.
func shorten(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.Quote(s)
}
