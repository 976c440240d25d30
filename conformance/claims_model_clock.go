package conformance

import (
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// A queueClock numbers the moments at which events became due, from 1. Two of them can be the same
// to the database, whose clock is as fine as it is. Which are is known once a claim shows it; which
// are not, also from what the database told of its clock in between.
type queueClock struct {
	moments []queueMoment
	told    time.Time    // last
	joined  map[int]bool // this moment and the next are the same
	apart   [][2]int     // these moments are not
}

// A queueMoment is what the database told of its clock before and after a moment, zero for nothing.
type queueMoment struct{ notBefore, notAfter time.Time }

func (c *queueClock) tick() int {
	c.moments = append(c.moments, queueMoment{notBefore: c.told})
	return len(c.moments)
}

// tells notes what the database told of its clock just now.
func (c *queueClock) tells(now time.Time) {
	c.told = now
	for i := len(c.moments) - 1; i >= 0 && c.moments[i].notAfter.IsZero(); i-- {
		c.moments[i].notAfter = now
	}
}

// lookAtClock asks the database for the time, by saving an event that is never queued. It is called
// before and after what makes events due. In a transaction the answer may be the time of its start,
// which is of no use, and in order nobody goes by moments.
func (m *queueModel) lookAtClock(store driver.Store) {
	if m.ordered || m.open > 0 {
		return
	}
	imported := newEvent()
	imported.ProcessedAt = &longAgo
	saved, err := store.Events().Save(m.ctx, imported)
	m.fine("Save", err)
	m.clock.tells(saved.CreatedAt)
}

// areApart tells of two moments, the earlier one first, whether they are known not to be the same.
func (c *queueClock) areApart(a, b int) bool {
	until := c.moments[a-1].notAfter
	return !until.IsZero() && until.Before(c.moments[b-1].notBefore) || slices.Contains(c.apart, [2]int{a, b})
}

func (c *queueClock) same(a, b int) bool {
	for moment := min(a, b); moment < max(a, b); moment++ {
		if !c.joined[moment] {
			return false
		}
	}
	return true
}

func (c *queueClock) join(a, b int) {
	if c.joined == nil {
		c.joined = map[int]bool{}
	}
	for moment := min(a, b); moment < max(a, b); moment++ {
		c.joined[moment] = true
	}
}

// contradiction tells that moments are the same which are not.
func (c *queueClock) contradiction() bool {
	return slices.ContainsFunc(c.apart, func(pair [2]int) bool { return c.same(pair[0], pair[1]) })
}

// precedes tells whether a is claimed before b for certain, as far as is known.
func (c *queueClock) precedes(a, b *queueEvent) bool {
	switch {
	case a.since == 0 || b.since == 0:
		return a.since != 0 || b.since == 0 && a.Position < b.Position // those that are due, then the fresh ones
	case c.same(a.since, b.since):
		return a.Position < b.Position
	case a.since > b.since:
		return false
	}
	return a.Position < b.Position || c.areApart(a.since, b.since)
}

// wantFirst fails unless taken come before all others of the events that are ready: the due ones,
// by that moment, then the fresh ones, those of the same moment by position. It learns from what
// happened which moments were the same.
func (m *queueModel) wantFirst(what string, taken, ready []*queueEvent) {
	left := slices.DeleteFunc(slices.Clone(ready), func(e *queueEvent) bool { return slices.Contains(taken, e) })
	for _, first := range taken {
		for _, then := range left {
			switch {
			case m.clock.precedes(then, first):
				m.fatal("%s: got %s, want %s to come before it", what, m.name(first.ID), m.name(then.ID))
			case first.since == 0 || then.since == 0:
			case first.since > then.since:
				m.clock.join(then.since, first.since)
			case first.since < then.since && first.Position > then.Position:
				m.clock.apart = append(m.clock.apart, [2]int{first.since, then.since})
			}
		}
	}
	if m.clock.contradiction() {
		m.fatal("%s: got %s, want an order that agrees with earlier ones", what, m.list(idsOfQueue(taken)))
	}
}
