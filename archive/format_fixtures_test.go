package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/webhooks"
)

// memory is a Storage in memory. objects may be read and changed while nothing else is done with it.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	failing error // of every Write
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}} }

func (m *memory) Location() string { return "memory:" }

func (m *memory) Create(_ context.Context, name string) (Writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.objects[name]; taken {
		return nil, driver.ErrAlreadyExists
	}
	return &memoryWriter{memory: m, name: name}, nil
}

func (m *memory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, there := m.objects[name]
	if !there {
		return nil, &driver.Error{Kind: ErrMissing}
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, name := range slices.Sorted(maps.Keys(m.objects)) {
			if strings.HasPrefix(name, prefix) && !yield(Object{name, int64(len(m.objects[name]))}, nil) {
				return
			}
		}
	}
}

type memoryWriter struct {
	bytes.Buffer
	memory *memory
	name   string
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	if err := w.memory.failing; err != nil {
		return 0, err
	}
	return w.Buffer.Write(p)
}

func (w *memoryWriter) Commit() error {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	if _, taken := w.memory.objects[w.name]; taken {
		return driver.ErrAlreadyExists
	}
	w.memory.objects[w.name] = w.Bytes()
	return nil
}

func (w *memoryWriter) Abort() error { return nil }

// moment is some time, with microseconds.
var moment = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// newEvents are events with nothing special in them.
func newEvents(count int) []driver.Event {
	var events []driver.Event
	for i := range count {
		at := moment.Add(time.Duration(i) * time.Second)
		processed := at.Add(time.Millisecond)
		events = append(events, driver.Event{
			ID: uuid.Must(uuid.NewV7()), Position: int64(i+1) * 10, EventType: fmt.Sprintf("order.placed.%d", i), AggregateType: "Order", AggregateID: uuid.New(),
			AggregateVersion: 1, EventData: fmt.Appendf(nil, `{"n": %d}`, i), EventMetadata: []byte(`{}`), OccurredAt: at, CreatedAt: at, ProcessedAt: &processed,
		})
	}
	return events
}

// realEvents have the real payloads.
func realEvents(t testing.TB) []driver.Event {
	sample := webhooks.Read(t)
	events := newEvents(len(sample))
	for i, webhook := range sample {
		events[i].EventType, events[i].EventName, events[i].EventData = webhook.EventType, webhook.EventName, webhook.Payload
		events[i].ContextID = new(uuid.New())
	}
	return events
}

func each(events []driver.Event) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		for _, event := range events {
			if !yield(event, nil) {
				return
			}
		}
	}
}

