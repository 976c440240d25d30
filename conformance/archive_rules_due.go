package conformance

import (
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleDue = area{name: "ArchiveRules/Due", behaviours: []behaviour{
	{"AreThoseWhoseMomentHasCome", ruleDueMoments},
	{"BecomeDueAtTheirMoment", ruleDueComes},
	{"AreInTheOrderOfTheirMomentsThenIDs", ruleDueOrder},
	{"AreNeverDisabledCustomOrUnscheduledOnes", ruleDueNever},
	{"AreNotLeased", ruleDueNotLeased},
	{"HoldToTheLimits", ruleDueLimits},
}}

var archiveRuleLeases = area{name: "ArchiveRules/Leases", alone: true, behaviours: []behaviour{
	{"LastAsLongAsAsked", ruleLeasesLast},
	{"ChangeNothingElse", ruleLeasesChangeNothing},
	{"OfOneCallHaveOneToken", ruleLeasesToken},
	{"GoToOneSchedulerEach", ruleLeasesOnce},
	{"PassOverWhatAnotherTransactionHolds", ruleLeasesHeld},
	{"ThatRanOutGoToTheNext", ruleLeasesRunOut},
	{"ThatRanOutUnclaimedStillStand", ruleLeasesStand},
	{"AreExtendedFromNow", ruleLeasesExtended},
	{"AreExtendedByTheirHolderOnly", ruleLeasesHolder},
	{"RefuseALengthThatIsNone", ruleLeasesLength},
}}

func ruleDueMoments(t *test) {
	past, future := t.saveDueRule(), t.saveRule()
	t.dueAt(future, t.clock().Add(time.Hour))
	sameEntities(t, "due rules", t.dueRules(), []driver.ArchiveRule{past})
	sameEntity(t, "rule claimed", withoutLease(t.claimRule(0)), past)
}

// ruleDueComes has a rule whose moment comes while it waits.
func ruleDueComes(t *test) {
	rule := t.dueAt(t.saveRule(), t.clock().Add(40*time.Millisecond))
	t.untilRuleDue()
	sameEntities(t, "due rules", t.dueRules(), []driver.ArchiveRule{rule})
	if now := t.clock(); now.Before(*rule.NextRunAt) {
		t.Errorf("the rule is due at %s, want that at %s", now, rule.NextRunAt)
	}
}

// withoutLease returns a rule as nobody leases it.
func withoutLease(rule driver.ArchiveRule) driver.ArchiveRule {
	rule.LeaseToken, rule.LeaseUntil = nil, nil
	return rule
}

func ruleDueOrder(t *test) {
	moments := []time.Time{longAgo, longAgo.Add(-time.Microsecond), t.clock().Add(-time.Second), longAgo.AddDate(-20, 0, 0)}
	var want []driver.ArchiveRule
	for i := range 3 * len(moments) {
		saved := t.saveRule(func(r *driver.ArchiveRule) { r.ID = uuid.New() })
		want = append(want, t.dueAt(saved, moments[i%len(moments)]))
	}
	want = byNextRun(want)
	sameEntities(t, "due rules", t.dueRules(), want)
	var claimed []uuid.UUID
	for _, limit := range []int{1, 5, 0} {
		claimed = append(claimed, entityIDs(must2(t, t.store.ArchiveRules().ClaimDue, limit, 0))...)
	}
	equalList(t, "ids claimed", claimed, entityIDs(want))
}

func ruleDueNever(t *test) {
	t.saveRule(func(r *driver.ArchiveRule) { r.IsEnabled = false })
	t.saveRule(func(r *driver.ArchiveRule) { r.Policy, r.Schedule = driver.PolicyCustom, "" })
	t.saveRule(func(r *driver.ArchiveRule) { r.Schedule = "" })
	for _, change := range []func(*driver.ArchiveRule){
		func(r *driver.ArchiveRule) { r.IsEnabled = false },
		func(r *driver.ArchiveRule) { r.Policy, r.Schedule = driver.PolicyCustom, "" },
		func(r *driver.ArchiveRule) { r.Schedule = "" },
	} {
		due := t.saveDueRule()
		sameEntities(t, "due rules", t.dueRules(), []driver.ArchiveRule{due})
		must(t, t.store.ArchiveRules().Update, changed(due, change))
		sameEntities(t, "due rules", t.dueRules(), nil)
		equal(t, "rules claimed", len(t.claimRules(0)), 0)
	}
}

func ruleDueNotLeased(t *test) {
	first := t.saveDueRule()
	t.claimRule(driver.MaxLease)
	second := t.saveDueRule()
	sameEntities(t, "due rules", t.dueRules(), []driver.ArchiveRule{second})
	equal(t, "rule claimed", t.claimRule(driver.MaxLease).ID, second.ID)
	sameEntities(t, "due rules", t.dueRules(), nil)
	equal(t, "rules claimed", len(t.claimRules(0)), 0)
	must2(t, t.store.ArchiveRules().Ran, first.ID, *t.rule(first.ID).LeaseToken)
	sameEntities(t, "due rules", t.dueRules(), nil) // it is due later on
}

func ruleDueLimits(t *test) {
	var saved []driver.ArchiveRule
	for range driver.DefaultLimit + 5 {
		saved = append(saved, t.saveDueRule(func(r *driver.ArchiveRule) { r.ID = uuid.New() }))
	}
	want := byNextRun(saved)
	holdsToLimits(t, "ArchiveRules.GetDue", want, func(limit int) ([]driver.ArchiveRule, error) {
		return t.store.ArchiveRules().GetDue(t.ctx, limit)
	})
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := t.store.ArchiveRules().ClaimDue(t.ctx, limit, 0)
		t.wantInvalid(err, "ArchiveRules.ClaimDue", "limit")
	}
	equal(t, "rules claimed without a limit", len(t.claimRules(0)), driver.DefaultLimit)
	equal(t, "rules claimed with the highest limit", len(must2(t, t.store.ArchiveRules().ClaimDue, driver.MaxLimit, 0)), 5)
}

