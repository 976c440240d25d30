package conformance

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventTypeSave = area{name: "EventTypes/Save", behaviours: []behaviour{
	{"KeepsEveryField", eventTypeSaveKeeps},
	{"LeavesOptionalFieldsEmpty", eventTypeSaveEmpty},
	{"TakesTheCategoryFromTheName", eventTypeSaveCategory},
	{"KeepsJSONByteForByte", eventTypeSaveJSON},
	{"MakesAnIDAndKeepsAGivenOne", eventTypeSaveIDs},
	{"ClearsWhatIsNotTheCallers", eventTypeSaveClears},
	{"TakesItsTimesFromTheDatabase", eventTypeSaveTimes},
	{"RefusesATakenIDAndChangesNothing", eventTypeSaveTakenID},
	{"RefusesATakenNameAndChangesNothing", eventTypeSaveTakenName},
	{"TellsNamesApartByTheirBytes", eventTypeSaveCase},
	{"RefusesWhatBreaksARule", eventTypeSaveRefuses},
	{"OfTheSameNameAtOnceSucceedsOnce", eventTypeSaveRace},
}}

// saveEventTypes saves enabled event types of these names.
func (t *test) saveEventTypes(names ...string) []driver.EventType {
	t.Helper()
	saved := make([]driver.EventType, len(names))
	for i, name := range names {
		saved[i] = must(t, t.store.EventTypes().Save, newEventType(name))
	}
	return saved
}

// keepsEventType saves an event type, which must come back as given, with what only the backend
// knows.
func (t *test) keepsEventType(given driver.EventType) driver.EventType {
	t.Helper()
	saved := must(t, t.store.EventTypes().Save, given)
	want := given
	want.ID, want.CreatedAt, want.UpdatedAt, want.Revision = saved.ID, saved.CreatedAt, saved.UpdatedAt, 1
	want.Category, _, _ = strings.Cut(given.EventType, ".")
	sameEntity(t, "event type saved", saved, want)
	sameEntity(t, "event type read back", must(t, t.store.EventTypes().GetByID, saved.ID), saved)
	return saved
}

func eventTypeSaveKeeps(t *test) {
	given := fullEventType("order.placed")
	equal(t, "ID", t.keepsEventType(given).ID, given.ID)
	t.keepsEventType(newEventType("order.cancelled"))
}

func eventTypeSaveEmpty(t *test) {
	t.keepsEventType(driver.EventType{EventType: "a"})
	t.keepsEventType(driver.NewEventType("b"))
}

func eventTypeSaveCategory(t *test) {
	for name, want := range map[string]string{"user": "user", "user.created": "user", "User.created.v2": "User", "a-b_1.c": "a-b_1"} {
		saved := t.keepsEventType(driver.EventType{EventType: name})
		equal(t, "Category of "+name, saved.Category, want)
	}
	saved := must(t, t.store.EventTypes().Save, driver.EventType{EventType: "order.paid", Category: "user"})
	equal(t, "Category, another one given", saved.Category, "order")
}

func eventTypeSaveJSON(t *test) {
	for i, text := range []string{
		`{}`, `true`, ` false `, "{\"b\":1.0,\"a\":1e400,\"a\":\"\\u0000\\ud83d\\ude00\u2028<>&\"\n}", string(nested(50)), string(object(100_000)),
	} {
		given := newEventType("order.n" + string(rune('a'+i)))
		given.PayloadSchema, given.ExamplePayload = json.RawMessage(text), json.RawMessage(text)
		t.keepsEventType(given)
	}
	for i, text := range []string{`null`, `"text"`, `[1.0, {"a":"\u0000"}]`, `-0.0`} {
		given := newEventType("user.n" + string(rune('a'+i)))
		given.ExamplePayload = json.RawMessage(text)
		t.keepsEventType(given)
	}
}

func eventTypeSaveIDs(t *test) {
	equal(t, "version of an ID that was made", t.saveEventTypes("a")[0].ID.Version(), 7)
	for i, id := range []uuid.UUID{newID(), uuid.Max} {
		given := newEventType("b" + strings.Repeat("b", i))
		given.ID = id
		equal(t, "ID", t.keepsEventType(given).ID, id)
	}
}

func eventTypeSaveClears(t *test) {
	given := newEventType("order.placed")
	given.CreatedAt, given.UpdatedAt, given.Revision = time.Unix(1, 0), time.Unix(1, 0), 9
	saved := t.keepsEventType(given)
	if saved.CreatedAt.Year() < 2000 || saved.UpdatedAt.Year() < 2000 {
		t.Errorf("created at %s, updated at %s: want the database's now", saved.CreatedAt, saved.UpdatedAt)
	}
}