// newRing returns a key ring of keys whose bytes follow from a text, the first one the current.
func newRing(t testing.TB, keys ...driver.Key) *driver.KeyRing {
	t.Helper()
	ring, err := driver.NewKeyRing(keys[0], keys[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func newKey(id, text string) driver.Key {
	sum := sha256.Sum256([]byte(text))
	return driver.NewKey(id, sum[:])
}

// an archive is what the tests write and read.
type archived struct {
	storage Storage
	name    string
	options fileOptions
}

// newArchived returns options for a file that is encrypted, or is not.
func newArchived(t testing.TB, storage Storage, name string, encrypt bool) archived {
	opts := fileOptions{archiveID: uuid.Must(uuid.NewV7()), schema: "tenant_acme", encrypt: encrypt}
	if encrypt {
		opts.keys = newRing(t, newKey("2026", "the key"))
	}
	return archived{storage, name, opts}
}

// bothWays runs a test with a plain archive and with an encrypted one.
func bothWays(t *testing.T, run func(t *testing.T, a archived)) {
	for name, encrypt := range map[string]bool{"plain": false, "encrypted": true} {
		t.Run(name, func(t *testing.T) { run(t, newArchived(t, newMemory(), "tenant_acme/2026", encrypt)) })
	}
}

func (a archived) write(t testing.TB, events []driver.Event) Manifest {
	t.Helper()
	m, err := writeFile(context.Background(), a.storage, a.name, each(events), a.options)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// read reads the manifest and then the events.
func (a archived) read() ([]driver.Event, error) {
	m, err := readManifest(context.Background(), a.storage, a.name)
	if err != nil {
		return nil, err
	}
	var events []driver.Event
	for event, err := range readFile(context.Background(), a.storage, m, a.options.keys) {
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
	return events, nil
}

// verify reads the manifest and verifies the events.
func (a archived) verify() error {
	m, err := readManifest(context.Background(), a.storage, a.name)
	if err != nil {
		return err
	}
	return verifyFile(context.Background(), a.storage, m, a.options.keys)
}

func wantKind(t testing.TB, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got error %v, want one that is %v", what, err, kind)
	}
}

// Generators of whatever can be stored.

var (
	spaces   = rapid.SampledFrom([]string{"", "", "", " ", "\t", "\n", "\r", "\r\n", " \n\t "})
	noBreaks = rapid.SampledFrom([]string{"", "", " ", "\t"})
	strs     = rapid.SampledFrom([]string{`""`, `"a"`, `"\u0000"`, `"\n\r"`, `"é世界"`, `"\ud800"`, `"\\"`, `"\""`, `"},{\"event_metadata\":"`, "\"\u2028\x7f\"", `"\/<&>"`})
	numbers  = rapid.SampledFrom([]string{"0", "-0", "1E+02", "1.000", "1e400", "12345678901234567890123", "-1.5e-7"})
)

// jsonObjects generates JSON objects as text that nobody would write by hand.
func jsonObjects(space *rapid.Generator[string]) *rapid.Generator[string] {
	var value func(t *rapid.T, depth int) string
	members := func(t *rapid.T, depth int, keyed bool) string {
		var b strings.Builder
		for i := range rapid.IntRange(0, 3).Draw(t, "members") {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(space.Draw(t, "space"))
			if keyed {
				key := rapid.SampledFrom([]string{`"a"`, `"a"`, `""`, `"event_metadata"`, `"\u0000"`}).Draw(t, "key")
				b.WriteString(key + space.Draw(t, "space") + ":" + space.Draw(t, "space"))
			}
			b.WriteString(value(t, depth) + space.Draw(t, "space"))
		}
		return b.String()
	}
	value = func(t *rapid.T, depth int) string {
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case kind == 0 && depth > 0:
			return "{" + members(t, depth-1, true) + "}"
		case kind == 1 && depth > 0:
			return "[" + members(t, depth-1, false) + "]"
		case kind == 2:
			return numbers.Draw(t, "number")
		case kind == 3:
			return rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "literal")
		}
		return strs.Draw(t, "string")
	}
	return rapid.Custom(func(t *rapid.T) string {
		return space.Draw(t, "before") + "{" + members(t, 3, true) + "}" + space.Draw(t, "after")
	})
}

var (
	ids = rapid.Custom(func(t *rapid.T) uuid.UUID {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	}).Filter(func(id uuid.UUID) bool { return id != uuid.Nil })
	optionalIDs = rapid.Ptr(rapid.OneOf(ids, rapid.Just(uuid.Nil)), true)
	times       = rapid.Custom(func(t *rapid.T) time.Time {
		// The years 1 to 9999.
		return time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(t, "microseconds")).UTC()
	})
	names = rapid.Custom(func(t *rapid.T) string {
		return strings.ReplaceAll(rapid.StringN(0, 40, driver.MaxEventName).Draw(t, "name"), "\x00", "\x01")
	})
	words = rapid.StringMatching(`[A-Za-z0-9_-]{1,9}(\.[A-Za-z0-9_-]{1,9}){0,3}`)
)

// storedEvents generates any event that can come from a store.
func storedEvents() *rapid.Generator[driver.Event] {
	payloads := rapid.OneOf(jsonObjects(spaces), jsonObjects(noBreaks))
	return rapid.Custom(func(t *rapid.T) driver.Event {
		return driver.Event{
			ID: ids.Draw(t, "id"), Position: rapid.Int64Range(1, math.MaxInt64).Draw(t, "position"), EventType: words.Draw(t, "type"), EventName: names.Draw(t, "name"),
			AggregateType: words.Draw(t, "aggregate type"), AggregateID: ids.Draw(t, "aggregate id"),
			AggregateVersion: rapid.Int64Range(1, math.MaxInt64).Draw(t, "version"),
			EventData:        []byte(payloads.Draw(t, "data")), EventMetadata: []byte(payloads.Draw(t, "metadata")),
			CorrelationID: optionalIDs.Draw(t, "correlation id"), CausationID: optionalIDs.Draw(t, "causation id"),
			TriggeredByUserID: optionalIDs.Draw(t, "user id"), ContextID: optionalIDs.Draw(t, "context id"),
			OccurredAt: times.Draw(t, "occurred at"), CreatedAt: times.Draw(t, "created at"), ProcessedAt: rapid.Ptr(times, true).Draw(t, "processed at"),
		}
	})
}
