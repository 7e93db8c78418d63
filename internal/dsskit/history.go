package dsskit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// TableRows is what a table of the runtime databases holds.
type TableRows struct {
	Database string // the runtime database: "jobs", "metrics", "requests", "timelines", …
	Table    string // its name without prefix
	Rows     int
	Digest   string // the same for the same content, in H2 and in PostgreSQL
}

// FillHistory adds rows to each table of wherever the runtime databases are. DSS has to be stopped.
func (i *Instance) FillHistory(ctx context.Context, rows int) error {
	_, err := i.tool(ctx, "fill", strconv.Itoa(rows))
	return err
}

// Rows counts the embedded runtime databases, whether or not they are in use. DSS has to be stopped or external.
func (i *Instance) Rows(ctx context.Context) ([]TableRows, error) {
	return i.dump(ctx, "embedded")
}

// ExternalRows counts the external runtime databases, with the connection in general-settings.json.
func (i *Instance) ExternalRows(ctx context.Context) ([]TableRows, error) {
	return i.dump(ctx, "external")
}

// LiveRows counts the databases that the running DSS uses, without digests.
func (i *Instance) LiveRows(ctx context.Context) ([]TableRows, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL()+"/dip/dsskit/rows", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer is %s: %s", response.Status, text)
	}
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	return parseRows(string(text))
}

// Total sums the rows of one database, or of all with database "".
func Total(tables []TableRows, database string) int {
	total := 0
	for _, t := range tables {
		if database == "" || t.Database == database {
			total += t.Rows
		}
	}
	return total
}

func (i *Instance) dump(ctx context.Context, where string) ([]TableRows, error) {
	out, err := i.tool(ctx, "dump", where)
	if err != nil {
		return nil, err
	}
	return parseRows(out)
}

func parseRows(out string) ([]TableRows, error) {
	var tables []TableRows
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("count rows: unexpected output:\n%s", out)
		}
		n, err := strconv.Atoi(f[2])
		if err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
		tables = append(tables, TableRows{Database: f[0], Table: f[1], Rows: n, Digest: f[3]})
	}
	return tables, nil
}

func (i *Instance) tool(ctx context.Context, args ...string) (string, error) {
	result, err := run(ctx, i.Environment, filepath.Join(i.Kit(), "scripts", "tool"), append([]string{i.DataDir}, args...)...)
	if err != nil {
		return "", err
	}
	if result.ExitCode != 0 {
		return "", fmt.Errorf("%s of %s ended with %d:\n%s", args[0], i.DataDir, result.ExitCode, result.Output)
	}
	return result.Output, nil
}
