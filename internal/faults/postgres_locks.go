package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// exhaustPool holds every connection of the clients' pool in transactions that take their time.
func exhaustPool(ctx context.Context, _ *server, w *work) error {
	long := time.Duration(w.rng.Int64N(int64(300 * time.Millisecond)))
	var holders errgroup.Group
	for i := range w.db.Stats().MaxConns {
		holders.Go(func() error {
			return w.stores[i%len(w.stores)].InTx(ctx, func(driver.Store) error { return wait(ctx, long) })
		})
	}
	return holders.Wait()
}

func cancelCalls(_ context.Context, _ *server, w *work) error {
	w.interrupt()
	return nil
}

// table returns one that the clients work on, in any tenant.
func (w *work) table() string {
	names := []string{"events", "event_queue", "event_processed", "event_consumers", "webhook_deliveries"}
	return w.queue(names[w.rng.IntN(len(names))])
}

// queue returns a table of any tenant.
func (w *work) queue(name string) string {
	return pgx.Identifier{tenants[w.rng.IntN(len(tenants))], name}.Sanitize()
}

func lockTable(ctx context.Context, s *server, w *work) error {
	return s.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+w.table()+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		return w.during(ctx, 200*time.Millisecond)
	})
}

// deadlock locks some events of the queue, waits for clients to want one while they hold others, and wants those.
func deadlock(ctx context.Context, s *server, w *work) error {
	queue := w.queue("event_queue")
	return s.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT FROM "+queue+" WHERE random() < 0.3 FOR UPDATE"); err != nil {
			return err
		}
		if err := w.during(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "SELECT FROM "+queue+" ORDER BY position DESC FOR UPDATE")
		return err
	})
}

// changeRows reads all events and changes rows of the queue to what they are: who does it the other way round meanwhile, one
// of them has to give way.
func changeRows(ctx context.Context, s *server, w *work) error {
	queue, events := w.queue("event_queue"), w.queue("events")
	return s.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT count(*) FROM "+events+" WHERE aggregate_version > 0"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE "+queue+" SET available_at = available_at WHERE random() < 0.3"); err != nil {
			return err
		}
		return w.during(ctx, 20*time.Millisecond)
	})
}

// transact is a transaction of somebody else. It may be the one that gives way.
func (s *server) transact(ctx context.Context, do func(tx pgx.Tx) error) error {
	conn, err := s.administrator(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	err = pgx.BeginFunc(ctx, conn, do)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && (refusal.Code == "40P01" || refusal.Code == "40001") {
		return nil
	}
	return err
}
