package preflight

import (
	"context"
	"errors"

	"github.com/dssctl/dssctl/providers/dss"
)

// State makes sure that it can be told whether DSS runs: what needs it stopped
// could not tell either when it is. Forced says that the processes of the data
// directory may be ended, which settles it where there are some.
func State(ctx context.Context, in *dss.Instance, forced bool) ([]Finding, error) {
	_, _, err := in.State(ctx)
	var unknown *dss.UnknownStatusError
	if err == nil || !errors.As(err, &unknown) {
		return nil, err
	}
	if forced {
		left, err := in.Processes()
		if err != nil || len(left) > 0 {
			return nil, err
		}
	}
	f := Finding{
		What: "Whether DSS runs cannot be told", Where: in.DataDir,
		Found:    "bin/dss status " + unknown.Why,
		Expected: "a table of its processes, or no sign of DSS at all",
		Remedy:   unknown.Remedy,
	}
	if unknown.Text != "" {
		f.Found += "; it printed: " + unknown.Text
	}
	if f.Remedy == "" {
		f.Remedy = "See what `bin/dss status` says and what runs (`ps -ef`), and end DSS by hand where it does not let itself be asked, or allow dssctl to end its processes: service { force_stop = true }"
	}
	return []Finding{f}, nil
}

// Tied makes sure that a stop of DSS ends nothing but DSS.
func Tied(ctx context.Context, in *dss.Instance) ([]Finding, error) {
	err := in.Tied(ctx)
	var tied *dss.TiedError
	if err == nil || !errors.As(err, &tied) {
		return nil, err
	}
	return []Finding{{
		What: "DSS must not be stopped from here", Where: in.DataDir, Found: tied.Why,
		Expected: "a DSS whose end is not the end of its container, and not of dssctl", Remedy: tied.Remedy,
	}}, nil
}