func eventTypeSaveTimes(t *test) {
	before := t.now()
	saved := t.saveEventTypes("order.placed")[0]
	t.wantBetween("CreatedAt", &saved.CreatedAt, before, t.now())
	equal(t, "UpdatedAt", saved.UpdatedAt, saved.CreatedAt)
}

// wantEventTypes fails the test unless these are all there are, in their order.
func (t *test) wantEventTypes(want ...driver.EventType) {
	t.Helper()
	sameEntities(t, "enabled ones", must(t, t.store.EventTypes().GetEnabled, 0), want)
}

func eventTypeSaveTakenID(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	given := newEventType("order.paid")
	given.ID = stored.ID
	_, err := t.store.EventTypes().Save(t.ctx, given)
	t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Save", "event type", stored.ID.String())
	_, err = t.store.EventTypes().Save(t.ctx, stored)
	t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Save", "event type", stored.ID.String())
	t.wantEventTypes(stored)
}

func eventTypeSaveTakenName(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	got, err := t.store.EventTypes().Save(t.ctx, fullEventType("order.placed"))
	t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Save", "event type", "event_type order.placed")
	sameEntity(t, "event type beside the error", got, driver.EventType{})
	t.wantEventTypes(stored)
}

func eventTypeSaveCase(t *test) {
	for _, name := range []string{"user.created", "User.created", "user.Created", "user-created", "user_created", "user.created.v2"} {
		t.keepsEventType(newEventType(name))
	}
}

// spoiledEventTypes are what Save and Update refuse. Values have the canary, which errors must not
// tell.
func spoiledEventTypes() []spoiled[driver.EventType] {
	list := []spoiled[driver.EventType]{
		{"display_name", func(e *driver.EventType) { e.DisplayName = canary + strings.Repeat("x", driver.MaxName) }},
		{"display_name", func(e *driver.EventType) { e.DisplayName = canary + "\x00" }},
		{"description", func(e *driver.EventType) { e.Description = canary + strings.Repeat("x", driver.MaxDescription) }},
		{"description", func(e *driver.EventType) { e.Description = canary + "\xff" }},
		{"payload_schema", func(e *driver.EventType) { e.PayloadSchema = object(driver.DefaultMaxPayload + 1) }},
		{"example_payload", func(e *driver.EventType) { e.ExamplePayload = object(driver.DefaultMaxPayload + 1) }},
	}
	for _, name := range []string{"", ".", "a.", ".a", "a..b", "a b", "a.*", "*", "größe", canary + "\x00", canary + strings.Repeat("x", driver.MaxEventType)} {
		list = append(list, spoiled[driver.EventType]{"event_type", func(e *driver.EventType) { e.EventType = name }})
	}
	for _, text := range []string{"", " ", "{", "nul", `{"` + canary + `":}`, `{} {}`, "{\"a\":\"\xff\"}", `"` + canary, `01`} {
		list = append(list,
			spoiled[driver.EventType]{"payload_schema", func(e *driver.EventType) { e.PayloadSchema = json.RawMessage(text) }},
			spoiled[driver.EventType]{"example_payload", func(e *driver.EventType) { e.ExamplePayload = json.RawMessage(text) }})
	}
	for _, text := range []string{`null`, `"` + canary + `"`, `1`, `[]`} { // JSON, and no JSON Schema
		list = append(list, spoiled[driver.EventType]{"payload_schema", func(e *driver.EventType) { e.PayloadSchema = json.RawMessage(text) }})
	}
	return list
}

func eventTypeSaveRefuses(t *test) {
	for _, spoil := range spoiledEventTypes() {
		_, err := t.store.EventTypes().Save(t.ctx, changed(newEventType("order.placed"), spoil.change))
		t.wantInvalid(err, "EventTypes.Save", spoil.field)
	}
	t.wantEventTypes()
	longest := "order." + strings.Repeat("x", driver.MaxEventType-len("order."))
	t.wantEventTypes(t.keepsEventType(newEventType(longest)))
}

func eventTypeSaveRace(t *test) {
	const savers = 6
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		_, err := t.store.EventTypes().Save(t.ctx, newEventType("order.placed"))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "EventTypes.Save"))
	})
	equal(t, "savers that succeeded", count(won), 1)
}
