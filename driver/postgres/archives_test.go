package postgres_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/archive/storagetest"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/query"
)

func TestDatabaseIsAStorageOfArchives(t *testing.T) {
	db := open(t, pgtest.DSN(t))
	var schemas atomic.Int64
	storagetest.Run(t, func(t *testing.T) archive.Storage {
		return archive.InDatabase(storeOf(t, db, fmt.Sprintf("tenant_%d", schemas.Add(1))))
	})
}

// The lists of archives and of objects find their rows by the index that is there for it, among many.
func TestArchivesAndObjectsUseTheirIndex(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, dsn), tenant)
	statements := driver.Unwrap(store).(*query.Store).Statements()
	conn := admin(t, dsn)
	for _, sql := range []string{
		fmt.Sprintf(`INSERT INTO %[1]q.event_archives (id, name, description, policy, storage_type, storage_location, object_name, status, event_count,
			first_position, last_position, events_from, events_to, retention_days, auto_delete_after_days, tags, archived_at, created_at)
			SELECT ('00000000-0000-0000-0001-' || lpad(i::text, 12, '0'))::uuid, 'a', '', 'custom', 'cold_storage', '', 'a',
			CASE WHEN i %% 10 = 0 THEN 'restored' WHEN i %% 10 = 1 THEN 'deleted' ELSE 'completed' END, 10000, i * 10000, i * 10000 + 9999,
			now() - (20000 - i) * interval '1 hour', now() - (20000 - i - 2) * interval '1 hour', 0, CASE WHEN i %% 2 = 0 THEN 365 ELSE 0 END, '{}',
			now() - (20000 - i) * interval '1 hour', now() - (20000 - i) * interval '1 hour' FROM generate_series(1, 20000) i`, tenant),
		fmt.Sprintf(`INSERT INTO %[1]q.event_keys (position, aggregate_version, event_id, archive_id, aggregate_id, aggregate_type)
			SELECT i, i / 2000 + 1, ('00000000-0000-0000-0002-' || lpad(i::text, 12, '0'))::uuid, ('00000000-0000-0000-0001-' || lpad((i / 5 + 1)::text, 12, '0'))::uuid,
			('00000000-0000-0000-0003-' || lpad((i %% 2000)::text, 12, '0'))::uuid, 'Order' FROM generate_series(0, 99999) i`, tenant),
		fmt.Sprintf(`INSERT INTO %[1]q.event_archive_objects (id, name, chunks, is_complete)
			SELECT ('00000000-0000-0000-0004-' || lpad(i::text, 12, '0'))::uuid, 'acme/' || i %% 100 || '/' || i, 1, true FROM generate_series(0, 49999) i`, tenant),
		fmt.Sprintf(`INSERT INTO %[1]q.event_archive_chunks (object_id, number, data) SELECT id, 0, 'x' FROM %[1]q.event_archive_objects`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.event_archives`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.event_keys`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.event_archive_objects`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.event_archive_chunks`, tenant),
	} {
		exec(t, conn, sql)
	}
	now := time.Now()
	for name, of := range map[string]struct {
		index string
		args  []any
	}{
		"archives.byStatus":       {"event_archives_status_idx", []any{"completed", 100}},
		"archives.byTime":         {"event_archives_events_idx", []any{now, now.AddDate(0, -1, 0), 100}},
		"archives.byAggregate":    {"event_keys_aggregate_key", []any{"00000000-0000-0000-0003-000000000007", "Order", 100}},
		"archives.byPosition":     {"event_archives_position_idx", []any{150_000_000, 100}},
		"archives.expired":        {"event_archives_expiry_idx", []any{100}},
		"archiveObjects.list":     {"event_archive_objects_name_key", []any{"acme/5/", "acme/50", 100}},
		"archiveObjects.listFrom": {"event_archive_objects_name_key", []any{"b", 100}},
		"archiveObjects.read":     {"event_archive_chunks_pkey", []any{0, "acme/5/5"}},
	} {
		plan := explain(t, conn, statements[name], of.args)
		if !strings.Contains(plan, of.index) {
			t.Errorf("%s: the plan does not use %s:\n%s", name, of.index, plan)
		}
		if strings.Contains(plan, "Sort") && name != "archives.byAggregate" || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s: the plan sorts, or reads a whole table:\n%s", name, plan)
		}
	}
}
