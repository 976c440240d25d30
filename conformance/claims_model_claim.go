package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

// claim claims, and says which of the events that are ready it has to get.
func (m *queueModel) claim(store driver.Store) {
	opts := driver.ClaimOptions{
		Limit:             rapid.IntRange(1, 5).Draw(m.rt, "limit"),
		Lease:             driver.MaxLease,
		MaxAttempts:       rapid.SampledFrom([]int{0, 3, 2, 1}).Draw(m.rt, "max attempts"),
		PerAggregateOrder: m.ordered,
	}
	if m.chance("some types") {
		opts.EventTypes = queueTypes[:1]
	}
	got, err := store.Events().Claim(m.ctx, opts)
	m.claims = append(m.claims, got...)
	m.fine("Claim", err)
	buried := m.buried(store)
	m.tell("%s -> %s%s", claimText(opts), m.list(claimedIDs(got)), m.textOfBuried(buried))
	if opts.MaxAttempts == 0 {
		opts.MaxAttempts = driver.DefaultMaxAttempts
	}
	taken := m.wantClaims(got, opts)
	if m.ordered {
		m.wantClaimInOrder(taken, buried, opts)
	} else {
		m.wantClaim(taken, buried, opts)
	}
	for i, e := range taken {
		e.token, e.over, e.hidden = got[i].Token, false, false
		e.attempts++
		m.clock.tells(got[i].LeaseUntil.Add(-opts.Lease))
	}
	at := m.clock.tick()
	for _, e := range buried {
		m.giveBack(e)
		e.place, e.since = isDead, at
	}
	if m.ordered {
		for _, e := range taken {
			m.fence(e)
		}
		m.settle(store, buried)
	}
}

// fence takes from another worker what it may have of an aggregate behind an event that was just
// claimed.
func (m *queueModel) fence(claimed *queueEvent) {
	for _, e := range m.queueOfAggregate(claimed.Aggregate()) {
		if e.AggregateVersion > claimed.AggregateVersion && e.token != claimed.token {
			m.giveBack(e)
		}
	}
}

// settle finds out about leases that are over, of events behind one that became a dead letter: the
// claim may have taken them and given them back, or not. Either way they are as before, but for the
// token.
func (m *queueModel) settle(store driver.Store, buried []*queueEvent) {
	for i := range m.claims {
		e := m.holding(m.claims[i])
		if e == nil || !e.over || !slices.ContainsFunc(buried, func(dead *queueEvent) bool {
			return dead.Aggregate() == e.Aggregate() && dead.AggregateVersion < e.AggregateVersion
		}) {
			continue
		}
		err := store.Events().Extend(m.ctx, m.claims[i:i+1], time.Millisecond)
		if !errors.Is(err, driver.ErrLeaseLost) {
			m.fine("Extend", err)
			m.end(store, []*queueEvent{e})
			continue
		}
		m.giveBack(e)
	}
}

func claimText(opts driver.ClaimOptions) string {
	text := fmt.Sprintf("claim limit %d", opts.Limit)
	if opts.PerAggregateOrder {
		text += " ordered"
	}
	if opts.MaxAttempts > 0 {
		text += fmt.Sprintf(" max attempts %d", opts.MaxAttempts)
	}
	if len(opts.EventTypes) > 0 {
		text += " of " + strings.Join(opts.EventTypes, ", ")
	}
	return text
}

func (m *queueModel) textOfBuried(buried []*queueEvent) string {
	if len(buried) == 0 {
		return ""
	}
	return ", dead " + m.list(idsOfQueue(buried))
}

// buried returns the events that are dead letters though the model has them in the queue.
func (m *queueModel) buried(store driver.Store) (buried []*queueEvent) {
	for _, letter := range m.letters(store) {
		if e := m.find(letter.Event.ID); e != nil && e.place == inQueue {
			buried = append(buried, e)
		}
	}
	return buried
}

// wantClaims fails unless these are claims of different events in the queue that nobody leases,
// with all that a claim tells, in the order of positions, or in order those of each aggregate by
// version. It returns the events.
func (m *queueModel) wantClaims(got []driver.Claim, opts driver.ClaimOptions) (taken []*queueEvent) {
	for _, claim := range got {
		e := m.find(claim.Event.ID)
		switch {
		case e == nil:
			m.fatal("claimed %s, want none that is not stored", m.name(claim.Event.ID))
		case slices.Contains(taken, e):
			m.fatal("claimed %s twice in one call", m.name(e.ID))
		case e.place != inQueue || e.leased():
			m.fatal("claimed %s, want none that is leased or out of the queue", m.name(e.ID))
		case claim.Attempt != e.attempts+1:
			m.fatal("claim of %s: got attempt %d, want %d", m.name(e.ID), claim.Attempt, e.attempts+1)
		case claim.Token == uuid.Nil || claim.Token != got[0].Token || claim.Token == e.token:
			m.fatal("claim of %s: want a token that is new and that of the call", m.name(e.ID))
		case claim.MaxAttempts != opts.MaxAttempts || claim.PerAggregateOrder != m.ordered:
			m.fatal("claim of %s: got MaxAttempts %d and PerAggregateOrder %t, want %d and %t",
				m.name(e.ID), claim.MaxAttempts, claim.PerAggregateOrder, opts.MaxAttempts, m.ordered)
		}
		m.same("Claim", claim.Event, e)
		taken = append(taken, e)
	}
	if want := m.inOrderOfReturn(taken); !slices.Equal(taken, want) {
		m.fatal("claimed in the order %s, want %s", m.list(idsOfQueue(taken)), m.list(idsOfQueue(want)))
	}
	return taken
}

