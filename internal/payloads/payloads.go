// Package payloads makes the events that benchmarks work with: from a file of real ones, or generated.
package payloads

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/figures"
)

// Source makes events from templates, taking them in turn.
type Source struct {
	// About says what the events are made from, for a report.
	About string

	templates []driver.Event
	next      int
}

// FromFile returns a source of the events of a JSON Lines file, event_type, event_name and payload each.
func FromFile(path string) (*Source, error) {
	templates, err := readTemplates(path)
	if err != nil {
		return nil, err
	}
	return &Source{templates: templates, About: fmt.Sprintf("%s, %s events", path, figures.Grouped(len(templates)))}, nil
}

// Generated returns a source of payloads that follow from the seed, of so many bytes each, MinSize at
// least, or if that is 0 of sizes as real webhooks have them. There are no more than events different
// ones.
func Generated(events, size int, seed uint64) *Source {
	return &Source{templates: generate(events, size, seed), About: fmt.Sprintf("generated payloads, %s, seed %d", sizesAbout(size), seed)}
}

// Fixed returns a source of events that all have the same payload.
func Fixed(payload json.RawMessage) (*Source, error) {
	template := Template("order.placed", "Order placed", payload)
	return &Source{templates: []driver.Event{template}, About: "one payload, " + string(payload)}, check(template)
}

// Take returns n new events. They belong to so many aggregates in turn or, if that is 0, each is
// the first of an aggregate of its own.
func (s *Source) Take(n, aggregates int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = s.At(s.next)
		events[i].ID = uuid.Must(uuid.NewV7())
		s.next++
	}
	if aggregates == 0 {
		aggregates = n
	}
	Share(events, aggregates)
	return events
}

// Taken is how many events were taken.
func (s *Source) Taken() int { return s.next }

// At returns the template of the i-th event, counted from 0.
func (s *Source) At(i int) driver.Event { return s.templates[i%len(s.templates)] }

// Share gives the events to so many new aggregates in turn, and numbers them in each.
func Share(events []driver.Event, aggregates int) {
	for i := range events {
		if i < aggregates {
			events[i].AggregateID, events[i].AggregateVersion = uuid.New(), 1
			continue
		}
		before := &events[i-aggregates]
		events[i].AggregateID, events[i].AggregateVersion = before.AggregateID, before.AggregateVersion+1
	}
}

// Template returns an event that lacks what Take fills in.
func Template(eventType, eventName string, payload json.RawMessage) driver.Event {
	return driver.Event{
		EventType:     eventType,
		EventName:     eventName,
		AggregateType: "Subject",
		EventData:     payload,
	}
}

// check checks a template by the rules for events. Its errors speak of the payload, as files do.
func check(template driver.Event) error {
	template.AggregateID = uuid.Max // any will do
	err := template.Validate()
	switch invalid := (*driver.InvalidError)(nil); {
	case !errors.As(err, &invalid):
		return err
	case invalid.Field == "event_data":
		return fmt.Errorf("payload %s", invalid.Reason)
	default:
		return invalid // without the words around it
	}
}
