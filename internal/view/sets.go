package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
)

// SetRow is one backup set in a list.
type SetRow struct {
	Set         string    `json:"set"`
	Policy      string    `json:"policy"`
	Folder      string    `json:"folder"`
	Time        time.Time `json:"time,omitzero"`
	Version     string    `json:"dss_version,omitempty"`
	Method      string    `json:"method,omitempty"`
	Consistency string    `json:"consistency,omitempty"`
	Bytes       int64     `json:"bytes"`  // of the data directory
	Stored      int64     `json:"stored"` // what the set takes, or has added
	Files       int64     `json:"files"`
	Database    bool      `json:"database"` // a dump of PostgreSQL is in it
	// State is "good", or says why the set does not count, with Broken in words:
	// "damaged", "incomplete", "restore failed", "unknown".
	State  string `json:"state"`
	Broken string `json:"broken,omitempty"`
}

// Sets writes one line a set, in the order given.
func Sets(w io.Writer, rows []SetRow, now time.Time, s Style) error {
	p := &page{Style: s}
	if len(rows) == 0 {
		p.line("No backup set yet.")
		return p.writeTo(w)
	}
	out := make([][]string, 0, len(rows))
	for _, r := range rows {
		if r.Broken != "" {
			out = append(out, []string{clean(r.Set), clean(r.Policy), "-", "-", "-", "-", "-", "-", clean(strings.ToUpper(r.State)) + ": " + oneLine(r.Broken)})
			continue
		}
		database := "embedded"
		if r.Database {
			database = "dump"
		}
		out = append(out, []string{
			clean(r.Set), clean(r.Policy), moment(r.Time), setAge(now.Sub(r.Time)), dash(r.Version), dash(r.Method) + s.dot() + dash(r.Consistency),
			humanize.Bytes(r.Bytes), humanize.Bytes(r.Stored), database,
		})
	}
	p.table([]string{"SET", "POLICY", "TIME (UTC)", "AGE", "DSS", "KEPT BY", "SIZE", "STORED", "DATABASES"}, out)
	return p.writeTo(w)
}

// setAge is how old a set is. One of the future has no age: a clock was wrong.
func setAge(d time.Duration) string {
	if d < 0 {
		return "in the future"
	}
	return humanize.Duration(d)
}

// SetAbout is all that a set's manifest says.
type SetAbout struct {
	SetRow
	Finished                          time.Time
	Tool, Host, DataDir, NodeType     string
	View, Program                     string
	Folders                           int64
	Repository, Ref                   string
	Needs, Changed, LeftOut, Excluded []string
	ChangedTotal                      int64
	DatabaseAt                        string
	// Followed are links that were kept as what they lead to; Outside those that
	// lead to what is not in the set, the first of OutsideTotal; Programs how many
	// lead to programs of the system or the kit.
	Followed, Outside      []string
	OutsideTotal, Programs int64
}

// Set writes what a set is of.
func Set(w io.Writer, a SetAbout, s Style) error {
	p := &page{Style: s}
	row := func(name, value string) {
		if value != "" {
			p.line(pad(name, 14) + clean(value))
		}
	}
	list := func(name string, values []string) {
		if len(values) > 0 {
			row(name, strings.Join(values, ", "))
		}
	}
	p.line(p.paint(bold, "backup set "+clean(a.Set)))
	if a.Broken != "" {
		row("state", a.State+": "+a.Broken)
	}
	row("policy", a.Policy)
	row("time", a.Time.UTC().Format(time.RFC3339)+", finished "+humanize.Duration(a.Finished.Sub(a.Time))+" later")
	row("instance", fmt.Sprintf("DSS %s, %s node, %s on %s", a.Version, a.NodeType, a.DataDir, a.Host))
	how := a.Consistency
	if a.View != "" && a.View != a.Consistency {
		how += " (" + a.View + ")"
	}
	row("consistency", how)
	row("kept by", a.Program+", dssctl "+a.Tool)
	row("data", fmt.Sprintf("%s in %s and %s, stored in %s", humanize.Bytes(a.Bytes),
		humanize.Count(a.Files, "file", "files"), humanize.Count(a.Folders, "folder", "folders"), humanize.Bytes(a.Stored)))
	databases := "embedded, in the data directory"
	if a.DatabaseAt != "" {
		databases = "dump of " + a.DatabaseAt
	}
	row("databases", databases)
	list("left out", a.Excluded)
	row("folder", a.Folder)
	row("repository", a.Repository)
	row("snapshot", a.Ref)
	list("needs", a.Needs)
	if a.ChangedTotal > 0 {
		row("changed", fmt.Sprintf("%s while they were read: %s", humanize.Count(a.ChangedTotal, "file", "files"), strings.Join(a.Changed, ", ")))
	}
	list("not kept", a.LeftOut)
	list("followed", a.Followed)
	if a.OutsideTotal > 0 {
		text := strings.Join(a.Outside, ", ")
		if more := a.OutsideTotal - int64(len(a.Outside)); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		row("outside", humanize.Count(a.OutsideTotal, "link or mount leads", "links or mounts lead")+" out of the data directory, to what is not in the set: "+text)
	}
	if a.Programs > 0 {
		row("programs", humanize.Count(a.Programs, "link leads", "links lead")+" to programs of the system or the kit")
	}
	return p.writeTo(w)
}

// RetentionRow says why a set stays or goes.
type RetentionRow struct {
	Policy  string    `json:"policy"`
	Set     string    `json:"set"`
	Time    time.Time `json:"time"`
	Keep    bool      `json:"keep"`
	Reasons []string  `json:"reasons"`
}

// Retention writes one line a set.
func Retention(w io.Writer, rows []RetentionRow, s Style) error {
	p := &page{Style: s}
	if len(rows) == 0 {
		p.line("No backup set yet.")
		return p.writeTo(w)
	}
	out := make([][]string, 0, len(rows))
	for _, r := range rows {
		verdict := "remove"
		if r.Keep {
			verdict = "keep"
		}
		out = append(out, []string{clean(r.Set), clean(r.Policy), moment(r.Time), verdict, oneLine(strings.Join(r.Reasons, "; "))})
	}
	p.table([]string{"SET", "POLICY", "TIME (UTC)", "VERDICT", "WHY"}, out)
	return p.writeTo(w)
}
