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

func testHistory(t *testing.T, dsn string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	db, err := driver.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var log bytes.Buffer
	o := clients.Options{Operations: 3000, Seed: 1, Record: history.NewRecorder(&log)}
	for _, name := range []string{"acme", "globex", "initech"} {
		store, err := db.Store(ctx, "tenant_"+name)
		if err != nil {
			t.Fatal(err)
		}
		o.Tenants = append(o.Tenants, clients.Tenant{Name: name, Store: store})
	}
	if err := clients.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if err := clients.Settle(ctx, o); err != nil {
		t.Fatal(err)
	}
	end, err := clients.Look(ctx, o.Tenants)
	if err != nil {
		t.Fatal(err)
	}
	ops, err := history.Read(&log)
	if err != nil {
		t.Fatal(err)
	}
	report := history.Check(ops, end)
	t.Logf("%d operations, %d unknown", report.Operations, report.Unknown)
	if err := report.Failed(); err != nil {
		t.Error(err)
	}
}
