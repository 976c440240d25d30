package payloads

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/neomultitenant/neoevents/driver"
)

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
	template := Template(fields.EventType, fields.EventName, fields.Payload)
	return template, check(template)
}
