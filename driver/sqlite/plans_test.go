package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// What runs for each event, and what workers poll, finds its rows by the index that is there for
// it, in the order wanted: not by another one, which SQLite prefers where that has the order.
func TestStatementsOfEachEventUseTheirIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	store, err := driver.Open("sqlite:"+path, "tenant_acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	statements := driver.Unwrap(store).(*query.Store).Statements()
	app := openSQL(t, path)
	for name, index := range map[string]string{
		"subscriptions.matching":          "webhook_subscriptions_matching_idx",
		"subscriptions.matchingOfContext": "webhook_subscriptions_matching_idx",
		"deliveries.claim":                "webhook_deliveries_due_idx",
		"deliveries.due":                  "webhook_deliveries_due_idx",
		"endpoints.cancelDeliveries":      "webhook_deliveries_open_idx",
		"actions.ofTenant":                "sqlite_autoindex_tenant_acme__event_action_types_1",
		"actions.withoutTenant":           "sqlite_autoindex_tenant_acme__event_action_types_1",
		"executions.claim":                "action_executions_open_idx",
		"executions.failed":               "action_executions_retry_idx",
		"executions.countsOfAll":          "action_executions_created_idx",
		"executions.byStatusOfAction":     "action_executions_action_status_idx",
		"archives.byStatus":               "event_archives_status_idx",
		"archives.byTime":                 "event_archives_events_idx (status=? AND events_from<?)",
		"archives.byAggregate":            "sqlite_autoindex_tenant_acme__event_archives_1 (id=?)",
		"archives.byPosition":             "event_archives_position_idx (status=?)",
		"archives.expired":                "event_archives_expiry_idx",
		"archiveObjects.list":             "sqlite_autoindex_tenant_acme__event_archive_objects_2 (name>? AND name<?)",
		"archiveObjects.listFrom":         "sqlite_autoindex_tenant_acme__event_archive_objects_2 (name>?)",
		"archiveObjects.read":             "sqlite_autoindex_tenant_acme__event_archive_chunks_1 (object_id=? AND number=?)",
		"archiveRules.due":                "event_archive_rules_due_idx",
		"archiveRules.claim":              "event_archive_rules_due_idx",
		"archiveRules.all.all":            "sqlite_autoindex_tenant_acme__event_archive_rules_2",
		"archiveRules.all.active":         "sqlite_autoindex_tenant_acme__event_archive_rules_2",
		"archiveJobs.byStatus":            "event_archive_jobs_status_idx",
		"archiveJobs.byRule":              "event_archive_jobs_rule_idx",
		"archiveJobs.failed":              "event_archive_jobs_failed_idx",
		"archiveJobs.deleteOld":           "event_archive_jobs_ended_idx",
	} {
		if plan := planOf(t, app, statements[name]); !strings.Contains(plan, index) {
			t.Errorf("%s: the plan does not use %s:\n\t%s\n%s", name, index, plan, statements[name])
		}
	}
}

func planOf(t *testing.T, app *sql.DB, statement string) string {
	t.Helper()
	rows, err := app.Query("EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
	if err != nil {
		t.Fatalf("%v:\n%s", err, statement)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n\t")
}
