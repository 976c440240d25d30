// Package versus measures the library against the same statements written by hand, in turn in one
// run, so that a drift of the machine's speed hits both.
package versus

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/webhooks"
)

// Run calls library and byHand in turn, b.N times each, every call doing units of work on an input
// of its own, which next makes outside the time that counts. It reports the median time of both,
// the ratio of speeds (1: as fast as by hand), the library's units per second, and the mean allocations of both.
func Run[T any](b *testing.B, units int, next func() T, library, byHand func(T) error) {
	b.Helper()
	var times [2][]time.Duration
	var allocs [2]uint64
	call := func(which int) {
		fn := [2]func(T) error{library, byHand}[which]
		b.StopTimer()
		input := next()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.StartTimer()
		start := time.Now()
		if err := fn(input); err != nil {
			b.Fatal(err)
		}
		times[which] = append(times[which], time.Since(start))
		runtime.ReadMemStats(&after)
		allocs[which] += after.Mallocs - before.Mallocs
	}
	for i := 0; b.Loop(); i++ {
		call(i % 2) // neither is always the first after the other
		call(1 - i%2)
	}
	lib, hand := median(times[0]), median(times[1])
	b.ReportMetric(0, "ns/op") // of a pair: it says nothing
	b.ReportMetric(float64(lib.Nanoseconds())/float64(units), "library-ns/unit")
	b.ReportMetric(float64(hand.Nanoseconds())/float64(units), "by-hand-ns/unit")
	b.ReportMetric(float64(hand)/float64(lib), "of-by-hand")
	b.ReportMetric(float64(units)/lib.Seconds(), "units/s")
	done := float64(len(times[0]) * units)
	b.ReportMetric(float64(allocs[0])/done, "library-allocs/unit")
	b.ReportMetric(float64(allocs[1])/done, "by-hand-allocs/unit")
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// Events returns a function that makes new events from real webhook payloads. It skips the
// benchmark where they are absent.
func Events(b *testing.B) func(n int) []driver.Event {
	b.Helper()
	var templates []driver.Event
	for _, webhook := range webhooks.Read(b) {
		templates = append(templates, driver.Event{
			EventType: webhook.EventType, EventName: webhook.EventName, AggregateType: "Repository", AggregateVersion: 1,
			EventData: webhook.Payload,
		})
	}
	next := 0
	return func(n int) []driver.Event {
		events := make([]driver.Event, n)
		for i := range events {
			events[i] = templates[next%len(templates)]
			events[i].ID, events[i].AggregateID = uuid.Must(uuid.NewV7()), uuid.New()
			next++
		}
		return events
	}
}

// IDs returns the ids of events.
func IDs(events []driver.Event) []uuid.UUID {
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return ids
}

// Fill keeps the queue filled: each call of the returned function gives the ids of the next n
// events that wait.
func Fill(b *testing.B, events driver.EventRepository, newEvents func(int) []driver.Event, n int) func() []uuid.UUID {
	b.Helper()
	var ready []uuid.UUID
	return func() []uuid.UUID {
		if len(ready) < n {
			for range 20 {
				saved, err := events.SaveBatch(b.Context(), newEvents(max(n, 1000)))
				if err != nil {
					b.Fatal(err)
				}
				ready = append(ready, IDs(saved)...)
			}
		}
		ids := ready[:n]
		ready = ready[n:]
		return ids
	}
}

// Claim locks the oldest n events, reads their payloads and marks them, in one transaction.
func Claim(b *testing.B, store driver.Store, n int) error {
	return store.InTx(b.Context(), func(tx driver.Store) error {
		claimed, err := tx.Events().GetUnprocessedForUpdate(b.Context(),
			driver.LockOptions{Limit: n, SkipLocked: true, Columns: []driver.EventColumn{driver.EventColumnData}})
		if err != nil {
			return err
		}
		_, err = tx.Events().MarkMultipleAsProcessed(b.Context(), IDs(claimed))
		return err
	})
}

// Lease claims n events, with their payloads, and acknowledges them.
func Lease(b *testing.B, store driver.Store, n int) error {
	claims, err := store.Events().Claim(b.Context(), driver.ClaimOptions{Limit: n, Columns: []driver.EventColumn{driver.EventColumnData}})
	if err != nil {
		return err
	}
	if len(claims) != n {
		return fmt.Errorf("%d events were claimed, not %d", len(claims), n)
	}
	return store.Events().Ack(b.Context(), claims)
}

// OpenSchemas opens b.N new schemas on one DB, then the same ones on another.
func OpenSchemas(b *testing.B, connect func() (driver.DB, error)) {
	b.Helper()
	for _, state := range []string{"new", "current"} {
		db, err := connect()
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		for i := range b.N {
			if _, err := db.Store(b.Context(), fmt.Sprintf("tenant_%05d", i)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(start).Microseconds())/float64(b.N)/1000, state+"-ms/schema")
		if state == "current" {
			b.StopTimer()
			for i := range b.N {
				if err := db.DropSchema(b.Context(), fmt.Sprintf("tenant_%05d", i)); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
