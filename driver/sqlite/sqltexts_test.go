package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/sqltexts"
)

func TestNothingThatIsGivenIsInTheTextOfAStatement(t *testing.T) {
	db := connect(t, "sqlite:"+filepath.Join(t.TempDir(), "neoevents.db"), nil)
	store, err := db.Store(t.Context(), "tenant_acme")
	if err != nil {
		t.Fatal(err)
	}
	texts := new(sqltexts.Texts)
	sqltexts.Finite(t, sqlite.Recorded(db, store, texts), texts)
}
