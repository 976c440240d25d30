package query

import (
	"context"
	"errors"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// consumerSQL is the statements on consumers.
type consumerSQL struct {
	read              string // parameters: position, limit
	create, lock      string // name
	commit            string // name, position
	reset             string // name, position
	lag               string // position
	get, list, forget string
}

func newConsumerSQL(s *schemaSQL) *consumerSQL {
	b := newBuilder(s)
	d, consumers := s.dialect, s.quote(consumersTable)
	all := sq.Select("name", "position", "updated_at").From(consumers)
	insert := sq.Insert(consumers).Columns("name", "position", "updated_at")
	moveTo := "ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at"
	return &consumerSQL{
		read:   b.list(b.read(allColumns).Where("e.position > ?"), "e.position"),
		create: s.render(insert.Values(sq.Expr("?"), sq.Expr("0"), sq.Expr(d.Now)).Suffix("ON CONFLICT DO NOTHING")),
		lock:   s.render(s.locking(sq.Select("position").From(consumers).Where("name = ?"), "FOR UPDATE")),
		// A new consumer is at 0, where no event is.
		commit: s.render(insert.Values(sq.Expr("?"), sq.Expr("?"), sq.Expr(d.Now)).
			Suffix(moveTo + " WHERE " + consumers + ".position < excluded.position")),
		reset:  s.render(insert.Values(sq.Expr("?"), sq.Expr("?"), sq.Expr(d.Now)).Suffix(moveTo)),
		lag:    s.render(sq.Select("count(*)").From(b.events).Where("position > ?")),
		get:    s.render(all.Where("name = ?")),
		list:   s.render(all.OrderBy(d.Bytewise("name"))),
		forget: s.render(sq.Delete(consumers).Where("name = ?")),
	}
}

// consumers implements driver.ConsumerRepository.
type consumers struct {
	*shared
	sql   *consumerSQL
	exec  Executor
	store *Store
}

// fail leaves out a name that may be anything.
func (r *consumers) fail(op, name string, err error) error {
	if driver.CheckConsumerName(name) != nil {
		name = ""
	}
	return driver.Fail("Consumers."+op, r.schema, "consumer", name, err)
}

func (r *consumers) Read(ctx context.Context, name string, limit int) ([]driver.Event, error) {
	n, err := driver.CheckLimit(limit)
	if err == nil {
		err = driver.CheckConsumerName(name)
	}
	if err != nil {
		return nil, r.fail("Read", name, err)
	}
	read, err := r.read(ctx, name, n)
	return read, r.fail("Read", name, err)
}

func (r *consumers) read(ctx context.Context, name string, limit int) ([]driver.Event, error) {
	if r.store.tx.Isolation > driver.ReadCommitted {
		return nil, errSnapshot
	}
	from := r.position
	if r.exec.IsTx() && !r.store.tx.ReadOnly {
		from = r.lockedPosition
	}
	position, err := from(ctx, name)
	if err != nil {
		return nil, err
	}
	return r.readBehind(ctx, position, limit)
}

// position is that of a consumer, 0 if there is none.
func (r *consumers) position(ctx context.Context, name string) (int64, error) {
	found, err := r.query(ctx, r.sql.get, name)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].Position, nil
}

// lockedPosition is position, which stays so until the transaction ends.
func (r *consumers) lockedPosition(ctx context.Context, name string) (position int64, err error) {
	found := false
	lock := func() error {
		return r.exec.Query(ctx, r.sql.lock, []any{name}, []any{&position}, func() { found = true })
	}
	if err := lock(); err != nil || found {
		return position, err
	}
	if _, err := r.exec.Exec(ctx, r.sql.create, []any{name}); err != nil {
		return 0, err
	}
	err = lock()
	return position, err
}

var (
	errSnapshot = stateError("the transaction sees the moment of its first statement, and can't tell what was committed since; begin it with ReadCommitted")
	errUnsafe   = stateError("this server can't tell whether a missing position may still be filled (a standby, or one without pg_locks); read from the primary")
)

// How often, and with which pauses, readBehind looks again for what is in the way of the first event.
var gapPauses = []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond}

