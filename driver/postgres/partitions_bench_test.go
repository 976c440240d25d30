package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// lockedTime measures how long a transaction keeps others from the events: from the lock that it takes to the
// end of its commit.
type lockedTime struct {
	since atomic.Pointer[time.Time]
	last  time.Duration
}

func (l *lockedTime) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	now := time.Now()
	switch {
	case strings.HasPrefix(data.SQL, "LOCK TABLE"), strings.Contains(data.SQL, "ATTACH PARTITION") && l.since.Load() == nil:
		l.since.Store(&now)
	case data.SQL == "commit" && l.since.Load() != nil:
		return context.WithValue(ctx, lockedTime{}, true)
	}
	return ctx
}

func (l *lockedTime) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if ctx.Value(lockedTime{}) != nil {
		l.last = time.Since(*l.since.Swap(nil))
	}
}

// fillPartition stores processed events at all positions of the first partition, and one behind it, as one
// statement for each table.
func fillPartition(ctx context.Context, pool *pgxpool.Pool, size int) error {
	for _, statement := range []string{
		`INSERT INTO bench.event_keys (position, event_id, aggregate_type, aggregate_id, aggregate_version)
			SELECT n, gen_random_uuid(), 'Order', gen_random_uuid(), 1 FROM generate_series(1, %d) n`,
		`INSERT INTO bench.events (position, id, event_type, event_name, aggregate_type, aggregate_id, aggregate_version, event_data, event_metadata, occurred_at)
			SELECT position, event_id, 'order.placed', '', aggregate_type, aggregate_id, aggregate_version, '{"note": "' || repeat('x', 200) || '"}', '{}', now()
			FROM bench.event_keys WHERE position <= %d`,
		`INSERT INTO bench.event_processed SELECT position, now() FROM bench.events WHERE position <= %d`,
		`SELECT setval('bench.event_keys_position_seq', %d)`,
	} {
		if _, err := pool.Exec(ctx, fmt.Sprintf(statement, size)); err != nil {
			return err
		}
	}
	_, err := pool.Exec(ctx, "VACUUM ANALYZE bench.events, bench.event_processed, bench.event_keys")
	return err
}

// median is in milliseconds.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}

// BenchmarkDetach detaches and attaches a partition. An operation is a Detach, which reads the partition first; the
// metrics are how long others can't use the events, the median.
func BenchmarkDetach(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("events=%d", size), func(b *testing.B) {
			ctx := b.Context()
			settings, err := pgxpool.ParseConfig(pgtest.DSN(b))
			if err != nil {
				b.Fatal(err)
			}
			tracer := new(lockedTime)
			settings.ConnConfig.Tracer = tracer
			pool, err := pgxpool.NewWithConfig(ctx, settings)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(pool.Close)
			db, err := postgres.New(pool, driver.WithLogger(nil), driver.WithEventPartitions(int64(size)))
			if err != nil {
				b.Fatal(err)
			}
			store, err := db.Store(ctx, schema)
			if err == nil {
				err = fillPartition(ctx, pool, size-1)
			}
			if err == nil { // two, for the one behind the partition
				_, err = store.Events().SaveBatch(ctx, newEvents(2))
			}
			if err != nil {
				b.Fatal(err)
			}
			var detaching, attaching []time.Duration
			b.ResetTimer()
			for range b.N {
				archive, err := store.Archives().Save(ctx, driver.Archive{Name: "old", StorageType: driver.StoragePartition})
				if err == nil {
					archive, err = store.Archives().Detach(ctx, archive.ID, driver.ArchiveCriteria{})
				}
				if err != nil || archive.EventCount != int64(size-1) {
					b.Fatalf("detached %d events: %v", archive.EventCount, err)
				}
				detaching = append(detaching, tracer.last)
				b.StopTimer()
				if _, err := store.Archives().Attach(ctx, archive.ID); err != nil {
					b.Fatal(err)
				}
				attaching = append(attaching, tracer.last)
				b.StartTimer()
			}
			b.ReportMetric(median(detaching), "ms-detaching")
			b.ReportMetric(median(attaching), "ms-attaching")
		})
	}
}
