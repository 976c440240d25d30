package conformance

import (
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventText = area{name: "Events/Text", behaviours: []behaviour{
	{"KeepsUnicodeNames", textKeepsUnicode},
	{"KeepsTheLongestTexts", textKeepsTheLongest},
	{"RefusesOneByteMore", textRefusesOneByteMore},
	{"CountsBytesNotCharacters", textCountsBytes},
	{"RefusesNUL", textRefusesNUL},
	{"RefusesInvalidUTF8", textRefusesInvalidUTF8},
	{"KeepsTheCaseOfTypes", textKeepsCase},
	{"TakesWordsOfAllAllowedCharacters", textTakesWords},
	{"RefusesTypesThatAreNoWords", textRefusesNoWords},
	{"RequiresTypesAndAggregate", textRequires},
	{"RefusesANegativeVersion", textRefusesANegativeVersion},
}}

var unicodeNames = []string{
	"Größe", "注文が確定しました", "😀👩‍👩‍👧", "e\u0301 is not é", "עברית", "a\u202eb", "\u2028\u2029", "\ufeffBOM", "\uffff",
	" spaces kept ", "line\nbreak\ttab\r\n", `"quotes" 'single' \ %s $1 ?`, "\x01\x7f",
}

func textKeepsUnicode(t *test) {
	for _, name := range unicodeNames {
		event := newEvent()
		event.EventName = name
		saved := t.save(event)
		equal(t, "name returned", saved.EventName, name)
		equal(t, "name read back", t.get(saved.ID).EventName, name)
		equal(t, "name saved in a batch", t.get(t.saveAll([]driver.Event{event})[0].ID).EventName, name)
	}
}

func textKeepsTheLongest(t *test) {
	event := newEvent()
	event.EventType = strings.Repeat("t", driver.MaxEventType)
	event.EventName = strings.Repeat("n", driver.MaxEventName)
	event.AggregateType = strings.Repeat("A", driver.MaxAggregateType)
	saved := t.save(event)
	equal(t, "type", saved.EventType, event.EventType)
	equal(t, "name", saved.EventName, event.EventName)
	equal(t, "aggregate type", saved.AggregateType, event.AggregateType)
	t.sameEvent("event read back", t.get(saved.ID), saved)

	found, err := t.events.GetByType(t.ctx, event.EventType, 0)
	t.ok(err)
	equalList(t, "events of the longest type", idsOf(found), []uuid.UUID{saved.ID})
	found, err = t.events.GetByAggregate(t.ctx, event.Aggregate(), driver.HistoryOptions{})
	t.ok(err)
	equalList(t, "events of the longest aggregate type", idsOf(found), []uuid.UUID{saved.ID})
}

func textRefusesOneByteMore(t *test) {
	t.refuses(map[string]func(*driver.Event){
		"event_type":     func(e *driver.Event) { e.EventType = strings.Repeat("t", driver.MaxEventType+1) },
		"event_name":     func(e *driver.Event) { e.EventName = strings.Repeat("n", driver.MaxEventName+1) },
		"aggregate_type": func(e *driver.Event) { e.AggregateType = strings.Repeat("A", driver.MaxAggregateType+1) },
	})
}

func textCountsBytes(t *test) {
	event := newEvent()
	event.EventName = strings.Repeat("é", driver.MaxEventName/2) + "e" // just at the limit
	saved := t.save(event)
	equal(t, "name read back", t.get(saved.ID).EventName, event.EventName)
	t.refuses(map[string]func(*driver.Event){
		"event_name": func(e *driver.Event) { e.EventName = strings.Repeat("é", driver.MaxEventName/2+1) },
	})
	t.refuses(map[string]func(*driver.Event){
		"event_name": func(e *driver.Event) { e.EventName = strings.Repeat("😀", driver.MaxEventName/4+1) },
	})
}

func textRefusesNUL(t *test) {
	t.refuses(map[string]func(*driver.Event){
		"event_type":     func(e *driver.Event) { e.EventType = "order\x00placed" },
		"event_name":     func(e *driver.Event) { e.EventName = "Order\x00" },
		"aggregate_type": func(e *driver.Event) { e.AggregateType = "\x00Order" },
	})
}

func textRefusesInvalidUTF8(t *test) {
	t.refuses(map[string]func(*driver.Event){
		"event_type":     func(e *driver.Event) { e.EventType = "order\xff" },
		"event_name":     func(e *driver.Event) { e.EventName = "Order \xc3\x28" },
		"aggregate_type": func(e *driver.Event) { e.AggregateType = "Order\xed\xa0\x80" },
	})
}

func textKeepsCase(t *test) {
	event := newEvent()
	event.EventType, event.AggregateType = "User.CREATED", "uSER"
	saved := t.save(event)
	equal(t, "type", saved.EventType, "User.CREATED")
	equal(t, "aggregate type", saved.AggregateType, "uSER")
	t.sameEvent("event read back", t.get(saved.ID), saved)
	for eventType, want := range map[string]int{"User.CREATED": 1, "user.created": 0, "USER.CREATED": 0, "User.created": 0} {
		found, err := t.events.GetByType(t.ctx, eventType, 0)
		t.ok(err)
		equal(t, "events of type "+eventType, len(found), want)
	}
}

func textTakesWords(t *test) {
	for _, words := range []string{"a", "0", "_", "-", "A.b-C_d.9", "a.b.c.d.e.f", "-.-", "user.created"} {
		event := newEvent()
		event.EventType, event.AggregateType = words, words
		saved := t.save(event)
		t.sameEvent("event read back", t.get(saved.ID), saved)
	}
}

func textRefusesNoWords(t *test) {
	for _, words := range []string{".", ".a", "a.", "a..b", "user.*", "*", "a b", " a", "a\n", "naïve", "a/b", "a:b", "a%", "a'b", `a"b`, "a\tb"} {
		t.refuses(map[string]func(*driver.Event){
			"event_type":     func(e *driver.Event) { e.EventType = words },
			"aggregate_type": func(e *driver.Event) { e.AggregateType = words },
		})
	}
}

func textRequires(t *test) {
	t.refuses(map[string]func(*driver.Event){
		"event_type":     func(e *driver.Event) { e.EventType = "" },
		"aggregate_type": func(e *driver.Event) { e.AggregateType = "" },
		"aggregate_id":   func(e *driver.Event) { e.AggregateID = uuid.Nil },
	})
}

func textRefusesANegativeVersion(t *test) {
	t.refuses(map[string]func(*driver.Event){
		"aggregate_version": func(e *driver.Event) { e.AggregateVersion = -1 },
	})
}

// refuses checks that an event with one field spoiled can't be saved, that the error names
// the field, and that nothing was stored.
func (t *test) refuses(spoiled map[string]func(*driver.Event)) {
	t.Helper()
	before := t.state()
	for field, spoil := range spoiled {
		event := newEvent()
		spoil(&event)
		_, err := t.events.Save(t.ctx, event)
		t.wantInvalid(err, "Events.Save", field)
		_, err = t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), newEvent(), event})
		t.wantInvalid(err, "Events.SaveBatch", "events[2]."+field)
	}
	t.wantState(before)
}
