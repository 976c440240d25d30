package query

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// repository is what the repositories of mapped tables have in common.
type repository[E any] struct {
	*shared
	table *table[E]
	exec  Executor
}

func newRepository[E any](s *shared, t *table[E], x Executor) repository[E] {
	return repository[E]{s, t, x}
}

// fail completes an error of a method for its caller.
func (r *repository[E]) fail(op string, err error) error {
	return driver.Fail(r.table.repository+"."+op, r.schema, r.table.entity, "", err)
}

func (r *repository[E]) failID(op string, id uuid.UUID, err error) error {
	if err == nil {
		return nil
	}
	return driver.Fail(r.table.repository+"."+op, r.schema, r.table.entity, id.String(), err)
}

// insert stores a new row and reads it back into e.
func (r *repository[E]) insert(ctx context.Context, e *E) error {
	t := r.table
	return r.change(ctx, e, t.insertExplained, t.insertObstacles, func() ([]E, error) {
		return r.returning(ctx, t.insertRow, t.insertArgs(e))
	})
}

// replace stores what an update changes of a row and reads it back into e.
func (r *repository[E]) replace(ctx context.Context, e *E) error {
	t := r.table
	return r.change(ctx, e, t.updateExplained, t.updateObstacles, func() (rows []E, err error) {
		if len(t.updateUnique) == 0 {
			return r.returning(ctx, t.updateRow, t.updateArgs(e))
		}
		err = r.apart(ctx, func(x Executor) error {
			rows, err = r.on(x).returning(ctx, t.updateRow, t.updateArgs(e))
			return err
		})
		return rows, err
	})
}

// change runs a statement that changes one row and returns it, and says what stood in its way if it
// returns none.
func (r *repository[E]) change(ctx context.Context, e *E, explained string, obstacles []obstacle[E], run func() ([]E, error)) error {
	for range saveAttempts {
		changed, err := run()
		if err == nil && len(changed) == 1 {
			*e = changed[0]
			return nil
		}
		if err != nil && !errors.Is(err, driver.ErrAlreadyExists) {
			return err
		}
		if err := r.explain(ctx, explained, obstacles, e); err != nil {
			return err
		}
	}
	return errContended
}

// apart runs fn, which the database may refuse, so that its refusal does not end the transaction.
func (r *repository[E]) apart(ctx context.Context, fn func(x Executor) error) error {
	if r.exec.IsTx() {
		return r.exec.InTx(ctx, fn)
	}
	return fn(r.exec)
}

// errContended is a change that others got in the way of too often. It is a fault if it occurs: each
// time one of them succeeded.
var errContended = &driver.UnavailableError{Err: errors.New("others changed it again and again")}

// write is a save or an update of an entity that is a row as it is. prepared is what its Prepare
// returned.
func (r *repository[E]) write(ctx context.Context, op string, change func(context.Context, *E) error, e *E, prepared error) (E, error) {
	err := prepared
	if err == nil {
		err = change(ctx, e)
	}
	if err != nil {
		var none E
		return none, driver.Fail(r.table.repository+"."+op, r.schema, r.table.entity, text(r.table.valueOf(e, "id")), err)
	}
	return *e, nil
}

// retried runs fn in a transaction, and again if the database undid it in favour of another one and
// it is not a part of a larger one.
func (r *repository[E]) retried(ctx context.Context, fn func(x Executor) error) error {
	return insist(r.exec, func() error { return inShortTx(ctx, r.exec, 1, fn) })
}

// insist runs fn, whose statements go to x, again while the database undoes it in favour of others. In a
// transaction it can't: all of that was undone.
func insist(x Executor, fn func() error) error {
	var err error
	for range saveAttempts {
		err = fn()
		var unavailable *driver.UnavailableError
		if x.IsTx() || !errors.As(err, &unavailable) || !unavailable.GaveWay {
			break
		}
	}
	return err
}

// explain says what stands in the way, nil if nothing does any more.
func (r *repository[E]) explain(ctx context.Context, sql string, obstacles []obstacle[E], e *E) error {
	met := make([]bool, len(obstacles))
	targets := make([]any, len(obstacles))
	var args []any
	for i, o := range obstacles {
		targets[i] = &met[i]
		args = append(args, o.args(e)...)
	}
	if err := r.exec.Query(ctx, sql, args, targets, nil); err != nil {
		return err
	}
	for i, o := range obstacles {
		if met[i] {
			return o.err(e)
		}
	}
	return nil
}

// returning runs a statement that writes and returns rows.
func (r *repository[E]) returning(ctx context.Context, sql string, args []any) (rows []E, err error) {
	err = r.writing(ctx, r.exec, func(x Executor) error {
		rows, err = r.on(x).query(ctx, sql, args)
		return err
	})
	return rows, err
}

// writing runs fn, which makes one Query that writes, on x, in a transaction of its own where that takes
// one: see Executor.Query.
func (s *shared) writing(ctx context.Context, x Executor, fn func(x Executor) error) error {
	if s.dialect.WritableCTE || x.IsTx() {
		return fn(x)
	}
	return inShortTx(ctx, x, 1, fn)
}

