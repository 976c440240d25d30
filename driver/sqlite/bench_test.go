package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/byhand"
	"github.com/neomultitenant/neoevents/internal/versus"
)

func setup(b *testing.B) (driver.Store, *byhand.SQLite, func(int) []driver.Event) {
	b.Helper()
	newEvents := versus.Events(b)
	path := filepath.Join(b.TempDir(), "bench.db")
	store, err := driver.Open("sqlite:"+path, "bench", driver.WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	writer, err := byhand.OpenWriter(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = writer.Close()
		_ = store.Close()
	})
	return store, byhand.NewSQLite(writer, "bench"), newEvents
}

// lease claims n events by hand, with their payloads, and acknowledges them.
func lease(b *testing.B, hand *byhand.SQLite, n int) error {
	lease, err := hand.Claim(b.Context(), n, 0, func(uuid.UUID, []byte) {})
	if err != nil {
		return err
	}
	return hand.Ack(b.Context(), lease)
}

func BenchmarkSave(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 1, func() driver.Event { return newEvents(1)[0] },
		func(e driver.Event) error { _, err := store.Events().Save(b.Context(), e); return err },
		func(e driver.Event) error { return hand.Save(b.Context(), &e) })
}

// BenchmarkSaveConcurrent saves single events from many goroutines at once, which share the wait for the disk.
func BenchmarkSaveConcurrent(b *testing.B) {
	for _, goroutines := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			store, _, newEvents := setup(b)
			events := newEvents(b.N)
			var next atomic.Int64
			var group sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range goroutines {
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if _, err := store.Events().Save(b.Context(), events[i-1]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkSaveBatch1000(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 1000, func() []driver.Event { return newEvents(1000) },
		func(batch []driver.Event) error { _, err := store.Events().SaveBatch(b.Context(), batch); return err },
		func(batch []driver.Event) error { return hand.SaveBatch(b.Context(), batch) })
}

func BenchmarkMarkBulk1000(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 1000, versus.Fill(b, store.Events(), newEvents, 1000),
		func(ids []uuid.UUID) error {
			_, err := store.Events().MarkMultipleAsProcessedBulk(b.Context(), ids, 1000)
			return err
		},
		func(ids []uuid.UUID) error { return hand.Mark(b.Context(), ids) })
}

func BenchmarkClaimLocked100(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, store.Events(), newEvents, 100),
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) },
		func([]uuid.UUID) error { return hand.ClaimLocked(b.Context(), 100) })
}

func BenchmarkClaimLease100(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, store.Events(), newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return lease(b, hand, 100) })
}

// BenchmarkLeaseOverLock100 measures leased claims against locked ones, which hold a transaction open: so
// what is called "by hand" here is ClaimLocked100.
func BenchmarkLeaseOverLock100(b *testing.B) {
	store, _, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, store.Events(), newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) })
}

func BenchmarkGetByID(b *testing.B) {
	store, hand, newEvents := setup(b)
	saved, err := store.Events().SaveBatch(b.Context(), newEvents(1000))
	if err != nil {
		b.Fatal(err)
	}
	statement, err := hand.PrepareByID(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	versus.Run(b, 1, func() uuid.UUID { i++; return saved[i%len(saved)].ID },
		func(id uuid.UUID) error { _, err := store.Events().GetByID(b.Context(), id); return err },
		func(id uuid.UUID) error { return hand.ByID(b.Context(), statement, id) })
}

// BenchmarkOpenSchema opens a schema that is new, and one whose tables are up to date, in one file.
func BenchmarkOpenSchema(b *testing.B) {
	dsn := "sqlite:" + filepath.Join(b.TempDir(), "many.db")
	versus.OpenSchemas(b, func() (driver.DB, error) { return driver.Connect(b.Context(), dsn, driver.WithLogger(nil)) })
}