func (m *queueModel) inOrderOfReturn(taken []*queueEvent) []*queueEvent {
	sorted := slices.Clone(taken)
	slices.SortFunc(sorted, func(a, b *queueEvent) int { return int(a.Position - b.Position) })
	if !m.ordered {
		return sorted
	}
	byVersion := slices.Clone(taken)
	slices.SortFunc(byVersion, func(a, b *queueEvent) int { return int(a.AggregateVersion - b.AggregateVersion) })
	for i := range sorted {
		place := slices.IndexFunc(byVersion, func(e *queueEvent) bool { return e.Aggregate() == sorted[i].Aggregate() })
		sorted[i] = byVersion[place]
		byVersion = slices.Delete(byVersion, place, place+1)
	}
	return sorted
}

func wanted(e *queueEvent, opts driver.ClaimOptions) bool {
	return len(opts.EventTypes) == 0 || slices.Contains(opts.EventTypes, e.EventType)
}

// ready returns the events that nobody leases and that are fresh or due, by position.
func (m *queueModel) ready(opts driver.ClaimOptions) []*queueEvent {
	return slices.DeleteFunc(m.in(inQueue), func(e *queueEvent) bool { return e.leased() || e.parked || !wanted(e, opts) })
}

// wantClaim fails unless a claim took the first events that are ready, up to the limit, and made
// dead letters of those among them that were handed out too often.
func (m *queueModel) wantClaim(taken, buried []*queueEvent, opts driver.ClaimOptions) {
	ready := m.ready(opts)
	wornOut := func(e *queueEvent) bool { return e.attempts >= opts.MaxAttempts }
	for _, e := range buried {
		if !slices.Contains(ready, e) || !wornOut(e) {
			m.fatal("Claim made a dead letter of %s after %d attempts", m.name(e.ID), e.attempts)
		}
	}
	for _, e := range taken {
		if !slices.Contains(ready, e) || wornOut(e) {
			m.fatal("claimed %s, want none that is not ready, or worn out", m.name(e.ID))
		}
	}
	live := slices.DeleteFunc(slices.Clone(ready), wornOut)
	if want := min(opts.Limit, len(live)); len(taken) != want {
		m.fatal("claimed %s, want %d of %s", m.list(idsOfQueue(taken)), want, m.list(idsOfQueue(live)))
	}
	m.wantFirst("Claim", append(slices.Clone(taken), buried...), ready)
	if len(taken) < opts.Limit {
		if len(taken)+len(buried) != len(ready) {
			m.fatal("Claim made dead letters of %s, want all that are worn out of %s", m.list(idsOfQueue(buried)), m.list(idsOfQueue(ready)))
		}
		return
	}
	for _, e := range buried { // the claim ended with one that it returned
		if !slices.ContainsFunc(taken, func(last *queueEvent) bool { return !m.clock.precedes(last, e) }) {
			m.fatal("Claim made a dead letter of %s, want the limit to keep it from there", m.name(e.ID))
		}
	}
}

// run returns the events of an aggregate that a claim in order may hand out, by version: none while
// another worker has some, else those up to what has to be waited for.
func (m *queueModel) run(aggregate driver.Aggregate, opts driver.ClaimOptions) []*queueEvent {
	queue := m.queueOfAggregate(aggregate)
	if slices.ContainsFunc(queue, (*queueEvent).leased) {
		return nil
	}
	for i, e := range queue {
		behindDead := slices.ContainsFunc(m.in(isDead), func(dead *queueEvent) bool {
			return dead.Aggregate() == aggregate && dead.AggregateVersion < e.AggregateVersion
		})
		if e.parked || behindDead || !wanted(e, opts) {
			return queue[:i]
		}
	}
	return queue
}

// wantClaimInOrder fails unless a claim took of each aggregate the first events of its run, and up
// to the first that was handed out too often, which is a dead letter then. Of those behind that one
// the claim may have found some that are, too. It may have taken fewer than the limit allows, but
// not nothing where there is something.
func (m *queueModel) wantClaimInOrder(taken, buried []*queueEvent, opts driver.ClaimOptions) {
	if len(taken) > opts.Limit {
		m.fatal("claimed %s, want %d at the most", m.list(idsOfQueue(taken)), opts.Limit)
	}
	for _, aggregate := range m.aggregates {
		others := func(e *queueEvent) bool { return e.Aggregate() != aggregate }
		got, dead := slices.DeleteFunc(slices.Clone(taken), others), slices.DeleteFunc(slices.Clone(buried), others)
		run := m.run(aggregate, opts)
		if len(run) > 0 && !run[0].hidden && len(taken) == 0 && len(buried) == 0 {
			m.fatal("claimed nothing, want some of %s", m.list(idsOfQueue(run)))
		}
		wornOut := slices.DeleteFunc(slices.Clone(run), func(e *queueEvent) bool { return e.attempts < opts.MaxAttempts })
		if len(wornOut) > 0 {
			run = run[:slices.Index(run, wornOut[0])]
		}
		switch {
		case len(got) > len(run) || !slices.Equal(got, run[:len(got)]):
			m.fatal("claimed %s, want none but the first of %s", m.list(idsOfQueue(got)), m.list(idsOfQueue(run)))
		case slices.ContainsFunc(dead, func(e *queueEvent) bool { return !slices.Contains(wornOut, e) }):
			m.fatal("Claim made dead letters of %s, want none but %s", m.list(idsOfQueue(dead)), m.list(idsOfQueue(wornOut)))
		case len(dead) > 0 && (len(got) < len(run) || !slices.Contains(dead, wornOut[0])):
			m.fatal("claimed %s and made dead letters of %s, want first %s and then %s",
				m.list(idsOfQueue(got)), m.list(idsOfQueue(dead)), m.list(idsOfQueue(run)), m.name(wornOut[0].ID))
		}
	}
}
