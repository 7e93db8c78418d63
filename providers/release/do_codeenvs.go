package release

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// rebuilder performs release.code_envs: each code environment is built anew for
// the new version. What fails is named at the end; DSS stays up, and a resumed
// run goes on with those that are left.
type rebuilder struct{}

// rebuiltReceipt are those that are done, "LANG NAME" and "LANG NAME images".
type rebuiltReceipt struct {
	Done []string `json:"done"`
}

func (rebuilder) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

// api opens the public API.
func (c *call) api() (*dss.API, error) {
	if c.APIKey == nil {
		return nil, errors.New("there is no api_key to ask DSS with")
	}
	key, err := c.APIKey.Reveal(c.Secrets)
	if err != nil {
		return nil, err
	}
	return c.Instance.API(key), nil
}

func (rebuilder) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	envs, err := api.CodeEnvs(ctx)
	if err != nil {
		return fmt.Errorf("list the code environments: %w", err)
	}
	if envs, err = c.managed(ctx, api, envs); err != nil {
		return err
	}
	var r rebuiltReceipt
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	var failed []string
	var errs []error
	for i, e := range envs {
		for _, part := range c.parts(api) {
			name := e.String() + part.suffix
			if contains(r.Done, name) {
				continue
			}
			c.Progress(event.Progress{Done: int64(i), Total: int64(len(envs)), Unit: "environments", Note: "building " + name})
			if err := part.build(ctx, e); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				failed = append(failed, name)
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
				break // no image of an environment that is not built
			}
			r.Done = append(r.Done, name)
			if err := c.Receipt.Save(r); err != nil {
				return err
			}
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%d of %d code environments could not be built: %s; DSS runs, and `dssctl recover -resume` tries those again\n%w",
			len(failed), len(envs), some(failed), errors.Join(errs[:min(len(errs), 5)]...))
	}
	c.Progress(event.Progress{Done: int64(len(envs)), Total: int64(len(envs)), Unit: "environments"})
	return nil
}

// managed keeps the environments that DSS builds. What is not known to be one may be
// the administrator's own, and is named instead.
func (c *call) managed(ctx context.Context, api *dss.API, all []dss.CodeEnv) ([]dss.CodeEnv, error) {
	var out []dss.CodeEnv
	var untold []string
	for _, e := range all {
		if e.Mode == "" {
			var err error
			if e.Mode, err = api.CodeEnvMode(ctx, e); err != nil {
				return nil, fmt.Errorf("ask who manages the code environment %s: %w", e, err)
			}
		}
		switch {
		case e.Mode == "":
			untold = append(untold, e.String())
		case e.Managed():
			out = append(out, e)
		}
	}
	if len(untold) > 0 {
		c.Notice("DSS does not say whether it manages these code environments, so they were not rebuilt; rebuild them in DSS where needed: " + some(untold))
	}
	return out, nil
}

type buildPart struct {
	suffix string
	build  func(context.Context, dss.CodeEnv) error
}

func (c *call) parts(api *dss.API) []buildPart {
	var out []buildPart
	if c.Rebuild {
		out = append(out, buildPart{"", api.RebuildCodeEnv})
	}
	if c.Images {
		out = append(out, buildPart{" images", api.BuildCodeEnvImages})
	}
	return out
}

func (rebuilder) Verify(context.Context, *providers.Call) error { return nil }

// Undo: an environment of the older version was in what is put back, as far as
// it is put back; DSS has no older builds.
func (rebuilder) Undo(_ context.Context, pc *providers.Call) error {
	var r rebuiltReceipt
	known, err := pc.Receipt.Load(&r)
	if err == nil && known && len(r.Done) > 0 {
		pc.Notice("code environments that were rebuilt for the newer version have to be rebuilt again: " + some(r.Done))
	}
	return err
}

// reviewer performs release.review: it names what release notes ask to look at
// after a change of the major version.
type reviewer struct{}

func (reviewer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (reviewer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	envs, err := api.CodeEnvs(ctx)
	if err := c.untold("code environments", err); err != nil {
		return err
	}
	why := fmt.Sprintf("after an upgrade from %s to %s; see the release notes of %s", c.From, c.Version, c.Version)
	var names []string
	for _, e := range envs {
		names = append(names, e.String())
	}
	if len(names) > 0 && !c.Rebuild {
		c.Notice(fmt.Sprintf("code environments (%d) may have to be rebuilt, for DSS's core packages have changed, %s: %s", len(names), why, some(names)))
	}
	projects, err := api.Projects(ctx)
	if err := c.untold("projects", err); err != nil {
		return err
	}
	for i, p := range projects {
		c.Progress(event.Progress{Done: int64(i), Total: int64(len(projects)), Unit: "projects", Note: p})
		models, err := api.SavedModels(ctx, p)
		if err := c.untold("saved models of project "+p, err); err != nil {
			return err
		}
		if len(models) > 0 {
			c.Notice(fmt.Sprintf("project %s: saved models that may have to be trained again, %s: %s", p, why, things(models)))
		}
		services, err := api.APIServices(ctx, p)
		if err := c.untold("API services of project "+p, err); err != nil {
			return err
		}
		if len(services) > 0 {
			c.Notice(fmt.Sprintf("project %s: API services whose packages have to be made again and deployed again once their models are trained, %s: %s", p, why, things(services)))
		}
	}
	return nil
}

// untold says what could not be listed because DSS answers in another way than
// documented: that is no reason for a review to fail. Other errors are returned.
func (c *call) untold(what string, err error) error {
	var shape *dss.AnswerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &shape):
		c.Notice(fmt.Sprintf("the %s could not all be listed, so look in DSS whether they need attention after the upgrade: %v", what, shape))
		return nil
	default:
		return fmt.Errorf("list the %s: %w", what, err)
	}
}

func things(all []dss.Thing) string {
	var out []string
	for _, t := range all {
		name := t.ID
		if t.Name != "" && t.Name != t.ID {
			name = strings.TrimSpace(t.Name) + " (" + t.ID + ")"
		}
		out = append(out, name)
	}
	return some(out)
}

func (reviewer) Verify(context.Context, *providers.Call) error { return nil }
func (reviewer) Undo(context.Context, *providers.Call) error   { return nil }
