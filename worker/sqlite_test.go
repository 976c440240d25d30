package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/worker"
)

// openFile returns a store in a new SQLite file.
func openFile(t *testing.T) driver.Store {
	t.Helper()
	store, err := driver.Open("sqlite:"+filepath.Join(t.TempDir(), "test.db"), "tenant_test", driver.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// saveHistories saves events of some aggregates, those of each spread over all.
func saveHistories(t *testing.T, store driver.Store, aggregates, each int) {
	t.Helper()
	ids := make([]uuid.UUID, aggregates)
	for i := range ids {
		ids[i] = uuid.New()
	}
	var events []driver.Event
	for i := range aggregates * each {
		events = append(events, driver.Event{
			EventType: "order.placed", AggregateType: "Order", AggregateID: ids[i%aggregates], EventData: json.RawMessage(`{}`),
		})
	}
	if _, err := store.Events().SaveBatch(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// workTogether runs several workers until all events are acknowledged. It checks that each was
// handled once successfully, and acknowledged once.
func workTogether(t *testing.T, store driver.Store, workers, events int, handler worker.Handler, opts worker.Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // against hangs only
	defer cancel()
	var mu sync.Mutex
	handled, acked := map[uuid.UUID]int{}, 0
	done := func() {
		if acked == events {
			cancel()
		}
	}
	opts.Logger = slog.New(slog.DiscardHandler)
	opts.Hooks = worker.Hooks{
		Handled: func(_ context.Context, claim driver.Claim, outcome worker.Outcome, err error, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if outcome == worker.OutcomeSuccess {
				handled[claim.Event.ID]++
			}
			if errors.Is(err, worker.Done) {
				acked++
				done()
			}
		},
		Acked: func(n int, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			acked += n
			done()
		},
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			if err := worker.Process(ctx, store, handler, opts); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for id, times := range handled {
		if times != 1 {
			t.Errorf("event %s: handled %d times", id, times)
		}
	}
	if len(handled) != events || acked != events {
		t.Errorf("got %d handled, %d acknowledged, want %d", len(handled), acked, events)
	}
	left, err := store.Events().CountUnprocessed(t.Context())
	leased, err2 := store.Events().CountProcessing(t.Context())
	if left != 0 || leased != 0 || err != nil || err2 != nil {
		t.Errorf("got %d left in the queue, %d leased, %v, %v", left, leased, err, err2)
	}
}

func TestWorkersOnOneFileHandleEachEventOnce(t *testing.T) {
	store, events := openFile(t), 5000
	if testing.Short() {
		events = 500
	}
	saveHistories(t, store, events/5, 5)
	workTogether(t, store, 4, events, succeed, worker.Options{})
}

func TestWorkersOnOneFileKeepTheOrderOfAggregates(t *testing.T) {
	store, aggregates, each := openFile(t), 50, 40
	if testing.Short() {
		each = 10
	}
	saveHistories(t, store, aggregates, each)
	seen := newHistories()
	workTogether(t, store, 4, aggregates*each, func(_ context.Context, claim driver.Claim) error {
		if claim.Event.AggregateVersion == 3 && claim.Attempt == 1 {
			return worker.RetryAfter(errors.New("not now"), time.Millisecond)
		}
		seen.begin(t, claim.Event)
		defer seen.end(claim.Event)
		return nil
	}, worker.Options{PerAggregateOrder: true})
	seen.expect(t, aggregates, int64(each))
}

func TestHandlersInTransactionsHaveTheirEffectOnce(t *testing.T) {
	store, events := openFile(t), 300
	saveHistories(t, store, events, 1)
	before, err := store.Events().CountByType(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var failed sync.Map
	workTogether(t, store, 2, events, worker.InTx(store, func(ctx context.Context, tx driver.Store, claim driver.Claim) error {
		processed := time.Now()
		if _, err := tx.Events().Save(ctx, driver.Event{
			EventType: "invoice.written", AggregateType: "Invoice", AggregateID: claim.Event.AggregateID,
			EventData: json.RawMessage(`{}`), ProcessedAt: &processed,
		}); err != nil {
			return err
		}
		if _, again := failed.LoadOrStore(claim.Event.ID, true); !again && claim.Event.Position%3 == 0 {
			return worker.RetryAfter(errors.New("after the effect"), 0)
		}
		return nil
	}), worker.Options{})
	after, err := store.Events().CountByType(t.Context(), time.Time{})
	if got := after["invoice.written"]; err != nil || got != int64(events) || before["invoice.written"] != 0 {
		t.Errorf("got %d effects, %v; want %d", got, err, events)
	}
}

func TestClosedStoreEndsProcess(t *testing.T) {
	store, err := driver.Open("sqlite::memory:", "tenant_test", driver.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	saveHistories(t, store, 1, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // against hangs only
	defer cancel()
	err = worker.Process(ctx, store, func(context.Context, driver.Claim) error { return store.Close() },
		worker.Options{Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, driver.ErrClosed) {
		t.Errorf("got %v, want %v", err, driver.ErrClosed)
	}
}
