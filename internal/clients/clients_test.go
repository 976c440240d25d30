package clients_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestHistoryOnSQLite(t *testing.T) {
	testHistory(t, "sqlite:"+filepath.Join(t.TempDir(), "history.db"))
}

func TestHistoryOnPostgres(t *testing.T) { testHistory(t, pgtest.DSN(t)) }

// Without faults every call has an answer, and all answers fit together.
func testHistory(t *testing.T, dsn string) {
	r := newRun(t, dsn)
	report := r.play(t)
	if err := report.Failed(); err != nil {
		t.Errorf("seed %d: %v\nrun it alone: go test ./internal/clients -run '^%s$'", r.options.Seed, err, t.Name())
	}
	if report.Operations < r.options.Operations {
		t.Errorf("seed %d: %d operations, want %d at least", r.options.Seed, report.Operations, r.options.Operations)
	}
}

// run is one run of the clients, of three tenants on a database.
type run struct {
	options clients.Options
	stores  []clients.Tenant
	log     bytes.Buffer
}

func newRun(t *testing.T, dsn string) *run {
	t.Helper()
	db, err := driver.Connect(t.Context(), dsn, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &run{}
	for _, name := range []string{"acme", "globex", "initech"} {
		store, err := db.Store(t.Context(), "tenant_"+name)
		if err != nil {
			t.Fatal(err)
		}
		r.stores = append(r.stores, clients.Tenant{Name: name, Store: store})
	}
	r.options = clients.Options{
		Tenants: r.stores, Operations: 2500, Seed: 1, Lease: 500 * time.Millisecond, Record: history.NewRecorder(&r.log),
	}
	if testing.Short() {
		r.options.Operations = 500
	}
	return r
}

// wrap puts something between the clients and the stores.
func (r *run) wrap(wrapper func(driver.Store) driver.Store) {
	r.options.Tenants = nil
	for _, tenant := range r.stores {
		r.options.Tenants = append(r.options.Tenants, clients.Tenant{Name: tenant.Name, Store: wrapper(tenant.Store)})
	}
}

// play lets the clients work, settles on the stores as they are, and checks.
func (r *run) play(t *testing.T) history.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := clients.Run(ctx, r.options); err != nil {
		t.Fatalf("seed %d: %v", r.options.Seed, err)
	}
	r.options.Tenants = r.stores
	if err := clients.Settle(ctx, r.options); err != nil {
		t.Fatalf("seed %d: %v", r.options.Seed, err)
	}
	end, err := clients.Look(ctx, r.stores)
	if err != nil {
		t.Fatalf("seed %d: %v", r.options.Seed, err)
	}
	ops, err := history.Read(&r.log)
	if err != nil {
		t.Fatalf("seed %d: %v", r.options.Seed, err)
	}
	return history.Check(ops, end)
}
