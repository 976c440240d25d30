package postgres_test

import (
	"testing"

	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/internal/sqltexts"
)

func TestNothingThatIsGivenIsInTheTextOfAStatement(t *testing.T) {
	db := open(t, pgtest.DSN(t))
	texts := new(sqltexts.Texts)
	sqltexts.Finite(t, postgres.Recorded(db, storeOf(t, db, tenant), texts), texts)
}
