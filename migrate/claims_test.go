package migrate_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/migrate"
)

// The queue of a schema from before claims is taken along, and goes back, with the dead letters.
func TestWhatWaitsSurvivesTheMigrationOfTheQueue(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		ctx := soon(t)
		store, err := db.Store(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		var ids []uuid.UUID
		for range 4 {
			saved, err := store.Events().Save(ctx, newEvent())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, saved.ID)
		}
		if marked, err := store.Events().MarkAsProcessed(ctx, ids[0]); err != nil || !marked {
			t.Fatalf("MarkAsProcessed: got %t, %v, want true", marked, err)
		}
		claims, err := store.Events().Claim(ctx, driver.ClaimOptions{Limit: 1})
		if err != nil || len(claims) != 1 {
			t.Fatalf("Claim: got %d claims, %v, want 1", len(claims), err)
		}
		if err := store.Events().DeadLetter(ctx, claims[0], "for good"); err != nil {
			t.Fatal(err)
		}

		if err := migrate.Down(ctx, db, tenant, 3); err != nil {
			t.Fatal(err)
		}
		if err := migrate.Up(ctx, db, tenant); err != nil {
			t.Fatal(err)
		}
		if store, err = db.Store(ctx, tenant); err != nil {
			t.Fatal(err)
		}
		claims, err = store.Events().Claim(ctx, driver.ClaimOptions{PerAggregateOrder: true})
		if err != nil || len(claims) != 3 {
			t.Fatalf("claimed afterwards: got %d, %v, want the 3 that are not processed", len(claims), err)
		}
		for i, claim := range claims {
			if claim.Event.ID != ids[i+1] {
				t.Errorf("claim %d: got event %s, want %s", i, claim.Event.ID, ids[i+1])
			}
		}
		if err := store.Events().Ack(ctx, claims); err != nil {
			t.Errorf("Ack: %v", err)
		}
	})
}
