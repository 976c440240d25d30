package postgres_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// Events of the queue and dead letters are marked together: if one can't be, none is.
func TestMarkingEventsAndDeadLettersIsAllOrNothing(t *testing.T) {
	dsn := pgtest.DSN(t)
	events := storeOf(t, open(t, dsn), tenant).Events()
	if _, err := events.SaveBatch(t.Context(), newEvents(2)); err != nil {
		t.Fatal(err)
	}
	claims, err := events.Claim(t.Context(), driver.ClaimOptions{Limit: 2})
	if err != nil || len(claims) != 2 {
		t.Fatalf("claimed %d, %v, want 2", len(claims), err)
	}
	waiting, dead := claims[0].Event.ID, claims[1].Event.ID
	if err := events.DeadLetter(t.Context(), claims[1], "it is broken"); err != nil {
		t.Fatal(err)
	}
	conn := admin(t, dsn)
	exec(t, conn, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$")
	exec(t, conn, "CREATE TRIGGER keep_dead BEFORE DELETE ON tenant_acme.event_dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()")

	if n, err := events.MarkMultipleAsProcessed(t.Context(), []uuid.UUID{waiting, dead}); err == nil || n != 0 {
		t.Errorf("marked %d, %v, want none and an error", n, err)
	}
	for _, id := range []uuid.UUID{waiting, dead} {
		if event, err := events.GetByID(t.Context(), id); err != nil || event.ProcessedAt != nil {
			t.Errorf("the event is %+v, %v, want it not processed", event, err)
		}
	}
	exec(t, conn, "DROP TRIGGER keep_dead ON tenant_acme.event_dead_letters")
	if n, err := events.MarkMultipleAsProcessed(t.Context(), []uuid.UUID{waiting, dead}); err != nil || n != 2 {
		t.Errorf("marked %d, %v, want 2", n, err)
	}
}
