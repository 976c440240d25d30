package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// WithSQLTx is WithTx for a transaction that the app began with database/sql, on pgx's stdlib
// driver or on lib/pq: that of sqlx, bun, GORM or ent, which give out their *sql.Tx. SaveBatch
// sends INSERTs of many rows there, where WithTx has COPY, which is faster. A context that ends
// during a call may cost the transaction its connection, as the app's driver has it.
func WithSQLTx(store driver.Store, tx *sql.Tx) (driver.Store, error) {
	return join("WithSQLTx", store, sqlTx{tx: tx}, tx == nil)
}

// sqlTx is a link of database/sql.
type sqlTx struct {
	tx    *sql.Tx
	depth int // of savepoints
}

func (s sqlTx) query(ctx context.Context, statement string, args, targets []any, row func()) error {
	rows, err := s.tx.QueryContext(ctx, statement, bindText(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	into := sqlTargets(targets)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			if ctx.Err() != nil { // it closed the rows
				return ended(ctx, err)
			}
			return &driver.Error{Kind: driver.ErrInternal, Err: err}
		}
		if row != nil {
			row()
		}
	}
	return rows.Err()
}

func (s sqlTx) exec(ctx context.Context, statement string, args []any) (int64, error) {
	result, err := s.tx.ExecContext(ctx, statement, bindText(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s sqlTx) insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	return query.InsertRows(dialect, table, columns, n, values, func(statement string, args []any) error {
		_, err := s.exec(ctx, statement, args)
		return err
	})
}

func (s sqlTx) name() string { return fmt.Sprintf("neoevents_%d", s.depth) }

func (s sqlTx) savepoint(ctx context.Context) (link, error) {
	inner := sqlTx{s.tx, s.depth + 1}
	_, err := s.exec(ctx, "SAVEPOINT "+inner.name(), nil)
	return inner, err
}

func (s sqlTx) commit(ctx context.Context) error {
	_, err := s.exec(ctx, "RELEASE SAVEPOINT "+s.name(), nil)
	return err
}

func (s sqlTx) rollback(ctx context.Context) error {
	if _, err := s.exec(ctx, "ROLLBACK TO SAVEPOINT "+s.name(), nil); err != nil {
		return err
	}
	return s.commit(ctx)
}

func (s sqlTx) lost() bool { return false } // RELEASE SAVEPOINT will tell
