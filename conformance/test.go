package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// patience is how long a test waits for what must come. No outcome depends on it
// unless something hangs.
const patience = 2 * time.Minute

// errUndo is what a test makes a transaction fail with.
var errUndo = errors.New("undo this")

// A test is what a behaviour is given: a schema of its own in a database that it
// shares with others, and ways to use it that fail the test if they fail.
type test struct {
	*testing.T
	h      Harness
	db     driver.DB
	store  driver.Store
	events driver.EventRepository
	ctx    context.Context // ends with the test
}

func newTest(tt *testing.T, h Harness, db driver.DB) *test {
	tt.Helper()
	ctx, cancel := context.WithTimeout(tt.Context(), patience)
	tt.Cleanup(cancel)
	t := &test{T: tt, h: h, db: db, ctx: ctx}
	schema := newSchema()
	if h.Empty != nil {
		if used, ok := h.used.take(db); ok {
			schema = used
			h.Empty(tt, db, schema)
		}
		tt.Cleanup(func() {
			if !tt.Failed() { // else there may be more that is wrong
				h.used.give(db, schema)
			}
		})
	}
	t.store = t.openStore(db, schema)
	t.events = t.store.Events()
	return t
}

var schemas atomic.Int64

// newSchema returns the name of a schema that nobody else uses.
func newSchema() string { return fmt.Sprintf("tenant-%d", schemas.Add(1)) }

// usedSchemas are the schemas of each database, and those of them whose behaviours are over, for others to use again.
type usedSchemas struct {
	mu   sync.Mutex
	all  map[driver.DB]map[string]bool
	free map[driver.DB][]string
}

func newUsedSchemas() *usedSchemas {
	return &usedSchemas{all: map[driver.DB]map[string]bool{}, free: map[driver.DB][]string{}}
}

// in is how many there are.
func (u *usedSchemas) in(db driver.DB) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.all[db])
}

func (u *usedSchemas) note(db driver.DB, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all[db] == nil {
		u.all[db] = map[string]bool{}
	}
	u.all[db][name] = true
}

func (u *usedSchemas) take(db driver.DB) (name string, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	names := u.free[db]
	if len(names) == 0 {
		return "", false
	}
	u.free[db] = names[:len(names)-1]
	return names[len(names)-1], true
}

func (u *usedSchemas) give(db driver.DB, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.free[db] = append(u.free[db], name)
}

// sub runs a part of a test as a test of its own, with a schema of its own in db.
func (t *test) sub(name string, db driver.DB, run func(t *test)) {
	t.Run(name, func(tt *testing.T) { run(newTest(tt, t.h, db)) })
}

// alone returns the test moved to a database of its own.
func (t *test) alone(opts ...driver.Option) *test {
	t.Helper()
	return newTest(t.T, t.h, t.h.open(t.T, opts...))
}

// reopen connects once more to the database of the test, or skips the test.
func (t *test) reopen(opts ...driver.Option) driver.DB {
	t.Helper()
	if t.h.Reopen == nil {
		t.Skip("the database can't be opened a second time (Harness.Reopen)")
	}
	return t.h.Reopen(t.T, t.db, append(opts, quiet)...)
}

func (t *test) openStore(db driver.DB, schema string) driver.Store {
	t.Helper()
	store, err := db.Store(t.ctx, schema)
	t.ok(err)
	t.h.used.note(db, schema)
	return store
}

func (t *test) needsConcurrent() {
	t.Helper()
	if !t.h.Concurrent {
		t.Skip("a second writing transaction waits for the first (Harness.Concurrent)")
	}
}

func (t *test) needsReadsBeside() {
	t.Helper()
	if !t.h.ReadsBeside {
		t.Skip("reads wait for an open transaction (Harness.ReadsBeside)")
	}
}

// save saves one event and returns it.
func (t *test) save(event driver.Event) driver.Event {
	t.Helper()
	return t.saveTo(t.store, event)
}

func (t *test) saveTo(store driver.Store, event driver.Event) driver.Event {
	t.Helper()
	saved, err := store.Events().Save(t.ctx, event)
	t.ok(err)
	return saved
}

