package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var actionUpdate = area{name: "Actions/Update", behaviours: []behaviour{
	{"ReplacesEveryField", actionUpdateReplaces},
	{"ClearsWhatIsEmpty", actionUpdateClears},
	{"FindsTheActionByItsNewTypesOnly", actionUpdateTypes},
	{"NeverTouchesCounters", actionUpdateCounters},
	{"RefusesAStaleRevision", actionUpdateStale},
	{"RefusesAnUnknownID", actionUpdateUnknown},
	{"RefusesWhatBreaksARule", actionUpdateInvalid},
	{"OfOneRevisionSucceedsOnce", actionUpdateOnce},
}}

// updatesAction updates an action and fails the test for every field that is not as given.
func (t *test) updatesAction(what string, given driver.Action) driver.Action {
	t.Helper()
	before := t.action(given.ID)
	updated := must(t, t.store.Actions().Update, given)
	want := asStored(given, updated)
	want.CreatedAt, want.Revision = before.CreatedAt, before.Revision+1
	want.LastTriggeredAt, want.TriggerCount = before.LastTriggeredAt, before.TriggerCount
	want.SuccessCount, want.FailureCount = before.SuccessCount, before.FailureCount
	sameEntity(t, what+", returned", updated, want)
	sameEntity(t, what+", read back", t.action(given.ID), want)
	if updated.UpdatedAt.Before(before.UpdatedAt) {
		t.Errorf("updated at: got %s, want it not to be before %s", updated.UpdatedAt, before.UpdatedAt)
	}
	return updated
}

func actionUpdateReplaces(t *test) {
	saved := t.saveAction()
	full := fullAction()
	full.ID, full.Revision, full.CreatedAt = saved.ID, saved.Revision, time.Time{}
	updated := t.updatesAction("full action", full)
	other := fullAction()
	other.ID, other.Revision = saved.ID, updated.Revision
	other.EventTypes, other.Conditions, other.Tags = []string{"user.*"}, other.Conditions[1:2], map[string]string{"new": "tag"}
	other.IsEnabled, other.Status, other.Priority = false, driver.ActionArchived, driver.PriorityLow
	t.updatesAction("other action", other)
}

func actionUpdateClears(t *test) {
	saved := must(t, t.store.Actions().Save, fullAction())
	given := driver.Action{
		ID: saved.ID, Revision: saved.Revision, Name: "n", HandlerType: driver.HandlerSMS, EventTypes: []string{"*"},
	}
	updated := must(t, t.store.Actions().Update, given)
	want := asStored(given, updated)
	want.Revision = saved.Revision + 1
	want.Configuration, want.ContextFilters = json.RawMessage("{}"), json.RawMessage("{}")
	want.ExecutionMode, want.Priority, want.Status = driver.ModeAsync, driver.PriorityNormal, driver.ActionActive
	want.TimeoutSeconds, want.RetryDelaySeconds = 30, 5
	sameEntity(t, "action returned", updated, want)
	sameEntity(t, "action read back", t.action(saved.ID), want)
}

func actionUpdateTypes(t *test) {
	saved := t.saveAction(func(a *driver.Action) { a.EventTypes = []string{"order.placed", "user.*", "both"} })
	neighbour := t.saveAction(func(a *driver.Action) { a.EventTypes = []string{"order.placed"} })
	saved.EventTypes = []string{"both", "order.paid", "item.*"}
	updated := t.updatesAction("action of other types", saved)
	for _, eventType := range []string{"both", "order.paid", "item.added", "item.price.changed"} {
		t.wantForEvent(eventType, driver.ActionOptions{}, updated)
	}
	for _, eventType := range []string{"user.created", "item", "order"} {
		t.wantForEvent(eventType, driver.ActionOptions{})
	}
	t.wantForEvent("order.placed", driver.ActionOptions{}, neighbour)

	updated.EventTypes = []string{"*"}
	updated = t.updatesAction("action of all types", updated)
	t.wantForEvent("order.paid", driver.ActionOptions{}, updated)
	t.wantForEvent("order.placed", driver.ActionOptions{}, updated, neighbour)
}

func actionUpdateCounters(t *test) {
	saved := t.saveAction()
	t.count(saved.ID, 5, 2, 1)
	triggered := t.action(saved.ID)
	equal(t, "revision after UpdateStatistics", triggered.Revision, saved.Revision)

	// What was read before the counting still has the latest revision.
	saved.Name = "another name"
	saved.TriggerCount, saved.SuccessCount, saved.FailureCount = 77, 7, 70
	saved.LastTriggeredAt = ptr(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	updated := t.updatesAction("action with counters of its own", saved)
	t.wantCounters(saved.ID, 5, 2, 1)
	equal(t, "LastTriggeredAt", instant(updated.LastTriggeredAt), instant(triggered.LastTriggeredAt))
}

func actionUpdateStale(t *test) {
	saved := t.saveAction()
	latest := saved
	latest.EventTypes = []string{"user.created"}
	latest = t.updatesAction("action", latest)
	before := t.actionStateOf(t.store)
	for _, revision := range []int64{saved.Revision, latest.Revision + 1, 0, -1} {
		stale := fullAction()
		stale.ID, stale.Revision = saved.ID, revision
		_, err := t.store.Actions().Update(t.ctx, stale)
		t.wantErrOn(err, driver.ErrConflict, "Actions.Update", "action", saved.ID.String())
		t.wantActionState(t.store, before)
	}
	t.wantForEvent("user.created", driver.ActionOptions{}, latest)
	t.wantForEvent("order.placed", driver.ActionOptions{})
}

func actionUpdateUnknown(t *test) {
	t.saveAction()
	before := t.actionStateOf(t.store)
	unknown := changed(newAction(), func(a *driver.Action) { a.ID, a.Revision = newID(), 1 })
	_, err := t.store.Actions().Update(t.ctx, unknown)
	t.wantErrOn(err, driver.ErrNotFound, "Actions.Update", "action", unknown.ID.String())
	_, err = t.store.Actions().Update(t.ctx, changed(newAction(), func(a *driver.Action) { a.Revision = 1 }))
	t.wantErr(err, driver.ErrNotFound, "Actions.Update")
	t.wantActionState(t.store, before)
}

func actionUpdateInvalid(t *test) {
	saved := t.saveAction()
	before := t.actionStateOf(t.store)
	for _, spoiled := range spoiledActions {
		_, err := t.store.Actions().Update(t.ctx, changed(saved, spoiled.change))
		t.wantInvalid(err, "Actions.Update", spoiled.field)
	}
	t.wantActionState(t.store, before)
}

func actionUpdateOnce(t *test) {
	const writers = 8
	saved := t.saveAction()
	var succeeded, conflicts atomic.Int64
	t.together(writers, func(i int) error {
		mine := saved
		mine.EventTypes = []string{fmt.Sprintf("writer%d", i), "shared"}
		_, err := t.store.Actions().Update(t.ctx, mine)
		switch {
		case err == nil:
			succeeded.Add(1)
		case errors.Is(err, driver.ErrConflict):
			conflicts.Add(1)
		default:
			return err
		}
		return nil
	})
	equal(t, "updates that succeeded", succeeded.Load(), 1)
	equal(t, "updates that were refused", conflicts.Load(), writers-1)
	winner := t.action(saved.ID)
	t.wantForEvent("shared", driver.ActionOptions{}, winner)
	for i := range writers {
		if own := fmt.Sprintf("writer%d", i); winner.EventTypes[0] != own {
			t.wantForEvent(own, driver.ActionOptions{})
		}
	}
}
