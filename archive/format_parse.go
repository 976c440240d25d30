package archive

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// parseEvent reads a line, without its end. It takes exactly what appendEvent makes, so that
// nothing that a line says can get lost. The event shares no memory with the line. An error tells
// the field, never a value.
func parseEvent(line []byte) (driver.Event, error) {
	var event driver.Event
	p := parser{rest: line}
	p.expect(`{"id":`)
	event.ID = p.id("id")
	p.expect(`,"position":`)
	event.Position = p.number("position")
	p.expect(`,"event_type":`)
	event.EventType = string(p.text("event_type"))
	p.expect(`,"event_name":`)
	event.EventName = string(p.text("event_name"))
	p.expect(`,"aggregate_type":`)
	event.AggregateType = string(p.text("aggregate_type"))
	p.expect(`,"aggregate_id":`)
	event.AggregateID = p.id("aggregate_id")
	p.expect(`,"aggregate_version":`)
	event.AggregateVersion = p.number("aggregate_version")
	event.EventData = p.json("event_data", `,"event_data`)
	event.EventMetadata = p.json("event_metadata", `,"event_metadata`)
	p.expect(`,"correlation_id":`)
	event.CorrelationID = p.optionalID("correlation_id")
	p.expect(`,"causation_id":`)
	event.CausationID = p.optionalID("causation_id")
	p.expect(`,"triggered_by_user_id":`)
	event.TriggeredByUserID = p.optionalID("triggered_by_user_id")
	p.expect(`,"context_id":`)
	event.ContextID = p.optionalID("context_id")
	p.expect(`,"occurred_at":`)
	event.OccurredAt = p.time("occurred_at")
	p.expect(`,"created_at":`)
	event.CreatedAt = p.time("created_at")
	p.expect(`,"processed_at":`)
	event.ProcessedAt = p.optionalTime("processed_at")
	p.expect(`}`)
	if len(p.rest) > 0 {
		p.fail("has more behind its event")
	}
	if p.failed != "" {
		return driver.Event{}, errors.New(p.failed)
	}
	if err := checkEvent(&event); err != nil {
		return driver.Event{}, err
	}
	return event, nil
}

// parser takes a line apart from its start. After a failure nothing it returns means anything.
type parser struct {
	rest   []byte
	failed string // the first failure
}

func (p *parser) fail(reason string) {
	if p.failed == "" {
		p.failed, p.rest = reason, nil
	}
}

// skip skips text if it comes next.
func (p *parser) skip(text string) bool {
	rest, found := bytes.CutPrefix(p.rest, []byte(text))
	p.rest = rest
	return found
}

// expect skips what the format has between values.
func (p *parser) expect(text string) {
	if !p.skip(text) {
		p.fail("does not have " + text + " where that belongs")
	}
}

// take returns the next so many bytes, or as many as there are.
func (p *parser) take(count int) []byte {
	count = min(count, len(p.rest))
	taken := p.rest[:count]
	p.rest = p.rest[count:]
	return taken
}

func (p *parser) id(field string) uuid.UUID {
	text := p.take(idBytes)
	var spelled [idBytes]byte
	if len(text) == idBytes {
		id, err := uuid.ParseBytes(text[1 : idBytes-1])
		if err == nil && bytes.Equal(appendID(spelled[:0], id), text) {
			return id
		}
	}
	p.fail(field + " is not an id")
	return uuid.Nil
}

func (p *parser) optionalID(field string) *uuid.UUID {
	if p.skip("null") {
		return nil
	}
	id := p.id(field)
	return &id
}

func (p *parser) number(field string) int64 {
	end := 0
	for end < len(p.rest) && '0' <= p.rest[end] && p.rest[end] <= '9' {
		end++
	}
	text := string(p.take(end))
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '0' {
		p.fail(field + " is not a number of 1 or more")
	}
	return number
}

func (p *parser) time(field string) time.Time {
	text := p.take(len(timeLayout))
	var spelled [len(timeLayout)]byte
	t, err := time.Parse(timeLayout, string(text))
	if err != nil || !bytes.Equal(appendTime(spelled[:0], t), text) {
		p.fail(field + " is not a time in UTC with microseconds")
	}
	return t
}

func (p *parser) optionalTime(field string) *time.Time {
	if p.skip("null") {
		return nil
	}
	t := p.time(field)
	return &t
}

// json reads what appendJSON wrote. Whether it is valid JSON is for checkEvent.
func (p *parser) json(field, name string) []byte {
	p.expect(name)
	if p.skip(`_text":`) {
		text := p.text(field)
		if !holdsLineBreak(text) {
			p.fail(field + "_text has no need to be text")
		}
		return text
	}
	p.expect(`":`)
	end := objectEnd(p.rest)
	if end < 0 {
		p.fail(field + " is not a JSON object")
		return nil
	}
	return bytes.Clone(p.take(end))
}

// objectEnd returns the offset behind the JSON object that s begins with and the spaces behind
// that, or -1.
func objectEnd(s []byte) int {
	for i, depth := 0, 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			end := quoteAt(s, i+1)
			if end < 0 {
				return -1
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// quoteAt returns the offset of the quote that ends a string which s has from i on, or -1.
func quoteAt(s []byte, i int) int {
	for {
		found := bytes.IndexByte(s[i:], '"')
		if found < 0 {
			return -1
		}
		end := i + found
		backslashes := 0
		for end-backslashes > i && s[end-backslashes-1] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return end
		}
		i = end + 1
	}
}

// text reads what appendText wrote. The result may be a part of the line.
func (p *parser) text(field string) []byte {
	if !p.skip(`"`) {
		p.fail(field + " is not a string")
		return nil
	}
	escaped := p.take(stringEnd(p.rest))
	if !p.skip(`"`) {
		p.fail(field + " is not a string")
		return nil
	}
	if bytes.IndexByte(escaped, '\\') < 0 {
		return escaped
	}
	text := make([]byte, 0, len(escaped))
	for len(escaped) > 0 {
		plain := bytes.IndexByte(escaped, '\\')
		if plain < 0 {
			return append(text, escaped...)
		}
		text = append(text, escaped[:plain]...)
		c, length := unescape(escaped[plain:])
		if length == 0 {
			p.fail(field + " has an escape that is not written here")
			return nil
		}
		text = append(text, c)
		escaped = escaped[plain+length:]
	}
	return text
}

// stringEnd returns the offset of the quote that ends a string, or of what can't be in one.
func stringEnd(s []byte) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c < ' ':
			return i
		case c == '\\':
			i++
		}
	}
	return len(s)
}

// unescape returns the byte that the escape at the start of s stands for, and its length: 0 if
// appendEscape makes no such.
func unescape(s []byte) (c byte, length int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\':
		return s[1], 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	for c := byte(0); c < ' '; c++ {
		var spelled [6]byte
		if escape := appendEscape(spelled[:0], c); bytes.HasPrefix(s, escape) {
			return c, len(escape)
		}
	}
	return 0, 0
}
