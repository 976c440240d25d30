package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/internal/tenanttest"
)

func TestNoRowCrossesBetweenTenants(t *testing.T) {
	size := tenanttest.Size{Tenants: 200, Workers: 32, Steps: 1000, Remade: 8}
	if testing.Short() {
		size = tenanttest.Size{Tenants: 24, Workers: 32, Steps: 400, Remade: 3}
	}
	dsn := pgtest.DSN(t)
	conn := admin(t, dsn)
	tenanttest.Isolation(t, tenanttest.Database{
		DB: open(t, dsn, driver.WithMaxConns(8)),
		Rows: func(t *testing.T, schema string) map[string][]string {
			tables := map[string][]string{}
			for _, name := range textsOf(t, conn, "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = '"+pgx.Identifier{schema}.Sanitize()+"'::regnamespace") {
				tables[name] = textsOf(t, conn, "SELECT r::text FROM "+pgx.Identifier{schema, name}.Sanitize()+" r")
			}
			return tables
		},
	}, size)
}