func ruleLeasesLast(t *test) {
	for asked, want := range map[time.Duration]time.Duration{
		0: driver.DefaultLease, time.Hour: time.Hour, driver.MaxLease: driver.MaxLease, time.Minute + 1999: time.Minute + time.Microsecond,
	} {
		t.saveDueRule()
		before := t.clock()
		claimed := t.claimRule(asked)
		t.wantBetween("LeaseUntil", claimed.LeaseUntil, before.Add(want), t.clock().Add(want))
		sameEntity(t, "rule read back", t.rule(claimed.ID), claimed)

		before = t.clock()
		t.ok(t.store.ArchiveRules().Extend(t.ctx, claimed.ID, *claimed.LeaseToken, asked))
		t.wantBetween("LeaseUntil, extended", t.rule(claimed.ID).LeaseUntil, before.Add(want), t.clock().Add(want))
	}
}

func ruleLeasesChangeNothing(t *test) {
	stored := t.saveDueRule()
	claimed := t.claimRule(0)
	if claimed.LeaseToken == nil || *claimed.LeaseToken == uuid.Nil {
		t.Fatalf("LeaseToken: got %s, want one", optional(claimed.LeaseToken))
	}
	sameEntity(t, "rule claimed, but for the lease", withoutLease(claimed), stored)
	t.ok(t.store.ArchiveRules().Extend(t.ctx, stored.ID, *claimed.LeaseToken, time.Hour))
	extended := t.rule(stored.ID)
	equal(t, "LeaseToken of one extended", optional(extended.LeaseToken), optional(claimed.LeaseToken))
	sameEntity(t, "rule extended, but for the lease", withoutLease(extended), stored)
}

func ruleLeasesToken(t *test) {
	t.saveDueRule()
	t.saveDueRule()
	first := t.claimRules(0)
	equal(t, "rules claimed", len(first), 2)
	equal(t, "token of the second", optional(first[1].LeaseToken), optional(first[0].LeaseToken))
	t.saveDueRule()
	if second := t.claimRule(0); *second.LeaseToken == *first[0].LeaseToken {
		t.Error("two calls gave the same LeaseToken")
	}
}

func ruleLeasesOnce(t *test) {
	const schedulers = 8
	n := scale(60, 20)
	var want []uuid.UUID
	for range n {
		want = append(want, t.saveDueRule().ID)
	}
	t.wantClaimedOnce(schedulers, want, func(i int) ([]uuid.UUID, error) {
		mine, err := t.store.ArchiveRules().ClaimDue(t.ctx, 1+i%4, 0)
		return entityIDs(mine), err
	})
}

func ruleLeasesHeld(t *test) {
	t.needsConcurrent()
	rules := byNextRun([]driver.ArchiveRule{t.saveDueRule(), t.saveDueRule(), t.saveDueRule()})
	end := t.hold(t.store, func(tx driver.Store) error {
		return failing(tx.ArchiveRules().ClaimDue(t.ctx, 2, 0))
	})
	equalList(t, "ids claimed beside the transaction", entityIDs(t.claimRules(0)), []uuid.UUID{rules[2].ID})
	end(errUndo)
	equalList(t, "ids claimed after the rollback", entityIDs(t.claimRules(0)), entityIDs(rules[:2]))
}

