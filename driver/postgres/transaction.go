package postgres

import (
	"context"
	"errors"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// link is an open transaction or savepoint, of pgx or of database/sql.
type link interface {
	query(ctx context.Context, sql string, args, targets []any, row func()) error
	exec(ctx context.Context, sql string, args []any) (int64, error)
	insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error
	savepoint(ctx context.Context) (link, error)
	commit(ctx context.Context) error
	rollback(ctx context.Context) error
	lost() bool // the connection is known to be gone
}

// transaction runs statements in an open transaction or savepoint.
type transaction struct {
	link
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
	return t.check(ctx, t.query(ctx, sql, args, targets, row))
}

func (t *transaction) Exec(ctx context.Context, sql string, args []any) (int64, error) {
	n, err := t.exec(ctx, sql, args)
	return n, t.check(ctx, err)
}

func (t *transaction) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	return t.check(ctx, t.insert(ctx, table, columns, n, values))
}

// InTx is a savepoint.
func (t *transaction) InTx(ctx context.Context, fn func(tx query.Executor) error, _ ...driver.TxOption) error {
	savepoint, err := t.savepoint(ctx)
	if err != nil {
		return t.check(ctx, err)
	}
	return runTx(ctx, savepoint, fn, false)
}

// runTx runs fn in a transaction or savepoint that has begun, and ends it.
func runTx(ctx context.Context, begun link, fn func(tx query.Executor) error, outermost bool) error {
	t, committed := &transaction{link: begun}, false
	defer func() {
		if !committed { // also when fn panics
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
			defer cancel()
			_ = t.rollback(bounded) // if it can't, the connection is given up and so is the transaction
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
	if t.lost() {
		return unavailable(errors.New("the connection was lost before the commit"), false)
	}
	err := t.commit(ctx)
	committed = err == nil
	return classify(ctx, err, outermost)
}
