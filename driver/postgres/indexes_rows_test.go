package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// indexedRows is how many rows each table has when plans are looked at: so many that none is read as a whole.
const indexedRows = 5000

// parametersOf are the first parameters of statements for which those by type won't do.
var parametersOf = map[string][]any{
	"executions.byStatusOfAction":      {"failed"},
	"executions.deleteOld":             {"2025-01-01 03:00:00Z", []string{"success"}},
	"consumers.lag":                    {indexedRows - 10},
	"actions.tenantless.all":           {100},
	"endpoints.withoutContext.all":     {100},
	"subscriptions.withoutContext.all": {100},
	"subscriptions.byEventType.all":    {"type.7", 100},
}

// valuesOf are the values of columns in row i for which those by type won't do, by the column alone or with
// its table.
var valuesOf = map[string]string{
	"position":          "i",
	"event_type":        "'type.' || i % 20",
	"aggregate_type":    "'type.7'",
	"aggregate_version": "1 + i / 500",
	"aggregate_id":      id("i % 500"),
	"context_id":        "CASE WHEN i % 50 > 0 THEN " + id("i % 50") + " END",
	"correlation_id":    id("i % 200"),
	"archive_id":        id("i % 50"),
	"endpoint_id":       id("1 + i % 200"),
	"event_type_id":     "CASE WHEN i % 2 = 0 THEN " + id("1 + i % 20") + " END",
	"action_id":         id("1 + i % 200"),
	"tenant_id":         "CASE WHEN i % 50 > 0 THEN " + id("i % 50") + " END",
	"rule_id":           id("i % 50"),
	"retry_of":          "CASE WHEN i % 5 = 0 THEN " + id("i - 1") + " END",
	"replay_of":         "CASE WHEN i % 5 = 0 THEN " + id("i - 1") + " END",
	"lease_token":       "NULL",
	"lease_until":       "NULL",
	"is_parked":         "false",
	"is_active":         "i % 4 > 0",
	"is_enabled":        "i % 4 > 0",
	"handler_type":      "'type.' || i % 20",
	"key_id":            "'type.' || i % 20",
	"category":          "'type.' || i % 20",

	"webhook_event_types.event_type":        "'type.' || i",
	"event_action_types.event_type":         "'type.' || i / 200",
	"event_queue.available_at":              "CASE WHEN i % 2 = 0 THEN " + moment + " END",
	"event_dead_letters.position":           "i + 1000000",
	"event_queue.is_held":                   "i % 100 = 0",
	"webhook_endpoints.http_method":         "'POST'",
	"webhook_deliveries.status":             "CASE WHEN i % 20 = 0 THEN 'pending' WHEN i % 20 = 1 THEN 'failed' ELSE 'success' END",
	"webhook_deliveries.next_retry_at":      "CASE WHEN i % 20 = 0 THEN " + moment + " END",
	"webhook_deliveries.event_id":           id("i"),
	"webhook_delivery_attempts.delivery_id": id("i"),
	"webhook_delivery_attempts.status":      "'success'",
	"event_actions.status":                  "'active'",
	"event_actions.execution_mode":          "'sync'",
	"event_actions.trigger_count":           "20000",
	"action_executions.status":              "CASE WHEN i % 20 = 0 THEN 'pending' WHEN i % 20 = 1 THEN 'failed' ELSE 'success' END",
	"action_executions.completed_at":        "CASE WHEN i % 20 > 0 THEN " + moment + " END",
	"action_executions.retry_at":            "CASE WHEN i % 20 = 1 THEN " + moment + " END",
	"event_archives.status":                 "CASE WHEN i % 20 = 0 THEN 'pending' ELSE 'completed' END",
	"event_archives.event_count":            "10",
	"event_archives.restored_count":         "0",
	"event_archives.auto_delete_after_days": "i % 2",
	"event_archives.first_position":         "i",
	"event_archives.last_position":          "i",
	"event_archive_jobs.status":             "CASE WHEN i % 20 = 0 THEN 'pending' WHEN i % 20 = 1 THEN 'failed' ELSE 'completed' END",
	"event_archive_jobs.completed_at":       "CASE WHEN i % 20 > 0 THEN " + moment + " END",
	"event_archive_jobs.retry_count":        "0",
}

const moment = "timestamptz '2025-01-01 00:00:00Z' + i * interval '1 minute'"

func id(number string) string {
	return "('00000000-0000-0000-0000-' || lpad((" + number + ")::text, 12, '0'))::uuid"
}

// fillAll fills each table of the schema with rows that are the same each time.
func fillAll(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for _, table := range column(t, conn, `SELECT relname::text FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')
		AND NOT relispartition AND relname <> 'neoevents_migrations' ORDER BY oid`, pgx.Identifier{tenant}.Sanitize()) {
		qualified := pgx.Identifier{tenant, table}.Sanitize()
		rows, err := conn.Query(t.Context(), `SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`, qualified)
		if err != nil {
			t.Fatal(err)
		}
		var columns, values []string
		var name, kind string
		if _, err := pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
			columns, values = append(columns, name), append(values, value(table, name, kind))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		exec(t, conn, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) i", qualified, strings.Join(columns, ", "), strings.Join(values, ", "), indexedRows))
		exec(t, conn, "VACUUM ANALYZE "+qualified)
	}
}

func value(table, column, kind string) string {
	for _, key := range []string{table + "." + column, column} {
		if given, is := valuesOf[key]; is {
			return given
		}
	}
	switch kind {
	case "uuid":
		return id("i")
	case "text":
		return "'text ' || i"
	case "timestamp with time zone":
		return moment
	case "boolean":
		return "true"
	case "bytea":
		return "''"
	}
	return "1 + i % 4"
}
