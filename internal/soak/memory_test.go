package main

import (
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// room is how much of the heap what reads or moves any number of events may take: its pages and buffers, the
// copies that are under way to or from the database, and what is not cleared away yet.
const room = 96 * mib

func TestMain(m *testing.M) { pgtest.Main(m) }

// Each subtest goes through far more than fits in the room.
func TestMemoryStaysBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, store driver.Store) {
		ctx := t.Context()

		const events = 2525 // of 8 kB, and 25 of 6 MiB between them
		aggregate := driver.Aggregate{Type: "Order", ID: uuid.New()}
		var bytes int
		for range 25 {
			bytes += save(t, store, aggregate, 100, 8_000)
			bytes += save(t, store, aggregate, 1, 6*mib)
		}
		if bytes < 3*room/2 {
			t.Fatalf("the events have %d bytes, expected more than the %d that may be in memory", bytes, room)
		}

		t.Run("AllUnprocessed", func(t *testing.T) {
			within(t, room, func() { count(t, store.Events().AllUnprocessed(ctx, driver.MaxLimit), events) })
		})
		t.Run("AllByAggregate", func(t *testing.T) {
			within(t, room, func() { count(t, store.Events().AllByAggregate(ctx, aggregate, 0), events) })
		})
		t.Run("Claims without payloads", func(t *testing.T) {
			within(t, room, func() {
				claims, err := store.Events().Claim(ctx, driver.ClaimOptions{
					Limit: driver.MaxLimit, Lease: time.Minute, Columns: []driver.EventColumn{driver.EventColumnType},
				})
				ok(t, err)
				if len(claims) != events {
					t.Fatalf("claimed %d events, expected %d", len(claims), events)
				}
				ok(t, store.Events().Ack(ctx, claims))
			})
		})
		dir, err := archive.OpenDir(t.TempDir())
		ok(t, err)
		archiver, err := archive.New(store, archive.Storages{driver.StorageCold: dir}, archive.Options{})
		ok(t, err)
		t.Run("archiving", func(t *testing.T) {
			within(t, room, func() {
				rule := driver.NewArchiveRule("all", 0)
				rule.Policy = driver.PolicyCustom // of any age
				report, err := archiver.Run(ctx, rule)
				ok(t, err)
				if report.Events != events {
					t.Fatalf("archived %d events, expected %d", report.Events, events)
				}
			})
		})
		t.Run("reading archives", func(t *testing.T) {
			within(t, room, func() { count(t, archiver.All(ctx, 0), events) })
		})
		t.Run("restoring archives", func(t *testing.T) {
			within(t, room, func() {
				archives, err := store.Archives().GetByStatus(ctx, driver.ArchiveCompleted, driver.MaxLimit)
				ok(t, err)
				restored := 0
				for _, archive := range archives {
					n, err := archiver.Restore(ctx, archive.ID, nil)
					ok(t, err)
					restored += n
				}
				if restored != events {
					t.Fatalf("restored %d events, expected %d", restored, events)
				}
			})
		})
	})
}

// A batch is in memory already, and so is a payload: saving makes few copies, whatever their number.
func TestSavingTakesLittleMoreMemoryThanTheEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, store driver.Store) {
		t.Run("a batch", func(t *testing.T) {
			batch := made(driver.Aggregate{Type: "Order", ID: uuid.New()}, 10_000, 8_000)
			within(t, 48*mib, func() { // the events have 80 MB
				_, err := store.Events().SaveBatch(t.Context(), batch)
				ok(t, err)
			})
		})
		t.Run("the largest payload", func(t *testing.T) {
			event := made(driver.Aggregate{Type: "Order", ID: uuid.New()}, 1, driver.DefaultMaxPayload)[0]
			within(t, 6*driver.DefaultMaxPayload, func() {
				saved, err := store.Events().Save(t.Context(), event)
				ok(t, err)
				read, err := store.Events().GetByID(t.Context(), saved.ID)
				ok(t, err)
				if string(read.EventData) != string(event.EventData) {
					t.Fatal("the payload came back changed")
				}
			})
		})
	})
}

// onBoth runs a test on a fresh schema of each backend.
func onBoth(t *testing.T, test func(t *testing.T, store driver.Store)) {
	for _, backend := range []string{"sqlite", "postgres"} {
		t.Run(backend, func(t *testing.T) {
			dsn := "sqlite:" + filepath.Join(t.TempDir(), "memory.db")
			if backend == "postgres" {
				dsn = pgtest.DSN(t)
			}
			store, err := driver.Open(dsn, "tenant", driver.WithLogger(nil))
			ok(t, err)
			defer func() { _ = store.Close() }()
			test(t, store)
		})
	}
}

func made(aggregate driver.Aggregate, n, bytes int) []driver.Event {
	const around = len(`{"text":""}`)
	data := json.RawMessage(`{"text":"` + strings.Repeat("x", bytes-around) + `"}`)
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = driver.Event{
			EventType: "order.placed", EventName: "Order placed", EventData: data,
			AggregateType: aggregate.Type, AggregateID: aggregate.ID,
		}
	}
	return events
}

// save saves n events of so many bytes each, and returns how many bytes they have together.
func save(t *testing.T, store driver.Store, aggregate driver.Aggregate, n, bytes int) int {
	t.Helper()
	_, err := store.Events().SaveBatch(t.Context(), made(aggregate, n, bytes))
	ok(t, err)
	return n * bytes
}

func count(t *testing.T, events iter.Seq2[driver.Event, error], want int) {
	t.Helper()
	n := 0
	for _, err := range events {
		ok(t, err)
		n++
	}
	if n != want {
		t.Fatalf("yielded %d events, expected %d", n, want)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within runs fn, and fails if the heap grows by more than so many bytes meanwhile.
func within(t *testing.T, limit int, fn func()) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // so that what is in use is nearly all there is
	debug.FreeOSMemory()
	before, most := heap(), uint64(0)
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	defer func() {
		close(quit)
		<-gone
		grown := max(most, before) - before
		t.Logf("the heap grew from %s by up to %s", inMiB(before), inMiB(grown))
		if grown > uint64(limit) {
			t.Errorf("the heap grew by %s, expected %s at the most", inMiB(grown), inMiB(uint64(limit)))
		}
	}()
	fn()
}

// heap is what Go's heap holds, in bytes.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func inMiB(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/mib) }
