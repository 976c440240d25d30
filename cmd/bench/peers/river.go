package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// How its own benchmark, river bench, sets up a client: fetches as often as each 2 ms, and 2,000
// workers, which is also how many jobs are fetched at a time. The clock ends with the last job's event,
// which River sends when it is completed in the database. https://riverqueue.com/docs/benchmarks and cmd/river/riverbench of its repository.
const (
	riverCooldown = 2 * time.Millisecond
	riverPoll     = 20 * time.Millisecond
	riverWorkers  = 2000
)

// riverPeer is River. A batch is inserted by InsertManyFast (COPY on PostgreSQL), as its documentation
// has it for many jobs: https://riverqueue.com/docs/batch-job-insertion. On SQLite its pool has one
// connection, as https://riverqueue.com/docs/sqlite has it; it says that its driver for SQLite is slower
// than the one for PostgreSQL: it completes jobs one by one. Its tables are those of its migrations. A job's
// arguments are the payload, which the worker has as decoded JSON of its own.
var riverPeer = peer{
	name: "river",
	about: fmt.Sprintf("Insert, InsertManyFast, and clients as river bench has them: FetchCooldown %v, FetchPollInterval %v, %d MaxWorkers in all, "+
		"which are the batch; one connection on SQLite; https://riverqueue.com/docs/benchmarks", riverCooldown, riverPoll, riverWorkers),
	modules: []string{"github.com/riverqueue/river"},
	open: map[backend]func(context.Context, *home) (queue, error){
		onPostgres: openRiverPostgres,
		onSQLite:   openRiverSQLite,
	},
	lacks:    map[string]string{"mark_bulk": "no call completes jobs by their ids, many at a time"},
	claims:   riverWorkers,
	rewrites: true, // the column is jsonb
}

type riverQueue[Tx any] struct {
	driver     riverdriver.Driver[Tx]
	schema     string
	inserter   *river.Client[Tx]
	count      func(ctx context.Context) (int, error)
	disconnect func() error
}

func openRiverPostgres(ctx context.Context, h *home) (queue, error) {
	pool, err := h.pool(ctx)
	if err != nil {
		return nil, err
	}
	return openRiver(ctx, &riverQueue[pgx.Tx]{
		driver: riverpgxv5.New(pool),
		schema: h.schema,
		count: func(ctx context.Context) (n int, err error) {
			err = pool.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{h.schema, "river_job"}.Sanitize()+" WHERE state <> 'completed'").Scan(&n)
			return n, err
		},
		disconnect: func() error { pool.Close(); return nil },
	})
}

func openRiverSQLite(ctx context.Context, h *home) (queue, error) {
	db, err := h.file()
	if err != nil {
		return nil, err
	}
	return openRiver(ctx, &riverQueue[*sql.Tx]{
		driver: riversqlite.New(db),
		count: func(ctx context.Context) (n int, err error) {
			err = db.QueryRowContext(ctx, "SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&n)
			return n, err
		},
		disconnect: db.Close,
	})
}

func openRiver[Tx any](ctx context.Context, q *riverQueue[Tx]) (queue, error) {
	quiet := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(q.driver, &rivermigrate.Config{Schema: q.schema, Logger: quiet})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err == nil {
		q.inserter, err = river.NewClient(q.driver, &river.Config{Schema: q.schema, Logger: quiet})
	}
	if err != nil {
		return nil, errors.Join(err, q.disconnect())
	}
	return q, nil
}

// riverArgs are the payload as it is.
type riverArgs struct{ payload json.RawMessage }

func (riverArgs) Kind() string { return "event" }

func (a riverArgs) MarshalJSON() ([]byte, error) { return a.payload, nil }

func (a *riverArgs) UnmarshalJSON(text []byte) error {
	a.payload = append(json.RawMessage(nil), text...)
	return nil
}

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	round *round
}

func (w *riverWorker) Work(_ context.Context, job *river.Job[riverArgs]) error {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[8:], uint64(job.ID))
	w.round.read(id, job.Args.payload)
	return nil
}

func (q *riverQueue[Tx]) save(ctx context.Context, e *driver.Event) error {
	_, err := q.inserter.Insert(ctx, riverArgs{e.EventData}, nil)
	return err
}

func (q *riverQueue[Tx]) saveBatch(ctx context.Context, events []driver.Event) error {
	jobs := make([]river.InsertManyParams, len(events))
	for i := range events {
		jobs[i].Args = riverArgs{events[i].EventData}
	}
	n, err := q.inserter.InsertManyFast(ctx, jobs)
	if err == nil && n != len(events) {
		err = fmt.Errorf("wrong result: %d jobs were inserted, not %d", n, len(events))
	}
	return err
}

// work has a client for each worker of the round.
func (q *riverQueue[Tx]) work(ctx context.Context, r *round) (err error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{round: r})
	drained, end := context.WithCancel(ctx)
	defer end()
	var group errgroup.Group
	r.begin() // with the start of the clients: a later one's would leave the others time
	for i := range r.workers {
		client, err := river.NewClient(q.driver, &river.Config{
			ID:                fmt.Sprintf("client-%d", i),
			FetchCooldown:     riverCooldown,
			FetchPollInterval: riverPoll,
			Logger:            slog.New(slog.DiscardHandler),
			Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: r.batch}},
			Schema:            q.schema,
			Workers:           workers,
		})
		if err != nil {
			return err
		}
		// Room for all: an event that finds none is dropped.
		events, cancel := client.SubscribeConfig(&river.SubscribeConfig{
			ChanSize: len(r.events) + 1,
			Kinds:    []river.EventKind{river.EventKindJobCancelled, river.EventKindJobCompleted, river.EventKindJobFailed},
		})
		defer cancel()
		if err := client.Start(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.StopAndCancel(context.WithoutCancel(ctx))) }()
		group.Go(func() error { return q.watch(drained, r, events, end) })
	}
	err = group.Wait()
	r.end()
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// watch notes what a client has completed, until all is.
func (q *riverQueue[Tx]) watch(drained context.Context, r *round, events <-chan *river.Event, end context.CancelFunc) error {
	defer end() // for the others
	for {
		select {
		case <-drained.Done():
			return nil
		case event := <-events:
			if event == nil || event.Kind != river.EventKindJobCompleted {
				return errors.New("a job failed or was cancelled")
			}
			r.acked(1)
			if r.left.Load() <= 0 {
				return nil
			}
		}
	}
}

func (q *riverQueue[Tx]) waiting(ctx context.Context) (int, error) { return q.count(ctx) }

func (q *riverQueue[Tx]) close() error { return q.disconnect() }
