package runtimedb

import "github.com/dssctl/dssctl/providers"

// RuntimeServer says how the server is that was looked at.
func (o *observation) RuntimeServer() providers.RuntimeServer {
	out := providers.RuntimeServer{External: o.live.External, Missing: o.lostDatabases()}
	for _, l := range []look{o.target, o.source} {
		switch {
		case l.sight != nil:
			out.Version, out.MaxConnections, out.FreeConnections, out.Why = l.sight.Version, l.sight.MaxConnections, l.sight.FreeConnections, ""
			return out
		case l.err != nil:
			out.Why = l.err.Error()
		case l.why != "" && out.Why == "":
			out.Why = l.why
		}
	}
	return out
}

var _ providers.RuntimeObservation = (*observation)(nil)
