package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

func TestLargePayloadsComeBack(t *testing.T) {
	sizes := []int{driver.DefaultMaxPayload, 40 << 20} // the default limit, and one that the app raised
	if testing.Short() {
		sizes = []int{driver.DefaultMaxPayload / 8}
	}
	bothWays(t, func(t *testing.T, a archived) {
		events := newEvents(2 * len(sizes))
		for i, size := range sizes {
			filling := bytes.Repeat([]byte(`\"n \u0000`), size/10)
			events[2*i].EventData = slices.Concat([]byte(`{"a":"`), filling, []byte(`"}`))
			events[2*i+1].EventData = slices.Concat([]byte("{\n"+`"a":"`), filling, []byte(`"}`))
		}
		m := a.write(t, events)
		read := 0
		for event, err := range readFile(t.Context(), a.storage, m, a.options.keys) {
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(event.EventData, events[read].EventData) {
				t.Errorf("event %d: got %d bytes, want the %d that were written", read, len(event.EventData), len(events[read].EventData))
			}
			read++
		}
		if read != len(events) {
			t.Errorf("got %d events, want %d", read, len(events))
		}
	})
}

// However many events there are, only one of them is held.
func TestMemoryDoesNotGrowWithTheNumberOfEvents(t *testing.T) {
	count := 100
	if testing.Short() {
		count = 50
	}
	const size, most = 1 << 20, 25 << 20 // most is far below count × size
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	bothWays(t, func(t *testing.T, a archived) {
		a.storage = discarding{}
		before, peak := heap(), uint64(0)
		events := func(yield func(driver.Event, error) bool) {
			template := newEvents(1)[0]
			for i := range count {
				event := template
				event.Position, event.EventData = int64(i+1), fmt.Appendf(nil, `{"n":"%0*d"}`, size, i)
				if !yield(event, nil) {
					return
				}
				if i%10 == 9 {
					peak = max(peak, heap())
				}
			}
		}
		if _, err := writeFile(t.Context(), a.storage, a.name, events, a.options); err != nil {
			t.Fatal(err)
		}
		if peak > before+most {
			t.Errorf("writing: got %d bytes more in use, want %d at most", peak-before, most)
		}
		a.storage = newMemory()
		m, err := writeFile(t.Context(), a.storage, a.name, events, a.options)
		if err != nil {
			t.Fatal(err)
		}
		before, peak = heap(), 0
		read := 0
		for _, err := range readFile(t.Context(), a.storage, m, a.options.keys) {
			if err != nil {
				t.Fatal(err)
			}
			if read++; read%10 == 0 {
				peak = max(peak, heap())
			}
		}
		if peak > before+most {
			t.Errorf("reading: got %d bytes more in use, want %d at most", peak-before, most)
		}
	})
}

// discarding is a Storage that keeps nothing.
type discarding struct{ Storage }

func (discarding) Create(context.Context, string) (Writer, error) {
	return discardingWriter{io.Discard}, nil
}

type discardingWriter struct{ io.Writer }

func (discardingWriter) Commit() error { return nil }
func (discardingWriter) Abort() error  { return nil }
