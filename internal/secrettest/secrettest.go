// Package secrettest has what the tests of backends ask of secrets: that they are nowhere but where
// they must be, and open nowhere else.
package secrettest

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Database is a database of its own, and the means to look into it beside the library.
type Database struct {
	// Connect connects to it, any number of times, and sees to it that the DB is closed with t.
	Connect func(t *testing.T, opts ...driver.Option) driver.DB
	// Exec runs a statement with arguments, and its placeholders are $1, $2, ….
	Exec func(t *testing.T, statement string, args ...any)
	// Table is a table's name as it stands in statements.
	Table func(schema, name string) string
	// Dump returns all that is stored, in any form it can be had.
	Dump func(t *testing.T) string
}

const tenant, neighbour = "tenant_acme", "tenant_other"

// key returns a key made of a text, which is also its id.
func key(id string) driver.Key { return keyOf(id, id) }

func keyOf(id, text string) driver.Key {
	bytes := sha256.Sum256([]byte(text))
	return driver.NewKey(id, bytes[:])
}

// keys is the option of a key ring.
func keys(t *testing.T, current driver.Key, old ...driver.Key) driver.Option {
	t.Helper()
	ring, err := driver.NewKeyRing(current, old...)
	ok(t, err)
	return driver.WithKeyRing(ring)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon ends with the test, or after a time in which nothing should take so long.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func storeOf(t *testing.T, db driver.DB, schema string) driver.Store {
	t.Helper()
	store, err := db.Store(soon(t), schema)
	ok(t, err)
	return store
}

// quiet keeps the log out of the tests' output.
var quiet = driver.WithLogger(slog.New(slog.DiscardHandler))
