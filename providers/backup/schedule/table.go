package schedule

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/providers/backup/schedule/cron"
)

// A block in a crontab:
//
//	# dssctl ID (managed, do not edit)
//	15 6 * * 1-5 cd /srv/estate && env PATH=… /usr/local/bin/dssctl backup run …
//	# dssctl ID end
//
// The variables stand in the command: a PATH= line would hold for all entries
// that follow.

func beginOf(id string) string { return "# dssctl " + id + " (managed, do not edit)" }
func endOf(id string) string   { return "# dssctl " + id + " end" }

// block is where the block of an id is in a crontab.
type block struct {
	before, text, after string
	found               bool
}

// line is how many lines are before the block.
func (b block) line() int { return strings.Count(b.before, "\n") }

// findBlock cuts a crontab at the block of an id. Without one, everything is
// before.
func findBlock(table, id string) (block, error) {
	var b block
	begin, end := -1, -1
	at := 0
	for line := range strings.Lines(table) {
		switch strings.TrimRight(line, " \t\r\n") {
		case beginOf(id):
			if begin >= 0 {
				return b, brokenBlock(id, "begins twice")
			}
			begin = at
		case endOf(id):
			if begin < 0 || end >= 0 {
				return b, brokenBlock(id, "ends without its beginning")
			}
			end = at + len(line)
		default:
			if begin >= 0 && end < 0 && strings.HasPrefix(line, "# dssctl ") {
				return b, brokenBlock(id, "has no end before the next begins")
			}
		}
		at += len(line)
	}
	switch {
	case begin < 0:
		return block{before: table}, nil
	case end < 0:
		return b, brokenBlock(id, "has no end")
	}
	return block{before: table[:begin], text: table[begin:end], after: table[end:], found: true}, nil
}

// brokenError says that it cannot be told which lines are dssctl's.
type brokenError struct{ id, how string }

func (e *brokenError) Error() string {
	return fmt.Sprintf("the crontab's block of %s %s, so that it cannot be told which lines are dssctl's; remove its lines with `crontab -e`, from %q to %q",
		e.id, e.how, beginOf(e.id), endOf(e.id))
}

func brokenBlock(id, how string) error { return &brokenError{id, how} }

// put returns the crontab with this text for the block; "" takes it out. A
// block that is not there yet is put behind so many lines; -1 is at the end.
func (b block) put(text string, line int) string {
	if b.found || text == "" {
		return b.before + text + b.after
	}
	head, tail := b.before, ""
	if line >= 0 {
		at := 0
		for l := range strings.Lines(b.before) {
			if line == 0 {
				break
			}
			at += len(l)
			line--
		}
		head, tail = b.before[:at], b.before[at:]
	}
	if head != "" && !strings.HasSuffix(head, "\n") {
		head += "\n"
	}
	return head + text + tail
}

// blockText writes the block of a normal entry.
func blockText(e Entry) string {
	var words []string
	for _, v := range e.variables() {
		words = append(words, shellWord(v))
	}
	for _, w := range e.Command {
		words = append(words, shellWord(w))
	}
	command := "cd " + shellWord(e.Dir) + " && env " + strings.Join(words, " ")
	// cron takes a % for the end of the line.
	command = strings.ReplaceAll(command, "%", `\%`)
	return fmt.Sprintf("%s\n%s %s\n%s\n", beginOf(e.ID), e.Expr, command, endOf(e.ID))
}

// readBlock reads a block; the entry is nil when it is none any more. why says
// what of it is not dssctl's.
func readBlock(id, text string) (e *Entry, why string) {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != beginOf(id) && line != endOf(id) && line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		return nil, fmt.Sprintf("the crontab's block of %s was edited by hand: it has %d lines, expected one", id, len(lines))
	}
	if strings.HasPrefix(lines[0], "#") {
		return nil, fmt.Sprintf("the crontab's entry of %s was switched off by hand: %q", id, lines[0])
	}
	unread := fmt.Sprintf("the crontab's entry of %s was edited by hand: %q", id, lines[0])
	expr, command := cutExpr(lines[0])
	x, err := cron.Parse(expr)
	if err != nil {
		return nil, fmt.Sprintf("%s; %v", unread, err)
	}
	words, ok := shellWords(strings.ReplaceAll(command, `\%`, "%"))
	if !ok || len(words) < 5 || words[0] != "cd" || words[2] != "&&" || words[3] != "env" {
		return nil, unread
	}
	found := Entry{ID: id, Expr: x.String(), Dir: words[1]}
	rest := words[4:]
	for len(rest) > 0 && found.read(rest[0]) {
		rest = rest[1:]
	}
	if found.Command = rest; found.Check() != nil {
		return nil, unread
	}
	return &found, difference("the crontab's block of "+id, text, blockText(found))
}

// cutExpr cuts five fields, or a nickname, from an entry.
func cutExpr(line string) (expr, command string) {
	n := 5
	if strings.HasPrefix(line, "@") {
		n = 1
	}
	at := 0
	for range n {
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " \t"))
		if i := strings.IndexAny(line[at:], " \t"); i >= 0 {
			at += i
		} else {
			at = len(line)
		}
	}
	return line[:at], strings.TrimLeft(line[at:], " \t")
}
