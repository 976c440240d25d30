package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/internal/versus"
)

const schema = "bench"

// Durable commits are the point here: make bench-compare starts a server with fsync on.

// byHand does with plain pgx what the library does: the same statements, values in
// the types that pgx encodes fastest, no checks.
type byHand struct {
	ctx  context.Context
	pool *pgxpool.Pool
}

const saveSQL = `WITH saved AS (INSERT INTO bench.events (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,
correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version)
VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,coalesce($12, now()),$13)
ON CONFLICT DO NOTHING RETURNING id, event_type, aggregate_type, aggregate_id, position, aggregate_version, occurred_at, created_at),
queued AS (INSERT INTO bench.event_queue (position,event_id,event_type,aggregate_type,aggregate_id,aggregate_version)
SELECT position, id, event_type, aggregate_type, aggregate_id, aggregate_version FROM saved)
SELECT position, aggregate_version, occurred_at, created_at FROM saved`

func (h byHand) save(e *driver.Event) error {
	return h.pool.QueryRow(h.ctx, saveSQL, pgtype.UUID{Bytes: e.ID, Valid: true}, e.EventType, e.EventName, e.AggregateType,
		pgtype.UUID{Bytes: e.AggregateID, Valid: true}, string(e.EventData), "{}", nil, nil, nil, nil, nil, e.AggregateVersion).
		Scan(&e.Position, &e.AggregateVersion, &e.OccurredAt, &e.CreatedAt)
}

func (h byHand) saveBatch(events []driver.Event) error {
	return pgx.BeginFunc(h.ctx, h.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(h.ctx, `SELECT nextval('bench.events_position_seq'), now() FROM generate_series(1, $1)`, len(events))
		if err != nil {
			return err
		}
		positions := make([]int64, 0, len(events))
		var position int64
		var now time.Time
		if _, err := pgx.ForEachRow(rows, []any{&position, &now}, func() error { positions = append(positions, position); return nil }); err != nil {
			return err
		}
		columns := []string{
			"id", "event_type", "event_name", "aggregate_type", "aggregate_id", "event_data", "event_metadata",
			"correlation_id", "causation_id", "triggered_by_user_id", "context_id", "occurred_at", "aggregate_version", "position", "created_at",
		}
		_, err = tx.CopyFrom(h.ctx, pgx.Identifier{schema, "events"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
			e := &events[i]
			return []any{
				pgtype.UUID{Bytes: e.ID, Valid: true},
				e.EventType, e.EventName, e.AggregateType,
				pgtype.UUID{Bytes: e.AggregateID, Valid: true},
				string(e.EventData), "{}", nil, nil, nil, nil, now, e.AggregateVersion, positions[i], now,
			}, nil
		}))
		if err != nil {
			return err
		}
		columns = []string{"position", "event_id", "event_type", "aggregate_type", "aggregate_id", "aggregate_version"}
		_, err = tx.CopyFrom(h.ctx, pgx.Identifier{schema, "event_queue"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
			e := &events[i]
			return []any{
				positions[i],
				pgtype.UUID{Bytes: e.ID, Valid: true},
				e.EventType, e.AggregateType,
				pgtype.UUID{Bytes: e.AggregateID, Valid: true},
				e.AggregateVersion,
			}, nil
		}))
		return err
	})
}

const markSQL = `WITH done AS (DELETE FROM bench.event_queue WHERE event_id = ANY ($1::uuid[]) RETURNING position)
INSERT INTO bench.event_processed (position,processed_at) SELECT position, now() FROM done`

func (h byHand) mark(q interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, ids []uuid.UUID,
) error {
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	_, err := q.Exec(h.ctx, markSQL, list)
	return err
}

const claimSQL = `WITH queued AS MATERIALIZED (SELECT q.position FROM bench.event_queue q WHERE q.is_fresh
AND (q.lease_until IS NULL OR q.lease_until <= now()) ORDER BY q.position LIMIT $1 FOR UPDATE SKIP LOCKED)
SELECT e.id, e.event_data FROM queued q
CROSS JOIN LATERAL (SELECT * FROM bench.events WHERE position = q.position OFFSET 0) e ORDER BY q.position`

func (h byHand) claim(n int) error {
	return pgx.BeginFunc(h.ctx, h.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(h.ctx, claimSQL, n)
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, 0, n)
		var id [16]byte
		var data []byte
		if _, err := pgx.ForEachRow(rows, []any{&id, &data}, func() error { ids = append(ids, id); return nil }); err != nil {
			return err
		}
		return h.mark(tx, ids)
	})
}