// readBehind reads the events behind a position, up to where one may still be missing.
func (r *consumers) readBehind(ctx context.Context, position int64, limit int) ([]driver.Event, error) {
	h := r.horizon
	settled := h.known().settled
	if h.sql != "" && r.exec.IsTx() {
		// What other statements found settled need not be so for this transaction's.
		var err error
		if settled, err = h.lookNow(ctx, r.exec); err != nil {
			return nil, err
		}
	}
	for try := 0; ; try++ {
		page, err := r.store.events.read(ctx, r.sql.read, allColumns, upTo(limit), position, int64(limit))
		if err != nil || h.sql == "" {
			return page, err
		}
		whole := unbroken(page, position, settled)
		if whole == len(page) || whole > 0 && try > 0 || try == len(gapPauses) {
			return page[:whole], nil
		}
		select {
		case <-time.After(gapPauses[try]):
		case <-ctx.Done():
			return nil, &driver.Error{Err: context.Cause(ctx)}
		}
		if settled, err = h.lookNow(ctx, r.exec); err != nil {
			return nil, err
		}
	}
}

// unbroken is how many events of a page there are before the first position that is missing and not
// settled.
func unbroken(page []driver.Event, after, settled int64) int {
	for i := range page {
		if p := page[i].Position; p != after+1 && p-1 > settled {
			return i
		}
		after = page[i].Position
	}
	return len(page)
}

func (r *consumers) Commit(ctx context.Context, name string, position int64) error {
	if err := checkCheckpoint(name, position); err != nil {
		return r.fail("Commit", name, err)
	}
	var n int64
	var err error
	if position > 0 { // where every consumer begins
		n, err = r.exec.Exec(ctx, r.sql.commit, []any{name, position})
	}
	if err == nil && n == 0 {
		err = &driver.Error{Kind: driver.ErrConflict, Err: errors.New("it is at this position or further already")}
	}
	return r.fail("Commit", name, err)
}

func (r *consumers) Reset(ctx context.Context, name string, position int64) error {
	err := checkCheckpoint(name, position)
	if err == nil {
		_, err = r.exec.Exec(ctx, r.sql.reset, []any{name, position})
	}
	return r.fail("Reset", name, err)
}

func checkCheckpoint(name string, position int64) error {
	if err := driver.CheckConsumerName(name); err != nil {
		return err
	}
	return driver.CheckPosition(position)
}

func (r *consumers) Lag(ctx context.Context, name string) (int64, error) {
	if err := driver.CheckConsumerName(name); err != nil {
		return 0, r.fail("Lag", name, err)
	}
	lag := int64(0)
	position, err := r.position(ctx, name)
	if err == nil {
		err = r.exec.Query(ctx, r.sql.lag, []any{position}, []any{&lag}, nil)
	}
	return lag, r.fail("Lag", name, err)
}

func (r *consumers) Get(ctx context.Context, name string) (driver.Consumer, error) {
	if err := driver.CheckConsumerName(name); err != nil {
		return driver.Consumer{}, r.fail("Get", name, err)
	}
	found, err := r.query(ctx, r.sql.get, name)
	if err == nil && len(found) == 0 {
		err = driver.ErrNotFound
	}
	if err != nil {
		return driver.Consumer{}, r.fail("Get", name, err)
	}
	return found[0], nil
}

func (r *consumers) List(ctx context.Context) ([]driver.Consumer, error) {
	found, err := r.query(ctx, r.sql.list)
	return found, r.fail("List", "", err)
}

func (r *consumers) query(ctx context.Context, sql string, args ...any) ([]driver.Consumer, error) {
	var row driver.Consumer
	rows := []driver.Consumer{}
	err := r.exec.Query(ctx, sql, args, []any{&row.Name, &row.Position, &row.UpdatedAt}, func() { rows = append(rows, row) })
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (r *consumers) Delete(ctx context.Context, name string) (bool, error) {
	if err := driver.CheckConsumerName(name); err != nil {
		return false, r.fail("Delete", name, err)
	}
	n, err := r.exec.Exec(ctx, r.sql.forget, []any{name})
	return n > 0, r.fail("Delete", name, err)
}
