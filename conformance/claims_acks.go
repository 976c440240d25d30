package conformance

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsAcks = area{name: "Claims/Acks", alone: true, behaviours: []behaviour{
	{"TakeEventsOutOfTheQueue", acksTakeOut},
	{"ChangeNothingElse", acksChangeNothingElse},
	{"NeedTheIDAndTheTokenOnly", acksNeed},
	{"CountOnlyOnce", acksOnce},
	{"LeaveTheRestOfTheClaims", acksRest},
	{"TakeEffectBesideLostOnes", acksBesideLost},
	{"OfDuplicatesCountOnce", acksDuplicates},
	{"TellADuplicateThatIsLostOnce", acksLostDuplicates},
	{"OfAnOldAndANewClaimTakeTheNewOne", acksOldAndNew},
	{"OfManyEventsAtOnce", acksMany},
	{"OfOneClaimAtOnceCountOnce", acksAtOnce},
	{"InAnyOrderAtOnceNeverDeadlock", acksNeverDeadlock},
	{"AndAllElseAtOnceLeaveOneWinner", acksOneWinner},
	{"WaitForOneThatIsNotCommitted", acksWait},
	{"WaitForOneThatIsRolledBack", acksWaitRollback},
}}

func acksTakeOut(t *test) {
	saved := t.saveAll(newEvents(4))
	claims := t.take(3)
	before := t.clock()
	t.ack(claims[0], claims[2])
	after := t.clock()
	for _, event := range []driver.Event{saved[0], saved[2]} {
		got := t.get(event.ID)
		t.wantBetween("ProcessedAt", got.ProcessedAt, before, after)
		equal(t, "marked afterwards", t.markOne(event.ID), false)
	}
	for _, event := range []driver.Event{saved[1], saved[3]} {
		t.sameEvent("event not acknowledged", t.get(event.ID), event)
	}
	equalList(t, "queue", idsOf([]driver.Event{saved[1], saved[3]}), t.queue())
	t.wantWork(1, 1, 0)
}

func acksChangeNothingElse(t *test) {
	saved := t.save(fullEvent())
	t.ack(t.takeOne())
	got := t.get(saved.ID)
	saved.ProcessedAt = got.ProcessedAt
	t.sameEvent("event acknowledged", got, saved)
}

// acksNeed gives claims back as one does that kept no more of them.
func acksNeed(t *test) {
	t.saveAll(newEvents(2))
	for range 2 {
		claim := t.takeOne()
		t.ack(driver.Claim{Event: driver.Event{ID: claim.Event.ID}, Token: claim.Token})
	}
	t.wantWork(0, 0, 0)
}

func acksOnce(t *test) {
	saved := t.save(newEvent())
	claim := t.takeOne()
	t.ack(claim)
	first := t.get(saved.ID)
	t.wantLeaseLost(t.events.Ack(t.ctx, []driver.Claim{claim}), "Events.Ack", saved.ID)
	t.wantFenced(claim)
	t.sameEvent("event acknowledged again", t.get(saved.ID), first)
}

func acksRest(t *test) {
	saved := t.saveAll(newEvents(3))
	claims := t.take(0)
	for i, claim := range claims {
		t.ack(claim)
		equalList(t, "queue", t.queue(), idsOf(saved[i+1:]))
		t.wantWork(0, len(claims)-i-1, 0)
	}
}

func acksBesideLost(t *test) {
	saved := t.saveAll(newEvents(6))
	claims := t.take(0)
	t.mark(saved[1].ID)
	t.ok(t.events.Release(t.ctx, claims[4:5]))
	stolen := t.takeOne()
	foreign := claims[3]
	foreign.Token = newID()
	err := t.events.Ack(t.ctx, []driver.Claim{claims[5], foreign, claims[4], claims[0], claims[1], claims[2]})
	t.wantLeaseLost(err, "Events.Ack", saved[3].ID, saved[4].ID, saved[1].ID)
	equalList(t, "queue", t.queue(), idsOf(saved[3:5]))
	t.wantWork(0, 2, 0)
	t.ack(stolen, claims[3])
	t.wantWork(0, 0, 0)
}

func acksDuplicates(t *test) {
	t.saveAll(newEvents(2))
	claims := t.take(0)
	t.ack(claims[0], claims[1], claims[0], claims[0])
	t.wantWork(0, 0, 0)
}

