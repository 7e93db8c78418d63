package origin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// bringing is what there is to bring into an instance that is there.
type bringing struct {
	record brought
	source *config.Instance // nil for none
	// settled: the record says that all has come, and nobody was asked.
	settled bool
	// Why it was not possible to ask; missing is the api_key that would be needed.
	problem    string
	missingKey string // an instance's address

	version, theirVersion, theirNode string
	// ours and theirs are the projects of the new instance and of its source.
	ours, theirs []string
	lacks        []lack
	// untold are the kinds that could not be compared, with the reason.
	untold []string
}

// lack is what the source has and the new instance has not.
type lack struct {
	what  string
	names []string
}

// Headline implements providers.Headline.
func (o *bringing) Headline() string {
	if n := len(o.record.Projects); n > 0 && !o.settled {
		return humanize.Count(int64(n), "project has come", "projects have come") + " from " + o.record.Of
	}
	return ""
}

// observeProjects asks both instances for their projects, where some may still
// have to come.
func (p *Provider) observeProjects(ctx context.Context, req providers.ObserveRequest, b *config.Block) (providers.Observation, error) {
	o := &bringing{source: p.all[b.String("of")], version: req.Facts.Version}
	var err error
	if o.record, err = readBrought(req.Recorded, b.String("of")); err != nil {
		return nil, err
	}
	names, known := o.record.expected(b)
	o.settled = known && len(names) == 0
	if o.settled || o.source == nil || req.Facts.NodeType != designNode {
		return o, nil
	}
	for _, in := range []*config.Instance{req.Desired, o.source} {
		if !in.Has("api_key") {
			o.missingKey = in.Address
			return o, nil
		}
	}
	if err := o.ask(ctx, req); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		o.problem = err.Error()
	}
	return o, nil
}

func (o *bringing) ask(ctx context.Context, req providers.ObserveRequest) error {
	here, err := apiOf(req.Instance, req.Desired, req.Secrets)
	if err != nil {
		return err
	}
	if o.ours, err = here.Projects(ctx); err != nil {
		return fmt.Errorf("list the projects of %s: %w", req.Address, err)
	}
	src, err := openSource(req.Instance, sourceOf(o.source, dss.Facts{}))
	if err != nil {
		return err
	}
	src = src.Frozen()
	facts, err := src.Identity()
	if err != nil {
		return err
	}
	o.theirVersion, o.theirNode = facts.Version, facts.NodeType
	there, err := apiOf(src, o.source, req.Secrets)
	if err != nil {
		return err
	}
	if o.theirs, err = there.Projects(ctx); err != nil {
		return fmt.Errorf("list the projects of %s: %w", o.source.Address, err)
	}
	slices.Sort(o.theirs)
	return o.compare(ctx, here, there)
}

// compare finds what projects may need that is not part of them. A kind that DSS does
// not tell is no error, because all this is for a warning.
func (o *bringing) compare(ctx context.Context, here, there *dss.API) error {
	codeEnvs := func(ctx context.Context, a *dss.API) ([]string, error) {
		all, err := a.CodeEnvs(ctx)
		out := make([]string, len(all))
		for i, e := range all {
			out[i] = e.String()
		}
		return out, err
	}
	for _, kind := range []struct {
		what string
		list func(context.Context, *dss.API) ([]string, error)
	}{
		{"connections", func(ctx context.Context, a *dss.API) ([]string, error) { return a.Connections(ctx) }},
		{"code environments", codeEnvs},
		{"plugins", func(ctx context.Context, a *dss.API) ([]string, error) { return a.Plugins(ctx) }},
	} {
		theirs, err := kind.list(ctx, there)
		ours, oerr := kind.list(ctx, here)
		if err := errors.Join(err, oerr); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			o.untold = append(o.untold, fmt.Sprintf("%s (%v)", kind.what, err))
			continue
		}
		known := make(map[string]bool, len(ours))
		for _, name := range ours {
			known[name] = true
		}
		missing := slices.DeleteFunc(theirs, func(name string) bool { return known[name] })
		if len(missing) > 0 {
			o.lacks = append(o.lacks, lack{kind.what, missing})
		}
	}
	return nil
}

// apiOf opens the public API with the declared key.
func apiOf(inst *dss.Instance, in *config.Instance, r secret.Resolver) (*dss.API, error) {
	key, err := in.Text("api_key").Reveal(r)
	if err != nil {
		return nil, fmt.Errorf("the api_key of %s: %w", in.Address, err)
	}
	return inst.API(key), nil
}
