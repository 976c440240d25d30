package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// executor runs statements on the pools: reads on any reader, writes one at a time.
type executor struct{ db *db }

func (x *executor) IsTx() bool { return false }

func (x *executor) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	s, err := x.db.readers.acquire(ctx)
	if err != nil {
		return err
	}
	defer x.db.readers.release(s)
	return runQuery(ctx, s, sql, args, targets, row)
}

func (x *executor) Exec(ctx context.Context, sql string, args []any) (n int64, err error) {
	err = x.InShortTx(ctx, func(tx query.Executor) error {
		n, err = tx.Exec(ctx, sql, args)
		return err
	})
	return n, err
}

func (x *executor) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	return x.InTx(ctx, func(tx query.Executor) error { return tx.Insert(ctx, table, columns, n, values) })
}

// InTx begins with the write lock: a transaction that reads first and writes later would be refused
// when somebody else wrote in between. One that only reads begins on a reader, and sees what it
// reads first until it ends.
func (x *executor) InTx(ctx context.Context, fn func(tx query.Executor) error, opts ...driver.TxOption) error {
	config, err := driver.NewTxConfig(opts...)
	if err != nil {
		return err
	}
	pool, begin := x.db.writer, "BEGIN IMMEDIATE"
	if config.ReadOnly {
		pool, begin = x.db.readers, "BEGIN"
	}
	s, err := pool.acquire(ctx)
	if err != nil {
		return err
	}
	defer pool.release(s)
	if config.ReadOnly {
		defer s.allowWrites(context.WithoutCancel(ctx))
		if err := s.refuseWrites(ctx); err != nil {
			return err
		}
	}
	return inTx(ctx, s, begin, fn)
}

// InForgetfulTx implements query.Forgetful. In WAL mode a commit that is not synchronized is undone by a
// power failure only, or a crash of the operating system; the database stays intact, and a later commit
// that is synchronized takes it along.
func (x *executor) InForgetfulTx(ctx context.Context, fn func(tx query.Executor) error) error {
	s, err := x.db.writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer x.db.writer.release(s)
	defer s.synchronize(context.WithoutCancel(ctx))
	if err := s.relax(ctx); err != nil {
		return err
	}
	return inTx(ctx, s, "BEGIN IMMEDIATE", fn)
}

// inTx runs fn in a transaction on a session of its own.
func inTx(ctx context.Context, s *session, begin string, fn func(tx query.Executor) error) error {
	tx := &transaction{runner: s}
	err := runTx(ctx, tx, begin, fn)
	if err == nil {
		err = tx.commit(ctx)
	}
	return err
}

// runTx begins tx and runs fn in it, and rolls it back if that fails.
func runTx(ctx context.Context, tx *transaction, begin string, fn func(tx query.Executor) error) error {
	done := false
	defer func() {
		if !done { // also when fn panics, and when BEGIN was interrupted: it may have begun
			tx.rollback(ctx)
		}
	}()
	if err := tx.place().checkAgain(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, begin); err != nil {
		return classify(ctx, err)
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.usable(ctx); err != nil {
		return err
	}
	done = true
	return nil
}

// transaction runs statements in an open transaction.
type transaction struct {
	runner
	savepoints int
	broken     error // a statement failed in a way after which SQLite may have rolled back by itself
	shared     bool  // others did something in it: no statement is to be interrupted, which would undo that, too
	ended      bool
}

// place is where the file is; nil where that is the app's affair.
func (t *transaction) place() *place {
	if s, ok := t.runner.(*session); ok {
		return s.place
	}
	return nil
}

// commit ends a transaction, undone if it fails.
func (t *transaction) commit(ctx context.Context) error {
	if t.broken != nil {
		t.rollback(ctx)
		return t.broken
	}
	// Not to be interrupted: whoever is told of a failure must be able to rely on it.
	if _, err := t.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		t.rollback(ctx)
		return uncommitted(err)
	}
	t.ended = true
	return t.place().check(true)
}

func (t *transaction) rollback(ctx context.Context) {
	t.ended = true
	_, _ = t.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // fails if SQLite rolled back by itself
}

func (t *transaction) IsTx() bool { return true }

func (t *transaction) usable(ctx context.Context) error {
	switch {
	case t.ended:
		return &driver.Error{Kind: driver.ErrClosed, Err: errors.New("the transaction has ended")}
	case t.broken != nil:
		return t.broken
	case ctx.Err() != nil:
		return classify(ctx, ctx.Err())
	}
	return nil
}

// check classifies the error of a statement. After any but a constraint's refusal, which undoes
// just its statement, the transaction takes no more: SQLite may have rolled it back, and what
// followed would commit statement by statement.
func (t *transaction) check(ctx context.Context, err error) error {
	err = classify(ctx, err)
	if err != nil && !errors.Is(err, driver.ErrAlreadyExists) && !errors.Is(err, driver.ErrMissingReference) {
		t.broken = err
	}
	return err
}

// lasting is the context for a statement.
func (t *transaction) lasting(ctx context.Context) context.Context {
	if t.shared {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (t *transaction) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	ctx = t.lasting(ctx)
	return t.check(ctx, runQuery(ctx, t.runner, sql, args, targets, row))
}

func (t *transaction) Exec(ctx context.Context, sql string, args []any) (int64, error) {
	if err := t.usable(ctx); err != nil {
		return 0, err
	}
	ctx = t.lasting(ctx)
	result, err := t.ExecContext(ctx, sql, bind(args)...)
	if err != nil {
		return 0, t.check(ctx, err)
	}
	n, err := result.RowsAffected()
	return n, t.check(ctx, err)
}

func (t *transaction) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	return query.InsertRows(dialect, table, columns, n, values, func(statement string, args []any) error {
		_, err := t.Exec(ctx, statement, args)
		return err
	})
}

// InTx is a savepoint.
func (t *transaction) InTx(ctx context.Context, fn func(tx query.Executor) error, _ ...driver.TxOption) error {
	t.savepoints++
	name := fmt.Sprintf("neoevents_%d", t.savepoints)
	defer func() { t.savepoints-- }()
	if _, err := t.Exec(ctx, "SAVEPOINT "+name, nil); err != nil {
		return err
	}
	released := false
	defer func() {
		if released {
			return
		}
		background := context.WithoutCancel(ctx)
		_, err := t.ExecContext(background, "ROLLBACK TO "+name)
		if err == nil {
			_, err = t.ExecContext(background, "RELEASE "+name)
		}
		switch {
		case err == nil:
			t.broken = nil // the savepoint was there, so SQLite has not rolled back by itself
		case t.broken == nil:
			t.broken = classify(background, err)
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, "RELEASE "+name, nil); err != nil {
		return err
	}
	released = true
	return nil
}

func runQuery(ctx context.Context, r runner, sql string, args, targets []any, row func()) error {
	rows, err := r.QueryContext(ctx, sql, bind(args)...)
	if err != nil {
		return classify(ctx, err)
	}
	defer rows.Close()
	into := scanTargets(targets)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return classify(ctx, err)
		}
		if row != nil {
			row()
		}
	}
	return classify(ctx, rows.Err())
}
