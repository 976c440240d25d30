package history

import (
	"cmp"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// consumer is one reader of all events, and what it was told.
type consumer struct {
	*checker
	tenant *tenant
	name   string
	reads  []*Op
	done   []*Op           // its commits
	been   map[int64]int64 // when it can first have been at a position
}

// checkConsumers follows each consumer: every read goes on right behind a commit and leaves nothing
// out, and the commits are done with every event once.
func (c *checker) checkConsumers(t *tenant) {
	consumers := map[string]*consumer{}
	for name := range t.Consumers {
		consumers[name] = &consumer{checker: c, tenant: t, name: name, been: map[int64]int64{}}
	}
	for _, op := range t.ops {
		reader := consumers[op.Consumer]
		switch {
		case reader == nil || len(op.Rows) == 0:
		case op.Kind == Seen && op.Outcome == OK:
			reader.reads = append(reader.reads, op)
		case op.Kind == Committed && (op.Outcome == OK || op.Outcome == Unknown):
			reader.done = append(reader.done, op)
			if at, been := reader.been[op.Position]; !been || op.Call < at {
				reader.been[op.Position] = op.Call
			}
		}
	}
	events := make([]*Event, len(t.Events))
	for i := range t.Events {
		events[i] = &t.Events[i]
	}
	slices.SortFunc(events, func(a, b *Event) int { return cmp.Compare(a.Position, b.Position) })
	place := make(map[int64]int, len(events)) // of each position
	for i, event := range events {
		place[event.Position] = i
	}
	for _, name := range slices.Sorted(maps.Keys(consumers)) {
		reader := consumers[name]
		for _, read := range reader.reads {
			reader.checkRun(read, events, place)
		}
		reader.checkOnce(events)
	}
}

// checkRun finds what a read had out of order, and what it left out: before its first event, which must
// be the first behind a position at which the consumer can have been, and between its events.
func (r *consumer) checkRun(read *Op, events []*Event, place map[int64]int) {
	for i, row := range read.Rows[1:] {
		if previous := read.Rows[i].Position; row.Position <= previous {
			r.find(disordered, r.tenant, row.ID, "was read by consumer %s behind position %d", r.name, previous)
			return
		}
	}
	first, there := place[read.Rows[0].Position]
	if !there {
		return // checkSaved tells
	}
	if first > 0 {
		before := events[first-1]
		if at, been := r.been[before.Position]; !been || at > read.Return {
			r.find(lost, r.tenant, before.ID, "was skipped by consumer %s, or read again though it was committed: it read on behind position %d, where it never was", r.name, before.Position)
		}
	}
	for i, row := range read.Rows[1:] {
		previous, place := read.Rows[i].Position, first+i+1
		if place < len(events) && events[place].ID != row.ID {
			r.find(lost, r.tenant, events[place].ID, "was skipped by consumer %s between positions %d and %d", r.name, previous, row.Position)
			return
		}
	}
}

// checkOnce finds events that the consumer's commits were done with twice, or never.
func (r *consumer) checkOnce(events []*Event) {
	times := make(map[uuid.UUID]int, len(events))
	maybe := map[uuid.UUID]bool{}
	for _, commit := range r.done {
		for _, row := range commit.Rows {
			if commit.Outcome == OK {
				times[row.ID]++
			} else {
				maybe[row.ID] = true
			}
		}
	}
	for _, event := range events {
		switch n := times[event.ID]; {
		case n > 1:
			r.find(doubled, r.tenant, event.ID, "was committed %d times by consumer %s", n, r.name)
		case n == 0 && !maybe[event.ID]:
			r.find(lost, r.tenant, event.ID, "was never read by consumer %s to its commit", r.name)
		}
	}
}
