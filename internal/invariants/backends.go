package invariants

import (
	"context"
	"database/sql"
	"regexp"
	"strings"
)

// backend is what the two spell differently.
type backend struct {
	snapshot *sql.TxOptions
	table    func(schema, table string) string // quoted

	// What stands in braces, besides the tables.
	clock, minute string // the present, and a minute of its kind
	list          string // the rows of a JSON list, as t (value), up to the list
	endOfList     string
	lastPosition  string // that was ever given to an event

	// objects selects the names of the tables and views of a schema, its parameter, without the schema.
	objects string
	// file selects what is wrong with the database as a file; "": that is not asked.
	file []string
}

var backends = map[string]*backend{
	"postgres": {
		snapshot:     &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		table:        func(schema, table string) string { return `"` + schema + `"."` + table + `"` },
		clock:        "clock_timestamp()",
		minute:       "interval '1 minute'",
		list:         "json_array_elements_text(CAST(",
		endOfList:    " AS json)) AS t (value)",
		lastPosition: `(SELECT max(coalesce(last_value, 0)) FROM pg_catalog.pg_sequences WHERE schemaname = {schema} AND sequencename IN ('events_position_seq', 'event_keys_position_seq'))`,
		objects: `SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1`,
	},
	"sqlite": {
		table:        func(schema, table string) string { return `"` + schema + "__" + table + `"` },
		clock:        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
		minute:       "60000000",
		list:         "json_each(",
		endOfList:    ") AS t",
		lastPosition: "(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = {schema} || '__events')",
		objects: `SELECT substr(name, length({schema}) + 3) FROM sqlite_schema
			WHERE type <> 'index' AND substr(name, 1, length({schema}) + 2) = {schema} || '__' ORDER BY 1`,
		file: []string{
			"SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
			`SELECT "table" || ' row ' || coalesce(rowid, '') || ' refers to no row of ' || parent FROM pragma_foreign_key_check`,
		},
	},
}

// replacer puts in what stands in braces.
func (b *backend) replacer(schema string) *strings.Replacer {
	quoted := "'" + schema + "'" // a schema's name has no quote in it
	with := []string{
		"{clock}", b.clock, "{minute}", b.minute, "{list ", b.list, " list}", b.endOfList,
		"{last position}", strings.ReplaceAll(b.lastPosition, "{schema}", quoted), "{schema}", quoted,
	}
	for _, table := range tables {
		with = append(with, "{"+table+"}", b.table(schema, table))
	}
	return strings.NewReplacer(with...)
}

// tables are those that the migrations make.
var tables = []string{
	"action_executions", "event_action_types", "event_actions", "event_archive_chunks", "event_archive_jobs",
	"event_archive_objects", "event_archive_rules", "event_archives", "event_archiving", "event_consumers",
	"event_dead_letters", "event_keys", "event_processed", "event_queue", "events", "neoevents_migrations",
	"webhook_deliveries", "webhook_delivery_attempts", "webhook_endpoints", "webhook_event_types", "webhook_subscriptions",
}

// A partition of events, or one that was detached.
var partition = regexp.MustCompile(`^(events|event_processed)_p[0-9]+$`)

const mustBeMigrated = "there are the tables that the migrations make, and no others"

// tables reports tables that nobody knows, and those that are missing.
func (s *reading) tables(ctx context.Context) error {
	rows, err := s.tx.QueryContext(ctx, s.sql.Replace(s.objects))
	if err != nil {
		return err
	}
	defer rows.Close()
	missing := map[string]bool{}
	for _, table := range tables {
		missing[table] = true
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if !missing[name] && !partition.MatchString(name) {
			s.report(mustBeMigrated, name+" is no table of the library's")
		}
		delete(missing, name)
	}
	for table := range missing {
		s.unreadable = true
		s.report(mustBeMigrated, table+" is missing")
	}
	return rows.Err()
}

const mustBeSound = "the file is sound"

func (s *reading) file(ctx context.Context) error {
	for _, statement := range s.backend.file {
		if err := s.hold(ctx, rule{mustBeSound, statement}); err != nil {
			return err
		}
	}
	return nil
}
