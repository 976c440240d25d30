package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/neomultitenant/neoevents/query"
)

// executor runs statements on the pool, each in a transaction of its own.
type executor struct{ db *db }

func (x *executor) IsTx() bool { return false }

func (x *executor) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	conn, err := x.db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	writes := !strings.HasPrefix(sql, "SELECT")
	return classify(ctx, runQuery(ctx, conn, sql, args, targets, row), writes)
}

func (x *executor) Exec(ctx context.Context, sql string, args []any) (int64, error) {
	conn, err := x.db.acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	tag, err := conn.Exec(ctx, sql, bind(args)...)
	return tag.RowsAffected(), classify(ctx, err, true)
}

func (x *executor) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	return x.InTx(ctx, func(tx query.Executor) error { return tx.Insert(ctx, table, columns, n, values) })
}

func (x *executor) InTx(ctx context.Context, fn func(tx query.Executor) error) error {
	conn, err := x.db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return classify(ctx, err, false)
	}
	return runTx(ctx, &transaction{tx: tx}, fn, true)
}

// runTx runs fn in a transaction or savepoint that has begun, and ends it.
func runTx(ctx context.Context, t *transaction, fn func(tx query.Executor) error, outermost bool) error {
	tx, committed := t.tx, false
	defer func() {
		if !committed { // also when fn panics
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
			defer cancel()
			_ = tx.Rollback(bounded) // if it can't, the connection is given up and so is the transaction
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	if err := ctx.Err(); err != nil {
		return classify(ctx, err, false)
	}
	if tx.Conn().IsClosed() {
		return unavailable(errors.New("the connection was lost before the commit"), false)
	}
	err := tx.Commit(ctx)
	committed = err == nil
	return classify(ctx, err, outermost)
}

// transaction runs statements in an open transaction or savepoint.
type transaction struct {
	tx     pgx.Tx
	broken error // a statement failed: Postgres takes no more until a rollback
}

func (t *transaction) IsTx() bool { return true }

func (t *transaction) check(ctx context.Context, err error) error {
	err = classify(ctx, err, false)
	if err != nil && t.broken == nil {
		t.broken = err
	}
	return err
}

func (t *transaction) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	return t.check(ctx, runQuery(ctx, t.tx, sql, args, targets, row))
}

func (t *transaction) Exec(ctx context.Context, sql string, args []any) (int64, error) {
	tag, err := t.tx.Exec(ctx, sql, bind(args)...)
	return tag.RowsAffected(), t.check(ctx, err)
}

// Insert is a COPY, twice as fast as an INSERT of arrays (docs/benchmarks.md).
func (t *transaction) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	rows := pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		row := values(i)
		for i := range row { // COPY knows the columns' types: JSON goes into text without a copy
			if data, ok := row[i].(json.RawMessage); ok {
				row[i] = []byte(data)
			}
		}
		return bind(row), nil
	})
	_, err := t.tx.CopyFrom(ctx, pgx.Identifier{table.Schema, table.Name}, columns, rows)
	return t.check(ctx, err)
}

// InTx is a savepoint.
func (t *transaction) InTx(ctx context.Context, fn func(tx query.Executor) error) error {
	savepoint, err := t.tx.Begin(ctx)
	if err != nil {
		return t.check(ctx, err)
	}
	return runTx(ctx, &transaction{tx: savepoint}, fn, false)
}

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
