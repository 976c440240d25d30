package sqlite_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
)

// eventSchema returns where the events of a scope are: those of the platform in a schema of their
// own, those of a tenant or a region in its.
func eventSchema(scope, name string) (string, error) {
	switch scope {
	case "platform":
		return "admin", nil
	case "tenant":
		return "tenant_" + name, nil
	case "region":
		return "shared_" + name, nil
	}
	return "", fmt.Errorf("unknown scope %q", scope)
}

// The platform, a tenant and a region on one pool. The name of a schema is data: one that nobody
// should have is refused.
func Example_schemas() {
	ctx := context.Background()
	db, err := driver.Connect(ctx, "sqlite::memory:", driver.WithMaxConns(20))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	for i, of := range []struct{ scope, name string }{{"platform", ""}, {"tenant", "acme"}, {"region", "us"}, {"tenant", "'; --"}, {"team", "red"}} {
		schema, err := eventSchema(of.scope, of.name)
		if err != nil {
			fmt.Println(err)
			continue
		}
		store, err := db.Store(ctx, schema) // Events, Endpoints, Deliveries, … of this schema
		if err != nil {
			fmt.Println("no schema can have this name:", errors.Is(err, driver.ErrInvalid))
			continue
		}
		saved, err := store.Events().SaveBatch(ctx, placed(i+1))
		fmt.Println(store.Schema(), len(saved), err)
	}
	fmt.Println(db.Schemas(ctx))
	// Output:
	// admin 1 <nil>
	// tenant_acme 2 <nil>
	// shared_us 3 <nil>
	// no schema can have this name: true
	// unknown scope "team"
	// [admin shared_us tenant_acme] <nil>
}
