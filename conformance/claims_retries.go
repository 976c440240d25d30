package conformance

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsRetries = area{name: "Claims/Retries", behaviours: []behaviour{
	{"AreDueAtOnceAfterZero", retriesAtOnce},
	{"AreNotDueBeforeTheirTime", retriesLater},
	{"AreDueWhenTheirTimeHasCome", retriesDue},
	{"AreInTheQueueMeanwhile", retriesInQueue},
	{"EndTheClaim", retriesEndClaim},
	{"AreMadeByTheHolderOnly", retriesByHolder},
	{"CanBeMarkedMeanwhile", retriesMarked},
	{"RefuseADelayThatIsNone", retriesRefuse},
	{"EndInADeadLetterAtTheLastAttempt", retriesDie},
	{"GoByTheAttemptsOfTheirClaim", retriesByClaim},
	{"DieWithTheLeaseOfTheLastAttempt", retriesDieByExpiry},
	{"DieWhenLessAttemptsAreAllowedThanTheyHad", retriesDieLowered},
	{"OfALastAttemptThatIsSlowCanStillBeAcknowledged", retriesLateAck},
	{"KeepTheLastReason", retriesReason},
	{"CutTheReason", retriesCutReason},
	{"MakeTheReasonStorable", retriesCleanReason},
}}

func retriesAtOnce(t *test) {
	saved := t.save(newEvent())
	first := t.takeOne()
	t.giveBack(first, 0)
	t.wantWork(1, 0, 0)
	second := t.takeOne()
	equal(t, "event claimed", second.Event.ID, saved.ID)
	equal(t, "Attempt", second.Attempt, 2)
	t.giveBack(second, 0)
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{})), idsOf([]driver.Event{saved}))
	})
	equal(t, "processed", t.process(0, allDone), 1)
}

func retriesLater(t *test) {
	saved := t.saveAll(newEvents(2))
	t.giveBack(t.takeOne(), time.Hour)
	t.inTx(func(tx driver.Store) {
		for _, skip := range []bool{false, true} {
			equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{SkipLocked: skip})), idsOf(saved[1:]))
		}
	})
	equal(t, "processed", t.process(0, allDone), 1)
	t.wantNothingToClaim()
	t.save(newEvent())
	t.giveBack(t.takeOne(), driver.MaxRetryDelay)
	t.wantNothingToClaim()
}

func retriesDue(t *test) {
	saved := t.save(newEvent())
	t.giveBack(t.takeOne(), 20*time.Millisecond)
	again := t.sole(t.untilClaimed(driver.ClaimOptions{}))
	equal(t, "event claimed", again.Event.ID, saved.ID)
	equal(t, "Attempt", again.Attempt, 2)
	t.giveBack(again, 20*time.Millisecond)
	t.until(func() bool { return t.process(0, allDone) == 1 })
	t.wantFenced(again)
}

func retriesInQueue(t *test) {
	saved := t.saveAll(newEvents(3))
	for _, after := range []time.Duration{0, time.Hour} {
		claims := t.take(1)
		t.giveBack(claims[0], after)
	}
	equalList(t, "queue", t.queue(), idsOf(saved))
	t.wantWork(3, 0, 0)
	t.sameEvent("event that waits for a retry", t.get(saved[0].ID), saved[0])
}

func retriesEndClaim(t *test) {
	t.saveAll(newEvents(2))
	for _, after := range []time.Duration{0, time.Hour} {
		claim := t.takeOne()
		t.giveBack(claim, after)
		t.wantFenced(claim)
	}
}

// retriesByHolder has a worker whose lease ended disturb the one that has the event now.
func retriesByHolder(t *test) {
	t.save(newEvent())
	first := t.sole(t.claimWith(briefly))
	second := t.sole(t.untilClaimed(driver.ClaimOptions{Lease: driver.MaxLease}))
	t.wantLeaseLost(t.events.Retry(t.ctx, first, time.Hour, canary), "Events.Retry", first.Event.ID)
	t.wantNothingToClaim()
	t.ack(second)
}

func retriesMarked(t *test) {
	saved := t.saveAll(newEvents(2))
	t.giveBack(t.takeOne(), time.Hour)
	t.giveBack(t.takeOne(), time.Hour)
	equal(t, "marked", t.markOne(saved[0].ID), true)
	equal(t, "marked more", t.markMany(idsOf(saved)), 1)
	t.wantWork(0, 0, 0)
}

func retriesRefuse(t *test) {
	t.save(newEvent())
	claim := t.takeOne()
	for _, after := range []time.Duration{-1, -time.Hour, driver.MaxRetryDelay + 1, math.MaxInt64, math.MinInt64} {
		t.wantInvalid(t.events.Retry(t.endedContext(), claim, after, canary), "Events.Retry", "after")
	}
	t.wantWork(0, 1, 0)
	t.ack(claim)
}

func retriesDie(t *test) {
	saved := t.save(newEvent())
	opts := driver.ClaimOptions{MaxAttempts: 3}
	for attempt := 1; attempt <= 3; attempt++ {
		claim := t.sole(t.claimWith(opts))
		after := time.Duration(0)
		if attempt == 3 {
			after = time.Hour // at once, not then
		}
		before := t.clock()
		t.ok(t.events.Retry(t.ctx, claim, after, "why"))
		if attempt < 3 {
			t.wantWork(1, 0, 0)
			continue
		}
		letter := must(t, t.store.DeadLetters().Get, saved.ID)
		t.wantBetween("DeadAt", &letter.DeadAt, before, t.clock())
		sameEntity(t, "dead letter", letter, driver.DeadLetter{Event: saved, Attempts: 3, Reason: "why", DeadAt: letter.DeadAt})
		t.wantFenced(claim)
	}
	t.wantWork(0, 0, 1)
	t.wantNothingToClaim()
}

