package archive

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// summary gathers what a manifest tells of the events.
type summary struct {
	count, rawBytes, longestLine int64
	first, last                  int64
	from, to                     time.Time
	types                        distinct[string]
	contexts                     distinct[uuid.UUID]
}

// add adds an event whose line has so many bytes. It reports a position that does not rise.
func (s *summary) add(event *driver.Event, lineBytes int) error {
	if event.Position <= s.last {
		return &driver.InvalidError{Field: "position", Reason: "is not above that of the event before"}
	}
	if s.count == 0 {
		s.first, s.from, s.to = event.Position, event.OccurredAt, event.OccurredAt
	}
	s.count++
	s.rawBytes += int64(lineBytes)
	s.longestLine = max(s.longestLine, int64(lineBytes))
	s.last = event.Position
	if event.OccurredAt.Before(s.from) {
		s.from = event.OccurredAt
	}
	if event.OccurredAt.After(s.to) {
		s.to = event.OccurredAt
	}
	s.types.add(event.EventType)
	if event.ContextID != nil {
		s.contexts.add(*event.ContextID)
	}
	return nil
}

// describe puts the summary into a manifest.
func (s *summary) describe(m *Manifest) {
	m.EventCount, m.RawBytes, m.LongestLine = s.count, s.rawBytes, s.longestLine
	m.FirstPosition, m.LastPosition = s.first, s.last
	m.EventsFrom, m.EventsTo = s.from.UTC(), s.to.UTC()
	m.EventTypes, m.EventTypesTruncated = s.types.sorted(strings.Compare), s.types.truncated
	m.ContextIDs, m.ContextIDsTruncated = s.contexts.sorted(compareIDs), s.contexts.truncated
}

// difference names what of a manifest is not what the events are; "" if all is.
func (s *summary) difference(m *Manifest) string {
	var real Manifest
	s.describe(&real)
	switch {
	case real.EventCount != m.EventCount:
		return "the number of events"
	case real.RawBytes != m.RawBytes || real.LongestLine != m.LongestLine:
		return "the length of the lines"
	case real.FirstPosition != m.FirstPosition || real.LastPosition != m.LastPosition:
		return "the positions"
	case !real.EventsFrom.Equal(m.EventsFrom) || !real.EventsTo.Equal(m.EventsTo):
		return "the times"
	case !slices.Equal(real.EventTypes, m.EventTypes) || real.EventTypesTruncated != m.EventTypesTruncated:
		return "the event types"
	case !slices.Equal(real.ContextIDs, m.ContextIDs) || real.ContextIDsTruncated != m.ContextIDsTruncated:
		return "the contexts"
	}
	return ""
}

// distinct is the first MaxManifestList values of those that were added, each once.
type distinct[T comparable] struct {
	seen      map[T]struct{}
	truncated bool
}

func (d *distinct[T]) add(value T) {
	if _, seen := d.seen[value]; seen {
		return
	}
	if len(d.seen) == MaxManifestList {
		d.truncated = true
		return
	}
	if d.seen == nil {
		d.seen = map[T]struct{}{}
	}
	d.seen[value] = struct{}{}
}

// sorted is never nil.
func (d *distinct[T]) sorted(compare func(a, b T) int) []T {
	values := slices.AppendSeq([]T{}, maps.Keys(d.seen))
	slices.SortFunc(values, compare)
	return values
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
