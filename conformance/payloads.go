package conformance

import (
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/webhooks"
)

var eventPayloads = area{name: "Events/RealPayloads", outside: true, behaviours: []behaviour{
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
	var events []driver.Event
	for _, webhook := range webhooks.Read(t) {
		event := newEvent()
		event.EventType, event.EventName, event.EventData = webhook.EventType, webhook.EventName, webhook.Payload
		events = append(events, event)
	}
	return events
}
