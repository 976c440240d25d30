package main

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/byhand"
)

// handPeer is what neoevents would be without its checks: package byhand.
var handPeer = peer{
	name:  "hand",
	about: "the statements of neoevents on its tables, by plain pgx (COPY for batches) or prepared statements of database/sql; no checks: the limit",
	open: map[backend]func(context.Context, *home) (queue, error){
		onPostgres: openHandPostgres,
		onSQLite:   openHandSQLite,
	},
}

// handQueue has its tables from the library, which also counts for it.
type handQueue struct {
	queue // of the library
	by    interface {
		Save(ctx context.Context, e *driver.Event) error
		SaveBatch(ctx context.Context, events []driver.Event) error
		Mark(ctx context.Context, ids []uuid.UUID) error
		Claim(ctx context.Context, n int, behind int64, read byhand.Read) (byhand.Lease, error)
		Ack(ctx context.Context, l byhand.Lease) error
	}
	disconnect func() error
}

func openHandPostgres(ctx context.Context, h *home) (queue, error) {
	library, err := openNeoevents(ctx, h, h.dsn)
	if err != nil {
		return nil, err
	}
	pool, err := h.pool(ctx)
	if err != nil {
		return nil, errors.Join(err, library.close())
	}
	return &handQueue{library, byhand.NewPostgres(pool, h.schema), func() error { pool.Close(); return nil }}, nil
}

func openHandSQLite(ctx context.Context, h *home) (queue, error) {
	library, err := openNeoevents(ctx, h, "sqlite:"+h.path)
	if err != nil {
		return nil, err
	}
	writer, err := byhand.OpenWriter(ctx, h.path)
	if err != nil {
		return nil, errors.Join(err, library.close())
	}
	return &handQueue{library, byhand.NewSQLite(writer, h.schema), writer.Close}, nil
}

func (q *handQueue) save(ctx context.Context, e *driver.Event) error { return q.by.Save(ctx, e) }

func (q *handQueue) saveBatch(ctx context.Context, events []driver.Event) error {
	return q.by.SaveBatch(ctx, events)
}

func (q *handQueue) markBulk(ctx context.Context, ids []uuid.UUID) error { return q.by.Mark(ctx, ids) }

// work claims behind what the worker has claimed before, as the library does: what is below is others'.
func (q *handQueue) work(ctx context.Context, r *round) error {
	last := make([]int64, r.workers)
	return r.each(ctx, func(ctx context.Context, worker int) (int, error) {
		lease, err := q.by.Claim(ctx, r.batch, last[worker], r.read)
		if err != nil || lease.Len == 0 {
			return 0, err
		}
		last[worker] = lease.Last
		return lease.Len, q.by.Ack(ctx, lease)
	})
}

func (q *handQueue) close() error { return errors.Join(q.disconnect(), q.queue.close()) }
