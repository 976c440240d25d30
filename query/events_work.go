package query

import (
	"context"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *events) GetUnprocessedForUpdate(ctx context.Context, opts driver.LockOptions) ([]driver.Event, error) {
	const op = "GetUnprocessedForUpdate"
	limit, err := driver.CheckLimit(opts.Limit)
	if err != nil {
		return nil, r.fail(op, err)
	}
	columns, err := driver.SelectEventColumns(opts.Columns)
	if err != nil {
		return nil, r.fail(op, err)
	}
	if !r.exec.IsTx() {
		return nil, r.fail(op, driver.ErrTxRequired)
	}
	columns = queuedColumns(columns)
	locked, err := r.read(ctx, r.sql.locks.statement(columns, opts.SkipLocked), columns, min(limit, driver.DefaultLimit), int64(limit))
	return locked, r.fail(op, err)
}

func (r *events) ProcessUnprocessed(
	ctx context.Context, opts driver.ProcessOptions, fn func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error),
) (int, error) {
	marked := 0
	err := r.store.InTx(ctx, func(tx driver.Store) error {
		events, err := tx.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{Limit: opts.Limit, SkipLocked: true, Columns: opts.Columns})
		if err != nil || len(events) == 0 {
			return err
		}
		done, err := fn(tx, events)
		if err != nil {
			return err
		}
		marked, err = tx.Events().MarkMultipleAsProcessed(ctx, done)
		return err
	})
	if err != nil {
		return 0, err
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

// mark takes events out of the queue and records that they are processed.
func (r *events) mark(ctx context.Context, ids []uuid.UUID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	var marked int64
	run := func(x Executor) (err error) {
		for _, statement := range r.sql.mark {
			if marked, err = x.Exec(ctx, statement, []any{ids}); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if len(r.sql.mark) == 1 {
		err = run(r.exec)
	} else {
		err = r.exec.InTx(ctx, run)
	}
	if err != nil {
		return 0, err
	}
	return int(marked), nil
}
