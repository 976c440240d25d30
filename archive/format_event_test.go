package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

func TestAnyEventComesBackFromItsLineAsItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		event := storedEvents().Draw(rt, "event")
		if err := checkEvent(&event); err != nil {
			rt.Fatalf("the event is refused: %v", err)
		}
		line := appendEvent([]byte("before"), &event)[len("before"):]
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		if !ended || bytes.ContainsAny(text, "\r\n") {
			rt.Fatalf("got %q, want one line", line)
		}
		if !json.Valid(text) {
			rt.Fatalf("got %q, want JSON", text)
		}
		got, err := parseEvent(text)
		if err != nil || !reflect.DeepEqual(got, event) {
			rt.Fatalf("from %q\ngot  %+v (%v)\nwant %+v", text, got, err, event)
		}
	})
}

// Whoever reads a line with a JSON decoder, as jq does, finds what driver.Event has under its names.
func TestALineIsWhatOtherDecodersTakeForTheEvent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		event := storedEvents().Draw(rt, "event")
		var got struct {
			driver.Event
			EventDataText     *string `json:"event_data_text"`
			EventMetadataText *string `json:"event_metadata_text"`
		}
		decoder := json.NewDecoder(bytes.NewReader(appendEvent(nil, &event)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil {
			rt.Fatal(err)
		}
		for _, field := range []struct {
			text *string
			json *json.RawMessage
			want *json.RawMessage
		}{{got.EventDataText, &got.EventData, &event.EventData}, {got.EventMetadataText, &got.EventMetadata, &event.EventMetadata}} {
			if holdsLineBreak(*field.want) {
				if field.text == nil || *field.json != nil {
					rt.Fatalf("%q is not in the field for text alone", *field.want)
				}
				*field.json = json.RawMessage(*field.text)
			} else {
				*field.want = bytes.TrimSpace(*field.want) // the decoder leaves that out
			}
		}
		if !reflect.DeepEqual(got.Event, event) {
			rt.Fatalf("got  %+v\nwant %+v", got.Event, event)
		}
	})
}

func TestOnlyALineBreakMakesAPayloadText(t *testing.T) {
	for payload, text := range map[string]bool{
		`{}`: false, " \t{ \t} \t": false, `{"a":"\n\r"}`: false, "{\"\u2028\u0085\":\"\x7f\"}": false,
		"{\n}": true, "{\r}": true, "\n{}": true, "\r{}": true, "{}\n": true, "{}\r": true, "{\r\n \"a\":1}": true,
	} {
		for field, set := range map[string]func(*driver.Event){
			"event_data":     func(e *driver.Event) { e.EventData = []byte(payload) },
			"event_metadata": func(e *driver.Event) { e.EventMetadata = []byte(payload) },
		} {
			event := newEvents(1)[0]
			set(&event)
			line := bytes.TrimSuffix(appendEvent(nil, &event), []byte("\n"))
			if got := bytes.Contains(line, []byte(`"`+field+`_text":"`)); got != text || bytes.ContainsAny(line, "\r\n") {
				t.Errorf("%q as %s: got the line %q, want the payload as text: %t", payload, field, line, text)
			}
			if got, err := parseEvent(line); err != nil || !reflect.DeepEqual(got, event) {
				t.Errorf("%q as %s: got %+v (%v), want what it was", payload, field, got, err)
			}
		}
	}
}

