package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/indexes"
	"github.com/neomultitenant/neoevents/query"
)

// Where SQLite finds rows in another way.
var ofSQLite = map[string]string{
	"event_queue_id_pkey":      "", // the row's id is the position
	"event_queue_event_id_key": indexes.Needed["event_queue_id_pkey"],
}

// Each index costs every save or change of its table, so each has statements that need it, whose plans use
// it: package indexes lists them. An index without a line there, or a line without its index, is a mistake.
func TestEachIndexIsNeededByItsStatements(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	store, err := driver.Open("sqlite:"+path, "tenant_acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	app, plans := openSQL(t, path), map[string]string{}
	for statement, sql := range driver.Unwrap(store).(*query.Store).Statements() {
		plans[statement] = planOf(t, app, sql)
		if wholeTable.MatchString(plans[statement]) && !slices.Contains(indexes.ReadsAll, statement) {
			t.Errorf("%s reads a whole table:\n\t%s\n%s", statement, plans[statement], sql)
		}
	}
	names, needed := catalogIndexes(t, app), indexes.With(ofSQLite)
	for index := range names {
		if _, is := needed[index]; !is {
			t.Errorf("%s has no line in package indexes, or in this file", index)
		}
	}
	for index, line := range needed {
		name, is := names[index]
		if !is {
			t.Errorf("%s: there is no such index", index)
		}
		for _, statement := range indexes.Statements(line) {
			if !slices.Contains(strings.Fields(plans[statement]), name) {
				t.Errorf("%s does not use %s, %s:\n\t%s", statement, index, name, plans[statement])
			}
		}
	}
}

var wholeTable = regexp.MustCompile(`(?m)SCAN tenant_acme__[a-z_]+$`)

// catalogIndexes returns the indexes of the schema, by the names that they have on PostgreSQL.
func catalogIndexes(t *testing.T, app *sql.DB) map[string]string {
	t.Helper()
	rows, err := app.Query(`SELECT t.name, i.name, i.origin, min(c.name) FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
		WHERE t.type = 'table' AND c.seqno = 0 GROUP BY i.name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names := map[string]string{}
	for rows.Next() {
		var table, name, origin, first string
		if err := rows.Scan(&table, &name, &origin, &first); err != nil {
			t.Fatal(err)
		}
		table = strings.TrimPrefix(table, "tenant_acme__")
		switch {
		case origin == "pk":
			names[table+"_pkey"] = name
		case origin == "u" && strings.HasPrefix(first, "aggregate_"):
			names[table+"_aggregate_key"] = name
		case origin == "u":
			names[table+"_"+first+"_key"] = name
		default:
			names[strings.TrimPrefix(name, "tenant_acme__")] = name
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}
