package postgres_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/indexes"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/query"
)

// What only PostgreSQL has: on SQLite positions are the rows' ids.
var ofPostgres = map[string]string{
	"events_pkey":               "consumers.read consumers.lag claims.claim events.queuePage horizon deadLetters.list",
	"event_processed_pkey":      "events.byType archiving.page archiving.forget archiving.reserve",
	"event_archiving_pkey":      "archiving.reserve",
	"neoevents_migrations_pkey": indexes.Unique,
}

// Where events are partitioned, their keys are in event_keys.
var ofPartitions = map[string]string{
	"events_id_key":                   "",
	"events_aggregate_key":            "",
	"events_pkey":                     "consumers.read consumers.lag claims.claim events.queuePage horizon deadLetters.list events.byID",
	"event_keys_pkey":                 "events.byID events.takenID events.exists events.archivedIn archiving.restorable archiving.keep claims.unhold deliveries.fanOut",
	"event_keys_aggregate_key":        "events.byAggregate events.lastVersion events.lastVersions archives.byAggregate",
	"event_dead_letters_position_idx": "detaching.obstacle",
}

// Each index costs every save or change of its table, so each has statements that need it, whose plans use
// it: package indexes lists them. An index without a line there, or a line without its index, is a mistake.
func TestEachIndexIsNeededByItsStatements(t *testing.T) {
	for name, layout := range map[string]struct {
		needed map[string]string
		opts   []driver.Option
	}{
		"one table":  {indexes.With(ofPostgres), nil},
		"partitions": {indexes.With(merged(ofPostgres, ofPartitions)), []driver.Option{withPartitions(indexedRows + 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.DSN(t)
			store := storeOf(t, connected(t, dsn, layout.opts...), tenant)
			conn := admin(t, dsn)
			found, parents := catalogIndexes(t, conn)
			needed := slices.Sorted(maps.Keys(layout.needed))
			if !slices.Equal(found, needed) {
				t.Errorf("without a line in package indexes, or in this file: %q\nlines without an index: %q", without(found, needed), without(needed, found))
			}
			fillAll(t, conn)
			plans := map[string]string{}
			for statement, sql := range driver.Unwrap(store).(*query.Store).Statements() {
				if ofOnePartition.MatchString(sql) {
					continue // there is none of the sample's number
				}
				plan := planOf(t, conn, statement, sql)
				if strings.Contains(seqScan.FindString(plan), "Seq Scan") && !slices.Contains(indexes.ReadsAll, statement) {
					t.Errorf("%s reads a whole table:\n%s\n%s", statement, plan, sql)
				}
				plans[statement] = plan
			}
			for _, index := range needed {
				for _, statement := range indexes.Statements(layout.needed[index]) {
					used := slices.ContainsFunc(word.FindAllString(plans[statement], -1), func(name string) bool { return name == index || parents[name] == index })
					if !used {
						t.Errorf("%s does not use %s:\n%s", statement, index, plans[statement])
					}
				}
			}
		})
	}
}

var (
	word           = regexp.MustCompile(`[a-z_0-9]+`)
	seqScan        = regexp.MustCompile(`Seq Scan on [^p][^g]`) // those of the catalog are small
	ofOnePartition = regexp.MustCompile(`_p3"|^ALTER|^LOCK|^DROP`)
)

// A foreign key is looked up from both ends: a row that goes is looked for in the table that refers to it.
func TestForeignKeysHaveAnIndexOnTheColumnThatRefers(t *testing.T) {
	dsn := pgtest.DSN(t)
	storeOf(t, connected(t, dsn), tenant)
	const keys = ` FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace AND n.nspname = $1 AND c.contype = 'f'`
	const refers = ` i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] `
	conn := admin(t, dsn)
	if all := column(t, conn, "SELECT c.conname::text"+keys, tenant); len(all) != 6 {
		t.Errorf("foreign keys: %q; want the 6 of the migrations", all)
	}
	if bare := column(t, conn, "SELECT c.conname::text"+keys+" WHERE NOT EXISTS (SELECT FROM pg_index i WHERE"+refers+")", tenant); len(bare) > 0 {
		t.Errorf("no index begins with the column that refers: %q", bare)
	}
	used := column(t, conn, "SELECT DISTINCT i.indexrelid::regclass::text"+keys+" JOIN pg_index i ON c.conindid = i.indexrelid OR"+refers, tenant)
	for index, line := range indexes.Needed {
		if line == indexes.ForeignKey && !slices.Contains(used, tenant+"."+index) {
			t.Errorf("no foreign key needs %s", index)
		}
	}
}

func merged(first, second map[string]string) map[string]string {
	all := maps.Clone(first)
	maps.Copy(all, second)
	return all
}

func without(all, these []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(these, one) })
}

// catalogIndexes returns the indexes of the schema, and for those of partitions the index that they are a
// part of.
func catalogIndexes(t *testing.T, conn *pgx.Conn) (names []string, parents map[string]string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT i.relname, coalesce(p.relname, '') FROM pg_class i JOIN pg_namespace n ON n.oid = i.relnamespace
		LEFT JOIN pg_inherits h ON h.inhrelid = i.oid LEFT JOIN pg_class p ON p.oid = h.inhparent
		WHERE n.nspname = $1 AND i.relkind IN ('i', 'I')`, tenant)
	if err != nil {
		t.Fatal(err)
	}
	parents = map[string]string{}
	var name, parent string
	if _, err := pgx.ForEachRow(rows, []any{&name, &parent}, func() error {
		if parent == "" {
			names = append(names, name)
		} else {
			parents[name] = parent
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names, parents
}

// planOf is the plan of a statement with parameters that the rows of fillAll are made for.
func planOf(t *testing.T, conn *pgx.Conn, name, sql string) string {
	t.Helper()
	described, err := conn.Prepare(t.Context(), "", sql)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	args := make([]any, len(described.ParamOIDs))
	for i, oid := range described.ParamOIDs {
		args[i] = parameter(oid)
	}
	copy(args, parametersOf[name])
	rows, err := conn.Query(t.Context(), "EXPLAIN "+sql, append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return strings.Join(lines, "\n")
}

func parameter(oid uint32) any {
	switch oid {
	case pgtype.UUIDOID:
		return rowID(7)
	case pgtype.UUIDArrayOID:
		return []string{rowID(7), rowID(8)}
	case pgtype.TextOID:
		return "type.7"
	case pgtype.TextArrayOID:
		return []string{"type.7", "type.8"}
	case pgtype.BoolOID:
		return true
	case pgtype.TimestamptzOID:
		return "2025-01-04 10:00:00Z" // after most of the rows
	}
	return 10
}

// rowID is the id of a row that fillAll makes.
func rowID(i int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", i) }
