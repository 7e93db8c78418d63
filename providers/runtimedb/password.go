package runtimedb

import (
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// verdict says whether the live password is the declared one, and how dssctl
// knows.
type verdict struct {
	equal bool
	note  string
}

// samePassword compares without ever comparing ciphertexts of two encryptions.
// here says that the declared role, server and database are the live ones, so
// that a login proves something about the live password.
func samePassword(k secret.Key, declared, stored string, rec *passwordRecord, target look, service dss.Service, here bool) verdict {
	switch {
	case isEncrypted(declared), !isEncrypted(stored):
		return verdict{equal: declared == stored}
	case rec != nil && secret.Equal(rec.Stored, storedSum(k, stored)):
		return verdict{equal: secret.Equal(rec.Value, passwordSum(k, declared))}
	}
	why := "DSS keeps it encrypted, and dssctl did not write it"
	if rec != nil {
		why = "somebody else has written it since dssctl did"
	}
	if !here {
		return verdict{note: why}
	}
	switch {
	case target.sight == nil && pg.KindOf(target.err) == pg.WrongPassword:
		return verdict{note: why + "; the server refuses the declared one"}
	case target.sight == nil:
		return verdict{note: why + "; whether the declared one is right could not be tried"}
	case target.sight.RoleSessions > 0 && service != dss.ServiceStopped: // else they are another instance's
		return verdict{equal: true, note: "taken as equal: the declared password logs in, and DSS holds connections as that role"}
	case service == dss.ServiceRunning:
		return verdict{equal: true, note: "taken as equal: the declared password logs in, and DSS runs"}
	}
	return verdict{note: why + "; the declared one logs in, but DSS does not run, which would prove its own"}
}
