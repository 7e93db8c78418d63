package install

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// block is how many consecutive ports an instance owns.
const block = 10

// Port is the aspect port: the base of an instance's ten ports.
type Port struct {
	// procNet is where the kernel lists sockets.
	procNet string
	// survey is nil in a provider that observes nothing.
	survey *survey
}

// NewPort returns the provider.
func NewPort() *Port { return &Port{procNet: "/proc/net"} }

var (
	_ providers.Provider      = (*Port)(nil)
	_ providers.EstateChecker = (*Port)(nil)
	_ providers.Importer      = (*Port)(nil)
	_ providers.Maker         = (*Port)(nil)
	_ providers.Surveyor      = (*Port)(nil)
)

// Name is "port".
func (*Port) Name() string { return "port" }

// Survey returns the provider that knows the estate's data directories.
func (p *Port) Survey(all []*config.Instance, _ secret.Resolver) providers.Provider {
	return &Port{procNet: p.procNet, survey: &survey{all: all}}
}

// Schema is the attribute port.
func (*Port) Schema() schema.Fragment {
	return schema.Fragment{Attributes: []schema.Attribute{{
		Name: "port", Type: cty.Number, Check: schema.BasePort,
		Doc:     "The base port, `[server] port` of `install.ini`. An instance owns ten ports, beginning with this one.",
		Example: "11200",
	}}}
}

// Performers has the code of the two steps.
func (*Port) Performers() map[plan.Kind]providers.Performer { return performers() }

// portObservation is what was seen beyond the facts.
type portObservation struct {
	// busy are the ports that some process listens on, of those that the
	// instance would get and has not now.
	busy []int
	// problem says why that could not be seen.
	problem string
	// estate and beside are the ports that other data directories have, whether
	// something listens there or not; nil when the instance has its ports.
	estate, beside *claims
}

// Observe looks for listeners when the port is to change, and for other data
// directories. It reads what the kernel lists and connects to nothing.
func (p *Port) Observe(_ context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	o := &portObservation{}
	b := declared(req.Desired, "port")
	if b == nil {
		return o, nil
	}
	want := int(b.Int("port"))
	if want == req.Facts.Port {
		return o, nil
	}
	if p.survey != nil {
		o.estate, o.beside = p.survey.estate(), p.survey.beside(req.Instance.DataDir)
	}
	listening, err := dss.Listeners(p.procNet)
	if err != nil {
		o.problem = err.Error()
		return o, nil
	}
	for port := want; port < want+block; port++ {
		own := port >= req.Facts.Port && port < req.Facts.Port+block
		if listening[port] && !own {
			o.busy = append(o.busy, port)
		}
	}
	return o, nil
}

// portRecord is what state remembers.
type portRecord struct {
	Port int `json:"port"`
}

// Propose compares the base port. It is pure.
func (*Port) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := declared(req.Desired, "port")
	if b == nil {
		if len(req.Recorded) == 0 {
			return providers.Proposal{}, nil
		}
		return providers.Proposal{Forget: true, Changes: []plan.Change{{Block: "port", Op: plan.Forget, Note: "no longer declared; the port stays as it is"}}}, nil
	}
	want := int(b.Int("port"))
	record := marshal(portRecord{want})
	if want == req.Facts.Port {
		if jsonedit.Equal(req.Recorded, record) {
			record = nil
		}
		return providers.Proposal{Record: record}, nil
	}
	out := providers.Proposal{
		Changes: []plan.Change{{
			Block: "port", Op: plan.Update, Before: marshal(req.Facts.Port), After: marshal(want),
			Note: "users, proxies and other nodes reach DSS at the new port from then on",
		}},
		Steps: stepsFor(req, "port", fmt.Sprintf("set the base port in install.ini from %d to %d", req.Facts.Port, want),
			[]line{{Section: "server", Key: "port", Value: secret.Plain(strconv.Itoa(want))}}, record),
	}
	diags := busy(req, b, want)
	if diags.HasErrors() {
		out.Steps = nil
	}
	return out, diags
}

// busy says what listens on the ports that the instance would get.
func busy(req providers.Request, b *config.Block, want int) hcl.Diagnostics {
	o, _ := req.Observed.(*portObservation)
	switch {
	case o == nil || o.problem != "":
		why := "they were not looked at"
		if o != nil {
			why = o.problem
		}
		return hcl.Diagnostics{warning(b.RangeOf("port"), "Whether the ports are free is not known",
			"%s would get the ports %s. Whether another process listens on one of them could not be seen: %s.", req.Address, ports(want), why)}
	case len(o.busy) > 0:
		return hcl.Diagnostics{failure(b.RangeOf("port"), "Ports in use",
			"%s would get the ports %s, and a process on this machine listens on %s. Choose another base port, or end that process (`ss -ltnp` shows it).",
			req.Address, ports(want), list(o.busy))}
	}
	return nil
}

// Make implements providers.Maker: an instance is made with its declared port.
func (*Port) Make(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := declared(req.Desired, "port")
	if b == nil {
		return providers.Proposal{}, nil
	}
	return providers.Proposal{}, busy(req, b, int(b.Int("port")))
}

// Import declares the port.
func (*Port) Import(_ providers.Observation, f dss.Facts) providers.Draft {
	// Ports below 1024 cannot be declared: DSS does not run as root.
	if f.Port < 1024 || f.Port > 65535-block+1 {
		return providers.Draft{}
	}
	return providers.Draft{Attributes: []providers.DraftAttribute{{Name: "port", Value: cty.NumberIntVal(int64(f.Port))}}}
}

// ports writes a block of ports.
func ports(base int) string { return fmt.Sprintf("%d to %d", base, base+block-1) }

func list(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return words[0]
}
