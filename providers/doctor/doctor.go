// Package doctor holds an instance and its machine against what the
// documentation of DSS asks for, and against what is known to go wrong in the
// field. It only reads. Each check is a function of its own; what it looks at is
// handed in, so that a test can play any machine.
package doctor

import (
	"context"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Status is how a check ended.
type Status string

// The states. Skipped: it does not apply, or could not be told.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Finding is what a check found.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Found says what is so, in one sentence.
	Found string `json:"found"`
	// Remedy says what to do; "" where all is well.
	Remedy string `json:"remedy,omitempty"`
	// Source is the page of the documentation that asks for it.
	Source string `json:"source"`
}

// Subject is what is examined.
type Subject struct {
	Address string
	DataDir string
	Facts   dss.Facts
	INI     *iniedit.File
	Env     map[string]string // of bin/env-default.sh
	// Instance is looked at by the checks that a plan makes, too; nil for none.
	Instance *dss.Instance
	Machine  *Machine
	// Server is what the look at the runtime databases showed; nil where
	// there was none.
	Server *providers.RuntimeServer
	// Others are the base ports of the estate's other instances, by address.
	Others map[string]int
}

// The pages of DSS's documentation, by their titles.
const (
	pageRequirements = "Requirements"
	pageInstall      = "Installing a new DSS instance"
	pageUpgrade      = "Upgrading a DSS instance"
	pageMemory       = "Tuning and controlling memory usage"
	pageDatabases    = "The runtime databases"
	pageBackup       = "Backing up"
	pageNone         = "not in the documentation: seen in the field"
)

// check is one thing that is looked at.
type check struct {
	name   string
	source string
	run    func(ctx context.Context, s *Subject) result
}

// result is a finding without what the check says of itself.
type result struct {
	status        Status
	found, remedy string
}

func ok(found string) result              { return result{OK, found, ""} }
func skipped(why string) result           { return result{Skipped, why, ""} }
func warning(found, remedy string) result { return result{Warning, found, remedy} }
func failed(found, remedy string) result  { return result{Failed, found, remedy} }

// pagePlan is why a plan's own checks are made.
const pagePlan = "what a plan checks before it stops DSS"

// checks in the order in which they are told: the machine, the disk, the
// instance, its databases.
func checks() []check {
	return []check{
		{"open files", pageRequirements, openFiles},
		{"processes", pageRequirements, processes},
		{"locale", pageRequirements, locale},
		{"memory", pageRequirements, memory},
		{"git", pageRequirements, git},
		{"/tmp", pageRequirements, tmp},
		{"java", pageUpgrade, java},
		{"python", pageUpgrade, python},
		{"file system", pageRequirements, fileSystem},
		{"mounts inside", pageRequirements, mountsInside},
		{"symbolic links", pageRequirements, symbolicLinks},
		{"owner", pageInstall, owner},
		{"disk size", pageInstall, diskSize},
		{"free space", pageBackup, freeSpace},
		{"clock", pageNone, clocks},
		{"kit", pageUpgrade, kit},
		{"port block", pageInstall, portBlock},
		{"ports of others", pageInstall, portsOfOthers},
		{"heap sizes", pageMemory, heapSizes},
		{"heap and memory", pageMemory, heapAndMemory},
		{"embedded databases", pageDatabases, embedded},
		{"databases in use", pageDatabases, databasesInUse},
		{"postgresql version", pageDatabases, serverVersion},
		{"postgresql connections", pageDatabases, serverConnections},
	}
}

// Names of the checks, in order.
func Names() []string {
	var out []string
	for _, c := range checks() {
		out = append(out, c.name)
	}
	for _, c := range preflight.StandingChecks() {
		out = append(out, c.Name)
	}
	return out
}

// Examine runs every check, and those of a plan that need no action. The error is
// that of ctx.
func Examine(ctx context.Context, s *Subject) ([]Finding, error) {
	all := checks()
	out := make([]Finding, 0, len(all))
	for _, c := range all {
		r := c.run(ctx, s)
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		out = append(out, Finding{Check: c.name, Status: r.status, Found: r.found, Remedy: r.remedy, Source: c.source})
	}
	if s.Instance == nil {
		return out, nil
	}
	for _, c := range preflight.StandingChecks() {
		found, err := c.Look(ctx, s.Instance)
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		out = append(out, standing(c, found, err)...)
	}
	return out, nil
}

// standing shows what a plan's check found like any other finding.
func standing(c preflight.Standing, found []preflight.Finding, err error) []Finding {
	switch {
	case err != nil:
		return []Finding{{Check: c.Name, Status: Skipped, Found: err.Error(), Source: pagePlan}}
	case len(found) == 0:
		return []Finding{{Check: c.Name, Status: OK, Found: c.Fine, Source: pagePlan}}
	}
	out := make([]Finding, 0, len(found))
	for _, f := range found {
		status := Failed
		if f.Severity == preflight.Warning {
			status = Warning
		}
		remedy := f.Remedy
		f.Remedy = ""
		out = append(out, Finding{Check: c.Name, Status: status, Found: f.String(), Remedy: remedy, Source: pagePlan})
	}
	return out
}
