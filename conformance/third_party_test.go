package conformance_test

import (
	"testing"

	"github.com/neomultitenant/neoevents/conformance"
	"github.com/neomultitenant/neoevents/driver"
)

// TestThirdParty is what the author of a backend in another module writes: memory_test.go has the
// backend, made of nothing but what package driver exports.
func TestThirdParty(t *testing.T) {
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			db, err := driver.Connect(t.Context(), "memory:", opts...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		},
		Only: []string{"Events", "Transactions", "Contexts", "Errors", "Schemas", "Pools"}, // it has events only
		Skip: map[string]string{
			"Events/Locking/ReadsTheAskedColumnsAndTheID": "always reads all columns",
			"Events/Locking/AllowsAColumnTwice":           "always reads all columns",
		},
	})
}

// TestOnlyOneBehaviour shows that a backend in the making can begin with one.
func TestOnlyOneBehaviour(t *testing.T) {
	ran := 0
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			ran++
			db, err := driver.Connect(t.Context(), "memory:", opts...)
			if err != nil {
				t.Fatal(err)
			}
			return db
		},
		Only: []string{"Events/Save/KeepsEveryField"},
	})
	if ran != 1 {
		t.Errorf("databases opened: got %d, want 1", ran)
	}
}
