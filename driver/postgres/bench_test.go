package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/byhand"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/internal/versus"
)

const schema = "bench"

// Durable commits are the point here: make bench-compare starts a server with fsync on.

func setup(b *testing.B) (driver.EventRepository, driver.Store, *byhand.Postgres, func(int) []driver.Event) {
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
	return store.Events(), store, byhand.NewPostgres(pool, schema), newEvents
}

// lease claims n events by hand, with their payloads, and acknowledges them.
func lease(b *testing.B, hand *byhand.Postgres, n int) error {
	lease, err := hand.Claim(b.Context(), n, 0, func(uuid.UUID, []byte) {})
	if err != nil {
		return err
	}
	return hand.Ack(b.Context(), lease)
}

func BenchmarkSave(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	versus.Run(b, 1, func() driver.Event { return newEvents(1)[0] },
		func(e driver.Event) error { _, err := events.Save(b.Context(), e); return err },
		func(e driver.Event) error { return hand.Save(b.Context(), &e) })
}

func BenchmarkSaveBatch1000(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	versus.Run(b, 1000, func() []driver.Event { return newEvents(1000) },
		func(batch []driver.Event) error { _, err := events.SaveBatch(b.Context(), batch); return err },
		func(batch []driver.Event) error { return hand.SaveBatch(b.Context(), batch) })
}

func BenchmarkMarkBulk1000(b *testing.B) {
	events, _, hand, newEvents := setup(b)
	versus.Run(b, 1000, versus.Fill(b, events, newEvents, 1000),
		func(ids []uuid.UUID) error {
			_, err := events.MarkMultipleAsProcessedBulk(b.Context(), ids, 1000)
			return err
		},
		func(ids []uuid.UUID) error { return hand.Mark(b.Context(), ids) })
}

func BenchmarkClaimLocked100(b *testing.B) {
	events, store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, events, newEvents, 100),
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) },
		func([]uuid.UUID) error { return hand.ClaimLocked(b.Context(), 100) })
}

func BenchmarkClaimLease100(b *testing.B) {
	events, store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, events, newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return lease(b, hand, 100) })
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
		func(id uuid.UUID) error { return hand.ByID(b.Context(), id) })
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
