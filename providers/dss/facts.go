package dss

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
	Unit       string // the boot unit that owns the instance, "" for none
}
