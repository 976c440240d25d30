package archive

import (
	"bytes"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// checkEvent reports what keeps an event from being a line, as a driver.InvalidError: what breaks a
// rule of driver.Event, and what a stored event has and this one lacks. It never holds a value.
func checkEvent(event *driver.Event) error {
	switch {
	case event.ID == uuid.Nil:
		return &driver.InvalidError{Field: "id", Reason: "is required"}
	case event.Position < 1:
		return &driver.InvalidError{Field: "position", Reason: "must be 1 or more"}
	case event.AggregateVersion < 1:
		return &driver.InvalidError{Field: "aggregate_version", Reason: "must be 1 or more"}
	case event.EventMetadata == nil:
		return &driver.InvalidError{Field: "event_metadata", Reason: "is required"}
	}
	if err := checkTime("occurred_at", event.OccurredAt); err != nil {
		return err
	}
	if err := checkTime("created_at", event.CreatedAt); err != nil {
		return err
	}
	if event.ProcessedAt != nil {
		if err := checkTime("processed_at", *event.ProcessedAt); err != nil {
			return err
		}
	}
	prepared := *event // Prepare checks it for saving, and clears what saving assigns
	return prepared.Prepare(driver.MaxPayloadLimit)
}

// checkTime reports a time that a line can't spell exactly.
func checkTime(field string, t time.Time) error {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return &driver.InvalidError{Field: field, Reason: "must be in the years 1 to 9999"}
	}
	if t.Nanosecond()%1000 != 0 {
		return &driver.InvalidError{Field: field, Reason: "must be whole microseconds"}
	}
	return nil
}

// appendEvent appends the line of an event that checkEvent takes, with its line end.
func appendEvent(line []byte, event *driver.Event) []byte {
	line = appendID(append(line, `{"id":`...), event.ID)
	line = strconv.AppendInt(append(line, `,"position":`...), event.Position, 10)
	line = appendText(append(line, `,"event_type":`...), event.EventType)
	line = appendText(append(line, `,"event_name":`...), event.EventName)
	line = appendText(append(line, `,"aggregate_type":`...), event.AggregateType)
	line = appendID(append(line, `,"aggregate_id":`...), event.AggregateID)
	line = strconv.AppendInt(append(line, `,"aggregate_version":`...), event.AggregateVersion, 10)
	line = appendJSON(line, `,"event_data`, event.EventData)
	line = appendJSON(line, `,"event_metadata`, event.EventMetadata)
	line = appendOptionalID(append(line, `,"correlation_id":`...), event.CorrelationID)
	line = appendOptionalID(append(line, `,"causation_id":`...), event.CausationID)
	line = appendOptionalID(append(line, `,"triggered_by_user_id":`...), event.TriggeredByUserID)
	line = appendOptionalID(append(line, `,"context_id":`...), event.ContextID)
	line = appendTime(append(line, `,"occurred_at":`...), event.OccurredAt)
	line = appendTime(append(line, `,"created_at":`...), event.CreatedAt)
	line = append(line, `,"processed_at":`...)
	if event.ProcessedAt == nil {
		line = append(line, "null"...)
	} else {
		line = appendTime(line, *event.ProcessedAt)
	}
	return append(line, "}\n"...)
}

// appendJSON appends a field with the bytes of value as they are, or with a string of them if they
// hold a line break.
func appendJSON(line []byte, name string, value []byte) []byte {
	line = append(line, name...)
	if !holdsLineBreak(value) {
		return append(append(line, `":`...), value...)
	}
	return appendText(append(line, `_text":`...), value)
}

func holdsLineBreak(value []byte) bool {
	return bytes.IndexByte(value, '\n') >= 0 || bytes.IndexByte(value, '\r') >= 0
}

func appendID(line []byte, id uuid.UUID) []byte {
	line = append(line, `"00000000-0000-0000-0000-000000000000"`...)
	text := line[len(line)-idBytes:]
	at := 1
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			at++
		}
		text[at], text[at+1] = hexDigits[b>>4], hexDigits[b&15]
		at += 2
	}
	return line
}

// idBytes is how long an id is in a line, with its quotes.
const idBytes = 38

const hexDigits = "0123456789abcdef"

func appendOptionalID(line []byte, id *uuid.UUID) []byte {
	if id == nil {
		return append(line, "null"...)
	}
	return appendID(line, *id)
}

const timeLayout = `"2006-01-02T15:04:05.000000Z"`

func appendTime(line []byte, t time.Time) []byte { return t.UTC().AppendFormat(line, timeLayout) }

// appendText appends a JSON string: only what must be escaped is.
func appendText[T ~string | ~[]byte](line []byte, text T) []byte {
	line = append(line, '"')
	plain := 0 // up to here it is in the line
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		line = append(line, text[plain:i]...)
		line = appendEscape(line, c)
		plain = i + 1
	}
	line = append(line, text[plain:]...)
	return append(line, '"')
}

func appendEscape(line []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(line, '\\', c)
	case '\n':
		return append(line, `\n`...)
	case '\r':
		return append(line, `\r`...)
	case '\t':
		return append(line, `\t`...)
	}
	return append(line, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
