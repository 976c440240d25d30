package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/postgres" // registers postgres: and postgresql:
	_ "github.com/neomultitenant/neoevents/driver/sqlite"   // registers sqlite:
)

// neoeventsPeer is this library, by its public API. Claims ask for the columns that the workers read,
// as driver.ClaimOptions has it.
var neoeventsPeer = peer{
	name:    "neoevents",
	about:   "Save, SaveBatch, Claim of ids and payloads by lease, Ack, MarkMultipleAsProcessedBulk",
	modules: []string{"github.com/neomultitenant/neoevents"},
	open: map[backend]func(context.Context, *home) (queue, error){
		onPostgres: func(ctx context.Context, h *home) (queue, error) { return openNeoevents(ctx, h, h.dsn) },
		onSQLite:   func(ctx context.Context, h *home) (queue, error) { return openNeoevents(ctx, h, "sqlite:"+h.path) },
	},
}

type neoeventsQueue struct {
	db     driver.DB
	events driver.EventRepository
}

func openNeoevents(ctx context.Context, h *home, dsn string) (queue, error) {
	opts := []driver.Option{driver.WithLogger(nil)} // migrations are no news here
	if h.backend == onPostgres {
		opts = append(opts, driver.WithMaxConns(conns))
	}
	db, err := driver.Connect(ctx, dsn, opts...)
	if err != nil {
		return nil, err
	}
	store, err := db.Store(ctx, h.schema)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &neoeventsQueue{db, store.Events()}, nil
}

func (q *neoeventsQueue) save(ctx context.Context, e *driver.Event) error {
	_, err := q.events.Save(ctx, *e)
	return err
}

func (q *neoeventsQueue) saveBatch(ctx context.Context, events []driver.Event) error {
	_, err := q.events.SaveBatch(ctx, events)
	return err
}

func (q *neoeventsQueue) work(ctx context.Context, r *round) error {
	opts := driver.ClaimOptions{Limit: r.batch, Columns: []driver.EventColumn{driver.EventColumnID, driver.EventColumnData}}
	return r.each(ctx, func(ctx context.Context, _ int) (int, error) {
		claims, err := q.events.Claim(ctx, opts)
		if err != nil || len(claims) == 0 {
			return 0, err
		}
		for i := range claims {
			r.read(claims[i].Event.ID, claims[i].Event.EventData)
		}
		return len(claims), q.events.Ack(ctx, claims)
	})
}

func (q *neoeventsQueue) markBulk(ctx context.Context, ids []uuid.UUID) error {
	marked, err := q.events.MarkMultipleAsProcessedBulk(ctx, ids, len(ids))
	if err == nil && marked != len(ids) {
		err = fmt.Errorf("wrong result: %d events were marked, not %d", marked, len(ids))
	}
	return err
}

func (q *neoeventsQueue) waiting(ctx context.Context) (int, error) {
	waiting, err := q.events.CountUnprocessed(ctx)
	if err != nil {
		return 0, err
	}
	leased, err := q.events.CountProcessing(ctx)
	return int(waiting + leased), err
}

func (q *neoeventsQueue) close() error { return q.db.Close() }
