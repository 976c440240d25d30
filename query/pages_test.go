package query

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

// Whatever the sizes of events, and in whatever order a page of them arrives, an iterator yields each once and in
// order, and no page holds more than it may, unless that is a single event.
func TestPagesYieldAllEventsAndStaySmall(t *testing.T) {
	large := json.RawMessage(make([]byte, 3*pageBytes))
	rapid.Check(t, func(t *rapid.T) {
		sizes := make([]int, 0, 3000)
		for range rapid.IntRange(0, 6).Draw(t, "runs") { // of events that are alike
			bytes := rapid.OneOf(rapid.IntRange(0, 20_000), rapid.IntRange(0, len(large))).Draw(t, "bytes")
			sizes = append(sizes, slices.Repeat([]int{bytes}, rapid.IntRange(1, 500).Draw(t, "events"))...)
		}
		size := rapid.IntRange(1, driver.MaxLimit).Draw(t, "page size")
		shuffled := rapid.Bool().Draw(t, "shuffled")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		read, yielded := 0, 0
		for event, err := range pages(size, func(last *driver.Event, p *page) ([]driver.Event, error) {
			from := 0
			if last != nil {
				from = int(last.Position) + 1
			}
			if p.limit < 1 || p.limit > size {
				t.Fatalf("a page of %d events is asked for, expected 1 to %d", p.limit, size)
			}
			arriving := make([]driver.Event, 0, p.limit)
			for i := from; i < min(len(sizes), from+p.limit); i++ {
				arriving = append(arriving, driver.Event{Position: int64(i), EventData: large[:sizes[i]]})
			}
			if shuffled {
				p.order = byPosition
				rng.Shuffle(len(arriving), func(i, j int) { arriving[i], arriving[j] = arriving[j], arriving[i] })
			}
			for _, event := range arriving {
				p.add(event)
				if p.bytes > pageBytes && len(p.events) > 1 {
					t.Fatalf("a page has %d bytes in %d events, expected up to %d bytes", p.bytes, len(p.events), pageBytes)
				}
			}
			read += len(arriving)
			slices.SortFunc(p.events, byPosition)
			return p.events, nil
		}) {
			if err != nil || event.Position != int64(yielded) {
				t.Fatalf("got event %d (error %v), expected event %d", event.Position, err, yielded)
			}
			yielded++
		}
		if yielded != len(sizes) {
			t.Fatalf("yielded %d events, expected %d", yielded, len(sizes))
		}
		if read > 3*len(sizes)+firstPage {
			t.Fatalf("read %d events to yield %d, expected hardly more than twice as many", read, yielded)
		}
	})
}
