package runtimedb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// What if_empty can say.
const (
	refuseEmpty = "refuse"
	copyEmpty   = "copy"
)

// lastRun is when DSS last wrote a log; zero when that cannot be told.
func lastRun(logs string) time.Time {
	var last time.Time
	files, _ := filepath.Glob(filepath.Join(logs, "*.log")) // the pattern is well formed
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.ModTime().After(last) {
			last = info.ModTime().UTC()
		}
	}
	return last
}

// unusedSince reports that DSS has not run since the embedded databases were last
// written: so it has never run with those in PostgreSQL.
func (o *observation) unusedSince() bool {
	if o.ran.IsZero() || len(o.h2) == 0 {
		return false
	}
	var newest time.Time
	for _, f := range o.h2 {
		if f.changed.After(newest) {
			newest = f.changed
		}
	}
	// The last line of a log is written when the databases are closed already.
	const slack = time.Minute
	return !newest.Before(o.ran.Add(-slack))
}

// stillEmbedded names the embedded databases that are on disk.
func (o *observation) stillEmbedded() string {
	names := make([]string, len(o.h2))
	for i, f := range o.h2 {
		names[i] = fmt.Sprintf("%s (%s, %s)", f.name, bytesText(f.bytes), f.changed.Format("2006-01-02 15:04"))
	}
	return pg.FirstNames(names)
}

// absent says what is missing of the databases that the settings lead to: in
// words that follow "but"; "" when all is there as far as can be known. sure says
// that no healthy instance looks like that.
func (o *observation) absent(s *pg.Sight, place pg.Place, rec record, version string) (what string, sure bool) {
	switch {
	case s == nil:
		return "", false
	case !s.SchemaExists && len(s.LikeSchemas) > 0:
		return "", false // names that are not quoted are lower case there, see spelling
	case !s.SchemaExists:
		return fmt.Sprintf("the schema %s is not there", place.Schema), true
	case len(s.Tables) == 0:
		return fmt.Sprintf("there is no table with the prefix %q in schema %s", place.Prefix, place.Schema), true
	case len(s.Tables) < len(rec.Tables):
		// An upgrade may put tables together, and DSS that is connected has what
		// it needs.
		return fmt.Sprintf("%s there, and dssctl moved %d: %s", isAre(len(s.Tables), "table"), len(rec.Tables), "missing are "+pg.FirstNames(without(rec.Tables, s.Names()))),
			rec.Version == version && version != "" && s.RoleSessions == 0
	case len(rec.Tables) == 0 && len(s.Tables) < len(o.h2) && s.RoleSessions == 0 && o.unusedSince():
		return fmt.Sprintf("%s there, for %d embedded databases, and DSS has not run since those were last written", isAre(len(s.Tables), "table"), len(o.h2)), true
	}
	return "", false
}

func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

func without(names, others []string) []string {
	there := map[string]bool{}
	for _, n := range others {
		there[n] = true
	}
	var out []string
	for _, n := range names {
		if !there[n] {
			out = append(out, n)
		}
	}
	return out
}

// lostUndeclared says that databases which no file declares are not where DSS's
// settings lead to, and embedded ones still hold data; "" for nothing known.
func (o *observation) lostUndeclared(rec record, version string) string {
	from, ok := target(o.live)
	if !o.live.External || !ok || len(o.h2) == 0 {
		return ""
	}
	what, sure := o.absent(o.source.sight, from.place, rec, version)
	if !sure {
		return ""
	}
	return fmt.Sprintf("DSS is set up to use %s, in database %s on %s, but %s. The embedded databases still hold what was in them when they were last used: %s",
		from.place, from.Database, from.Host, what, o.stillEmbedded())
}

// undeclared refuses what would start an instance without its history.
func undeclared(req providers.Request, o *observation) hcl.Diagnostics {
	if o == nil {
		return nil
	}
	lost := o.lostUndeclared(readRecord(req.Recorded), req.Facts.Version)
	if lost == "" {
		return nil
	}
	var at *hcl.Range
	if req.Desired != nil && req.Desired.Block != nil {
		at = &req.Desired.Range
	}
	return hcl.Diagnostics{failure(at, "Runtime databases are missing",
		"%s. A start of DSS would go on without their history. Declare runtime_database \"postgresql\" with if_empty = \"copy\", which has an apply copy them, or with adopt = true, which takes what is there.", lost)}
}

