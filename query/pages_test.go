package query

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

// Whatever the sizes of events, an iterator yields each once and in order, and no page that it keeps is larger
// than it may be, unless it is a single event.
func TestPagesYieldAllEventsAndStaySmall(t *testing.T) {
	large := json.RawMessage(make([]byte, 3*pageBytes))
	rapid.Check(t, func(t *rapid.T) {
		sizes := make([]int, 0, 3000)
		for range rapid.IntRange(0, 6).Draw(t, "runs") { // of events that are alike
			bytes := rapid.OneOf(rapid.IntRange(0, 20_000), rapid.IntRange(0, len(large))).Draw(t, "bytes")
			sizes = append(sizes, slices.Repeat([]int{bytes}, rapid.IntRange(1, 500).Draw(t, "events"))...)
		}
		size := rapid.IntRange(1, driver.MaxLimit).Draw(t, "page size")
		reads, refused, yielded := 0, 0, 0
		for event, err := range pages(size, func(last *driver.Event, p *page) (found []driver.Event, _ error) {
			from := 0
			if last != nil {
				from = int(last.Position) + 1
			}
			if p.limit < 1 || p.limit > size {
				t.Fatalf("a page of %d events is asked for, expected 1 to %d", p.limit, size)
			}
			for i := from; i < min(len(sizes), from+p.limit); i++ {
				p.bytes += sizes[i]
				found = append(found, driver.Event{Position: int64(i), EventData: large[:sizes[i]]})
			}
			reads++
			if p.bytes > p.allowed {
				refused++
				return nil, nil
			}
			if p.bytes > pageBytes && len(found) > 1 {
				t.Fatalf("a page has %d bytes in %d events, expected up to %d bytes", p.bytes, len(found), pageBytes)
			}
			return found, nil
		}) {
			if err != nil || event.Position != int64(yielded) {
				t.Fatalf("got event %d (error %v), expected event %d", event.Position, err, yielded)
			}
			yielded++
		}
		if yielded != len(sizes) {
			t.Fatalf("yielded %d events, expected %d", yielded, len(sizes))
		}
		if refused > reads/2+14 { // 14 halvings of the largest page
			t.Fatalf("%d of %d pages were too large to be kept, expected fewer", refused, reads)
		}
	})
}
