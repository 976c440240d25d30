package sqlite

import (
	"encoding/json"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// now is the present in microseconds since 1970, with the precision that SQLite has: milliseconds.
const now = "CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000"

// dialect is SQLite's SQL. Lists are JSON arrays, spread by json_each.
var dialect = &query.Dialect{
	Name:        "sqlite",
	Placeholder: sq.Question,
	Quote:       quote,
	Now:         now,
	Clock:       now,
	UUIDs:       "json_each(?)",
	Texts:       "json_each(?)",
	Aggregates: "(SELECT key AS number, value ->> 0 AS aggregate_type, value ->> 1 AS aggregate_id" +
		" FROM json_each(?))",
	IsOneOf:   "IN (SELECT value FROM json_each(?))",
	IsOneText: "IN (SELECT value FROM json_each(?))",
	RowID:     "rowid",
	IsAmong:   func(selected string) string { return "IN (" + selected + ")" },
	Pairs:     "(SELECT value ->> 0 AS first, value ->> 1 AS second FROM json_each(?)) AS pairs",
	PairArgs: func(first, second []uuid.UUID) []any {
		pairs := make([][2]string, len(first))
		for i := range first {
			pairs[i] = [2]string{first[i].String(), second[i].String()}
		}
		return []any{list(pairs)}
	},
	After:     now + " + ?",
	Plus:      func(moment, seconds string) string { return moment + " + (" + seconds + ") * 1000000" },
	Day:       func(moment string) string { return moment + " / 86400000000" },
	Unindexed: func(column string) string { return "+" + column },
	Bytewise:  func(column string) string { return column },
	Each: func(table query.Table, alias, where string) string {
		return "CROSS JOIN " + quote(table) + " " + alias + " ON " + where // CROSS: not to be reordered
	},
	// The index has the order, and a join that is not reordered gives rows in that of the index.
	EachOfAggregate: func(queue query.Table) string {
		return "CROSS JOIN " + quote(queue) + ` q INDEXED BY "` + prefix(query.Table{Schema: queue.Schema, Name: "event_queue_aggregate_idx"}) + `"` +
			" ON q.aggregate_id = c.aggregate_id AND q.aggregate_type = c.aggregate_type AND q.aggregate_version >= c.aggregate_version"
	},
	AggregateArgs: func(aggregates []driver.Aggregate) []any {
		pairs := make([][2]string, len(aggregates))
		for i, a := range aggregates {
			pairs[i] = [2]string{a.Type, a.ID.String()}
		}
		return []any{list(pairs)}
	},
	// The transaction keeps other writers out, so that what follows the highest position ever used
	// is free.
	Reserve: func(events query.Table) string {
		return "WITH RECURSIVE taken (position, remaining) AS (" +
			"SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '" + prefix(events) + "'), 0) + 1, ? - 1 " +
			"UNION ALL SELECT position + 1, remaining - 1 FROM taken WHERE remaining > 0) " +
			"SELECT position, " + now + " FROM taken"
	},
}

// list is texts as a JSON array.
func list(texts any) string {
	list, err := json.Marshal(texts)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(list)
}

// prefix is the table's name: SQLite has no schemas, so the schema is a prefix.
func prefix(t query.Table) string { return t.Schema + "__" + t.Name }

func quote(t query.Table) string { return `"` + prefix(t) + `"` }