// lostDatabases says what is missing of the databases that DSS's settings lead to,
// as far as no healthy instance looks like that; "" for nothing.
func (o *observation) lostDatabases() string {
	from, ok := target(o.live)
	s := o.source.sight
	if s == nil && !o.moves {
		s = o.target.sight
	}
	if !o.live.External || !ok || len(o.h2) == 0 {
		return ""
	}
	if what, sure := o.absent(s, from.place, record{}, ""); sure {
		return what + "; the embedded databases still hold " + o.stillEmbedded()
	}
	return ""
}

// missing finds databases that are not where DSS's settings lead to: the copy was
// forgotten or broke off, or the tables were lost. It reports whether it has
// said or planned what is to be done.
func (p *proposer) missing() bool {
	s := p.o.target.sight
	what, sure := p.o.absent(s, p.to.place, p.rec, p.req.Facts.Version)
	empty := s != nil && len(s.Tables) == 0
	switch {
	case what == "":
		return false
	case p.b.Bool("adopt"):
		if empty {
			p.warn("adopt", "DSS begins with an empty history", "DSS is set up to use the declared place, but %s. adopt = true takes it as it is.", what)
		}
		return false
	case empty && p.b.String("if_empty") == copyEmpty && len(p.o.h2) > 0:
		p.copyNow()
		return true
	case empty && len(p.o.h2) == 0 && len(p.rec.Tables) == 0:
		p.warn("", "There is no table yet", "DSS is set up to use the declared place, but %s, and there is no embedded database either: at its start DSS begins with an empty history.", what)
		return false
	case !sure:
		p.warn("", "Runtime databases may be missing", "%s. Where an upgrade of DSS has put tables together, that is right, and adopt = true says so; or else restore the missing ones from a dump.", sentence(what))
		return false
	}
	p.fail("", "Runtime databases are missing", "DSS is set up to use %s, but %s. A start of DSS would go on without their history. %s", p.shownPlace(), what, p.waysOut(empty))
	return true
}

// waysOut are what can be done about missing databases.
func (p *proposer) waysOut(empty bool) string {
	var ways []string
	if len(p.o.h2) > 0 {
		ways = append(ways, "The embedded databases still hold what was in them when they were last used: "+p.o.stillEmbedded()+".")
		switch {
		case p.b.String("if_empty") == copyEmpty:
			ways = append(ways, `The place is not empty, so if_empty = "copy" does nothing: if the copy broke off, move the tables that are there to another schema first.`)
		case empty:
			ways = append(ways, `If the copy was forgotten or broke off, set if_empty = "copy": the next apply copies them and verifies the copy.`)
		default:
			ways = append(ways, `If the copy broke off, move the tables that are there to another schema and set if_empty = "copy": the next apply copies the embedded databases and verifies the copy.`)
		}
	}
	right := "If what is there is all, set adopt = true."
	if empty {
		right = "If DSS is to begin with an empty history, set adopt = true."
	}
	ways = append(ways, "If the tables were lost, restore a dump of them, such as with dssctl backup restore. "+right)
	return strings.Join(ways, " ")
}

// embeddedHint names the embedded databases where a move finds nothing to carry.
func (p *proposer) embeddedHint() string {
	if len(p.o.h2) == 0 {
		return ""
	}
	return ` If the copy to it was forgotten or broke off, declare the present place first, with if_empty = "copy": the embedded databases still hold ` + p.o.stillEmbedded() + "."
}

// copyNow plans the copy into the place that DSS's settings lead to already.
func (p *proposer) copyNow() {
	leftovers, ok := p.checkTarget()
	if !ok {
		return
	}
	p.warn("if_empty", "The embedded databases are copied as they are", "DSS is set up to use %s, where no table is. What is copied there is what the embedded databases hold: %s.", p.shownPlace(), p.o.stillEmbedded())
	changed := len(p.out.Changes) > 0
	p.out.Changes = append(p.out.Changes, plan.Change{Block: Name, Path: "tables", Op: plan.Create, After: jsonOf(count(len(p.o.h2), "embedded database")), Note: "the copy is made up for"})
	p.prepare(leftovers)
	if changed {
		p.step(KindReconfigure, "set the connection in general-settings.json", plan.Doing, offlineTrial, p.args(), settingsUndo, plan.Cost{}, settingsRead)
	}
	p.step(KindCopy, "copy the runtime databases to PostgreSQL", plan.Doing, offlineTrial,
		copyArgs{connectionArgs: p.args(), Leftovers: leftovers, Former: p.rec},
		plan.Undo{Possible: true, How: "drop the copied tables"}, p.cost(KindCopy, p.o.bytes), settingsRead)
	p.verify()
	p.inUse()
}
