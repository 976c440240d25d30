package invariants

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
)

// allRules are those that are written out, and those that follow from what columns are.
func allRules() []rule {
	return slices.Concat(eventRules, webhookRules, actionRules, archiveRules, referenceRules(), orderRules())
}

// reference is a column that names a row of a table by its id. where tells of which rows it must be there, "": of
// all: history outlives what it is about.
type reference struct{ table, column, to, where string }

const (
	open = "f.completed_at IS NULL"
	// What has ended may be about an event that is in an archive by now.
	notArchived = "NOT EXISTS (SELECT 1 FROM {event_keys} k WHERE k.event_id = f.event_id)"
)

var references = []reference{
	{"webhook_subscriptions", "endpoint_id", "webhook_endpoints", ""},
	{"webhook_subscriptions", "event_type_id", "webhook_event_types", ""},
	{"webhook_deliveries", "endpoint_id", "webhook_endpoints", open},
	{"webhook_deliveries", "event_id", "events", open + " OR " + notArchived},
	{"webhook_deliveries", "replay_of", "webhook_deliveries", ""},
	{"webhook_delivery_attempts", "delivery_id", "webhook_deliveries", ""},
	{"event_action_types", "action_id", "event_actions", ""},
	{"action_executions", "action_id", "event_actions", open + " OR f.retry_at IS NOT NULL"},
	{"action_executions", "event_id", "events", notArchived},
	{"action_executions", "retry_of", "action_executions", ""},
	{"event_archiving", "archive_id", "event_archives", ""},
	{"event_keys", "archive_id", "event_archives", ""},
	{"event_archive_chunks", "object_id", "event_archive_objects", ""},
}

func referenceRules() []rule {
	rules := make([]rule, len(references))
	for i, r := range references {
		where := cmp.Or(r.where, "TRUE")
		rules[i] = rule{
			fmt.Sprintf("%s.%s names a row of %s", r.table, r.column, r.to),
			fmt.Sprintf("SELECT f.%s || '' FROM {%s} f WHERE f.%s IS NOT NULL AND (%s) AND NOT EXISTS (SELECT 1 FROM {%s} t WHERE t.id = f.%s)",
				r.column, r.table, r.column, where, r.to, r.column),
		}
	}
	return rules
}

// orders are moments that follow each other, by a clock that is the same. Two transactions may run at once, and
// each has the time at which it began: a minute is what they may be apart.
var orders = []struct{ table, first, then string }{
	{"webhook_endpoints", "created_at", "updated_at"},
	{"webhook_event_types", "created_at", "updated_at"},
	{"webhook_subscriptions", "created_at", "updated_at"},
	{"webhook_deliveries", "created_at", "updated_at"},
	{"webhook_delivery_attempts", "attempted_at", "completed_at"},
	{"event_actions", "created_at", "updated_at"},
	{"action_executions", "created_at", "updated_at"},
	{"event_archives", "created_at", "updated_at"},
	{"event_archives", "created_at", "archived_at"},
	{"event_archives", "archived_at", "restored_at"},
	{"event_archives", "archived_at", "deleted_at"},
	{"event_archives", "events_from", "events_to"},
	{"event_archive_rules", "created_at", "updated_at"},
	{"event_archive_jobs", "created_at", "updated_at"},
	{"event_archive_jobs", "started_at", "completed_at"},
}

func orderRules() []rule {
	rules := make([]rule, len(orders))
	for i, o := range orders {
		rules[i] = rule{
			fmt.Sprintf("%s.%s is not before %s", o.table, o.then, o.first),
			fmt.Sprintf("SELECT 'a row is at ' || %s || ' and before that ' || %s FROM {%s} WHERE %s + {minute} < %s", o.first, o.then, o.table, o.then, o.first),
		}
	}
	return rules
}

// document is a column of JSON and what it begins with; "": any JSON will do. The key tells which row. Secrets are
// JSON that is marked or sealed, which only their key opens.
type document struct{ table, key, column, begins string }

var documents = []document{
	{"events", "id", "event_data", "{"},
	{"events", "id", "event_metadata", "{"},

	{"webhook_event_types", "id", "payload_schema", ""},
	{"webhook_event_types", "id", "example_payload", ""},
	{"webhook_subscriptions", "id", "event_filters", "{"},
	{"webhook_delivery_attempts", "delivery_id", "request_headers", ""},
	{"webhook_delivery_attempts", "delivery_id", "response_headers", ""},
	{"event_actions", "id", "configuration", "{"},
	{"event_actions", "id", "event_types", "["},
	{"event_actions", "id", "conditions", ""},
	{"event_actions", "id", "context_filters", "{"},
	{"event_actions", "id", "tags", ""},
	{"action_executions", "id", "event_data", "{"},
	{"action_executions", "id", "result", ""},
	{"action_executions", "id", "execution_context", "{"},
	{"event_archives", "id", "event_types", "["},
	{"event_archives", "id", "context_ids", "["},
	{"event_archives", "id", "tags", ""},
	{"event_archive_rules", "id", "include_types", ""},
	{"event_archive_rules", "id", "exclude_types", ""},
	{"event_archive_rules", "id", "include_contexts", ""},
	{"event_archive_rules", "id", "exclude_contexts", ""},
}

func (d document) must() string { return d.table + "." + d.column + " is JSON of its kind" }

// documents reads every JSON document there is.
func (s *reading) documents(ctx context.Context) error {
	for _, d := range documents {
		if err := s.read(ctx, d); err != nil {
			return fmt.Errorf("%s.%s: %w", d.table, d.column, err)
		}
	}
	return nil
}

func (s *reading) read(ctx context.Context, d document) error {
	statement := fmt.Sprintf("SELECT %s, %s FROM {%s} WHERE %s IS NOT NULL", d.key, d.column, d.table, d.column)
	rows, err := s.tx.QueryContext(ctx, s.sql.Replace(statement))
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := 0; rows.Next() && n < most; {
		var key string
		var text sql.RawBytes
		if err := rows.Scan(&key, &text); err != nil {
			return err
		}
		if !json.Valid(text) || !beginsWith(text, d.begins) {
			s.unreadable = true
			s.report(d.must(), d.key+" "+key)
			n++
		}
	}
	return rows.Err()
}

// beginsWith reports whether a document is an object or a list, as wanted.
func beginsWith(text []byte, want string) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return want == "" || string(c) == want
	}
	return false
}