// wantRuleLost fails the test if a token is good for anything.
func (t *test) wantRuleLost(id, token uuid.UUID) {
	t.Helper()
	before := t.rule(id)
	err := t.store.ArchiveRules().Extend(t.ctx, id, token, 0)
	t.wantErrOn(err, driver.ErrLeaseLost, "ArchiveRules.Extend", "archive rule", id.String())
	got, err := t.store.ArchiveRules().Ran(t.ctx, id, token)
	t.wantErrOn(err, driver.ErrLeaseLost, "ArchiveRules.Ran", "archive rule", id.String())
	sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	sameEntity(t, "rule after a refusal", t.rule(id), before)
}

func ruleLeasesRunOut(t *test) {
	stored := t.saveDueRule()
	first := t.claimRule(time.Millisecond)
	t.untilRuleDue()
	second := t.claimRule(time.Hour)
	equal(t, "rule claimed again", second.ID, stored.ID)
	if *second.LeaseToken == *first.LeaseToken {
		t.Error("two claims have the same LeaseToken")
	}
	t.wantRuleLost(stored.ID, *first.LeaseToken)
	ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *second.LeaseToken)
	equal(t, "LeaseToken of one that ran", optional(ran.LeaseToken), "nil")
}

// ruleLeasesStand has leases that ended, while nobody else has claimed the rule: what was done is not
// done again.
func ruleLeasesStand(t *test) {
	stored := t.saveDueRule()
	claimed := t.claimRule(time.Millisecond)
	t.untilRuleDue()
	t.wantRuleLost(stored.ID, newID())
	t.ok(t.store.ArchiveRules().Extend(t.ctx, stored.ID, *claimed.LeaseToken, time.Hour))
	equal(t, "rules due while it is extended", len(t.dueRules()), 0)
	t.ok(t.store.ArchiveRules().Extend(t.ctx, stored.ID, *claimed.LeaseToken, time.Millisecond))
	t.untilRuleDue()
	ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *claimed.LeaseToken)
	sameEntity(t, "rule read back", t.rule(stored.ID), ran)
	equal(t, "rules due", len(t.dueRules()), 0)
}

func ruleLeasesExtended(t *test) {
	stored := t.saveDueRule()
	claimed := t.claimRule(time.Hour)
	for _, lease := range []time.Duration{2 * time.Hour, time.Minute, driver.MaxLease} { // shorter, too
		before := t.clock()
		t.ok(t.store.ArchiveRules().Extend(t.ctx, stored.ID, *claimed.LeaseToken, lease))
		t.wantBetween("LeaseUntil", t.rule(stored.ID).LeaseUntil, before.Add(lease), t.clock().Add(lease))
	}
}

func ruleLeasesHolder(t *test) {
	free, leased := t.saveRule(), t.saveDueRule()
	token := *t.claimRule(0).LeaseToken
	for _, wrong := range []uuid.UUID{uuid.Nil, newID(), leased.ID} {
		t.wantRuleLost(leased.ID, wrong)
	}
	for _, wrong := range []uuid.UUID{uuid.Nil, token} {
		t.wantRuleLost(free.ID, wrong)
	}
	unknown := newID()
	err := t.store.ArchiveRules().Extend(t.ctx, unknown, token, 0)
	t.wantErrOn(err, driver.ErrLeaseLost, "ArchiveRules.Extend", "archive rule", unknown.String())
}

func ruleLeasesLength(t *test) {
	stored := t.saveDueRule()
	wrong := []time.Duration{-1, -time.Hour, 1, time.Millisecond - 1, driver.MaxLease + 1, math.MaxInt64, math.MinInt64}
	for _, lease := range wrong {
		claimed, err := t.store.ArchiveRules().ClaimDue(t.endedContext(), 0, lease)
		t.wantInvalid(err, "ArchiveRules.ClaimDue", "lease")
		equal(t, "rules beside the error", len(claimed), 0)
	}
	claimed := t.claimRule(0)
	for _, lease := range wrong {
		t.wantInvalid(t.store.ArchiveRules().Extend(t.endedContext(), stored.ID, *claimed.LeaseToken, lease), "ArchiveRules.Extend", "lease")
	}
	sameEntity(t, "rule", t.rule(stored.ID), claimed)
}
