package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// source makes events from templates, taking them in turn.
type source struct {
	templates []driver.Event
	next      int
	about     string // for the report
}

// newSource returns the source of events that cfg asks for.
func newSource(cfg config) (*source, error) {
	if cfg.input == "" {
		templates := generate(cfg)
		return &source{templates: templates, about: fmt.Sprintf("generated payloads, %s, seed %d", sizesAbout(cfg.payload), cfg.seed)}, nil
	}
	templates, err := readTemplates(cfg.input)
	if err != nil {
		return nil, err
	}
	return &source{templates: templates, about: fmt.Sprintf("%s, %s events", cfg.input, grouped(len(templates)))}, nil
}

// take returns n new events. They belong to so many aggregates in turn or, if that is 0, each is
// the first of an aggregate of its own.
func (s *source) take(n, aggregates int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = s.templates[s.next%len(s.templates)]
		events[i].ID = uuid.Must(uuid.NewV7())
		s.next++
	}
	if aggregates == 0 {
		aggregates = n
	}
	share(events, aggregates)
	return events
}

// share gives the events to so many new aggregates in turn, and numbers them in each.
func share(events []driver.Event, aggregates int) {
	for i := range events {
		if i < aggregates {
			events[i].AggregateID, events[i].AggregateVersion = uuid.New(), 1
			continue
		}
		before := &events[i-aggregates]
		events[i].AggregateID, events[i].AggregateVersion = before.AggregateID, before.AggregateVersion+1
	}
}

// maxLine is the longest line of an input file: the longest payload and its type.
const maxLine = driver.DefaultMaxPayload + 4096

// readTemplates reads JSON Lines. Its errors name the file and the line.
func readTemplates(path string) ([]driver.Event, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	var templates []driver.Event
	number := 0
	for lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		template, err := parseTemplate(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		templates = append(templates, template)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d: is longer than %d bytes", path, number+1, maxLine)
	case err != nil:
		return nil, err
	case len(templates) == 0:
		return nil, fmt.Errorf("%s has no events", path)
	}
	return templates, nil
}

// parseTemplate reads one line and checks it by the rules for events.
func parseTemplate(line []byte) (driver.Event, error) {
	var fields struct {
		EventType string          `json:"event_type"`
		EventName string          `json:"event_name"`
		Payload   json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return driver.Event{}, err
	}
	if fields.Payload == nil {
		return driver.Event{}, errors.New("payload is missing")
	}
	template := newTemplate(fields.EventType, fields.EventName, fields.Payload)
	check := template
	check.AggregateID = uuid.Max // any will do
	err := reason(check.Validate())
	if invalid := (*driver.InvalidError)(nil); errors.As(err, &invalid) && invalid.Field == "event_data" {
		err = fmt.Errorf("payload %s", invalid.Reason)
	}
	return template, err
}

// newTemplate returns an event that lacks what take fills in.
func newTemplate(eventType, eventName string, payload json.RawMessage) driver.Event {
	return driver.Event{
		EventType:     eventType,
		EventName:     eventName,
		AggregateType: "Subject",
		EventData:     payload,
	}
}
