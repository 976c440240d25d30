package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/query"
)

// What schedulers poll, and the lists of many rules and jobs, find their rows by the index that is there
// for it, in the order wanted: no plan sorts, or reads a whole table.
func TestArchiveRulesAndJobsUseTheirIndex(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, dsn), tenant)
	statements := driver.Unwrap(store).(*query.Store).Statements()
	conn := admin(t, dsn)
	rule := uuid.MustParse("00000000-0000-0000-0001-000000000007")
	for _, sql := range []string{
		fmt.Sprintf(`INSERT INTO %[1]q.event_archive_rules (id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts,
			archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt,
			retention_days, auto_delete_after_days, is_enabled, next_run_at, lease_token, lease_until)
			SELECT ('00000000-0000-0000-0001-' || lpad(i::text, 12, '0'))::uuid, 'rule ' || i, '', 'age_based', 'null', 'null', 'null', 'null',
			1, 0, 0, false, '@daily', 'cold_storage', '{id}', false, 0, 0, i %% 4 > 0,
			CASE WHEN i %% 4 > 0 THEN now() + (i - 20) * interval '1 second' END, CASE WHEN i %% 2 = 0 THEN gen_random_uuid() END, CASE WHEN i %% 2 = 0 THEN now() END
			FROM generate_series(0, 9999) i`, tenant),
		fmt.Sprintf(`INSERT INTO %[1]q.event_archive_jobs (id, rule_id, status, max_retries, retry_count, created_at, completed_at)
			SELECT ('00000000-0000-0000-0002-' || lpad(i::text, 12, '0'))::uuid, ('00000000-0000-0000-0001-' || lpad((i %% 100)::text, 12, '0'))::uuid,
			CASE WHEN i %% 100 > 1 THEN 'completed' WHEN i %% 100 = 1 THEN 'failed' ELSE 'running' END, 3, CASE WHEN i %% 200 = 1 THEN 3 ELSE 0 END,
			now() - i * interval '1 minute', CASE WHEN i %% 100 > 0 THEN now() - i * interval '1 minute' END
			FROM generate_series(0, 49999) i`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.event_archive_rules`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.event_archive_jobs`, tenant),
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for name, of := range map[string]struct {
		index string
		args  []any
	}{
		"archiveRules.due":        {"event_archive_rules_due_idx", []any{100}},
		"archiveRules.claim":      {"event_archive_rules_due_idx", []any{10, uuid.New(), int64(time.Minute / time.Microsecond)}},
		"archiveRules.all.all":    {"event_archive_rules_name_key", []any{100}},
		"archiveRules.all.active": {"event_archive_rules_name_key", []any{100}},
		"archiveRules.byName":     {"event_archive_rules_name_key", []any{"rule 7"}},
		"archiveJobs.byStatus":    {"event_archive_jobs_status_idx", []any{"running", 10}},
		"archiveJobs.byRule":      {"event_archive_jobs_rule_idx", []any{rule, 10}},
		"archiveJobs.failed":      {"event_archive_jobs_failed_idx", []any{100}},
		"archiveJobs.deleteOld":   {"event_archive_jobs_ended_idx", []any{time.Now().AddDate(0, 0, -34), 100}},
	} {
		plan := explain(t, conn, statements[name], of.args)
		if !strings.Contains(plan, of.index) {
			t.Errorf("%s: the plan does not use %s:\n%s", name, of.index, plan)
		}
		if strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s: the plan sorts, or reads a whole table:\n%s", name, plan)
		}
	}
}
