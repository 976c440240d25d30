package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestScratch(t *testing.T) {
	dsn := pgtest.DSN(t)
	db, err := driver.Connect(t.Context(), dsn, driver.WithLogger(nil), func(c *driver.Config) { c.EventPartitions = 100 })
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store := storeOf(t, db, tenant)
	for range 60 {
		if _, err := store.Events().SaveBatch(t.Context(), newEvents(20)); err != nil {
			t.Fatal(err)
		}
	}
	e, err := store.Events().Save(t.Context(), newEvent())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(e.Position)
	pool, err := pgxpool.New(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, _ := pool.Query(t.Context(), `select relname || ' ' || relkind from pg_class where relnamespace = 'tenant_acme'::regnamespace and relkind in ('r','p','S') order by 1`)
	for rows.Next() {
		var s string
		rows.Scan(&s)
		fmt.Println(s)
	}
	type q struct {
		name string
		args []any
	}
	statements := store.(interface{ Statements() map[string]string }).Statements()
	for _, s := range []q{
		{"events.byID", []any{e.ID}},
		{"events.exists", []any{e.ID}},
		{"events.byAggregate", []any{e.AggregateType, e.AggregateID, 0, 10}},
		{"events.byType", []any{e.EventType, 10}},
		{"events.queuePage", []any{0, 10, 0, 10, 10}},
		{"consumers.read", []any{0, 10}},
		{"consumers.lag", []any{100}},
		{"horizon", []any{0}},
		{"deliveries.fanOut", nil},
		{"deliveries.failedSince", nil},
		{"executions.table.insertRow", nil},
		{"deadLetters.byID", []any{e.ID}},
		{"claims.claim", nil},
		{"archiving.remove", nil},
		{"archiving.forget", nil},
		{"archiving.page", nil},
	} {
		conn, _ := pool.Acquire(t.Context())
		explain := func(sql string) {
			rows, err := conn.Query(t.Context(), sql)
			if err != nil {
				fmt.Println(s.name, err)
				return
			}
			for rows.Next() {
				var l string
				rows.Scan(&l)
				fmt.Println("   ", l)
			}
			if rows.Err() != nil {
				fmt.Println(s.name, rows.Err())
			}
		}
		fmt.Println("==", s.name, statements[s.name])
		if statements[s.name] == "" {
			continue
		}
		conn.Exec(t.Context(), "set plan_cache_mode = force_generic_plan")
		sd, err := conn.Conn().Prepare(t.Context(), "x", statements[s.name])
		if err != nil {
			fmt.Println(err)
			continue
		}
		n := len(sd.ParamOIDs)
		args := ""
		for i := range n {
			if i > 0 {
				args += ","
			}
			if i < len(s.args) {
				args += fmt.Sprintf("'%v'", s.args[i])
			} else {
				args += "NULL"
			}
		}
		explain("EXPLAIN EXECUTE x(" + args + ")")
		if s.args != nil {
			fmt.Println("  -- analyze")
			explain("EXPLAIN (ANALYZE, TIMING OFF) EXECUTE x(" + args + ")")
		}
		conn.Release()
	}
}
