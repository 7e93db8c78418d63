package exclude

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"
)

// longest and mostBraces bound a glob: nobody writes more, and matching stays
// cheap. Each brace may double the work.
const (
	longest    = 1000
	mostBraces = 4
)

// probes are paths of every data directory that hold what cannot be lost. A
// glob that matches one is meant otherwise than it would work.
var probes = []string{
	"config/general-settings.json", "config/connections.json", "config/users.json", "config/license.json",
	"config/dip.properties", "config/projects", "config/projects/KEY", "config/projects/KEY/params.json",
	"databases/jobs.mv.db", "databases/jobs.h2.db", "timelines/KEY/timeline.mv.db", "timelines/KEY.mv.db",
	"bin/dss", "bin/dssadmin", "bin/env-default.sh", "bin/env-site.sh",
}

// CheckGlob says what is wrong with a glob.
func CheckGlob(g string) error {
	if why := form(g); why != "" {
		return fmt.Errorf("exclude: the path %q %s", g, why)
	}
	if !doublestar.ValidatePattern(g) {
		return fmt.Errorf("exclude: the path %q is not a pattern: a [ or { without its end, an empty [], or a \\ at the end; a name that has such a character is written with \\ before it", g)
	}
	for _, name := range protected {
		if doublestar.MatchUnvalidated(g, name) {
			return cannotLose(g, name)
		}
	}
	for _, probe := range probes {
		if doublestar.MatchUnvalidated(g, probe) {
			return cannotLose(g, probe)
		}
	}
	// What begins at such a folder could never leave anything out.
	if first := split(g).segments[0]; !first.any && strings.Trim(first.text, "*") != "" {
		for _, name := range protected {
			if doublestar.MatchUnvalidated(first.text, name) {
				return cannotLose(g, name)
			}
		}
	}
	return nil
}

func cannotLose(g, name string) error {
	return fmt.Errorf("exclude: the path %q would leave out %s, without which the instance cannot be restored; name the folder that is meant, such as \"managed_folders/**/*.bak\"", g, name)
}

// form tells what of a glob's form is wrong; "" for nothing.
func form(g string) string {
	switch {
	case g == "":
		return "is empty; write one that is relative to the data directory, such as \"managed_folders/*/big\""
	case len(g) > longest:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(g), longest)
	case strings.Count(g, "{") > mostBraces:
		return fmt.Sprintf("has more than %d braces; write several paths", mostBraces)
	case strings.HasPrefix(g, "/"):
		return "is absolute; write it relative to the data directory"
	case strings.HasPrefix(g, "!"):
		return "begins with !, and a rule cannot be turned round; name what is left out"
	case strings.HasSuffix(g, "/"):
		return "ends in /; write it without: a folder that is left out stays, empty"
	case strings.ContainsFunc(g, unicode.IsControl):
		return "holds a control character"
	}
	for segment := range strings.SplitSeq(g, "/") {
		switch {
		case segment == "":
			return "has // in it; write one /"
		case segment == ".":
			return "has . as a folder; write it relative to the data directory, without ./"
		case segment == "..":
			return "has .. as a folder; it cannot leave the data directory"
		case strings.Contains(segment, "**") && segment != "**":
			return fmt.Sprintf("has ** inside %q, where it would stand for one *; write ** between slashes: \"**/*.bak\"", segment)
		}
	}
	return ""
}

// glob is a compiled glob.
type glob struct {
	text     string
	segments []segment
}

// segment is what stands between slashes. One that stands for any number of
// folders is any: **, and braces with slashes inside.
type segment struct {
	text string
	any  bool
}

// split cuts a valid glob at the slashes that are not in braces or brackets.
func split(g string) glob {
	out := glob{text: g}
	begin, braces, inClass, slash := 0, 0, false, false
	end := func(i int) {
		text := g[begin:i]
		out.segments = append(out.segments, segment{text: text, any: text == "**" || slash})
		begin, slash = i+1, false
	}
	for i := 0; i < len(g); i++ {
		switch c := g[i]; {
		case c == '\\':
			i++
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
		case c == '{':
			braces++
		case c == '}':
			braces--
		case c == '/' && braces > 0:
			slash = true
		case c == '/':
			end(i)
		}
	}
	end(len(g))
	return out
}

// reaches reports whether the glob may match something below the folder.
func (g glob) reaches(folder []string) bool {
	for i, s := range g.segments {
		if s.any || i >= len(folder) {
			return true
		}
		if !doublestar.MatchUnvalidated(s.text, folder[i]) {
			return false
		}
	}
	return false
}
