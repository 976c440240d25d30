package query

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *events) GetUnprocessedForUpdate(ctx context.Context, opts driver.LockOptions) ([]driver.Event, error) {
	locked, err := r.lock(ctx, opts)
	return locked, r.fail("GetUnprocessedForUpdate", err)
}

func (r *events) lock(ctx context.Context, opts driver.LockOptions) ([]driver.Event, error) {
	limit, err := driver.CheckLimit(opts.Limit)
	if err != nil {
		return nil, err
	}
	columns, read, err := sortable(opts.Columns)
	if err != nil {
		return nil, err
	}
	if !r.exec.IsTx() {
		return nil, driver.ErrTxRequired
	}
	if r.store.tx.ReadOnly { // not every database locks by the statement
		return nil, errReadOnly
	}
	args := append(readyArgs(r.horizon.floor(), nil, limit), int64(limit))
	locked, err := r.read(ctx, r.sql.locks.statement(read, opts.SkipLocked), read, upTo(limit), args...)
	slices.SortFunc(locked, byPosition)
	if !slices.Contains(columns, driver.EventColumnPosition) {
		for i := range locked {
			locked[i].Position = 0
		}
	}
	return locked, err
}

func (r *events) ProcessUnprocessed(
	ctx context.Context, opts driver.ProcessOptions, fn func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error),
) (int, error) {
	marked := 0
	var appErr error // fn's, returned as it is
	err := r.store.inTx(ctx, r.store.tx, func(tx *Store) error {
		locked, err := tx.events.lock(ctx, driver.LockOptions{Limit: opts.Limit, SkipLocked: true, Columns: opts.Columns})
		if err != nil || len(locked) == 0 {
			return err
		}
		var done []uuid.UUID
		if done, appErr = fn(tx, locked); appErr != nil {
			return appErr
		}
		marked, err = tx.events.mark(ctx, done)
		return err
	})
	r.horizon.advance(ctx, r)
	switch {
	case appErr != nil:
		return 0, appErr
	case err != nil:
		return 0, r.fail("ProcessUnprocessed", err)
	}
	return marked, nil
}

func (r *events) MarkAsProcessed(ctx context.Context, id uuid.UUID) (bool, error) {
	marked, err := r.mark(ctx, []uuid.UUID{id})
	return marked > 0, r.failID("MarkAsProcessed", id, err)
}

func (r *events) MarkMultipleAsProcessed(ctx context.Context, ids []uuid.UUID) (int, error) {
	marked, err := r.mark(ctx, ids)
	return marked, r.fail("MarkMultipleAsProcessed", err)
}

func (r *events) MarkMultipleAsProcessedBulk(ctx context.Context, ids []uuid.UUID, batchSize int) (int, error) {
	const op = "MarkMultipleAsProcessedBulk"
	switch {
	case batchSize < 0:
		return 0, r.fail(op, &driver.InvalidError{Field: "batch_size", Reason: "must be 0 for the default, or more"})
	case batchSize == 0:
		batchSize = driver.DefaultMarkBatch
	}
	marked := 0
	for start := 0; start < len(ids); start += batchSize {
		n, err := r.mark(ctx, ids[start:min(start+batchSize, len(ids))])
		marked += n
		if err != nil {
			return marked, r.fail(op, err)
		}
	}
	return marked, nil
}

// mark takes events out of the queue, or from the dead letters, and records that they are processed.
func (r *events) mark(ctx context.Context, ids []uuid.UUID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	marked, err := r.markAll(ctx, ids)
	if err == nil && marked > 0 {
		err = r.unhold(ctx, ids)
	}
	return marked, err
}

func (r *events) markAll(ctx context.Context, ids []uuid.UUID) (int, error) {
	marked := 0
	look := func(x Executor, args ...any) error {
		ctx := ctx
		marked = 0
		for _, statements := range r.sql.mark {
			var n int64
			for _, statement := range statements {
				var err error
				if n, err = x.Exec(ctx, statement, args); err != nil {
					return err
				}
				if len(statements) > 1 {
					ctx = context.WithoutCancel(ctx) // all or none
				}
			}
			if marked += int(n); marked == len(ids) {
				break
			}
		}
		return nil
	}
	if r.dialect.WritableCTE {
		err := look(r.exec, ids, ids)
		return marked, err
	}
	if err := inOne(ctx, r.exec, len(ids), func(x Executor) error { return look(x, ids) }); err != nil {
		return 0, err
	}
	return marked, nil
}
