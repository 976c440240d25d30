package postgres_test

import (
	"testing"

	"github.com/neomultitenant/neoevents/internal/atomictest"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// Events of the queue and dead letters are marked together: if one can't be, none is.
func TestMarkingEventsAndDeadLettersIsAllOrNothing(t *testing.T) {
	dsn := pgtest.DSN(t)
	store, conn := storeOf(t, open(t, dsn), tenant), admin(t, dsn)
	exec(t, conn, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$")
	atomictest.Marking(t, store.Events(), func() {
		exec(t, conn, "CREATE TRIGGER keep_dead BEFORE DELETE ON tenant_acme.event_dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()")
	}, func() {
		exec(t, conn, "DROP TRIGGER keep_dead ON tenant_acme.event_dead_letters")
	})
}