func retriesByClaim(t *test) {
	t.saveAll(newEvents(2))
	once := t.sole(t.claimWith(driver.ClaimOptions{Limit: 1, MaxAttempts: 1}))
	often := t.takeOne()
	t.giveBack(once, 0)
	t.giveBack(often, 0)
	t.wantWork(1, 0, 1)
	t.wantClaimed(t.take(0), often.Event)
}

func retriesDieByExpiry(t *test) {
	saved := t.save(newEvent())
	opts := driver.ClaimOptions{Lease: time.Millisecond, MaxAttempts: 3}
	claims := t.claimWith(opts)
	t.ok(t.events.Retry(t.ctx, claims[0], 0, "the last retry"))
	for range 2 {
		claims = t.untilClaimed(opts)
	}
	equal(t, "Attempt", claims[0].Attempt, 3)
	t.until(func() bool { // however often it is asked: nothing to hand out, and then a dead letter
		equalList(t, "events claimed", claimedIDs(t.claimWith(opts)), nil)
		return len(t.workOf(t.store).dead) > 0 || t.Failed()
	})
	letter := must(t, t.store.DeadLetters().Get, saved.ID)
	t.wantBetween("DeadAt", &letter.DeadAt, claims[0].LeaseUntil, t.clock())
	sameEntity(t, "dead letter", letter, driver.DeadLetter{Event: saved, Attempts: 3, Reason: "the last retry", DeadAt: letter.DeadAt})
	t.wantFenced(claims...)
	t.wantWork(0, 0, 1)
}

func retriesDieLowered(t *test) {
	saved := t.saveAll(newEvents(2))
	for range 2 {
		t.giveBack(t.takeOne(), 0) // the same one, which is due first
	}
	t.wantClaimed(t.claimWith(driver.ClaimOptions{MaxAttempts: 2}), saved[1])
	letter := must(t, t.store.DeadLetters().Get, saved[0].ID)
	equal(t, "Attempts", letter.Attempts, 2)
	equal(t, "Reason", letter.Reason, canary)
	t.wantWork(0, 1, 1)
}

func retriesLateAck(t *test) {
	t.save(newEvent())
	claim := t.sole(t.claimWith(driver.ClaimOptions{Lease: time.Millisecond, MaxAttempts: 1}))
	t.untilPast(claim.LeaseUntil)
	t.ack(claim)
	t.wantWork(0, 0, 0)
	t.wantNothingToClaim()
	t.wantWork(0, 0, 0)
}

// reasonKept gives an event up for a reason in every way and returns what is kept of it.
func (t *test) reasonKept(reason string) []string {
	t.Helper()
	saved := t.saveAll(newEvents(2))
	t.ok(t.events.DeadLetter(t.ctx, t.takeOne(), reason))
	t.ok(t.events.Retry(t.ctx, t.sole(t.claimWith(driver.ClaimOptions{MaxAttempts: 1})), 0, reason))
	var kept []string
	for _, event := range saved {
		kept = append(kept, must(t, t.store.DeadLetters().Get, event.ID).Reason)
	}
	return kept
}

func retriesReason(t *test) {
	saved := t.save(newEvent())
	for _, reason := range []string{"first", "", "third"} {
		t.ok(t.events.Retry(t.ctx, t.takeOne(), 0, reason))
	}
	t.ok(t.events.Retry(t.ctx, t.sole(t.claimWith(driver.ClaimOptions{MaxAttempts: 4})), 0, "fourth"))
	equal(t, "Reason", must(t, t.store.DeadLetters().Get, saved.ID).Reason, "fourth")
	for _, reason := range []string{"", " ", "A line,\nand \"another\" one\\.", "müde 🙂 \u2028'", "\x01\x7f"} {
		for _, kept := range t.reasonKept(reason) {
			equal(t, "Reason", kept, reason)
		}
	}
}

func retriesCutReason(t *test) {
	longest := strings.Repeat("x", driver.MaxErrorMessage)
	for reason, want := range map[string]string{
		longest:                    longest,
		longest + "y":              longest,
		longest[1:] + "é and more": longest[1:],
		strings.Repeat("é", driver.MaxErrorMessage/2+1): strings.Repeat("é", driver.MaxErrorMessage/2),
	} {
		for _, kept := range t.reasonKept(reason) {
			if kept != want {
				t.Errorf("Reason: got %d bytes, want %d; from byte %d on: got %s", len(kept), len(want),
					firstDifference(kept, want), excerpt(kept, firstDifference(kept, want)))
			}
		}
	}
}

func retriesCleanReason(t *test) {
	for _, reason := range []string{"a\x00b", "\xff", "cut in the middle: \xc3", "\xed\xa0\x80 surrogate", strings.Repeat("\xfe", driver.MaxErrorMessage)} {
		for _, kept := range t.reasonKept(reason) {
			equal(t, "Reason", kept, driver.StorableReason(reason))
			if !utf8.ValidString(kept) || strings.Contains(kept, "\x00") || len(kept) > driver.MaxErrorMessage || kept == "" {
				t.Errorf("Reason: got %s, want valid UTF-8 without NUL, and not nothing", excerpt(kept, 0))
			}
		}
	}
}
