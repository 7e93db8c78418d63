package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Schemas names those of the database that have tables, but for the system's and
// those of extensions, in order.
func Schemas(ctx context.Context, l Login) ([]string, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rows, err := c.Query(ctx, `SELECT DISTINCT n.nspname::text`+ofUsers+` AND c.relkind IN ('r', 'p') ORDER BY 1`)
	var names []string
	if err == nil {
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	return names, c.fail(ctx, "list the schemas of", err)
}
