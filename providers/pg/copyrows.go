package pg

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
)

// copyRows reads the rows of one table out of the script that pg_restore
// prints: what stands between "COPY … FROM stdin;" and a line "\.". A row is one
// line, and none can be "\.", for COPY escapes both.
type copyRows struct {
	r    *bufio.Reader
	rest []byte // of the line at work
	long bool   // the line's beginning was given out already
	done bool
	// broken is why the rows ended early; the server would only say that the
	// copy failed. The driver may still read when its copy has failed.
	broken atomic.Pointer[error]
}

var errNoRows = errors.New("it holds no rows of the table")

// openRows reads up to the rows and returns their columns.
func openRows(r *bufio.Reader) (*copyRows, []string, error) {
	head := ""
	for {
		line, err := r.ReadString('\n')
		if head != "" || strings.HasPrefix(line, "COPY ") {
			head += line // a name may hold the end of a line
		}
		if columns, ok := copyColumns(head); ok {
			return &copyRows{r: r}, columns, nil
		}
		if err != nil {
			return nil, nil, errNoRows
		}
	}
}

// Read fills b with whole lines as far as they are there already.
func (c *copyRows) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if len(c.rest) == 0 {
			if c.done || (n > 0 && c.r.Buffered() == 0) {
				break
			}
			if err := c.next(); err != nil {
				c.broken.Store(&err)
				return n, err
			}
			continue
		}
		k := copy(b[n:], c.rest)
		c.rest, n = c.rest[k:], n+k
	}
	if n == 0 && c.done {
		return 0, io.EOF
	}
	return n, nil
}

func (c *copyRows) next() error {
	line, err := c.r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil && !errors.Is(err, bufio.ErrBufferFull):
		return err
	case !c.long && string(line) == "\\.\n":
		c.done = true
		return nil
	}
	c.rest, c.long = line, err != nil
	return nil
}

// copyColumns reads the names in `COPY s.t (a, "b c") FROM stdin;`.
func copyColumns(line string) ([]string, bool) {
	rest, ok := strings.CutPrefix(line, "COPY ")
	if !ok || !strings.HasSuffix(line, " FROM stdin;\n") {
		return nil, false
	}
	if _, rest, ok = identifier(rest); !ok {
		return nil, false
	}
	if after, qualified := strings.CutPrefix(rest, "."); qualified {
		if _, rest, ok = identifier(after); !ok {
			return nil, false
		}
	}
	if rest, ok = strings.CutPrefix(rest, " ("); !ok {
		return nil, false
	}
	var columns []string
	for {
		var name string
		if name, rest, ok = identifier(rest); !ok {
			return nil, false
		}
		columns = append(columns, name)
		if rest == ") FROM stdin;\n" {
			return columns, true
		}
		if rest, ok = strings.CutPrefix(rest, ", "); !ok {
			return nil, false
		}
	}
}

// identifier takes a name, quoted or not, from the front.
func identifier(s string) (name, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, `."(), `)
		if end <= 0 {
			return "", "", false
		}
		return s[:end], s[end:], true
	}
	for at := 1; at < len(s); at++ {
		if s[at] != '"' {
			continue
		}
		if strings.HasPrefix(s[at+1:], `"`) {
			at++
			continue
		}
		return strings.ReplaceAll(s[1:at], `""`, `"`), s[at+1:], true
	}
	return "", "", false
}

// sameColumns reports whether the dump's columns are those of the table.
func (t *table) sameColumns(names []string) bool {
	var own []string
	for _, col := range t.copied() {
		own = append(own, col.Name)
	}
	return slices.Equal(slices.Sorted(slices.Values(own)), slices.Sorted(slices.Values(names)))
}
