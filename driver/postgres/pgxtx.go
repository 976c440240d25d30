package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// WithTx returns store's repositories inside a transaction that the app began on the same database:
// what they do commits and rolls back with it, and every typed refusal leaves it usable. The
// returned Store is for the goroutine that uses tx. ErrInvalid if store is not one of this package,
// or tx is nil. For a transaction of database/sql see WithSQLTx.
func WithTx(store driver.Store, tx pgx.Tx) (driver.Store, error) {
	return join("WithTx", store, pgxTx{tx}, tx == nil)
}

// join puts store on a transaction of the app.
func join(op string, store driver.Store, begun link, isNil bool) (driver.Store, error) {
	s, ok := driver.Unwrap(store).(*query.Store)
	switch {
	case !ok || s.Dialect() != dialect:
		return nil, driver.Fail(op, "", "store", "", &driver.InvalidError{Field: "store", Reason: "is not a store of package postgres"})
	case isNil:
		return nil, driver.Fail(op, s.Schema(), "transaction", "", &driver.InvalidError{Field: "tx", Reason: "is nil; begin one first"})
	}
	return s.On(&transaction{link: begun}), nil
}

// pgxTx is a link of pgx.
type pgxTx struct{ tx pgx.Tx }

func (p pgxTx) query(ctx context.Context, sql string, args, targets []any, row func()) error {
	return runQuery(ctx, p.tx, sql, args, targets, row)
}

func (p pgxTx) exec(ctx context.Context, sql string, args []any) (int64, error) {
	tag, err := p.tx.Exec(ctx, sql, bind(args)...)
	return tag.RowsAffected(), err
}

// insert is a COPY, twice as fast as an INSERT of arrays (docs/benchmarks.md).
func (p pgxTx) insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	bound := make([]any, len(columns))
	rows := pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		bindCopied(bound, values(i))
		return bound, nil
	})
	_, err := p.tx.CopyFrom(ctx, pgx.Identifier{table.Schema, table.Name}, columns, rows)
	return err
}

func (p pgxTx) savepoint(ctx context.Context) (link, error) {
	tx, err := p.tx.Begin(ctx)
	return pgxTx{tx}, err
}

func (p pgxTx) commit(ctx context.Context) error   { return p.tx.Commit(ctx) }
func (p pgxTx) rollback(ctx context.Context) error { return p.tx.Rollback(ctx) }
func (p pgxTx) lost() bool                         { return p.tx.Conn().IsClosed() }

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func runQuery(ctx context.Context, q querier, sql string, args, targets []any, row func()) error {
	rows, err := q.Query(ctx, sql, bind(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	into := scanTargets(targets)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if row != nil {
			row()
		}
	}
	return rows.Err()
}