// What is stored must be read for ever: this line is never to be changed.
func TestTheLineOfAnEvent(t *testing.T) {
	id := func(last byte) uuid.UUID { return uuid.UUID{0x01, 0x92, 0xab, 0xcd, 0xef, 15: last} }
	event := driver.Event{
		ID: id(1), Position: math.MaxInt64, EventType: "order.placed", EventName: "\"Öl\"\t\\ <&>\u2028\x1f", AggregateType: "Order", AggregateID: id(2), AggregateVersion: 3,
		EventData: []byte(` {"a" : 1.0e+2, "a":"\u0000\/"} `), EventMetadata: []byte("{\r\n\t\"b\":\"\\n\"}"),
		CorrelationID: new(id(4)), ContextID: new(id(0)),
		OccurredAt: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), CreatedAt: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		ProcessedAt: new(time.Date(2026, 1, 2, 4, 4, 5, 100000, time.FixedZone("", 3600))),
	}
	want := `{"id":"0192abcd-ef00-0000-0000-000000000001","position":9223372036854775807,"event_type":"order.placed","event_name":"\"Öl\"\t\\ <&>` + "\u2028" + `\u001f",` +
		`"aggregate_type":"Order","aggregate_id":"0192abcd-ef00-0000-0000-000000000002","aggregate_version":3,` +
		`"event_data": {"a" : 1.0e+2, "a":"\u0000\/"} ,"event_metadata_text":"{\r\n\t\"b\":\"\\n\"}",` +
		`"correlation_id":"0192abcd-ef00-0000-0000-000000000004","causation_id":null,"triggered_by_user_id":null,"context_id":"0192abcd-ef00-0000-0000-000000000000",` +
		`"occurred_at":"0001-01-01T00:00:00.000000Z","created_at":"9999-12-31T23:59:59.999999Z","processed_at":"2026-01-02T03:04:05.000100Z"}` + "\n"
	if got := string(appendEvent(nil, &event)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnEventThatIsNotFromAStoreIsRefused(t *testing.T) {
	for field, spoil := range map[string]func(*driver.Event){
		"id":                func(e *driver.Event) { e.ID = uuid.Nil },
		"position":          func(e *driver.Event) { e.Position = 0 },
		"event_type":        func(e *driver.Event) { e.EventType = "a b" },
		"event_name":        func(e *driver.Event) { e.EventName = "\xff" },
		"aggregate_type":    func(e *driver.Event) { e.AggregateType = "" },
		"aggregate_id":      func(e *driver.Event) { e.AggregateID = uuid.Nil },
		"aggregate_version": func(e *driver.Event) { e.AggregateVersion = 0 },
		"event_data":        func(e *driver.Event) { e.EventData = []byte(`{"a":}`) },
		"event_metadata":    func(e *driver.Event) { e.EventMetadata = nil },
		"occurred_at":       func(e *driver.Event) { e.OccurredAt = moment.Add(1) },
		"created_at":        func(e *driver.Event) { e.CreatedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"processed_at":      func(e *driver.Event) { e.ProcessedAt = new(moment.Add(999)) },
	} {
		event := newEvents(1)[0]
		spoil(&event)
		var invalid *driver.InvalidError
		if err := checkEvent(&event); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("got error %v, want a driver.InvalidError of %s", err, field)
		}
	}
}

// line is a line without its end, to be spoiled.
func line(t testing.TB) string {
	t.Helper()
	event := newEvents(1)[0]
	event.EventName, event.EventMetadata, event.ContextID = "A \"name\"", []byte("{\n}"), new(uuid.New())
	return strings.TrimSuffix(string(appendEvent(nil, &event)), "\n")
}

func TestALineThatWasNotWrittenHereIsRefused(t *testing.T) {
	good := line(t)
	if _, err := parseEvent([]byte(good)); err != nil {
		t.Fatal(err)
	}
	const canary = "c4nary"
	for _, change := range [][2]string{
		{`{"id":`, `{"id" :`},
		{`{"id":`, `{"ID":`},
		{`,"position":10`, ``},
		{`,"position":10`, `,"position":10,"` + canary + `":1`},
		{`"position":10`, `"position":010`},
		{`"position":10`, `"position":10.0`},
		{`"position":10`, `"position":"10"`},
		{`"position":10`, `"position":0`},
		{`"position":10`, `"position":-10`},
		{`"position":10`, `"position":99999999999999999999`},
		{`"position":10`, `"position":null`},
		{`"event_type":"order.placed.0"`, `"event_type":"` + canary + ` "`},
		{`"event_type":"order.placed.0"`, `"event_type":null`},
		{`"A \"name\""`, `"A \u0022name\u0022"`},
		{`"A \"name\""`, `"\u0041"`},
		{`"A \"name\""`, `"\/"`},
		{`"A \"name\""`, `"\u000a"`},
		{`"A \"name\""`, `"\u001F"`},
		{`"A \"name\""`, `"\u000"`},
		{`"A \"name\""`, "\"" + canary + "\xff\""},
		{`"A \"name\""`, "\"\t\""},
		{`"A \"name\""`, `"` + canary},
		{`"A \"name\""`, `"\`},
		{`"event_data":{"n": 0}`, `"event_data":{"n": }`},
		{`"event_data":{"n": 0}`, `"event_data":[]`},
		{`"event_data":{"n": 0}`, `"event_data":null`},
		{`"event_data":{"n": 0}`, `"event_data":"{}"`},
		{`"event_data":{"n": 0}`, `"event_data":{"` + canary + `": 0`},
		{`"event_data":{"n": 0}`, `"event_data":{"n": 0}}`},
		{`"event_data":{"n": 0}`, `"event_data":`},
		{`"event_data":{"n": 0}`, `"event_data_text":"{}"`},
		{`"event_data":{"n": 0}`, `"event_data_text":"{\n"`},
		{`"event_data":{"n": 0}`, `"event_data":{},"event_data_text":"{\n}"`},
		{`"event_metadata_text":"{\n}"`, `"event_metadata":"{\n}"`},
		{`,"event_metadata_text":"{\n}"`, ``},
		{`"causation_id":null`, `"causation_id":""`},
		{`"causation_id":null`, `"causation_id":"0192ABCD-ef00-0000-0000-000000000001"`},
		{`"causation_id":null`, `"causation_id":"{0192abcd-ef00-0000-0000-000000000001}"`},
		{`"causation_id":null`, `"causation_id":"0192abcdef0000000000000000000001"`},
		{`"causation_id":null`, `"causation_id":"0192abcd-ef00-0000-0000-00000000000g"`},
		{`"causation_id":null`, `"causation_id":'0192abcd-ef00-0000-0000-000000000001'`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":"2026-01-02T03:04:05,678901Z"`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":"2026-01-02T03:04:05.6789010Z"`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":"2026-01-02T03:04:05.67890Z"`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":"2026-02-30T03:04:05.678901Z"`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":"0000-01-02T03:04:05.678901Z"`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":"2026-01-02t03:04:05.678901z"`},
		{`"occurred_at":"2026-01-02T03:04:05.678901Z"`, `"occurred_at":null`},
		{`"processed_at":"2026-01-02T03:04:05.679901Z"}`, `"processed_at":NULL}`},
		{`"processed_at":"2026-01-02T03:04:05.679901Z"}`, `"processed_at":null} `},
		{`"processed_at":"2026-01-02T03:04:05.679901Z"}`, `"processed_at":null`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("the line has no %s", change[0])
		}
		_, err := parseEvent([]byte(bad))
		if err == nil {
			t.Errorf("%s for %s: got no error, want one", change[1], change[0])
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("the error repeats what is in the line: %v", err)
		}
	}
	for end := range len(good) {
		if _, err := parseEvent([]byte(good[:end])); err == nil {
			t.Errorf("the first %d bytes of a line: got no error, want one", end)
		}
	}
}

// A line that differs in any bit from one that was written is refused, or is the line of another
// event: nothing in it is passed over.
func TestEveryBitOfALineCounts(t *testing.T) {
	good := []byte(line(t))
	for at := range good {
		for bit := range 8 {
			bad := slices.Clone(good)
			bad[at] ^= 1 << bit
			wantItsOwnLine(t, bad)
		}
	}
}

// wantItsOwnLine wants a line refused, or the event from it to have exactly this line.
func wantItsOwnLine(t testing.TB, line []byte) {
	t.Helper()
	event, err := parseEvent(line)
	if err != nil {
		return
	}
	if again := appendEvent(nil, &event); string(again) != string(line)+"\n" {
		t.Errorf("got the event of the line\n%q\nfrom\n%q", again, line)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(line(f)))
	for _, event := range newEvents(3) {
		event.EventData = []byte(` {"a":["\"},",{}],"event_metadata":{}} `)
		f.Add(bytes.TrimSuffix(appendEvent(nil, &event), []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, line []byte) { wantItsOwnLine(t, line) })
}