// saveAll saves events in one batch and returns them.
func (t *test) saveAll(events []driver.Event) []driver.Event {
	t.Helper()
	saved, err := t.events.SaveBatch(t.ctx, events)
	t.ok(err)
	equal(t, "number of events that SaveBatch returned", len(saved), len(events))
	return saved
}

// get reads one event.
func (t *test) get(id uuid.UUID) driver.Event {
	t.Helper()
	event, err := t.events.GetByID(t.ctx, id)
	t.ok(err)
	return event
}

// mark marks events that are all in the queue.
func (t *test) mark(ids ...uuid.UUID) {
	t.Helper()
	marked, err := t.events.MarkMultipleAsProcessed(t.ctx, ids)
	t.ok(err)
	equal(t, "number of events marked", marked, len(ids))
}

// queue returns the ids of the events in the queue, in its order.
func (t *test) queue() []uuid.UUID {
	t.Helper()
	return t.queueOf(t.store)
}

func (t *test) queueOf(store driver.Store) []uuid.UUID {
	t.Helper()
	events, err := store.Events().GetUnprocessed(t.ctx, driver.MaxLimit)
	t.ok(err)
	return idsOf(events)
}

// stored fails the test unless exactly these of the ids are stored.
func (t *test) wantStored(want bool, ids ...uuid.UUID) {
	t.Helper()
	for _, id := range ids {
		there, err := t.events.Exists(t.ctx, id)
		t.ok(err)
		if there != want {
			t.Errorf("event %s stored: got %t, want %t", id, there, want)
		}
	}
}

// inTx runs fn in a transaction that must commit.
func (t *test) inTx(fn func(tx driver.Store)) {
	t.Helper()
	t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
		fn(tx)
		return nil
	}))
}

// undone runs fn in a transaction and rolls it back.
func (t *test) undone(store driver.Store, fn func(tx driver.Store)) {
	t.Helper()
	err := store.InTx(t.ctx, func(tx driver.Store) error {
		fn(tx)
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Fatalf("InTx returned %v, want the error of its function", err)
	}
}

// hold runs fn in a transaction of another goroutine, which stays open until end
// is called with what the transaction's function is to return, or the test ends.
func (t *test) hold(store driver.Store, fn func(tx driver.Store) error) (end func(verdict error)) {
	t.Helper()
	began, verdicts, ended := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		ended <- store.InTx(t.ctx, func(tx driver.Store) error {
			if err := fn(tx); err != nil {
				return err
			}
			close(began)
			select {
			case verdict := <-verdicts:
				return verdict
			case <-t.ctx.Done():
				return t.ctx.Err()
			}
		})
	}()
	select {
	case <-began:
	case err := <-ended:
		t.Fatalf("a transaction that should stay open ended with: %v", err)
	}
	var once sync.Once
	end = func(verdict error) {
		once.Do(func() {
			verdicts <- verdict
			if err := <-ended; !errors.Is(err, verdict) && t.ctx.Err() == nil {
				t.Errorf("InTx returned %v, want %v", err, verdict)
			}
		})
	}
	t.Cleanup(func() { end(nil) })
	return end
}

// together runs fn n times at once and fails the test for each error.
func (t *test) together(n int, fn func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			if err := fn(i); err != nil {
				t.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	close(start)
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// wantClaimedOnce has workers claim at once until all of these are claimed, and fails the test unless each is claimed
// once. Leases are as long as that takes.
func (t *test) wantClaimedOnce(workers int, want []uuid.UUID, claim func(worker int) ([]uuid.UUID, error)) {
	t.Helper()
	var mu sync.Mutex
	var claimed []uuid.UUID
	t.together(workers, func(i int) error {
		for {
			mine, err := claim(i)
			if err != nil {
				return err
			}
			mu.Lock()
			claimed = append(claimed, mine...)
			done := len(claimed) >= len(want)
			mu.Unlock()
			if done {
				return nil
			}
			if err := context.Cause(t.ctx); err != nil {
				return err
			}
		}
	})
	want = append([]uuid.UUID{}, want...)
	sortIDs(claimed)
	sortIDs(want)
	equalList(t, "ids claimed", claimed, want)
}

// scale returns the full size of a test, or the short one with -short or -race.
func scale(full, short int) int {
	if testing.Short() || raceDetector {
		return short
	}
	return full
}
