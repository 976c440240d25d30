package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/migrate"
)

// withPartitions is WithEventPartitions with a size that it would not take.
func withPartitions(size int64) driver.Option {
	return func(c *driver.Config) { c.EventPartitions = size }
}

func connected(t *testing.T, dsn string, opts ...driver.Option) driver.DB {
	t.Helper()
	db, err := driver.Connect(soon(t), dsn, quiet(opts)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// partitionedStore has processed events in many partitions of 100.
func partitionedStore(t *testing.T) (string, driver.DB, driver.Store) {
	t.Helper()
	dsn := pgtest.DSN(t)
	db := connected(t, dsn, withPartitions(partitionSize))
	store, now := storeOf(t, db, tenant), time.Now()
	for range 10 {
		events := newEvents(partitionSize)
		for i := range events {
			events[i].ProcessedAt = &now
		}
		if _, err := store.Events().SaveBatch(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	return dsn, db, store
}

func column(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return found
}

// A statement about one event, or a page of them, looks into the partition where it is. The plan names the
// others as never executed, or not at all.
func TestStatementsLookIntoOnePartition(t *testing.T) {
	dsn, _, store := partitionedStore(t)
	event, err := store.Events().Save(t.Context(), newEvent())
	if err != nil {
		t.Fatal(err)
	}
	conn := admin(t, dsn)
	statements := store.(interface{ Statements() map[string]string }).Statements()
	ids := "ARRAY['" + event.ID.String() + "']::uuid[]"
	id := "'" + event.ID.String() + "'"
	for name, args := range map[string]string{
		"events.byID":                      id,
		"events.exists":                    id,
		"events.byAggregate":               "'" + event.AggregateType + "', '" + event.AggregateID.String() + "', 1, 10",
		"events.save":                      "gen_random_uuid(), 'a', gen_random_uuid(), 1, gen_random_uuid(), 'a', '', 'a', gen_random_uuid(), '{}', '{}', NULL, NULL, NULL, NULL, NULL",
		"events.queuePage":                 "0, 10, 0, 10, 10",
		"claims.claim":                     "10, 0, 10, 10, gen_random_uuid(), 1000",
		"consumers.read":                   "1000, 10",
		"deliveries.fanOut":                "ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()], " + id,
		"deliveries.table.insertExplained": id + ", " + ids + ", " + id + ", " + id,
		"executions.table.insertExplained": id + ", " + ids + ", " + ids + ", " + ids + ", " + id,
		"archiving.remove":                 id + ", " + id + ", " + id,
		"archiving.forget":                 id + ", " + id + ", " + id,
		"deadLetters.byID":                 id,
		"horizon":                          "0",
		"events.lockSkipping":              "10, 0, 10, 10",
		"claims.claimInOrder":              "10, 0, 10, 10, 10, 10, 10, gen_random_uuid(), 1000, 10, 1000, 10",
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(context.Background())
			exec(t, conn, "SET LOCAL plan_cache_mode = force_generic_plan")
			exec(t, conn, "SET LOCAL search_path = ''")
			exec(t, conn, "DEALLOCATE ALL")
			exec(t, conn, "PREPARE asked AS "+statements[name])
			plan, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) EXECUTE asked ("+args+")", pgx.QueryExecModeSimpleProtocol)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(plan, pgx.RowTo[string])
			if err != nil {
				t.Fatalf("%v\n%s", err, statements[name])
			}
			for _, table := range []string{"events_p", "event_processed_p"} {
				if read := partitionsRead(lines, table); len(read) > 1 {
					t.Errorf("%d partitions were read (%v), want 1 at the most:\n%s", len(read), read, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

// partitionsRead are the partitions whose scans a plan says were executed.
func partitionsRead(plan []string, table string) (read []string) {
	for _, line := range plan {
		_, rest, scans := strings.Cut(line, " on "+table)
		if !scans || strings.Contains(line, "never executed") || !strings.Contains(line, "Scan") || strings.Contains(line, "Bitmap Index") {
			continue
		}
		if name := strings.Fields(rest)[0]; !slices.Contains(read, name) {
			read = append(read, name)
		}
	}
	return read
}

// The server says of a partition which it need not read that its constraints imply the partition's.
func TestAttachReadsNoEvent(t *testing.T) {
	dsn, _, store := partitionedStore(t)
	archive, err := store.Archives().Save(t.Context(), driver.Archive{Name: "old", StorageType: driver.StoragePartition})
	if err == nil {
		archive, err = store.Archives().Detach(t.Context(), archive.ID, driver.ArchiveCriteria{})
	}
	if err != nil || archive.EventCount == 0 {
		t.Fatalf("detached %d events: %v", archive.EventCount, err)
	}
	settings, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var notices []string
	settings.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { notices = append(notices, notice.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	exec(t, conn, "SET client_min_messages = debug1")
	for table, name := range map[string]string{"events": archive.ObjectName, "event_processed": strings.Replace(archive.ObjectName, "events", "event_processed", 1)} {
		exec(t, conn, fmt.Sprintf("ALTER TABLE %s.%s ATTACH PARTITION %s.%s FOR VALUES FROM (0) TO (%d)", tenant, table, tenant, name, partitionSize))
		want := `partition constraint for table "` + name + `" is implied by existing constraints`
		if !slices.Contains(notices, want) {
			t.Errorf("got the notices %q, want %q", notices, want)
		}
	}
	// No index was made either: those of the partition are the parent's.
	if built := column(t, conn, "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_inherits h ON h.inhrelid = c.oid"+
		" WHERE i.indrelid = $1::regclass AND h.inhrelid IS NULL", tenant+"."+archive.ObjectName); len(built) > 0 {
		t.Errorf("indexes that are no part of the table's: %q", built)
	}
}

// Whoever takes a schema for one of the other layout can't store an event without its keys.
func TestTheWrongLayoutStoresNothing(t *testing.T) {
	never := driver.WithMigrations(driver.MigrateNever)
	for name, test := range map[string]struct{ made, opened []driver.Option }{
		"partitions that are not expected": {[]driver.Option{withPartitions(100)}, []driver.Option{never}},
		"expected partitions":              {nil, []driver.Option{withPartitions(100), never}},
	} {
		dsn := pgtest.DSN(t)
		storeOf(t, connected(t, dsn, test.made...), tenant)
		store := storeOf(t, connected(t, dsn, test.opened...), tenant)
		_, saved := store.Events().Save(t.Context(), newEvent())
		_, batch := store.Events().SaveBatch(t.Context(), newEvents(3))
		for method, err := range map[string]error{"Save": saved, "SaveBatch": batch} {
			if !errors.Is(err, driver.ErrInternal) {
				t.Errorf("%s: %s: got %v, want ErrInternal", name, method, err)
			}
		}
		for _, table := range []string{"events", "event_keys", "event_queue"} {
			if n := column(t, admin(t, dsn), "SELECT count(*)::text FROM "+tenant+"."+table); n[0] != "0" {
				t.Errorf("%s: %s rows in %s, want none", name, n[0], table)
			}
		}
	}
}

func TestTheOptionLeavesSchemasAsTheyAre(t *testing.T) {
	dsn := pgtest.DSN(t)
	plain, partitioned := connected(t, dsn), connected(t, dsn, withPartitions(100))
	storeOf(t, plain, "plain")
	storeOf(t, partitioned, "parted")
	for schema, want := range map[string]string{"plain": "r", "parted": "p"} {
		for _, db := range []driver.DB{connected(t, dsn), connected(t, dsn, withPartitions(70)), connected(t, dsn, driver.WithMigrations(driver.MigrateVerify))} {
			if _, err := storeOf(t, db, schema).Events().SaveBatch(t.Context(), newEvents(250)); err != nil {
				t.Errorf("%s: %v", schema, err)
			}
		}
		if got := column(t, admin(t, dsn), "SELECT relkind::text FROM pg_class WHERE oid = $1::regclass", schema+".events"); got[0] != want {
			t.Errorf("%s: events is of kind %s, want %s", schema, got[0], want)
		}
	}
	sizes := column(t, admin(t, dsn), "SELECT DISTINCT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname ~ '^events_p[0-9]$' ORDER BY 1")
	if len(sizes) < 8 || sizes[7] != "FOR VALUES FROM ('700') TO ('800')" {
		t.Errorf("partitions are %q, want 8 or more of 100", sizes)
	}
}

// The partitioned table has the indexes of the other one, but for the two unique ones.
func TestPartitionedEventsHaveTheSameColumnsAndIndexes(t *testing.T) {
	dsn := pgtest.DSN(t)
	storeOf(t, connected(t, dsn), "plain")
	storeOf(t, connected(t, dsn, withPartitions(100)), "parted")
	conn := admin(t, dsn)
	for _, query := range []string{
		"SELECT replace(replace(indexdef, 'ONLY ', ''), schemaname || '.', '') FROM pg_indexes WHERE schemaname = $1 AND tablename IN ('events', 'event_processed') AND indexdef !~ 'events_(id|aggregate)_key' ORDER BY 1",
		"SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM information_schema.columns WHERE table_schema = $1 AND table_name IN ('events', 'event_processed') ORDER BY table_name, ordinal_position",
		"SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = $1::regnamespace AND contype = 'c' AND conrelid::regclass::text ~ '[.](events|event_processed)$' ORDER BY 1",
	} {
		plain, parted := column(t, conn, query, "plain"), column(t, conn, query, "parted")
		for i := range plain {
			plain[i] = strings.ReplaceAll(plain[i], "plain.", "")
		}
		for i := range parted {
			parted[i] = strings.ReplaceAll(parted[i], "parted.", "")
		}
		if !slices.Equal(plain, parted) {
			t.Errorf("got  %q\nwant %q", parted, plain)
		}
	}
}

func TestDroppingASchemaDropsDetachedPartitions(t *testing.T) {
	for name, drop := range map[string]func(db driver.DB) error{
		"DropSchema": func(db driver.DB) error { return db.DropSchema(t.Context(), tenant) },
		"Down":       func(db driver.DB) error { return migrate.Down(t.Context(), db, tenant, 0) },
	} {
		dsn, db, store := partitionedStore(t)
		archive, err := store.Archives().Save(t.Context(), driver.Archive{Name: "old", StorageType: driver.StoragePartition})
		if err == nil {
			_, err = store.Archives().Detach(t.Context(), archive.ID, driver.ArchiveCriteria{})
		}
		if err == nil {
			err = drop(db)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if left := column(t, admin(t, dsn), "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = $1", tenant); len(left) > 0 {
			t.Errorf("%s left %q", name, left)
		}
		if _, err := storeOf(t, db, tenant).Events().Save(t.Context(), newEvent()); err != nil {
			t.Errorf("%s, and anew: %v", name, err)
		}
	}
}

func TestDownRefusesAVersionThatKnowsNoPartitions(t *testing.T) {
	_, db, _ := partitionedStore(t)
	if err := migrate.Down(t.Context(), db, tenant, 4); !errors.Is(err, driver.ErrState) {
		t.Errorf("got %v, want ErrState", err)
	}
	if err := migrate.Verify(t.Context(), db, tenant); err != nil {
		t.Error(err)
	}
}

// Each process finds the partitions that others created, and creates those that are missing.
func TestProcessesCreatePartitionsTogether(t *testing.T) {
	dsn := pgtest.DSN(t)
	storeOf(t, connected(t, dsn, withPartitions(partitionSize)), tenant)
	var group sync.WaitGroup
	for range 4 {
		store := storeOf(t, connected(t, dsn), tenant)
		group.Go(func() {
			for range 40 {
				_, err := store.Events().SaveBatch(t.Context(), newEvents(15))
				if err == nil {
					_, err = store.Events().Save(t.Context(), newEvent())
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	conn := admin(t, dsn)
	if n := column(t, conn, "SELECT count(*)::text FROM "+tenant+".events"); n[0] != "2560" {
		t.Errorf("%s events, want 2560", n[0])
	}
	if lacking := column(t, conn, "SELECT event_id::text FROM "+tenant+".event_keys k WHERE NOT EXISTS (SELECT FROM "+tenant+
		".events e WHERE e.position = k.position AND e.id = k.event_id AND (e.aggregate_id, e.aggregate_type, e.aggregate_version) = (k.aggregate_id, k.aggregate_type, k.aggregate_version))"); len(lacking) > 0 {
		t.Errorf("keys without their event: %q", lacking)
	}
}

func TestAPartitionedSequenceBehindItsTableIsNamed(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, connected(t, dsn, withPartitions(partitionSize)), tenant)
	if _, err := store.Events().SaveBatch(t.Context(), newEvents(90)); err != nil {
		t.Fatal(err)
	}
	exec(t, admin(t, dsn), "ALTER SEQUENCE "+tenant+".event_keys_position_seq RESTART WITH 1")
	_, err := store.Events().Save(t.Context(), driver.Event{
		EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: []byte("{}"),
	})
	if !errors.Is(err, driver.ErrInternal) || !strings.Contains(err.Error(), "sequence") {
		t.Errorf("got %v, want an ErrInternal that names the sequence", err)
	}
}

// A partitioned table has no storage parameters: each of its partitions has those that the plain table has.
func TestPartitionsAreVacuumedAsPlainTablesAre(t *testing.T) {
	dsn, db, _ := partitionedStore(t)
	plain := connected(t, dsn)
	storeOf(t, plain, "plain")
	conn := admin(t, dsn)
	const parameters = `SELECT coalesce(array_to_string(c.reloptions, ', '), '') || '; ' || coalesce(array_to_string(t.reloptions, ', '), '')
		FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname ~ $2 ORDER BY c.relname`
	for _, table := range []string{"events", "event_processed"} {
		want := column(t, conn, parameters, "plain", "^"+table+"$")
		if !strings.Contains(want[0], "autovacuum_freeze_min_age=0") {
			t.Errorf("%s: %q; want those of the migration", table, want)
		}
		check := func(when string) {
			t.Helper()
			for _, got := range column(t, conn, parameters, tenant, "^"+table+"_p[0-9]+$") {
				if got != want[0] {
					t.Errorf("%s, %s: a partition has %q, the plain table %q", table, when, got, want[0])
				}
			}
		}
		check("created")
		if err := migrate.Down(t.Context(), db, tenant, 5); err != nil {
			t.Fatal(err)
		}
		if err := migrate.Up(t.Context(), db, tenant); err != nil {
			t.Fatal(err)
		}
		check("migrated")
	}
}
