package runtimedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// lookTimeout bounds what planning waits for PostgreSQL.
const lookTimeout = 10 * time.Second

// observation is what was seen. It holds the live password and stays in memory.
type observation struct {
	node    string // the node's type
	missing bool   // there is no general-settings.json
	live    live
	liveErr error
	// bytes of databases/, and its H2 files.
	bytes int64
	h2    []h2File
	// ran is when DSS last wrote a log; zero when that is not known.
	ran time.Time
	// target is the declared PostgreSQL place, source the live one where that
	// is another or none is declared.
	target, source look
	// obstacles keep the source's tables from being carried over.
	obstacles    []string
	obstaclesErr error
	// moves: target is another place than the live one.
	moves bool
	// siblings are the longer prefixes of the estate's other instances at the
	// declared place.
	siblings []string
}

type h2File struct {
	name    string
	bytes   int64
	changed time.Time
}

// look is one look at a PostgreSQL place, or why there was none.
type look struct {
	sight *pg.Sight
	err   error
	why   string
}

// Observe reads the settings and the size of the embedded databases, and looks
// at PostgreSQL where it is declared or in use and dssctl can log in.
func (p *Provider) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	o := &observation{node: req.Facts.NodeType}
	if o.node == "api" {
		return o, nil
	}
	if o.node == "govern" {
		return observeGovern(ctx, req)
	}
	doc, err := req.Instance.Settings()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.missing = true
		return o, nil
	case err != nil:
		return nil, err
	}
	if o.bytes, _, err = req.Instance.Size(ctx, "databases"); err != nil {
		return nil, fmt.Errorf("sum up the embedded databases: %w", err)
	}
	if o.live, o.liveErr = dss.ReadRuntimeDatabase(doc); o.liveErr != nil {
		return o, nil
	}
	if o.live.External {
		o.h2, o.ran = h2Files(req.Instance.Path("databases")), lastRun(req.Instance.Path("run"))
	}
	return o, o.lookAround(ctx, p, declared(req.Desired), req.Secrets)
}

// h2Files lists the databases' files; what cannot be read is left out, for it
// only serves a sentence.
func h2Files(dir string) []h2File {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []h2File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".mv.db") && !strings.HasSuffix(e.Name(), ".h2.db") {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.Mode().IsRegular() {
			out = append(out, h2File{e.Name(), info.Size(), info.ModTime().UTC()})
		}
	}
	return out
}

// lookAround looks at the declared and the live place, at the same time.
func (o *observation) lookAround(ctx context.Context, p *Provider, b *config.Block, r secret.Resolver) error {
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var g errgroup.Group
	from, known := target(o.live)
	if b == nil || label(b) != postgresql {
		if o.live.External && known && !isEncrypted(o.live.LoginPassword()) {
			l := from.login(o.live.LoginPassword())
			o.source.sight, o.source.err = pg.Look(bounded, l, from.place)
		}
		return context.Cause(ctx)
	}
	c := connectionOf(b)
	to, err := c.resolve(r)
	if err != nil || to.Host == "" || to.Database == "" || to.User == "" {
		return nil // Propose tells
	}
	moves := !o.live.External || !known || !samePlace(from, to)
	o.moves, o.siblings = moves, p.siblings(to)
	to.place.Others = append(append(to.place.Others, o.siblings...), besides(o.live.External, from, to)...)
	l, ok := targetLogin(to, o.live, moves)
	if !ok {
		o.target.why = "dssctl has no password to log in with: it is kept encrypted by DSS, and none is declared in plain form"
	} else {
		g.Go(func() error {
			o.target.sight, o.target.err = pg.Look(bounded, l, to.place)
			return nil
		})
	}
	if o.live.External && known && moves {
		l, ok := sourceLogin(from, o.live.LoginPassword(), to, b, r)
		if !ok {
			o.source.why = "its password is kept encrypted by DSS"
		} else {
			from.place.Others = othersAt(from, to)
			g.Go(func() error {
				o.source.sight, o.source.err = pg.Look(bounded, l, from.place)
				if o.source.err == nil {
					o.obstacles, o.obstaclesErr = pg.Obstacles(bounded, l, from.place)
				}
				return nil
			})
		}
	}
	_ = g.Wait()
	return context.Cause(ctx)
}

// samePlace compares by what the declarations say: server, database, schema and
// prefix.
func samePlace(a, b settings) bool {
	return sameDatabase(a, b) && a.place.Schema == b.place.Schema && a.place.Prefix == b.place.Prefix
}

func sameDatabase(a, b settings) bool {
	return sameServer(a.Host, a.Port, b.Host, b.Port) && a.Database == b.Database
}

// othersAt are the prefixes that do not belong to from, when the tables go to
// to: those declared, and to's own in the same schema.
func othersAt(from, to settings) []string {
	if from.place.Schema != to.place.Schema || !sameDatabase(from, to) {
		return nil
	}
	return append(append([]string(nil), to.place.Others...), to.place.Prefix)
}

// besides is the live prefix, where the tables go to another prefix of the same
// schema: if it is the longer one, the new prefix would catch the old tables.
func besides(external bool, from, to settings) []string {
	if !external || from.place.Schema != to.place.Schema || !sameDatabase(from, to) || from.place.Prefix == to.place.Prefix {
		return nil
	}
	return []string{from.place.Prefix}
}

// targetLogin is how dssctl logs in at the declared place; ok is false when it
// need not try: nothing moves, and the password is known to DSS alone.
func targetLogin(to settings, l live, moves bool) (pg.Login, bool) {
	fallback := ""
	if l.External && l.User == to.User {
		fallback = l.LoginPassword()
	}
	hidden := isEncrypted(fallback)
	if to.Password != nil {
		hidden = isEncrypted(*to.Password)
	}
	return to.login(fallback), moves || !hidden
}

// sourceLogin is how dssctl logs in where the tables are now.
func sourceLogin(from settings, livePassword string, to settings, b *config.Block, r secret.Resolver) (pg.Login, bool) {
	if src := b.Child("source"); src != nil {
		user, err1 := text(src, "user").Reveal(r)
		password, err2 := text(src, "password").Reveal(r)
		from.User = user
		return from.login(password), err1 == nil && err2 == nil
	}
	return knownLogin(from, livePassword, to)
}

// knownLogin uses the live password where it is plain, and the declared one
// where it is the same role's.
func knownLogin(from settings, livePassword string, to settings) (pg.Login, bool) {
	switch {
	case !isEncrypted(livePassword):
		return from.login(livePassword), true
	case to.Password != nil && !isEncrypted(*to.Password) && to.User == from.User:
		return from.login(*to.Password), true
	}
	return pg.Login{}, false
}

// Headline says where the databases are.
func (o *observation) Headline() string {
	switch {
	case o.node == "api" || o.missing:
		return ""
	case o.liveErr != nil:
		return "runtime databases not understood"
	case !o.live.External:
		return fmt.Sprintf("embedded databases (%s)", bytesText(o.bytes))
	}
	t, ok := target(o.live)
	if !ok {
		return "PostgreSQL"
	}
	where := "PostgreSQL " + t.Host + "/" + t.Database
	sight := o.source.sight
	if sight == nil && !o.moves {
		sight = o.target.sight
	}
	if sight == nil {
		return where
	}
	return fmt.Sprintf("%s (%s)", where, count(len(sight.Tables), "table"))
}
