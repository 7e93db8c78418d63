package release

import (
	"slices"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// integration is something that DSS's documentation has installed again after an
// upgrade.
type integration struct {
	name  string
	title string
	// seen tells from the instance's files whether it is there; nil where
	// nothing public tells.
	seen func(marks) bool
	// sign is the file that is written when it is done; "" where none is known.
	sign func(marks) string
}

// integrations in the order of the documentation's page.
var integrations = []integration{
	{"r", "the R integration", func(m marks) bool { return m.R }, nil},
	{"graphics_export", "graphics exports", func(m marks) bool { return m.Graphics }, nil},
	{"hadoop", "the standalone Hadoop", func(m marks) bool { return m.Hadoop }, func(marks) string { return hadoopFile }},
	{"spark", "the standalone Spark", func(m marks) bool { return m.Spark }, func(marks) string { return sparkFile }},
	{"monitoring", "the monitoring integration", nil, nil},
	{"impersonation", "the user isolation framework", func(m marks) bool { return m.Impersonation }, func(m marks) string { return m.Wrapper }},
	{"base_image", "base image", func(m marks) bool { return m.Images }, nil},
}

func integrationNames() []string {
	out := make([]string, len(integrations))
	for i := range integrations {
		out[i] = integrations[i].name
	}
	return out
}

func integrationOf(name string) *integration {
	i := slices.IndexFunc(integrations, func(x integration) bool { return x.name == name })
	if i < 0 {
		return nil
	}
	return &integrations[i]
}

// replay is one command of DSS's that installs an integration.
type replay struct {
	// Key is the integration's name, with what tells several of it apart behind
	// a dot.
	Key   string   `json:"key"`
	Title string   `json:"title"`
	Args  []string `json:"args"` // of bin/dssadmin
	Root  bool     `json:"root,omitempty"`
	// Archived says that it comes out of an archive of its own for each version.
	Archived bool `json:"archived,omitempty"`
	// Unknown says what dssctl lacks to run it.
	Unknown string `json:"unknown,omitempty"`
	// New says that it was not there before: undoing installs nothing again.
	New bool `json:"new,omitempty"`
	// Back is what installs it again for the version that an undo leads back to;
	// empty where that is not known.
	Back []string `json:"back,omitempty"`
	// Sign is the file that shows that it was done, below the data directory or
	// absolute; "" where none is known.
	Sign string `json:"sign,omitempty"`
}

// replays are the commands of an integration, as declared.
func (x *integration) replays(b *config.Block, m marks) []replay {
	r := replay{Key: x.name, Title: x.title}
	if x.sign != nil {
		r.Sign = x.sign(m)
	}
	text := func(name string) string {
		if b == nil {
			return ""
		}
		return b.String(name)
	}
	switch x.name {
	case "r":
		r.Args = []string{"install-R-integration"}
	case "graphics_export":
		r.Args = []string{"install-graphics-export"}
	case "hadoop", "spark":
		archive := text("archive")
		r.Archived = true
		if archive == "" {
			archive, r.Unknown = "ARCHIVE", "no block "+Integration+" "+`"`+x.name+`" names the standalone archive of this version`
		}
		r.Args = []string{"install-" + x.name + "-integration", "-standaloneArchive", archive}
	case "monitoring":
		server, prefix := text("server"), text("prefix")
		if server == "" || prefix == "" {
			r.Unknown = `the block needs "server" and "prefix"`
			server, prefix = or(server, "HOST:PORT"), or(prefix, "PREFIX")
		}
		r.Args = []string{"install-monitoring-integration", "-graphiteServer", server, "-prefix", prefix}
	case "impersonation":
		r.Args, r.Root = []string{"install-impersonation", or(text("user"), m.Owner)}, true
	case "base_image":
		types := []string{"container-exec"}
		if b != nil {
			types = stringsOf(b.Value("types"))
		}
		var out []replay
		for _, t := range types {
			out = append(out, replay{Key: x.name + "." + t, Title: x.title + " " + t, Args: []string{"build-base-image", "--type", t}})
		}
		return out
	}
	return []replay{r}
}

// nameOf is the integration's name in a key.
func nameOf(key string) string {
	name, _, _ := strings.Cut(key, ".")
	return name
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// step makes the step that runs it, in the window.
func (m *maker) replayStep(r replay) providers.Step {
	s := m.step(KindReplay, plan.Replay, providers.Offline, "", "installed again with the kit that is put back")
	if m.a.From == m.a.Version {
		s.Undo.How = "what it installed stays; state forgets it"
	}
	verb := "install "
	if r.Args[0] == "build-base-image" {
		verb = "build "
	}
	s.Title = verb + r.Title + " (dssadmin " + r.Args[0] + ")"
	was, known := m.rec.Integrations[r.Key]
	x := integrationOf(nameOf(r.Key))
	r.New = !known && (x.seen == nil || !x.seen(m.o.marks))
	switch {
	case known && was.Version == m.a.From && len(was.Args) > 0:
		r.Back = was.Args
	case !r.Archived:
		r.Back = r.Args
	}
	a := m.a
	a.Replay = &r
	s.Args = encode(a)
	s.Block = m.req.Address + "." + Integration
	s.Cost.Seconds = replaySeconds
	return s
}

// replaySeconds is what a replay is reckoned with.
const replaySeconds = 60
