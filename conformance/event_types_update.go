package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventTypeUpdate = area{name: "EventTypes/Update", behaviours: []behaviour{
	{"ReplacesEveryFieldThatSaveTakes", eventTypeUpdateReplaces},
	{"ClearsOptionalFields", eventTypeUpdateClears},
	{"TakesTheCategoryFromANewName", eventTypeUpdateRenames},
	{"RaisesTheRevisionAndUpdatedAt", eventTypeUpdateRaises},
	{"OfAStaleRevisionIsAConflict", eventTypeUpdateStale},
	{"OfAnUnknownOneIsNotFound", eventTypeUpdateUnknown},
	{"RefusesATakenNameAndChangesNothing", eventTypeUpdateTaken},
	{"RefusesWhatBreaksARule", eventTypeUpdateRefuses},
	{"ToTheSameNameAtOnceSucceedsOnce", eventTypeUpdateNameRace},
	{"OfTheSameRevisionAtOnceSucceedsOnce", eventTypeUpdateRace},
}}

// wantEventTypeUpdate updates an event type to what is given and checks what becomes of it.
func (t *test) wantEventTypeUpdate(stored, given driver.EventType) driver.EventType {
	t.Helper()
	given.ID, given.Revision = stored.ID, stored.Revision
	got := must(t, t.store.EventTypes().Update, given)
	want := given
	want.Revision, want.CreatedAt, want.UpdatedAt = stored.Revision+1, stored.CreatedAt, got.UpdatedAt
	want.Category, _, _ = strings.Cut(given.EventType, ".")
	sameEntity(t, "event type updated", got, want)
	sameEntity(t, "event type read back", must(t, t.store.EventTypes().GetByID, stored.ID), got)
	return got
}

func eventTypeUpdateReplaces(t *test) {
	full := fullEventType("user.created")
	t.wantEventTypeUpdate(t.saveEventTypes("order.placed")[0], full)
	full.EventType = "user.deleted"
	t.wantEventTypeUpdate(must(t, t.store.EventTypes().Save, full), newEventType("order.placed"))
}

func eventTypeUpdateClears(t *test) {
	stored := must(t, t.store.EventTypes().Save, fullEventType("order.placed"))
	t.wantEventTypeUpdate(stored, driver.EventType{EventType: "order.placed"})
}

func eventTypeUpdateRenames(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	given := stored
	given.EventType, given.Category = "user.created", "order"
	got := t.wantEventTypeUpdate(stored, given)
	equal(t, "Category", got.Category, "user")
	opts := driver.ListOptions{}
	sameEntities(t, "old category", must2(t, t.store.EventTypes().GetByCategory, "order", opts), nil)
	sameEntities(t, "new category", must2(t, t.store.EventTypes().GetByCategory, "user", opts), []driver.EventType{got})
	_, err := t.store.EventTypes().GetByEventType(t.ctx, "order.placed")
	t.wantErr(err, driver.ErrNotFound, "EventTypes.GetByEventType")
	t.saveEventTypes("order.placed") // its old name is free
}

func eventTypeUpdateRaises(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	for revision := range int64(3) {
		given := stored
		given.CreatedAt, given.UpdatedAt = time.Unix(1, 0), time.Unix(1, 0)
		before := t.now()
		got := t.wantEventTypeUpdate(stored, given)
		equal(t, "Revision", got.Revision, revision+2)
		t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.now())
		stored = got
	}
}

func eventTypeUpdateStale(t *test) {
	first := t.saveEventTypes("order.placed")[0]
	latest := must(t, t.store.EventTypes().Update, first)
	for _, revision := range []int64{first.Revision, latest.Revision + 1, 0, -1} {
		_, err := t.store.EventTypes().Update(t.ctx, changed(latest, func(e *driver.EventType) { e.Revision = revision }))
		t.wantErrOn(err, driver.ErrConflict, "EventTypes.Update", "event type", first.ID.String())
	}
	t.wantEventTypes(latest)
}

func eventTypeUpdateUnknown(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	for _, id := range []uuid.UUID{newID(), uuid.Max} {
		given := newEventType("order.paid")
		given.ID, given.Revision = id, 1
		got, err := t.store.EventTypes().Update(t.ctx, given)
		t.wantErrOn(err, driver.ErrNotFound, "EventTypes.Update", "event type", id.String())
		sameEntity(t, "event type beside the error", got, driver.EventType{})
	}
	t.wantEventTypes(stored)
}

func eventTypeUpdateTaken(t *test) {
	stored := t.saveEventTypes("order.paid", "order.placed")
	given := stored[0]
	given.EventType, given.DisplayName = "order.placed", "changed"
	_, err := t.store.EventTypes().Update(t.ctx, given)
	t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Update", "event type", "event_type order.placed")
	t.wantEventTypes(stored...)
}

func eventTypeUpdateRefuses(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	for _, spoil := range spoiledEventTypes() {
		_, err := t.store.EventTypes().Update(t.ctx, changed(stored, spoil.change))
		t.wantInvalid(err, "EventTypes.Update", spoil.field)
	}
	t.wantEventTypes(stored)
}

// eventTypeUpdateNameRace renames several event types to one name: one of them gets it.
func eventTypeUpdateNameRace(t *test) {
	stored := t.saveEventTypes("a", "b", "c", "d", "e", "f")
	won := make([]bool, len(stored))
	t.together(len(stored), func(i int) error {
		_, err := t.store.EventTypes().Update(t.ctx, changed(stored[i], func(e *driver.EventType) { e.EventType = "order.placed" }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "EventTypes.Update"))
	})
	equal(t, "updaters that succeeded", count(won), 1)
	equal(t, "event types left", len(must(t, t.store.EventTypes().GetEnabled, 0)), len(stored))
}

func eventTypeUpdateRace(t *test) {
	const updaters = 6
	stored := t.saveEventTypes("order.placed")[0]
	won := make([]bool, updaters)
	t.together(updaters, func(i int) error {
		_, err := t.store.EventTypes().Update(t.ctx, changed(stored, func(e *driver.EventType) { e.DisplayName = fmt.Sprint(i) }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrConflict, "EventTypes.Update"))
	})
	equal(t, "updaters that succeeded", count(won), 1)
}
