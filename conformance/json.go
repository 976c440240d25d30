package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

var eventJSON = area{name: "Events/JSON", behaviours: []behaviour{
	{"ComesBackByteForByte", jsonByteForByte},
	{"ComesBackByteForByteFromEveryRead", jsonFromEveryRead},
	{"KeepsAMebibyte", jsonKeepsAMebibyte},
	{"KeepsTheDeepestNesting", jsonKeepsTheDeepestNesting},
	{"RefusesDeeperNesting", jsonRefusesDeeperNesting},
	{"RefusesWhatIsNoObject", jsonRefusesNoObject},
	{"RefusesWhatIsNoJSON", jsonRefusesNoJSON},
	{"RefusesInvalidUTF8", jsonRefusesInvalidUTF8},
	{"RequiresData", jsonRequiresData},
	{"HoldsTheDefaultLimit", jsonHoldsTheDefaultLimit},
	{"HoldsALimitThatIsSet", jsonHoldsASetLimit},
}}

// documents are JSON objects that a parser and a printer between them would change.
var documents = map[string]string{
	"empty object":           `{}`,
	"key order":              `{"z":1,"a":2,"m":{"y":1,"b":2},"aa":3}`,
	"duplicate keys":         `{"a":1,"a":2,"a":1}`,
	"number spelling":        `{"n":[1,1.0,1.00,-0,-0.0,0e0,1e2,1E+2,1e-07,100000000000000000000,0.1000000000000000055511151231257827]}`,
	"numbers out of range":   `{"n":[1e400,-1e400,1e-400,9007199254740993,18446744073709551616]}`,
	"whitespace":             " \t\r\n{ \"a\" :\t[ 1 ,\r\n 2 ] , \"b\" : { } }\n\n",
	"escaped NUL":            `{"a\u0000b":"\u0000","c":"x\u0000y"}`,
	"lone surrogates":        `{"high":"\ud83d","low":"\ude00","swapped":"\ude00\ud83d"}`,
	"escape spelling":        `{"a":"\u00e9\u00E9é\/\/\"\\\b\f\n\r\t","\u0061":1}`,
	"HTML":                   `{"a":"<b>&amp;</b>","b":"\u003cb\u003e"}`,
	"line separators":        "{\"a\":\"\u2028\u2029\"}",
	"unicode":                `{"naïve":"日本語 😀 é é \uFEFF","עברית":"\u202e"}`,
	"noncharacters":          "{\"a\":\"\uffff\U0010ffff\x7f\"}",
	"quotes and SQL":         `{"a":"'; DROP TABLE events; --","b":"$1 ? ?? :a @b %s %%","c":"\\N\\.\\"}`,
	"COPY marks":             `{"a":"\\.","b":"\\N","c":"\t\\t"}`,
	"prototype keys":         `{"__proto__":1,"":2," ":3,"$ref":4}`,
	"literals":               `{"a":null,"b":true,"c":false,"d":[],"e":{},"f":""}`,
	"a string that is JSON":  `{"a":"{\"b\":1.0}"}`,
	"a long key":             `{"` + strings.Repeat("k", 10_000) + `":1}`,
	"a long number":          `{"n":` + strings.Repeat("9", 5_000) + `.` + strings.Repeat("0", 5_000) + `}`,
	"many elements":          `{"a":[` + strings.Repeat("1.0, ", 10_000) + `1.0]}`,
	"text that repeats much": `{"a":"` + strings.Repeat("ab", 50_000) + `"}`,
}

func jsonByteForByte(t *test) {
	for name, text := range documents {
		event := newEvent()
		event.EventData, event.EventMetadata = json.RawMessage(text), json.RawMessage(text)
		saved, want := t.save(event), event
		want.ID, want.AggregateVersion, want.OccurredAt = saved.ID, saved.AggregateVersion, saved.OccurredAt
		want.Position, want.CreatedAt = saved.Position, saved.CreatedAt
		t.sameEvent(name+", returned", saved, want)
		t.sameEvent(name+", read back", t.get(saved.ID), want)
	}
}

