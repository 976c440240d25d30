package conformance

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleUpdate = area{name: "ArchiveRules/Update", behaviours: []behaviour{
	{"ReplacesEveryFieldThatSaveTakes", ruleUpdateReplaces},
	{"ClearsOptionalFields", ruleUpdateClears},
	{"MovesTheNextRunWithTheScheduleThePolicyAndIsEnabled", ruleUpdateMoves},
	{"LeavesTheNextRunWhereItIsOtherwise", ruleUpdateLeaves},
	{"LeavesTheLeaseAndTheLastRun", ruleUpdateLease},
	{"WorksOnWhatWasReadBeforeARun", ruleUpdateAfterRun},
	{"RaisesTheRevisionAndUpdatedAt", ruleUpdateRaises},
	{"OfAStaleRevisionIsAConflict", ruleUpdateStale},
	{"OfAnUnknownOneIsNotFound", ruleUpdateUnknown},
	{"RefusesATakenNameAndChangesNothing", ruleUpdateTaken},
	{"RefusesWhatBreaksARule", ruleUpdateRefuses},
	{"ToTheSameNameAtOnceSucceedsOnce", ruleUpdateNameRace},
	{"OfTheSameRevisionAtOnceSucceedsOnce", ruleUpdateRace},
}}

// wantRuleUpdate updates a rule to what is given and checks what becomes of it, but for when it is due.
func (t *test) wantRuleUpdate(stored, given driver.ArchiveRule) driver.ArchiveRule {
	t.Helper()
	given.ID, given.Revision = stored.ID, stored.Revision
	got := must(t, t.store.ArchiveRules().Update, given)
	want := given
	want.NextRunAt, want.LastRunAt, want.LeaseToken, want.LeaseUntil = got.NextRunAt, stored.LastRunAt, stored.LeaseToken, stored.LeaseUntil
	want.Revision, want.CreatedAt, want.UpdatedAt = stored.Revision+1, stored.CreatedAt, got.UpdatedAt
	sameEntity(t, "rule updated", got, want)
	sameEntity(t, "rule read back", t.rule(stored.ID), got)
	return got
}

func ruleUpdateReplaces(t *test) {
	updated := t.wantRuleUpdate(t.saveRule(), fullArchiveRule("full"))
	t.wantRuleUpdate(updated, newArchiveRule("plain"))
}

func ruleUpdateClears(t *test) {
	stored := must(t, t.store.ArchiveRules().Save, fullArchiveRule("full"))
	got := must(t, t.store.ArchiveRules().Update, driver.ArchiveRule{ID: stored.ID, Name: "bare", Policy: driver.PolicyCustom, Revision: 1})
	want := driver.ArchiveRule{
		ID: stored.ID, Name: "bare", Policy: driver.PolicyCustom, StorageType: driver.StorageCold, LocationTemplate: driver.DefaultLocation,
		CreatedAt: stored.CreatedAt, UpdatedAt: got.UpdatedAt, Revision: 2,
	}
	sameEntity(t, "rule updated", got, want)
	sameEntity(t, "rule read back", t.rule(stored.ID), want)
}

// What changes when a rule is due, seen from now on.
var reschedules = map[string]func(*driver.ArchiveRule){
	"another schedule": func(r *driver.ArchiveRule) { r.Schedule = "* * * * *" },
	"no schedule":      func(r *driver.ArchiveRule) { r.Schedule = "" },
	"another policy":   func(r *driver.ArchiveRule) { r.Policy, r.MaxEventCount = driver.PolicyHybrid, 1 },
	"custom":           func(r *driver.ArchiveRule) { r.Policy, r.Schedule = driver.PolicyCustom, "" },
	"disabled":         func(r *driver.ArchiveRule) { r.IsEnabled = false },
}

func ruleUpdateMoves(t *test) {
	for name, change := range reschedules {
		stored := t.saveDueRule()
		before := t.clock()
		updated := must(t, t.store.ArchiveRules().Update, changed(stored, change))
		t.wantNextRun(updated, before, t.clock())
		sameEntity(t, "rule read back, "+name, t.rule(stored.ID), updated)

		// Back again: what was missed meanwhile is not made up for.
		before = t.clock()
		updated = must(t, t.store.ArchiveRules().Update, changed(stored, func(r *driver.ArchiveRule) { r.Revision = updated.Revision }))
		t.wantNextRun(updated, before, t.clock())
	}
}

func ruleUpdateLeaves(t *test) {
	for i, at := range []time.Time{longAgo, t.clock().Add(time.Minute), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		stored := t.dueAt(t.saveRule(), at)
		given := fullArchiveRule(fmt.Sprint("renamed ", i))
		given.Policy, given.MaxEventCount, given.MaxTableBytes = stored.Policy, 0, 0
		given.Schedule, given.IsEnabled = stored.Schedule, stored.IsEnabled
		got := t.wantRuleUpdate(stored, given)
		equal(t, "NextRunAt", instant(got.NextRunAt), instant(&at))
	}
}

