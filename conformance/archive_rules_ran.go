package conformance

import (
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleRan = area{name: "ArchiveRules/Ran", behaviours: []behaviour{
	{"EndsTheLeaseAndPlansTheNextRun", ranPlans},
	{"DoesNotMakeUpForMissedRuns", ranMissed},
	{"GoesByWhatTheRuleSaysByThen", ranUpdated},
	{"MovesTheLastRun", ranAgain},
	{"TwiceIsRefused", ranTwice},
	{"AtOnceSucceedsOnce", ranAtOnce},
	{"OfAnUnknownRuleIsNotFound", ranUnknown},
}}

func ranPlans(t *test) {
	stored := t.saveDueRule()
	claimed := t.claimRule(0)
	before := t.clock()
	ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *claimed.LeaseToken)
	t.wantBetween("LastRunAt", ran.LastRunAt, before, t.clock())
	want := stored // Revision and UpdatedAt, too
	want.LastRunAt, want.NextRunAt = ran.LastRunAt, stored.Next(*ran.LastRunAt)
	sameEntity(t, "rule that ran", ran, want)
	sameEntity(t, "rule read back", t.rule(stored.ID), ran)
	equal(t, "rules claimed", len(t.claimRules(0)), 0)
}

// ranMissed runs rules that should have run many times meanwhile: they are due once more, later on.
func ranMissed(t *test) {
	for _, schedule := range []string{"@hourly", "@daily", "0 0 29 2 *"} {
		stored := t.saveDueRule(func(r *driver.ArchiveRule) { r.Schedule = schedule })
		ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *t.claimRule(0).LeaseToken)
		if ran.LastRunAt == nil || ran.NextRunAt == nil || !ran.NextRunAt.After(*ran.LastRunAt) {
			t.Fatalf("%s: ran at %s, and is due next at %s; want it after that", schedule, instant(ran.LastRunAt), instant(ran.NextRunAt))
		}
		equal(t, "NextRunAt", *ran.NextRunAt, *stored.Next(*ran.LastRunAt))
		must(t, t.store.ArchiveRules().Delete, stored.ID) // not to be due while the next one is claimed
	}
}

// ranUpdated changes rules while they run.
func ranUpdated(t *test) {
	for name, change := range reschedules {
		stored := t.saveDueRule()
		claimed := t.claimRule(0)
		updated := must(t, t.store.ArchiveRules().Update, changed(stored, change))
		ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *claimed.LeaseToken)
		want := withoutLease(updated)
		want.LastRunAt, want.NextRunAt = ran.LastRunAt, updated.Next(*ran.LastRunAt)
		sameEntity(t, "rule that ran, "+name, ran, want)
		must(t, t.store.ArchiveRules().Delete, stored.ID)
	}
}

func ranAgain(t *test) {
	stored := t.saveDueRule()
	last := longAgo
	for range 3 {
		claimed := t.claimRule(0)
		t.later(last)
		ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *claimed.LeaseToken)
		if !ran.LastRunAt.After(last) {
			t.Errorf("LastRunAt: got %s, want it after %s", ran.LastRunAt, last)
		}
		last = *ran.LastRunAt
		t.dueAt(ran, last.Add(-time.Hour))
	}
}

func ranTwice(t *test) {
	stored := t.saveDueRule()
	token := *t.claimRule(0).LeaseToken
	must2(t, t.store.ArchiveRules().Ran, stored.ID, token)
	t.wantRuleLost(stored.ID, token)
}

func ranAtOnce(t *test) {
	const schedulers = 6
	stored := t.saveDueRule()
	claimed := t.claimRule(0)
	won := make([]bool, schedulers)
	t.together(schedulers, func(i int) error {
		_, err := t.store.ArchiveRules().Ran(t.ctx, stored.ID, *claimed.LeaseToken)
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrLeaseLost, "ArchiveRules.Ran"))
	})
	equal(t, "calls that succeeded", count(won), 1)
}

func ranUnknown(t *test) {
	stored, unknown := t.saveDueRule(), newID()
	token := *t.claimRule(0).LeaseToken
	got, err := t.store.ArchiveRules().Ran(t.ctx, unknown, token)
	t.wantErrOn(err, driver.ErrNotFound, "ArchiveRules.Ran", "archive rule", unknown.String())
	sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	equal(t, "LeaseToken", optional(t.rule(stored.ID).LeaseToken), token.String())
}
