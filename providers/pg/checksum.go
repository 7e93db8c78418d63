package pg

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sum is a table's content: the number of rows, and two sums over the rows'
// hashes, in which the order of the rows plays no part.
type sum struct {
	rows      int64
	high, low string
}

// checksum computes the sum on the server. Each value is hashed in the type's
// binary form, as COPY writes it, so that no setting and no server version
// changes the result.
func checksum(ctx context.Context, tx pgx.Tx, qualified string, columns []*column) (sum, error) {
	var parts []string
	for _, col := range columns {
		value := "md5(" + Quote(col.Name) + "::text)"
		if col.Send != "" {
			value = "md5(pg_catalog." + col.Send + "(" + Quote(col.Name) + "))"
		}
		parts = append(parts, "coalesce("+value+", '-')")
	}
	// hash → two signed numbers of 64 bits.
	sql := `SELECT count(*), coalesce(sum(('x' || substr(h, 1, 16))::bit(64)::bigint::numeric), 0)::text,
		coalesce(sum(('x' || substr(h, 17, 16))::bit(64)::bigint::numeric), 0)::text
		FROM (SELECT md5(` + strings.Join(parts, " || ") + `) AS h FROM ONLY ` + qualified + `) x`
	var s sum
	err := tx.QueryRow(ctx, sql).Scan(&s.rows, &s.high, &s.low)
	return s, err
}
