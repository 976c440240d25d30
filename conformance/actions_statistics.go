package conformance

import (
	"math"

	"github.com/neomultitenant/neoevents/driver"
)

var actionStatistics = area{name: "Actions/Statistics", behaviours: []behaviour{
	{"AddToTheCounters", statisticsAdd},
	{"ChangeNothingElse", statisticsChangeNothingElse},
	{"LoseNothingWhenManyAddAtOnce", statisticsConcurrent},
	{"RefuseMoreOutcomesThanTriggers", statisticsState},
	{"RefuseWhatIsNoIncrement", statisticsInvalid},
	{"OfAnUnknownActionAreFalse", statisticsUnknown},
	{"MoveLastTriggeredAtWithTriggersOnly", statisticsLastTriggered},
	{"NeverMoveLastTriggeredAtBack", statisticsNeverBack},
}}

func statisticsAdd(t *test) {
	saved, neighbour := t.saveAction(), t.saveAction()
	t.count(saved.ID, 3, 0, 0)
	t.wantCounters(saved.ID, 3, 0, 0)
	t.count(saved.ID, 0, 1, 2)
	t.wantCounters(saved.ID, 3, 1, 2)
	t.count(saved.ID, 2, 1, 1)
	t.wantCounters(saved.ID, 5, 2, 3)
	t.count(saved.ID, 0, 0, 0)
	t.wantCounters(saved.ID, 5, 2, 3)
	t.count(saved.ID, 1_000_000_000, 500_000_000, 500_000_000)
	t.count(saved.ID, 1_000_000_000, 0, 1_000_000_000)
	t.wantCounters(saved.ID, 2_000_000_005, 500_000_002, 1_500_000_003)
	sameEntity(t, "neighbour", t.action(neighbour.ID), neighbour)
}

func statisticsChangeNothingElse(t *test) {
	saved := must(t, t.store.Actions().Save, fullAction()) // that it is paused is in no one's way
	t.count(saved.ID, 2, 1, 1)
	counted := t.action(saved.ID)
	want := saved
	want.TriggerCount, want.SuccessCount, want.FailureCount, want.LastTriggeredAt = 2, 1, 1, counted.LastTriggeredAt
	sameEntity(t, "action", counted, want)
}

func statisticsConcurrent(t *test) {
	const workers = 10
	each := scale(100, 10)
	saved := t.saveAction()
	t.together(workers, func(i int) error {
		for n := range each {
			add := driver.ActionStatistics{Triggered: 1}
			switch (i + n) % 3 {
			case 0:
				add.Succeeded = 1
			case 1:
				add.Failed = 1
			}
			if _, err := t.store.Actions().UpdateStatistics(t.ctx, saved.ID, add); err != nil {
				return err
			}
		}
		return nil
	})
	var succeeded, failed int64
	for i := range workers {
		for n := range each {
			switch (i + n) % 3 {
			case 0:
				succeeded++
			case 1:
				failed++
			}
		}
	}
	t.wantCounters(saved.ID, int64(workers*each), succeeded, failed)
}

func statisticsState(t *test) {
	saved := t.saveAction()
	t.count(saved.ID, 3, 1, 1)
	before := t.action(saved.ID)
	for _, add := range []driver.ActionStatistics{
		{Succeeded: 2},
		{Failed: 2},
		{Succeeded: 1, Failed: 1},
		{Triggered: 1, Succeeded: 3},
		{Triggered: 2, Succeeded: 2, Failed: 2},
		{Triggered: 1_000_000_000, Succeeded: 1_000_000_000, Failed: 1_000_000_000},
	} {
		updated, err := t.store.Actions().UpdateStatistics(t.ctx, saved.ID, add)
		t.wantErrOn(err, driver.ErrState, "Actions.UpdateStatistics", "action", saved.ID.String())
		equal(t, "updated", updated, false)
		sameEntity(t, "action", t.action(saved.ID), before)
	}
	t.count(saved.ID, 0, 1, 0)
	t.wantCounters(saved.ID, 3, 2, 1)
}

func statisticsInvalid(t *test) {
	saved := t.saveAction()
	t.count(saved.ID, 5, 1, 1)
	before := t.action(saved.ID)
	for field, adds := range map[string][]driver.ActionStatistics{
		"triggered": {{Triggered: -1}, {Triggered: math.MinInt64}, {Triggered: 1_000_000_001}, {Triggered: math.MaxInt64}},
		"succeeded": {{Succeeded: -1}, {Triggered: 1, Succeeded: -1, Failed: 2}, {Succeeded: 1_000_000_001}},
		"failed":    {{Failed: -1}, {Failed: math.MaxInt64}},
	} {
		for _, add := range adds {
			for _, id := range []driver.Action{saved, {ID: newID()}} {
				updated, err := t.store.Actions().UpdateStatistics(t.ctx, id.ID, add)
				t.wantInvalid(err, "Actions.UpdateStatistics", field)
				equal(t, "updated", updated, false)
			}
		}
	}
	sameEntity(t, "action", t.action(saved.ID), before)
}

func statisticsUnknown(t *test) {
	saved := t.saveAction()
	for _, add := range []driver.ActionStatistics{{}, {Triggered: 1}, {Succeeded: 1}} {
		equal(t, "updated", must2(t, t.store.Actions().UpdateStatistics, newID(), add), false)
	}
	sameEntity(t, "action", t.action(saved.ID), saved)
}

func statisticsLastTriggered(t *test) {
	saved := t.saveAction()
	before := t.now()
	t.count(saved.ID, 0, 0, 0)
	equal(t, "LastTriggeredAt before the first trigger", instant(t.action(saved.ID).LastTriggeredAt), "nil")
	t.count(saved.ID, 2, 0, 0)
	first := t.action(saved.ID).LastTriggeredAt
	if after := t.now(); first == nil || first.Before(before) || first.After(after) {
		t.Fatalf("LastTriggeredAt: got %s, want it to be from %s to %s", instant(first), before, after)
	}
	t.later(*first)
	t.count(saved.ID, 0, 1, 1)
	equal(t, "LastTriggeredAt after outcomes", instant(t.action(saved.ID).LastTriggeredAt), instant(first))
	t.count(saved.ID, 1, 0, 0)
	if second := t.action(saved.ID).LastTriggeredAt; second == nil || !second.After(*first) {
		t.Errorf("LastTriggeredAt after another trigger: got %s, want it after %s", instant(second), instant(first))
	}
}

// statisticsNeverBack counts in a transaction that began earlier, whose present moment is on some
// backends that of its start.
func statisticsNeverBack(t *test) {
	t.needsConcurrent()
	saved := t.saveAction()
	var beside driver.Action
	t.inTx(func(tx driver.Store) {
		began := t.saveTo(tx, newEvent()).CreatedAt
		t.later(began)
		t.count(saved.ID, 1, 0, 0)
		beside = t.action(saved.ID)
		add := driver.ActionStatistics{Triggered: 1}
		equal(t, "updated", must2(t, tx.Actions().UpdateStatistics, saved.ID, add), true)
	})
	t.wantCounters(saved.ID, 2, 0, 0)
	if last := t.action(saved.ID).LastTriggeredAt; last.Before(*beside.LastTriggeredAt) {
		t.Errorf("LastTriggeredAt: got %s, want it not to be before %s", instant(last), instant(beside.LastTriggeredAt))
	}
}
