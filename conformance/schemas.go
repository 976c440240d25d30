package conformance

import (
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var schemaNames = area{name: "Schemas/Names", behaviours: []behaviour{
	{"OfAllAllowedKindsWork", schemaNamesWork},
	{"ThatAreInvalidAreRefused", schemaNamesRefused},
}}

var schemaIsolation = area{name: "Schemas/Isolation", alone: true, behaviours: []behaviour{
	{"NeverShowsRowsOfOthers", isolationRows},
	{"AllowsTheSameIDInEach", isolationSameID},
	{"NumbersAggregatesInEach", isolationVersions},
	{"MarksInItsOwnOnly", isolationMarks},
	{"LocksInItsOwnOnly", isolationLocks},
	{"RollsBackInItsOwnOnly", isolationRollback},
}}

// confusing names are told apart only by a database that takes them as they are.
var confusing = []string{"a", "a_b", "a-b", "ab", "events", "a_events"}

func schemaNamesWork(t *test) {
	own := t.alone()
	longest := strings.Repeat("a", 24) + "_" + strings.Repeat("b", 23)
	for _, name := range append(confusing, longest, strings.Repeat("z", 48), "-", "-a-", "_a", "9", "a_b-c", "a-b_c", "tenant_acme", "select", "user") {
		store := own.openStore(own.db, name)
		equal(own, "schema", store.Schema(), name)
		saved := own.saveTo(store, newEvent())
		equalList(own, "queue of "+name, own.queueOf(store), []uuid.UUID{saved.ID})
	}
}

func schemaNamesRefused(t *test) {
	before, err := t.db.Schemas(t.ctx)
	t.ok(err)
	for _, name := range []string{
		"", "A", "Tenant", "a b", "a.b", "a/b", "a__b", "a_", "pg_a", "sqlite_a", "sqlite", "information_schema", strings.Repeat("a", 49),
		"naïve", "a\x00", `a"b`, "a'b", "a;b", "a%", "a\n", " a", "a$",
	} {
		_, err := t.db.Store(t.ctx, name)
		t.wantInvalidSchema(err, name)
		t.wantInvalidSchema(t.db.DropSchema(t.ctx, name), name)
	}
	after, err := t.db.Schemas(t.ctx)
	t.ok(err)
	for _, name := range after {
		if err := driver.ValidateSchema(name); err != nil {
			t.Errorf("schema %q was made: %v (before: %q)", name, err, before)
		}
	}
}

func (t *test) wantInvalidSchema(err error, name string) {
	t.Helper()
	t.wantErr(err, driver.ErrInvalid, "")
	var invalid *driver.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "schema" {
		t.Errorf("schema %q: got %v, want an InvalidError of the field schema", name, err)
	}
}

// confusable opens stores of the confusing names in a database of its own.
func (t *test) confusable() (*test, []driver.Store) {
	t.Helper()
	own := t.alone()
	var stores []driver.Store
	for _, name := range confusing {
		stores = append(stores, own.openStore(own.db, name))
	}
	return own, stores
}

func isolationRows(t *test) {
	t, stores := t.confusable()
	shared := fullEvent() // what can be asked for is the same in all
	saved := make([]driver.Event, len(stores))
	for i, store := range stores {
		event := shared
		event.ID = newID()
		saved[i] = t.saveTo(store, event)
	}
	for i, store := range stores {
		own := *t
		own.store, own.events = store, store.Events()
		for _, list := range lists {
			found, err := list.call(&own, shared, 0)
			t.ok(err)
			t.sameEvents(list.name+" in "+store.Schema(), found, saved[i:i+1])
		}
		for j := range saved {
			there, err := own.events.Exists(t.ctx, saved[j].ID)
			t.ok(err)
			equal(t, "event of "+stores[j].Schema()+" stored in "+store.Schema(), there, i == j)
		}
		t.wantWaiting(store, 1)
		own.wantCounts(shared.OccurredAt, map[string]int64{shared.EventType: 1})
	}
}

func isolationSameID(t *test) {
	t, stores := t.confusable()
	id := newID()
	for _, store := range stores {
		event := newEvent()
		event.ID, event.EventName = id, "of "+store.Schema()
		t.saveTo(store, event)
	}
	for _, store := range stores {
		got, err := store.Events().GetByID(t.ctx, id)
		t.ok(err)
		equal(t, "name of the event", got.EventName, "of "+store.Schema())
		event := newEvent()
		event.ID = id
		_, err = store.Events().Save(t.ctx, event)
		t.wantTaken(err, "Events.Save", id)
	}
}

func isolationVersions(t *test) {
	t, stores := t.confusable()
	aggregate := newAggregate()
	for range 2 {
		for _, store := range stores {
			t.saveTo(store, moreHistory(aggregate, 1)[0])
		}
	}
	for _, store := range stores {
		found, err := store.Events().GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
		t.ok(err)
		equalList(t, "versions in "+store.Schema(), versionsOf(found), upTo(2))
	}
}

func isolationMarks(t *test) {
	t, stores := t.confusable()
	id := newID()
	for _, store := range stores {
		event := newEvent()
		event.ID = id
		t.saveTo(store, event)
	}
	for i, store := range stores {
		marked, err := store.Events().MarkAsProcessed(t.ctx, id)
		t.ok(err)
		equal(t, "marked in "+store.Schema(), marked, true)
		for j, other := range stores {
			got, err := other.Events().GetByID(t.ctx, id)
			t.ok(err)
			equal(t, "processed in "+other.Schema()+" after marking in "+store.Schema(), got.ProcessedAt != nil, j <= i)
		}
	}
}

func isolationLocks(t *test) {
	t.needsConcurrent()
	other := t.openStore(t.db, newSchema())
	t.save(newEvent())
	saved := t.saveTo(other, newEvent())
	end := t.holdLocked(1, 0)
	t.ok(other.InTx(t.ctx, func(tx driver.Store) error {
		equalList(t, "locked in the other schema", idsOf(t.lock(tx, driver.LockOptions{})), []uuid.UUID{saved.ID})
		return nil
	}))
	end(nil)
}

func isolationRollback(t *test) {
	other := t.openStore(t.db, newSchema())
	before := t.saveTo(other, newEvent())
	t.undone(t.store, func(tx driver.Store) { t.saveTo(tx, newEvent()) })
	t.wantWaiting(t.store, 0)
	equalList(t, "queue of the other schema", t.queueOf(other), []uuid.UUID{before.ID})
}