func jsonFromEveryRead(t *test) {
	context, correlation := newID(), newID()
	events := make([]driver.Event, 0, len(documents))
	for _, text := range documents {
		event := newEvent()
		event.ContextID, event.CorrelationID = &context, &correlation
		event.EventData, event.EventMetadata = json.RawMessage(text), json.RawMessage(text)
		events = append(events, event)
	}
	saved := map[string]driver.Event{}
	for _, event := range t.saveAll(events) {
		saved[event.ID.String()] = event
	}
	check := func(read string, found []driver.Event, err error) {
		t.ok(err)
		equal(t, "events from "+read, len(found), len(saved))
		for _, event := range found {
			t.sameEvent(read, event, saved[event.ID.String()])
		}
	}
	found, err := t.events.GetByContext(t.ctx, &context, 0)
	check("GetByContext", found, err)
	found, err = t.events.GetByCorrelationID(t.ctx, correlation, 0)
	check("GetByCorrelationID", found, err)
	found, err = t.events.GetByType(t.ctx, "order.placed", 0)
	check("GetByType", found, err)
	found, err = t.events.GetUnprocessed(t.ctx, 0)
	check("GetUnprocessed", found, err)
	t.inTx(func(tx driver.Store) {
		found, err = tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
		check("GetUnprocessedForUpdate", found, err)
	})
}

func jsonKeepsAMebibyte(t *test) {
	event := newEvent()
	event.EventData, event.EventMetadata = object(1<<20), object(1<<20)
	one, batch := t.save(event), t.saveAll([]driver.Event{event})[0]
	for _, saved := range []driver.Event{one, batch} {
		got := t.get(saved.ID)
		t.sameEvent("event read back", got, saved)
		equal(t, "bytes of data", len(got.EventData), 1<<20)
	}
}

// maxDepth is how many levels a JSON field may have.
const maxDepth = 1024

func jsonKeepsTheDeepestNesting(t *test) {
	event := newEvent()
	event.EventData, event.EventMetadata = nested(maxDepth), nested(maxDepth)
	saved := t.save(event)
	t.sameEvent("event read back", t.get(saved.ID), saved)
	equal(t, "bytes of data", len(saved.EventData), len(event.EventData))
}

func jsonRefusesDeeperNesting(t *test) {
	t.refusesJSON(string(nested(maxDepth+1)), `{"a":`+strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth)+`}`)
}

func jsonRefusesNoObject(t *test) {
	t.refusesJSON(`[]`, `"text"`, `1`, `null`, `true`, `[{}]`)
}

func jsonRefusesNoJSON(t *test) {
	t.refusesJSON("", " ", `{`, `}`, `{}{}`, `{} x`, `{"a":1,}`, `{'a':1}`, `{a:1}`, `{"a":01}`, `{"a":.5}`, `{"a":+1}`,
		`{"a":1.}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":tru}`, "{\"a\":\"\n\"}",
		"{\"a\":\"\x00\"}", "\ufeff{}", `{"a":1}/**/`, `{"a" 1}`, `{"a":[1 2]}`)
}

func jsonRefusesInvalidUTF8(t *test) {
	t.refusesJSON("{\"a\":\"\xff\"}", "{\"\xc3\x28\":1}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}")
}

// refusesJSON checks that none of the texts can be an event's data or its metadata.
func (t *test) refusesJSON(texts ...string) {
	t.Helper()
	before := t.state()
	for _, text := range texts {
		data, metadata := newEvent(), newEvent()
		data.EventData = json.RawMessage(text)
		metadata.EventMetadata = json.RawMessage(text)
		_, err := t.events.Save(t.ctx, data)
		t.wantInvalid(err, "Events.Save", "event_data")
		_, err = t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), metadata})
		t.wantInvalid(err, "Events.SaveBatch", "events[1].event_metadata")
		if t.Failed() {
			t.Fatalf("for the text %s", excerpt(text, 0))
		}
	}
	t.wantState(before)
}

func jsonRequiresData(t *test) {
	event := newEvent()
	event.EventData = nil
	_, err := t.events.Save(t.ctx, event)
	t.wantInvalid(err, "Events.Save", "event_data")
}

func jsonHoldsTheDefaultLimit(t *test) {
	event := newEvent()
	event.EventData = object(driver.DefaultMaxPayload + 1)
	_, err := t.events.Save(t.ctx, event)
	t.wantInvalid(err, "Events.Save", "event_data")
}

func jsonHoldsASetLimit(t *test) {
	const limit = 64
	own := t.alone(driver.WithMaxPayload(limit))
	for _, spoil := range []struct {
		field string
		set   func(*driver.Event, json.RawMessage)
	}{
		{"event_data", func(e *driver.Event, text json.RawMessage) { e.EventData = text }},
		{"event_metadata", func(e *driver.Event, text json.RawMessage) { e.EventMetadata = text }},
	} {
		event := newEvent()
		spoil.set(&event, object(limit))
		own.save(event)
		spoil.set(&event, object(limit+1))
		_, err := own.events.Save(own.ctx, event)
		own.wantInvalid(err, "Events.Save", spoil.field)
		_, err = own.events.SaveBatch(own.ctx, []driver.Event{event})
		own.wantInvalid(err, "Events.SaveBatch", fmt.Sprintf("events[0].%s", spoil.field))
	}
}
