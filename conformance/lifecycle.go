package conformance

import (
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var schemaLifecycle = area{name: "Schemas/Lifecycle", behaviours: []behaviour{
	{"SchemasListsThemByName", lifecycleList},
	{"SchemasOfAnEmptyDatabaseAreNone", lifecycleListEmpty},
	{"DropSchemaDropsOneOnly", lifecycleDropsOne},
	{"DropSchemaOfAnUnknownOneIsNotMigrated", lifecycleDropUnknown},
	{"ADroppedSchemaStartsEmpty", lifecycleStartsEmpty},
	{"TheSameSchemaIsTheSameStore", lifecycleSameStore},
	{"ManyOpenASchemaAtOnce", lifecycleManyOpen},
	{"SeveralPoolsOpenASchemaAtOnce", lifecycleSeveralPools},
	{"VerifyRefusesASchemaWithoutTables", lifecycleVerify},
	{"VerifyTakesAMigratedSchema", lifecycleVerifyMigrated},
	{"EventsOutliveTheirPool", lifecycleOutlive},
	{"TwoPoolsSeeTheSameEvents", lifecycleTwoPools},
	{"ManyTenantsOnOnePool", lifecycleManyTenants},
}}

func (t *test) wantSchemas(want ...string) {
	t.Helper()
	got, err := t.db.Schemas(t.ctx)
	t.ok(err)
	equalList(t, "schemas", got, slices.Sorted(slices.Values(want)))
}

func lifecycleList(t *test) {
	own := t.alone()
	names := []string{own.store.Schema()}
	for _, name := range confusing {
		own.openStore(own.db, name)
		names = append(names, name)
	}
	own.wantSchemas(names...)
}

func lifecycleListEmpty(t *test) {
	schemas, err := t.h.open(t.T).Schemas(t.ctx)
	t.ok(err)
	equal(t, "schemas", len(schemas), 0)
}

func lifecycleDropsOne(t *test) {
	t, stores := t.confusable()
	for _, store := range stores {
		t.saveTo(store, newEvent())
	}
	left := stores
	for len(left) > 0 {
		t.ok(t.db.DropSchema(t.ctx, left[0].Schema()))
		left = left[1:]
		want := []string{t.store.Schema()}
		for _, store := range left {
			t.wantWaiting(store, 1)
			want = append(want, store.Schema())
		}
		t.wantSchemas(want...)
	}
	t.save(newEvent())
}

func lifecycleDropUnknown(t *test) {
	t.wantErr(t.db.DropSchema(t.ctx, newSchema()), driver.ErrNotMigrated, "")
	name := newSchema()
	t.openStore(t.db, name)
	t.ok(t.db.DropSchema(t.ctx, name))
	t.wantErr(t.db.DropSchema(t.ctx, name), driver.ErrNotMigrated, "")
}

func lifecycleStartsEmpty(t *test) {
	name := newSchema()
	saved := t.saveTo(t.openStore(t.db, name), newEvent())
	for range 2 {
		t.ok(t.db.DropSchema(t.ctx, name))
		store := t.openStore(t.db, name)
		t.wantWaiting(store, 0)
		t.saveTo(store, saved) // its id is free again
	}
}

func lifecycleSameStore(t *test) {
	again := t.openStore(t.db, t.store.Schema())
	saved := t.saveTo(again, newEvent())
	t.sameEvent("event read back", t.get(saved.ID), saved)
	t.ok(again.Close()) // the DB owns the connections
	t.save(newEvent())
	t.saveTo(again, newEvent())
	if stats := t.db.Stats(); stats.Stores < 1 || stats.Backend == "" {
		t.Errorf("Stats: got %+v, want the backend's name and at least one Store", stats)
	}
}

func lifecycleManyOpen(t *test) {
	name := newSchema()
	t.together(8, func(int) error {
		store, err := t.db.Store(t.ctx, name)
		if err != nil {
			return err
		}
		_, err = store.Events().Save(t.ctx, newEvent())
		return err
	})
	t.wantWaiting(t.openStore(t.db, name), 8)
}

func lifecycleSeveralPools(t *test) {
	if t.h.Reopen == nil {
		t.reopen()
	}
	own := t.alone()
	pools := []driver.DB{own.db, own.reopen(), own.reopen()}
	name := newSchema()
	own.together(len(pools), func(i int) error {
		store, err := pools[i].Store(own.ctx, name)
		if err != nil {
			return err
		}
		_, err = store.Events().Save(own.ctx, newEvent())
		return err
	})
	own.wantWaiting(own.openStore(own.db, name), int64(len(pools)))
}

func lifecycleVerify(t *test) {
	db := t.h.open(t.T, driver.WithMigrations(driver.MigrateVerify))
	_, err := db.Store(t.ctx, newSchema())
	t.wantErr(err, driver.ErrNotMigrated, "")
	schemas, err := db.Schemas(t.ctx)
	t.ok(err)
	equal(t, "schemas", len(schemas), 0)
}

func lifecycleVerifyMigrated(t *test) {
	for _, mode := range []driver.MigrationMode{driver.MigrateVerify, driver.MigrateNever} {
		db := t.reopen(driver.WithMigrations(mode))
		saved := t.saveTo(t.openStore(db, t.store.Schema()), newEvent())
		t.sameEvent("event read back", t.get(saved.ID), saved)
	}
}

func lifecycleOutlive(t *test) {
	if t.h.Reopen == nil {
		t.reopen()
	}
	own := t.alone()
	saved, done := own.save(fullEvent()), own.save(newEvent())
	own.mark(done.ID)
	done = own.get(done.ID)
	own.ok(own.db.Close())

	store := own.openStore(own.reopen(), own.store.Schema())
	for _, want := range []driver.Event{saved, done} {
		got, err := store.Events().GetByID(own.ctx, want.ID)
		own.ok(err)
		own.sameEvent("event read back", got, want)
	}
	equalList(own, "queue", own.queueOf(store), []uuid.UUID{saved.ID})
	if next := own.saveTo(store, newEvent()); next.Position <= done.Position {
		own.Errorf("position: got %d, want it above %d, the last one before", next.Position, done.Position)
	}
}

func lifecycleTwoPools(t *test) {
	other := t.openStore(t.reopen(), t.store.Schema())
	here, there := t.save(newEvent()), t.saveTo(other, newEvent())
	equalList(t, "queue", t.queue(), []uuid.UUID{here.ID, there.ID})
	equalList(t, "queue of the other pool", t.queueOf(other), []uuid.UUID{here.ID, there.ID})
	marked, err := other.Events().MarkAsProcessed(t.ctx, here.ID)
	t.ok(err)
	equal(t, "marked by the other pool", marked, true)
	equal(t, "marked again", t.markOne(here.ID), false)
	_, err = other.Events().Save(t.ctx, here)
	t.wantTaken(err, "Events.Save", here.ID)
}

func lifecycleManyTenants(t *test) {
	const tenants = 12
	stores := make([]driver.Store, tenants)
	for i := range stores {
		stores[i] = t.openStore(t.db, newSchema())
	}
	t.together(tenants, func(i int) error {
		for n := range tenants {
			if _, err := stores[(i+n)%tenants].Events().Save(t.ctx, newEvent()); err != nil {
				return err
			}
		}
		return nil
	})
	for _, store := range stores {
		t.wantWaiting(store, tenants)
	}
}
