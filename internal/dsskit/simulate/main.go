// Command simulate makes simulated DSS kits and instances and throwaway PostgreSQL servers for demonstrations by hand.
// What it makes outlives it. It prints what it made as lines of name=value.
//
//	simulate kit -dir DIR -version V [-seed N]
//	simulate install -dir DIR -version V [-data DATA_DIR] [-port P] [-type NODETYPE] [-seed N] [-rows N] [-start]
//	simulate kill -data DATA_DIR
//	simulate rows -data DATA_DIR [-external]
//	simulate postgres start -dir DIR [-port P]
//	simulate postgres exec -dir DIR [-database NAME] SQL
//	simulate postgres stop -dir DIR
//	simulate free-port
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dssctl/dssctl/internal/dsskit"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// options are all flags of all commands: each reads its own.
type options struct {
	dir, data, version, nodeType, database string
	port, rows                             int
	seed                                   int64
	start, external                        bool
	rest                                   []string
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.StringVar(&o.dir, "dir", "", "folder to work in")
	f.StringVar(&o.data, "data", "", "data directory; DIR/data where it is not given")
	f.StringVar(&o.version, "version", "14.4.1", "version of DSS")
	f.StringVar(&o.nodeType, "type", "design", "design, automation, deployer, api or govern")
	f.StringVar(&o.database, "database", "postgres", "database to run SQL in")
	f.IntVar(&o.port, "port", 0, "port; a free one where it is not given")
	f.IntVar(&o.rows, "rows", 200, "rows in each table")
	f.Int64Var(&o.seed, "seed", 1, "chooses what is not public of DSS")
	f.BoolVar(&o.start, "start", false, "start DSS and wait until it is ready")
	f.BoolVar(&o.external, "external", false, "count PostgreSQL's tables instead of H2's")
	err := f.Parse(args)
	if o.data == "" && o.dir != "" {
		o.data = filepath.Join(o.dir, "data")
	}
	o.rest = f.Args()
	return o, err
}

func run(ctx context.Context, out io.Writer, args []string) error {
	command := ""
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command = strings.TrimSpace(command + " " + args[0])
		args = args[1:]
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	switch command {
	case "kit":
		_, err = buildKit(ctx, out, o)
		return err
	case "install":
		return install(ctx, out, o)
	case "kill":
		i, err := dsskit.Open(o.data)
		if err != nil {
			return err
		}
		return i.Kill()
	case "rows":
		return rows(ctx, out, o)
	case "postgres start":
		return startPostgres(ctx, out, o)
	case "postgres exec":
		return execSQL(ctx, out, o)
	case "postgres stop":
		p, err := dsskit.OpenPostgres(o.dir)
		if err != nil {
			return err
		}
		return p.Close()
	case "free-port":
		port, release, err := dsskit.FreePorts(10)
		if err != nil {
			return err
		}
		release()
		fmt.Fprintln(out, port)
		return nil
	}
	return fmt.Errorf("unknown command %q, there are kit, install, kill, rows, postgres start, postgres exec, "+
		"postgres stop and free-port", command)
}

func buildKit(ctx context.Context, out io.Writer, o options) (kitDir string, err error) {
	if o.dir == "" {
		return "", errors.New("-dir is missing")
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return "", err
	}
	archive, kitDir, err := dsskit.Build(ctx, o.dir, dsskit.KitOptions{Version: o.version, Seed: o.seed})
	if err == nil {
		fmt.Fprintf(out, "archive=%s\nkit=%s\n", archive, kitDir)
	}
	return kitDir, err
}

func install(ctx context.Context, out io.Writer, o options) error {
	kitDir, err := buildKit(ctx, out, o)
	if err != nil {
		return err
	}
	if o.port == 0 {
		port, release, err := dsskit.FreePorts(10)
		if err != nil {
			return err
		}
		defer release()
		o.port = port
	}
	i, err := dsskit.Install(ctx, kitDir, dsskit.InstallOptions{
		DataDir: o.data, Port: o.port, NodeType: o.nodeType, Seed: o.seed, RowsPerTable: o.rows, Detached: true,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "datadir=%s\nport=%d\nurl=%s\n", i.DataDir, o.port, i.URL())
	if key, err := i.APIKey(); err == nil {
		fmt.Fprintf(out, "apikey=%s\n", key)
	}
	if o.start {
		return i.Start(ctx)
	}
	return nil
}

func rows(ctx context.Context, out io.Writer, o options) error {
	i, err := dsskit.Open(o.data)
	if err != nil {
		return err
	}
	count := i.Rows
	if o.external {
		count = i.ExternalRows
	}
	tables, err := count(ctx)
	for _, t := range tables {
		fmt.Fprintf(out, "%s.%s=%d\n", t.Database, t.Table, t.Rows)
	}
	return err
}

func startPostgres(ctx context.Context, out io.Writer, o options) error {
	if o.dir == "" {
		return errors.New("-dir is missing")
	}
	p, err := dsskit.StartPostgres(ctx, o.dir, dsskit.PGOptions{MaxConnections: 500, Port: o.port, Detached: true})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "host=%s\nport=%d\nuser=%s\npassword=%s\nsocket=%s\ndsn=%s\n",
		p.Host, p.Port, p.User, p.Password, p.SocketDir, p.DSN("postgres"))
	return nil
}

func execSQL(ctx context.Context, out io.Writer, o options) error {
	p, err := dsskit.OpenPostgres(o.dir)
	if err != nil {
		return err
	}
	answer, err := p.Exec(ctx, o.database, strings.Join(o.rest, " "))
	if err == nil && answer != "" {
		fmt.Fprintln(out, answer)
	}
	return err
}
