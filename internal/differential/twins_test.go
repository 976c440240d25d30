package differential

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

// twins are two backends in one state, and what the test knows of it. What is known is SQLite's: an
// argument is made for SQLite and translated for PostgreSQL, which has other positions, and other ids
// where the backends make them.
type twins struct {
	rt        *rapid.T
	ctx       context.Context
	databases [2]*database
	calls     int
	ordered   bool // all claims ask for PerAggregateOrder, or none does
	depth     int  // of transactions
	moment    bool // in this transaction, something was done whose moment orders a list

	ids       bijection[uuid.UUID]
	secrets   bijection[string]
	positions bijection[int64]

	known    map[string][]uuid.UUID // ids by the name of the entity's type
	latest   map[uuid.UUID]reflect.Value
	names    map[uuid.UUID]string // of ids, for a person to read
	claims   [][2]driver.Claim
	files    map[uuid.UUID]*[2][]driver.Event // what AllEvents gave of an archive
	fixed    map[string][]uuid.UUID           // ids of what is not stored: contexts, aggregates
	subject  uuid.UUID                        // the first id among the arguments of a call
	received [2][]driver.Event                // by a function among the arguments
}

// bijection pairs what one backend made up with what the other did.
type bijection[T comparable] struct{ there, back map[T]T }

func newBijection[T comparable]() bijection[T] { return bijection[T]{map[T]T{}, map[T]T{}} }

func (b bijection[T]) clone() bijection[T] {
	return bijection[T]{maps.Clone(b.there), maps.Clone(b.back)}
}

// pair reports whether two values can be a pair. Equal ones are, unless one of them belongs to another.
func (b bijection[T]) pair(left, right T) bool {
	of, known := b.there[left]
	from, taken := b.back[right]
	switch {
	case known || taken:
		return known && taken && of == right && from == left
	case left != right:
		b.there[left], b.back[right] = right, left
	}
	return true
}

// translate returns the right one of a pair.
func (b bijection[T]) translate(left T) T {
	if right, known := b.there[left]; known {
		return right
	}
	return left
}

func newTwins(rt *rapid.T, databases [2]*database) *twins {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	rt.Cleanup(cancel)
	w := &twins{
		rt: rt, ctx: ctx, databases: databases,
		ids: newBijection[uuid.UUID](), secrets: newBijection[string](), positions: newBijection[int64](),
		known: map[string][]uuid.UUID{}, latest: map[uuid.UUID]reflect.Value{}, names: map[uuid.UUID]string{},
		files: map[uuid.UUID]*[2][]driver.Event{}, fixed: map[string][]uuid.UUID{},
	}
	for _, kind := range []string{"context", "aggregate", "user"} {
		for i := range 2 {
			id := uuid.Must(uuid.NewV7())
			w.fixed[kind] = append(w.fixed[kind], id)
			w.names[id] = kind + " " + string(rune('1'+i))
		}
	}
	for _, d := range databases {
		if err := d.empty(ctx); err != nil {
			rt.Fatalf("emptying %s: %v", d.name, err)
		}
	}
	return w
}

// The rooms that a sequence plays in: what refers to each other.
var rooms = [][]string{
	{"Events", "DeadLetters", "Consumers"},
	{"Events", "Endpoints", "EventTypes", "Subscriptions", "Deliveries"},
	{"Events", "Actions", "Executions"},
	{"Events", "Consumers", "Archives", "ArchiveJobs", "Endpoints", "Deliveries"},
	{"ArchiveRules", "ArchiveJobs", "ArchiveObjects", "EventTypes"},
}

// sequence makes random calls.
func (w *twins) sequence() {
	room := pick(w, "room", rooms...)
	w.ordered = w.oneIn(3, "ordered")
	var choices []call
	for _, c := range allCalls {
		// What is behind claims in order may be out of the way for a while, of those who know no order, too.
		unordered := c.method == "ProcessUnprocessed" || c.method == "GetUnprocessedForUpdate"
		if slices.Contains(room, c.repository) && !(w.ordered && unordered) {
			choices = append(choices, slices.Repeat([]call{c}, c.weight())...)
		}
	}
	w.steps([2]driver.Store{w.databases[0].store, w.databases[1].store}, choices, 100)
}

func (w *twins) steps(stores [2]driver.Store, choices []call, most int) {
	for range rapid.IntRange(1, most).Draw(w.rt, "number of calls") {
		switch kind := rapid.IntRange(0, 19).Draw(w.rt, "kind of step"); {
		case kind == 19 && w.depth < 2:
			w.transaction(stores, choices)
		case kind == 18 && w.depth == 0:
			w.passTime()
		default:
			w.call(stores, pick(w, "call", choices...))
		}
	}
}

// transaction makes calls in one that commits or rolls back, on both backends at the same time.
func (w *twins) transaction(stores [2]driver.Store, choices []call) {
	verdict := error(nil)
	if w.oneIn(3, "rollback") {
		verdict = errUndo
	}
	positions, latest, moment := w.positions.clone(), maps.Clone(w.latest), w.moment
	w.rt.Logf("begin")
	w.depth++
	var errs [2]error
	errs[0] = stores[0].InTx(w.ctx, func(left driver.Store) error {
		errs[1] = stores[1].InTx(w.ctx, func(right driver.Store) error {
			w.steps([2]driver.Store{left, right}, choices, 5)
			return verdict
		})
		return verdict
	})
	w.depth--
	w.rt.Logf("end: %v", verdict)
	if w.depth == 0 {
		w.moment = false
		time.Sleep(tick)
	} else {
		w.moment = w.moment || moment
	}
	if verdict != nil {
		w.positions, w.latest = positions, latest // SQLite gives the positions again
	}
	for i, err := range errs {
		if !errors.Is(err, verdict) {
			w.rt.Fatalf("InTx on %s: %v, want %v", w.databases[i].name, err, verdict)
		}
	}
}

// passTime makes due what waits for a moment.
func (w *twins) passTime() {
	moment := pick(w, "moment that has come", [][2]string{
		{"event_archive_rules", "next_run_at"},
		{"event_archives", "archived_at"},
		{"webhook_deliveries", "next_retry_at"},
		{"webhook_deliveries", "lease_until"},
		{"action_executions", "lease_until"},
		{"event_archives", "lease_until"},
	}...)
	w.rt.Logf("%s", strings.Join(moment[:], "."))
	for _, d := range w.databases {
		if err := d.setTime(w.ctx, moment[0], moment[1], time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
			w.rt.Fatalf("%s: %v", d.name, err)
		}
	}
}

// tick is longer than what SQLite's clock can tell apart.
const tick = 2 * time.Millisecond

func pick[T any](w *twins, label string, from ...T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(w.rt, label)]
}

func (w *twins) oneIn(n int, label string) bool {
	return rapid.IntRange(0, n-1).Draw(w.rt, label) == n-1
}
