package conformance

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/neomultitenant/neoevents/driver"
)

var eventPayloads = area{name: "Events/RealPayloads", behaviours: []behaviour{
	{"ComeBackByteForByte", payloadsByteForByte},
}}

// payloadsByteForByte saves webhooks that GitHub sent, which nobody wrote with this library in mind.
func payloadsByteForByte(t *test) {
	given := t.realEvents()
	saved := t.saveAll(given)
	found, err := t.events.GetUnprocessed(t.ctx, driver.MaxLimit)
	t.ok(err)
	t.sameEvents("the queue", found, saved)
	for i := range found {
		if string(found[i].EventData) != string(given[i].EventData) {
			t.Errorf("event %d: the data differs from what was given", i)
		}
	}
}

func (t *test) realEvents() []driver.Event {
	t.Helper()
	path := t.find(filepath.Join("shared", "data", "github-webhooks.jsonl"))
	file, err := os.Open(path)
	t.ok(err)
	defer file.Close()

	var events []driver.Event
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			EventType string          `json:"event_type"`
			EventName string          `json:"event_name"`
			Payload   json.RawMessage `json:"payload"`
		}
		t.ok(json.Unmarshal(lines.Bytes(), &line))
		event := newEvent()
		event.EventType, event.EventName, event.EventData = line.EventType, line.EventName, line.Payload
		events = append(events, event)
	}
	t.ok(lines.Err())
	return events
}

// find returns the path of a file below the working directory or one above it, or skips the test.
func (t *test) find(name string) string {
	t.Helper()
	dir, err := os.Getwd()
	t.ok(err)
	for {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if dir == filepath.Dir(dir) {
			t.Skipf("the sample data %s is not here", name)
		}
		dir = filepath.Dir(dir)
	}
}
