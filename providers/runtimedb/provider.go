// Package runtimedb is the aspect of the runtime databases: where DSS keeps its
// history, in embedded H2 files or in PostgreSQL. It moves them from embedded
// to PostgreSQL with DSS's own command, from one PostgreSQL place to another
// with a verified copy of its own, changes how DSS logs in, and notices drift.
// On a Govern node the same block means psql.jdbc.* in dip.properties.
//
// A newcomer starts with Propose, which decides, and then reads the performer
// of each step. What speaks to PostgreSQL is in the package pg below.
package runtimedb

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// Name of the aspect, of its block, and of its record.
const Name = "runtime_database"

// The two places where runtime databases can be.
const (
	embedded   = "embedded"
	postgresql = "postgresql"
)

// The kinds of steps.
const (
	KindSchema      plan.Kind = "runtimedb.schema"
	KindRehearse    plan.Kind = "runtimedb.rehearse"
	KindConfigure   plan.Kind = "runtimedb.configure"
	KindReconfigure plan.Kind = "runtimedb.reconfigure"
	KindEmbed       plan.Kind = "runtimedb.embed"
	KindCopy        plan.Kind = "runtimedb.copy"
	KindTransfer    plan.Kind = "runtimedb.transfer"
	KindVerify      plan.Kind = "runtimedb.verify"
	KindInUse       plan.Kind = "runtimedb.inuse"
	KindGovern      plan.Kind = "runtimedb.govern"
	KindGovernInit  plan.Kind = "runtimedb.govern_init"
)

// Provider is the aspect.
type Provider struct {
	// prefixes of the estate's instances by server, database and schema.
	prefixes map[string][]string
}

// New returns the provider.
func New() *Provider { return &Provider{} }

var (
	_ providers.Provider      = (*Provider)(nil)
	_ providers.EstateChecker = (*Provider)(nil)
	_ providers.Importer      = (*Provider)(nil)
	_ providers.Surveyor      = (*Provider)(nil)
)

// Name is "runtime_database".
func (*Provider) Name() string { return Name }

// Performers maps the kinds of steps to their code.
func (*Provider) Performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{
		KindSchema:      schemaStep{},
		KindRehearse:    rehearseStep{},
		KindConfigure:   configureStep{},
		KindReconfigure: configureStep{},
		KindEmbed:       embedStep{},
		KindCopy:        copyStep{},
		KindTransfer:    transferStep{},
		KindVerify:      verifyStep{},
		KindInUse:       inUseStep{},
		KindGovern:      governStep{},
		KindGovernInit:  governInitStep{},
	}
}

// declared returns the instance's block, nil when there is none.
func declared(in *config.Instance) *config.Block {
	if in == nil || in.Block == nil {
		return nil
	}
	return in.Child(Name)
}

func label(b *config.Block) string {
	if len(b.Labels) == 0 {
		return ""
	}
	return b.Labels[0]
}

func failure(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: subject}
}

func warning(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	d := failure(subject, summary, detail, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// count writes "1 table", "14 tables".
func count[N int | int64](n N, what string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bytes writes a size as people read it: "1.3 GiB".
func bytesText(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return count(n, "byte")
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	s := strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0")
	return s + " " + units[i:i+1] + "iB"
}