func acksLostDuplicates(t *test) {
	saved := t.saveAll(newEvents(3))
	claims := t.take(0)
	t.mark(saved[0].ID, saved[1].ID)
	err := t.events.Ack(t.ctx, []driver.Claim{claims[1], claims[2], claims[0], claims[1], claims[2], claims[1]})
	t.wantLeaseLost(err, "Events.Ack", saved[1].ID, saved[0].ID)
	t.wantWork(0, 0, 0)
}

func acksOldAndNew(t *test) {
	saved := t.saveAll(newEvents(2))
	for i := range saved {
		old := t.takeOne()
		t.giveBack(old, 0)
		claims := []driver.Claim{old, t.takeOne()}
		if i == 1 {
			slices.Reverse(claims)
		}
		t.wantLeaseLost(t.events.Ack(t.ctx, claims), "Events.Ack", old.Event.ID)
		equalList(t, "queue", t.queue(), idsOf(saved[i+1:]))
	}
}

func acksMany(t *test) {
	saved := t.saveAll(newEvents(scale(5000, 500)))
	claims := t.take(driver.MaxLimit)
	t.wantClaimed(claims, saved...)
	for _, event := range saved[:3] {
		t.mark(event.ID)
	}
	t.wantLeaseLost(t.events.Ack(t.ctx, claims), "Events.Ack", idsOf(saved[:3])...)
	t.wantWork(0, 0, 0)
}

func acksAtOnce(t *test) {
	const ackers = 8
	t.save(newEvent())
	claim := t.takeOne()
	won := make([]bool, ackers)
	t.together(ackers, func(i int) error {
		err := t.events.Ack(t.ctx, []driver.Claim{claim})
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrLeaseLost, "Events.Ack"))
	})
	equal(t, "ackers that succeeded", count(won), 1)
}

// acksNeverDeadlock uses the same claims from both ends.
func acksNeverDeadlock(t *test) {
	const workers = 6
	saved := t.saveAll(newEvents(scale(100, 40)))
	claims := t.take(0)
	var acked atomic.Int64
	t.together(workers, func(i int) error {
		own := slices.Clone(claims)
		if i%2 == 1 {
			slices.Reverse(own)
		}
		for chunk := range slices.Chunk(own, 20) {
			op, err := "Events.Ack", t.events.Ack(t.ctx, chunk)
			if err == nil {
				acked.Add(int64(len(chunk)))
				continue
			}
			if fault := faultOf(err, driver.ErrLeaseLost, op); fault != "" {
				return asError(fault)
			}
			var lost *driver.LeaseLostError
			if errors.As(err, &lost) {
				acked.Add(int64(len(chunk) - len(lost.EventIDs)))
			}
			if fault := faultOf(t.events.Extend(t.ctx, chunk, 0), driver.ErrLeaseLost, "Events.Extend"); fault != "" {
				return asError(fault)
			}
		}
		return nil
	})
	equal(t, "events acknowledged by all together", acked.Load(), int64(len(saved)))
	t.wantWork(0, 0, 0)
}

// acksOneWinner does all that ends a claim at once, but Extend, which does not end it.
func acksOneWinner(t *test) {
	ends := slices.DeleteFunc(slices.Clone(claimUses), func(use claimUse) bool { return use.op == "Events.Extend" })
	for range scale(20, 6) {
		saved := t.save(newEvent())
		claim := t.takeOne()
		won := make([]bool, len(ends))
		t.together(len(ends), func(i int) error {
			err := ends[i].run(t.ctx, t.events, claim)
			won[i] = err == nil
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrLeaseLost, ends[i].op))
		})
		equal(t, "methods that succeeded", count(won), 1)
		t.markOne(saved.ID)
	}
}

// holdAck acknowledges in a transaction that stays open until end is called.
func (t *test) holdAck(claims ...driver.Claim) (end func(verdict error)) {
	t.Helper()
	return t.hold(t.store, func(tx driver.Store) error { return tx.Events().Ack(t.ctx, claims) })
}

func acksWait(t *test) {
	t.save(newEvent())
	claim := t.takeOne()
	end := t.holdAck(claim)
	second := inBackground(func() error {
		return asError(faultOf(t.events.Ack(t.ctx, []driver.Claim{claim}), driver.ErrLeaseLost, "Events.Ack"))
	})
	t.waitsUntil(func() { end(nil) }, second)
	t.wantWork(0, 0, 0)
}

func acksWaitRollback(t *test) {
	t.save(newEvent())
	claim := t.takeOne()
	end := t.holdAck(claim)
	second := inBackground(func() error { return t.events.Ack(t.ctx, []driver.Claim{claim}) })
	t.waitsUntil(func() { end(errUndo) }, second)
	t.wantWork(0, 0, 0)
}