const (
	leaseSQL = `WITH picked AS MATERIALIZED (SELECT q.event_id FROM bench.event_queue q WHERE q.is_fresh
AND (q.lease_until IS NULL OR q.lease_until <= now()) ORDER BY q.position LIMIT $1 FOR UPDATE SKIP LOCKED),
leased AS (UPDATE bench.event_queue SET lease_token = $2, lease_until = now() + interval '1 minute', attempts = attempts + 1
WHERE event_id = ANY (ARRAY(SELECT event_id FROM picked)) RETURNING position, attempts, lease_until)
SELECT e.id, e.event_data, q.attempts, q.lease_until FROM leased q
CROSS JOIN LATERAL (SELECT * FROM bench.events WHERE position = q.position OFFSET 0) e ORDER BY q.position`
	ackSQL = `WITH done AS (DELETE FROM bench.event_queue WHERE event_id = ANY ($1::uuid[]) AND lease_token = $2 RETURNING position)
INSERT INTO bench.event_processed (position,processed_at) SELECT position, now() FROM done`
)

func (h byHand) lease(n int) error {
	token := pgtype.UUID{Bytes: uuid.New(), Valid: true}
	rows, err := h.pool.Query(h.ctx, leaseSQL, n, token)
	if err != nil {
		return err
	}
	ids := make([]pgtype.UUID, 0, n)
	var id [16]byte
	var data []byte
	var attempts int
	var until time.Time
	if _, err := pgx.ForEachRow(rows, []any{&id, &data, &attempts, &until}, func() error {
		ids = append(ids, pgtype.UUID{Bytes: id, Valid: true})
		return nil
	}); err != nil {
		return err
	}
	_, err = h.pool.Exec(h.ctx, ackSQL, ids, token)
	return err
}

const byIDSQL = `SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data,
e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at
FROM bench.events e LEFT JOIN bench.event_processed p ON p.position = e.position WHERE e.id = $1`

func (h byHand) byID(id uuid.UUID) error {
	var ids [2][16]byte
	var optional [4]pgtype.UUID
	var position, version int64
	var eventType, eventName, aggregateType string
	var data, metadata []byte
	var occurred, created time.Time
	var processed *time.Time
	return h.pool.QueryRow(h.ctx, byIDSQL, pgtype.UUID{Bytes: id, Valid: true}).Scan(&ids[0], &position, &eventType, &eventName, &aggregateType, &ids[1],
		&version, &data, &metadata, &optional[0], &optional[1], &optional[2], &optional[3], &occurred, &created, &processed)
}

func setup(b *testing.B) (driver.EventRepository, driver.Store, byHand, func(int) []driver.Event) {
	b.Helper()
	ctx := b.Context()
	newEvents := versus.Events(b)
	pool, err := pgxpool.New(ctx, pgtest.DSN(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	db, err := postgres.New(pool, driver.WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	store, err := db.Store(ctx, schema)
	if err != nil {
		b.Fatal(err)
	}
	return store.Events(), store, byHand{ctx, pool}, newEvents
}

func BenchmarkSave(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	versus.Run(b, 1, func() driver.Event { return newEvents(1)[0] },
		func(e driver.Event) error { _, err := events.Save(b.Context(), e); return err },
		func(e driver.Event) error { return hand.save(&e) })
}

func BenchmarkSaveBatch1000(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	versus.Run(b, 1000, func() []driver.Event { return newEvents(1000) },
		func(batch []driver.Event) error { _, err := events.SaveBatch(b.Context(), batch); return err },
		hand.saveBatch)
}

func BenchmarkMarkBulk1000(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	versus.Run(b, 1000, versus.Fill(b, events, newEvents, 1000),
		func(ids []uuid.UUID) error {
			_, err := events.MarkMultipleAsProcessedBulk(b.Context(), ids, 1000)
			return err
		},
		func(ids []uuid.UUID) error { return hand.mark(hand.pool, ids) })
}

func BenchmarkClaimLocked100(b *testing.B) {
	events, store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, events, newEvents, 100),
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) },
		func([]uuid.UUID) error { return hand.claim(100) })
}

func BenchmarkClaimLease100(b *testing.B) {
	events, store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, events, newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return hand.lease(100) })
}

// BenchmarkLeaseOverLock100 measures leased claims against locked ones, which hold a transaction open: so
// what is called "by hand" here is ClaimLocked100.
func BenchmarkLeaseOverLock100(b *testing.B) {
	events, store, _, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, events, newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) })
}

func BenchmarkGetByID(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	saved, err := events.SaveBatch(b.Context(), newEvents(1000))
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	versus.Run(b, 1, func() uuid.UUID { i++; return saved[i%len(saved)].ID },
		func(id uuid.UUID) error { _, err := events.GetByID(b.Context(), id); return err },
		hand.byID)
}

// BenchmarkOpenSchema opens a schema that is new, and one whose tables are up to date, on one pool.
func BenchmarkOpenSchema(b *testing.B) {
	pool, err := pgxpool.New(b.Context(), pgtest.DSN(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	versus.OpenSchemas(b, func() (driver.DB, error) { return postgres.New(pool, driver.WithLogger(nil)) })
}