func ruleUpdateLease(t *test) {
	for name, change := range reschedules {
		stored := t.saveDueRule()
		ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *t.claimRule(0).LeaseToken)
		t.dueAt(ran, longAgo)
		claimed := t.claimRule(time.Hour)
		updated := must(t, t.store.ArchiveRules().Update, changed(claimed, change))
		equal(t, "LeaseToken, "+name, optional(updated.LeaseToken), optional(claimed.LeaseToken))
		equal(t, "LeaseUntil, "+name, instant(updated.LeaseUntil), instant(claimed.LeaseUntil))
		equal(t, "LastRunAt, "+name, instant(updated.LastRunAt), instant(ran.LastRunAt))
	}
}

func ruleUpdateAfterRun(t *test) {
	stored := t.saveDueRule()
	claimed := t.claimRule(0)
	t.ok(t.store.ArchiveRules().Extend(t.ctx, stored.ID, *claimed.LeaseToken, time.Hour))
	ran := must2(t, t.store.ArchiveRules().Ran, stored.ID, *claimed.LeaseToken)
	got := t.wantRuleUpdate(ran, changed(stored, func(r *driver.ArchiveRule) { r.Name = "renamed" }))
	equal(t, "NextRunAt", instant(got.NextRunAt), instant(ran.NextRunAt))
}

func ruleUpdateRaises(t *test) {
	stored := t.saveRule()
	for revision := range int64(3) {
		given := stored
		given.CreatedAt, given.UpdatedAt = time.Unix(1, 0), time.Unix(1, 0)
		before := t.clock()
		got := t.wantRuleUpdate(stored, given)
		equal(t, "Revision", got.Revision, revision+2)
		t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.clock())
		stored = got
	}
}

func ruleUpdateStale(t *test) {
	first := t.saveRule()
	latest := must(t, t.store.ArchiveRules().Update, first)
	for _, revision := range []int64{first.Revision, latest.Revision + 1, 0, -1} {
		got, err := t.store.ArchiveRules().Update(t.ctx, changed(latest, func(r *driver.ArchiveRule) { r.Name, r.Revision = "changed", revision }))
		t.wantErrOn(err, driver.ErrConflict, "ArchiveRules.Update", "archive rule", first.ID.String())
		sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	}
	t.wantRules(latest)
}

func ruleUpdateUnknown(t *test) {
	stored := t.saveRule()
	for _, id := range []uuid.UUID{newID(), uuid.Max} {
		given := newArchiveRule("another")
		given.ID, given.Revision = id, 1
		got, err := t.store.ArchiveRules().Update(t.ctx, given)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveRules.Update", "archive rule", id.String())
		sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	}
	t.wantRules(stored)
}

func ruleUpdateTaken(t *test) {
	stored := t.saveRules("a", "b")
	_, err := t.store.ArchiveRules().Update(t.ctx, changed(stored[0], func(r *driver.ArchiveRule) { r.Name, r.Description = "b", "changed" }))
	t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Update", "archive rule", "name b")
	t.wantRules(stored...)
}

func ruleUpdateRefuses(t *test) {
	stored := t.saveRule()
	for _, spoil := range spoiledRules() {
		_, err := t.store.ArchiveRules().Update(t.ctx, changed(stored, spoil.change))
		t.wantInvalid(err, "ArchiveRules.Update", spoil.field)
	}
	t.wantRules(stored)
}

// ruleUpdateNameRace renames several rules to one name: one of them gets it.
func ruleUpdateNameRace(t *test) {
	stored := t.saveRules("a", "b", "c", "d", "e", "f")
	won := make([]bool, len(stored))
	t.together(len(stored), func(i int) error {
		_, err := t.store.ArchiveRules().Update(t.ctx, changed(stored[i], func(r *driver.ArchiveRule) { r.Name = "orders" }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "ArchiveRules.Update"))
	})
	equal(t, "updaters that succeeded", count(won), 1)
	equal(t, "rules left", len(must(t, t.store.ArchiveRules().GetAll, 0)), len(stored))
}

func ruleUpdateRace(t *test) {
	const updaters = 6
	stored := t.saveRule()
	won := make([]bool, updaters)
	t.together(updaters, func(i int) error {
		_, err := t.store.ArchiveRules().Update(t.ctx, changed(stored, func(r *driver.ArchiveRule) { r.Description = fmt.Sprint(i) }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrConflict, "ArchiveRules.Update"))
	})
	equal(t, "updaters that succeeded", count(won), 1)
}
