package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventTypeReads = area{name: "EventTypes/Reads", behaviours: []behaviour{
	{"GetByIDOfAnUnknownIDIsNotFound", eventTypeGetUnknown},
	{"ExistsTellsWhatIsStored", eventTypeExists},
	{"GetByEventTypeIsExact", eventTypeByName},
	{"GetByEventTypeShowsDisabledOnes", eventTypeByNameDisabled},
	{"GetByEventTypeRefusesWhatIsNoName", eventTypeByNameInvalid},
	{"GetByCategoryIsExact", eventTypesByCategory},
	{"GetByCategoryShowsEnabledOnesUnlessAskedForAll", eventTypesByCategoryEnabled},
	{"GetByCategoryIsByNameAsBytes", eventTypesByCategoryOrder},
	{"GetByCategoryRefusesWhatIsNoCategory", eventTypesByCategoryInvalid},
	{"GetEnabledShowsEnabledOnesOnly", eventTypesEnabled},
	{"GetEnabledIsByCategoryThenNameAsBytes", eventTypesEnabledOrder},
	{"HoldToTheLimits", eventTypesLimits},
	{"OfNothingAreEmpty", eventTypesNone},
}}

func eventTypeGetUnknown(t *test) {
	t.saveEventTypes("order.placed")
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		got, err := t.store.EventTypes().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "EventTypes.GetByID", "event type", id.String())
		sameEntity(t, "event type beside the error", got, driver.EventType{})
	}
}

func eventTypeExists(t *test) {
	stored := must(t, t.store.EventTypes().Save, fullEventType("order.placed"))
	equal(t, "a stored one exists", must(t, t.store.EventTypes().Exists, stored.ID), true)
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "an unknown one exists", must(t, t.store.EventTypes().Exists, id), false)
	}
}

func eventTypeByName(t *test) {
	for _, want := range t.saveEventTypes("user.created", "User.created", "user_created", "userXcreated", "user", "user.created.v2") {
		sameEntity(t, want.EventType, must(t, t.store.EventTypes().GetByEventType, want.EventType), want)
	}
	for _, name := range []string{"user.deleted", "USER.created", "user.createdx", "user.create"} {
		_, err := t.store.EventTypes().GetByEventType(t.ctx, name)
		t.wantErrOn(err, driver.ErrNotFound, "EventTypes.GetByEventType", "event type", name)
	}
}

func eventTypeByNameDisabled(t *test) {
	stored := must(t, t.store.EventTypes().Save, fullEventType("order.placed"))
	sameEntity(t, "disabled event type", must(t, t.store.EventTypes().GetByEventType, "order.placed"), stored)
}

func eventTypeByNameInvalid(t *test) {
	for _, name := range []string{"", "*", "user.*", "user.", "a b", "größe", canary + "\x00", "\xff", strings.Repeat("x", driver.MaxEventType+1)} {
		_, err := t.store.EventTypes().GetByEventType(t.ctx, name)
		t.wantInvalid(err, "EventTypes.GetByEventType", "event_type")
	}
}

// wantInCategory fails the test unless these are the event types of a category.
func (t *test) wantInCategory(category string, opts driver.ListOptions, want ...driver.EventType) {
	t.Helper()
	found := must2(t, t.store.EventTypes().GetByCategory, category, opts)
	sameEntities(t, fmt.Sprintf("event types of category %s, %+v", category, opts), found, want)
}

func eventTypesByCategory(t *test) {
	saved := t.saveEventTypes("user", "user.created", "User.created", "users.created", "user_x.created", "a.user")
	t.wantInCategory("user", driver.ListOptions{}, saved[0], saved[1])
	t.wantInCategory("User", driver.ListOptions{}, saved[2])
	t.wantInCategory("USER", driver.ListOptions{})
	t.wantInCategory("use", driver.ListOptions{})
	t.wantInCategory("user_", driver.ListOptions{})
}

func eventTypesByCategoryEnabled(t *test) {
	disabled := must(t, t.store.EventTypes().Save, fullEventType("order.a"))
	enabled := t.saveEventTypes("order.b")[0]
	t.wantInCategory("order", driver.ListOptions{}, enabled)
	t.wantInCategory("order", driver.ListOptions{IncludeInactive: true}, disabled, enabled)
}

// byBytes are names in the order of their bytes, which no language has.
var byBytes = []string{"x", "x.-", "x.0", "x.9", "x.B", "x.B.a", "x.Z", "x._", "x.a", "x.a-b", "x.a.b", "x.aB", "x.a_b", "x.ab", "x.b", "x.z"}

func eventTypesByCategoryOrder(t *test) {
	t.saveEventTypes(reversed(byBytes)...)
	for _, opts := range []driver.ListOptions{{}, {IncludeInactive: true}} {
		equalList(t, "names", namesOf(must2(t, t.store.EventTypes().GetByCategory, "x", opts)), byBytes)
	}
}

func namesOf(eventTypes []driver.EventType) []string {
	names := make([]string, len(eventTypes))
	for i := range eventTypes {
		names[i] = eventTypes[i].EventType
	}
	return names
}

func eventTypesByCategoryInvalid(t *test) {
	for _, category := range []string{"", "user.created", "user.", "*", "a b", "größe", canary + "\x00", "\xff", strings.Repeat("x", driver.MaxEventType+1)} {
		_, err := t.store.EventTypes().GetByCategory(t.ctx, category, driver.ListOptions{})
		t.wantInvalid(err, "EventTypes.GetByCategory", "category")
	}
}

func eventTypesEnabled(t *test) {
	must(t, t.store.EventTypes().Save, fullEventType("order.a"))
	t.wantEventTypes(t.saveEventTypes("order.b", "user.a")...)
}

func eventTypesEnabledOrder(t *test) {
	// By category first: as whole names, a-b.c comes before a.z.
	want := slices.Concat([]string{"B", "B.a", "Z.a", "a", "a.z", "a-b", "a-b.c", "aB.a", "ab.a"}, byBytes)
	t.saveEventTypes(reversed(want)...)
	equalList(t, "names", namesOf(must(t, t.store.EventTypes().GetEnabled, 0)), want)
}

func eventTypesLimits(t *test) {
	names := make([]string, driver.DefaultLimit+5)
	for i := range names {
		names[i] = fmt.Sprintf("order.n%03d", i)
	}
	want := t.saveEventTypes(names...)
	holdsToLimits(t, "EventTypes.GetEnabled", want, func(limit int) ([]driver.EventType, error) {
		return t.store.EventTypes().GetEnabled(t.ctx, limit)
	})
	for _, include := range []bool{false, true} {
		holdsToLimits(t, "EventTypes.GetByCategory", want, func(limit int) ([]driver.EventType, error) {
			return t.store.EventTypes().GetByCategory(t.ctx, "order", driver.ListOptions{IncludeInactive: include, Limit: limit})
		})
	}
}

func eventTypesNone(t *test) {
	t.wantEventTypes()
	t.wantInCategory("order", driver.ListOptions{IncludeInactive: true})
}