// on is the repository on another Executor.
func (r *repository[E]) on(x Executor) *repository[E] {
	return &repository[E]{r.shared, r.table, x}
}

// query reads whole rows.
func (r *repository[E]) query(ctx context.Context, sql string, args []any) ([]E, error) {
	var row E
	var failed error
	rows := []E{}
	err := r.exec.Query(ctx, sql, args, r.table.targets(&row), func() {
		if r.table.opened != nil && failed == nil {
			if err := r.table.opened(r.shared, &row); err != nil {
				failed = driver.Fail("", "", "", text(r.table.valueOf(&row, "id")), err) // of a list, it says which
			}
		}
		rows = append(rows, row)
		var empty E
		row = empty
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// get reads one row by a statement that finds one at the most.
func (r *repository[E]) get(ctx context.Context, sql string, args ...any) (E, error) {
	rows, err := r.query(ctx, sql, args)
	if err == nil && len(rows) == 0 {
		err = driver.ErrNotFound
	}
	if err != nil {
		var none E
		return none, err
	}
	return rows[0], nil
}

// lock reads a row that stays as it is until the transaction ends, and the present moment, with a
// statement that selects both.
func (r *repository[E]) lock(ctx context.Context, sql string, id uuid.UUID) (locked E, now time.Time, err error) {
	found := false
	err = r.exec.Query(ctx, sql, []any{id}, append(r.table.targets(&locked), &now), func() { found = true })
	if err == nil && !found {
		err = driver.ErrNotFound
	}
	return locked, now, err
}

// list reads rows with a statement whose last argument is the limit.
func (r *repository[E]) list(ctx context.Context, op, sql string, limit int, args ...any) ([]E, error) {
	n, err := driver.CheckLimit(limit)
	if err != nil {
		return nil, r.fail(op, err)
	}
	rows, err := r.query(ctx, sql, append(args, int64(n)))
	return rows, r.fail(op, err)
}

// Exists is the same for all.
func (r *repository[E]) Exists(ctx context.Context, id uuid.UUID) (bool, error) {
	exists := false
	err := r.exec.Query(ctx, r.table.exists, []any{id}, []any{&exists}, nil)
	return exists, r.failID("Exists", id, err)
}

// changes runs a statement on one row and reports whether there was one.
func (r *repository[E]) changes(ctx context.Context, op, sql string, id uuid.UUID, args ...any) (bool, error) {
	n, err := r.exec.Exec(ctx, sql, append(args, id))
	return n > 0, r.failID(op, id, err)
}

// extend makes a lease end so long from now, with a statement whose parameters are the microseconds, the id and
// the token; lost is what it says if that is not the row's.
func (r *repository[E]) extend(ctx context.Context, sql string, id, token uuid.UUID, lease time.Duration, lost error) error {
	lease, err := driver.CheckLease(lease)
	if err != nil {
		return r.failID("Extend", id, err)
	}
	n, err := r.exec.Exec(ctx, sql, []any{lease.Microseconds(), id, token})
	if err == nil && n == 0 {
		err = lost
	}
	return r.failID("Extend", id, err)
}

// deleteBatch is how many rows deleteOld deletes at a time.
const deleteBatch = 1000

// deleteOld deletes rows in batches, with a statement whose last parameter is how many at the most.
func (r *repository[E]) deleteOld(ctx context.Context, op, sql string, args ...any) (deleted int, err error) {
	for {
		n, err := r.exec.Exec(ctx, sql, append(args, int64(deleteBatch)))
		deleted += int(n)
		if err != nil || n < deleteBatch {
			return deleted, r.fail(op, err)
		}
	}
}

// claim leases rows with a statement whose parameters are the limit, the token and the lease.
func (r *repository[E]) claim(ctx context.Context, sql string, limit int, lease time.Duration) ([]E, error) {
	n, err := driver.CheckLimit(limit)
	if err != nil {
		return nil, err
	}
	if lease, err = driver.CheckLease(lease); err != nil {
		return nil, err
	}
	token, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	return r.returning(ctx, sql, []any{int64(n), token, lease.Microseconds()})
}

func stateError(reason string) error {
	return &driver.Error{Kind: driver.ErrState, Err: errors.New(reason)}
}

// checkLeased tells whether what a worker does under a token (nil: without one) is to be refused.
func checkLeased(current *uuid.UUID, until *time.Time, token *uuid.UUID, now time.Time) error {
	reason := ""
	switch {
	case token != nil && (current == nil || *token != *current):
		reason = "it ended, or went to another worker"
	case token == nil && until != nil && until.After(now):
		reason = "a worker holds it; the outcome can be recorded with its lease_token only"
	default:
		return nil
	}
	return &driver.Error{Kind: driver.ErrLeaseLost, Err: errors.New(reason)}
}
