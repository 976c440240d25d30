package history

import (
	"cmp"
	"math"
	"slices"

	"github.com/google/uuid"
)

// aggregates returns the stored events of each aggregate, by version, in an order of aggregates that
// does not change from run to run.
func (t *tenant) aggregates() [][]*Event {
	of := map[uuid.UUID][]*Event{}
	for i := range t.Events {
		event := &t.Events[i]
		of[event.Aggregate] = append(of[event.Aggregate], event)
	}
	all := make([][]*Event, 0, len(of))
	for _, events := range of {
		slices.SortFunc(events, func(a, b *Event) int { return cmp.Compare(a.Version, b.Version) })
		all = append(all, events)
	}
	slices.SortFunc(all, func(a, b []*Event) int { return slices.Compare(a[0].Aggregate[:], b[0].Aggregate[:]) })
	return all
}

// checkOrder finds claims with PerAggregateOrder of an event while an earlier one of its aggregate was
// for sure not done, unless the same call of Claim handed it out, too.
func (c *checker) checkOrder(t *tenant) {
	for _, events := range t.aggregates() {
		done := make([]int64, len(events)) // the earliest time at which each can have been done
		for i, event := range events {
			done[i] = t.rows[event.ID].doneAt()
		}
		for i, event := range events {
			for _, s := range t.rows[event.ID].steps {
				if s.Kind != Claimed || !s.Ordered || s.Outcome != OK || s.Return == 0 {
					continue
				}
				for k := range i {
					if done[k] > s.Return && !s.holds(events[k].ID) {
						c.find(disordered, t, event.ID, "was claimed before version %d of its aggregate was done, which is %s%s",
							events[k].Version, events[k].ID, t.trace(events[k].ID))
						break
					}
				}
			}
		}
	}
}

// checkHistories finds reads of a whole aggregate that were not all its versions from the first one on.
func (c *checker) checkHistories(t *tenant) {
	for _, op := range t.ops {
		if op.Kind != Seen || !op.Ordered || op.Outcome != OK {
			continue
		}
		for i, row := range op.Rows {
			if row.Version != int64(i)+1 || row.Aggregate != op.Rows[0].Aggregate {
				c.find(disordered, t, row.ID, "was read in the place of version %d of %s", i+1, op.Rows[0].Aggregate)
				break
			}
		}
	}
}

// doneAt is the earliest time at which an event can have left the queue for good.
func (r *row) doneAt() int64 {
	at := int64(math.MaxInt64)
	for _, s := range r.steps {
		switch s.Kind {
		case Acked, Marked, Processed:
			if s.Outcome == OK || s.Outcome == Unknown {
				at = min(at, s.Call)
			}
		}
	}
	return at
}

func (op *Op) holds(id uuid.UUID) bool {
	return slices.ContainsFunc(op.Rows, func(row Row) bool { return row.ID == id })
}
