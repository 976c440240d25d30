package conformance

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// A state is what a schema holds, as far as a change to it would show.
type state struct {
	queue  []uuid.UUID
	counts map[string]int64
}

func (t *test) state() state {
	t.Helper()
	return t.stateOf(t.store)
}

func (t *test) stateOf(store driver.Store) state {
	t.Helper()
	counts, err := store.Events().CountByType(t.ctx, time.Time{})
	t.ok(err)
	return state{t.queueOf(store), counts}
}

// wantState fails the test if the schema is not as it was.
func (t *test) wantState(want state) {
	t.Helper()
	t.wantStateOf(t.store, want)
}

func (t *test) wantStateOf(store driver.Store, want state) {
	t.Helper()
	got := t.stateOf(store)
	if !slices.Equal(got.queue, want.queue) {
		t.Errorf("the queue changed:\n got %s\nwant %s", brief(got.queue), brief(want.queue))
	}
	if !maps.Equal(got.counts, want.counts) {
		t.Errorf("the stored events changed: got %v, want %v", got.counts, want.counts)
	}
}

// asError is nil for "".
func asError(fault string) error {
	if fault == "" {
		return nil
	}
	return errors.New(fault)
}
