package query

import (
	"slices"
	"strings"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// table is a mapping's table in one schema, with the statements that every such table has.
type table[E any] struct {
	*mapping[E]
	*schemaSQL

	save, update []column[E] // the columns that each of them sets

	// Those with a column that an update sets. What the others name may be gone.
	updateReferences []reference
	updateUnique     []unique

	// One row, as it is stored; none if something is in the way.
	insertRow, updateRow string
	// What can be in the way: a row of predicates, in the order of the obstacles.
	insertExplained, updateExplained string
	insertObstacles, updateObstacles []obstacle[E]

	byID, exists, deleteRow string
}

// obstacle is something that can be in the way of a save or an update.
type obstacle[E any] struct {
	predicate string
	args      func(*E) []any
	err       func(*E) error
}

func newTable[E any](s *schemaSQL, m *mapping[E]) *table[E] {
	t := &table[E]{mapping: m, schemaSQL: s, save: m.pick(false), update: m.pick(true)}
	t.updateReferences = slices.DeleteFunc(slices.Clone(m.references), func(r reference) bool { return !m.updates(r.column) })
	t.updateUnique = slices.DeleteFunc(slices.Clone(m.unique), func(u unique) bool { return !slices.ContainsFunc(u.columns, m.updates) })
	name := s.quote(m.table)
	t.insertObstacles, t.updateObstacles = t.obstacles(name)
	t.insertRow, t.insertExplained = t.insertSQL(name), t.explain(t.insertObstacles)
	if len(t.update) > 0 {
		t.updateRow, t.updateExplained = t.updateSQL(name), t.explain(t.updateObstacles)
	}
	t.byID = s.render(t.read().Where("id = ?"))
	t.exists = s.render(sq.Select().Column(sq.Expr("EXISTS (?)", sq.Select("1").From(name).Where("id = ?"))))
	t.deleteRow = s.render(sq.Delete(name).Where("id = ?"))
	return t
}

// read selects rows.
func (t *table[E]) read() sq.SelectBuilder {
	return sq.Select(t.names("")...).From(t.quote(t.mapping.table))
}

func (t *table[E]) returning() string { return "RETURNING " + strings.Join(t.names(""), ", ") }

func (t *table[E]) insertSQL(name string) string {
	values := sq.Select()
	for _, c := range t.save {
		values = values.Column(sq.Expr(c.valueSQL(t.schemaSQL)))
	}
	return t.render(sq.Insert(name).Columns(namesOf(t.save)...).Select(values.Where(t.referenced(t.references))).
		Suffix("ON CONFLICT DO NOTHING " + t.returning()))
}

func (t *table[E]) insertArgs(e *E) []any {
	return append(valueArgs(e, t.save), t.referenceArgs(e, t.references)...)
}

func (t *table[E]) updateSQL(name string) string {
	update := sq.Update(name)
	for _, c := range t.update {
		update = update.Set(c.name, sq.Expr(c.valueSQL(t.schemaSQL)))
	}
	return t.render(update.Set("updated_at", sq.Expr(t.dialect.Now)).Set("revision", sq.Expr("revision + 1")).
		Where("id = ? AND revision = ? AND " + t.referenced(t.updateReferences)).Suffix(t.returning()))
}

func (t *table[E]) updateArgs(e *E) []any {
	return append(append(valueArgs(e, t.update), t.valueOf(e, "id"), t.valueOf(e, "revision")), t.referenceArgs(e, t.updateReferences)...)
}

// referenced holds if the rows that a row refers to are there. Where rows are locked it keeps them
// there until the transaction ends.
func (t *table[E]) referenced(references []reference) string {
	predicates := []string{"1 = 1"}
	for _, r := range references {
		predicates = append(predicates, "NOT "+t.missing(r, true))
	}
	return strings.Join(predicates, " AND ")
}

func (t *table[E]) referenceArgs(e *E, references []reference) []any {
	args := make([]any, len(references))
	for i, r := range references {
		args[i] = t.referred(e, r)
	}
	return args
}

// referred is the id that must be there, as a list, which is empty if none must.
func (t *table[E]) referred(e *E, r reference) []uuid.UUID {
	if t.refers != nil && !t.refers(e, r.column) {
		return []uuid.UUID{}
	}
	return optionalIDs(t.valueOf(e, r.column))
}

// missing holds if, of a list of ids that is empty or has one, that one is not in the table. If it
// is, keep locks it there.
func (t *table[E]) missing(r reference, keep bool) string {
	locking := ""
	if keep {
		locking = t.keepingThere()
	}
	there := "SELECT 1 FROM " + t.quote(r.table) + " r WHERE r.id = value" + locking
	if r.table == eventsTable {
		there = t.ofEvent("value", locking)
	}
	return "EXISTS (SELECT 1 FROM " + t.dialect.UUIDs + " WHERE NOT EXISTS (" + there + "))"
}

// obstacles returns what can be in the way of a save, and of an update.
func (t *table[E]) obstacles(name string) (save, update []obstacle[E]) {
	arg := func(columns ...string) func(*E) []any {
		return func(e *E) []any {
			args := make([]any, len(columns))
			for i, column := range columns {
				args[i] = t.valueOf(e, column)
			}
			return args
		}
	}
	there := func(where string) string { return "EXISTS (SELECT 1 FROM " + name + " WHERE " + where + ")" }
	save = []obstacle[E]{{there("id = ?"), arg("id"), always[E](driver.ErrAlreadyExists)}}
	update = []obstacle[E]{
		{"NOT " + there("id = ?"), arg("id"), always[E](driver.ErrNotFound)},
		{"NOT " + there("id = ? AND revision = ?"), arg("id", "revision"), always[E](errStale)},
	}
	for _, r := range t.references {
		missing := obstacle[E]{
			t.missing(r, false),
			func(e *E) []any { return []any{t.referred(e, r)} },
			func(e *E) error { return missingReference(r, text(t.valueOf(e, r.column))) },
		}
		save = append(save, missing)
		if slices.Contains(t.updateReferences, r) {
			update = append(update, missing)
		}
	}
	for _, u := range t.unique {
		where := strings.Join(u.columns, " = ? AND ") + " = ?"
		if u.where != "" {
			where += " AND " + u.where
		}
		taken := func(e *E) error {
			key := make([]string, len(u.columns))
			for i, column := range u.columns {
				key[i] = column + " " + text(t.valueOf(e, column))
			}
			return &driver.Error{Kind: driver.ErrAlreadyExists, Key: strings.Join(key, ", ")}
		}
		save = append(save, obstacle[E]{there(where), arg(u.columns...), taken})
		if slices.ContainsFunc(u.columns, t.updates) {
			update = append(update, obstacle[E]{there(where + " AND id <> ?"), arg(append(slices.Clone(u.columns), "id")...), taken})
		}
	}
	return save, update
}

var errStale = &driver.Error{Kind: driver.ErrConflict, Err: &driver.InvalidError{Field: "revision", Reason: "is not the latest; read it again"}}

func always[E any](err error) func(*E) error { return func(*E) error { return err } }

func missingReference(r reference, key string) error {
	return &driver.Error{Kind: driver.ErrMissingReference, Err: &driver.ReferenceError{Field: r.column, Entity: r.entity, Key: key}}
}

// text is an id or a name as it stands in errors.
func text(value any) string {
	switch v := value.(type) {
	case uuid.UUID:
		return v.String()
	case *uuid.UUID:
		if v != nil {
			return v.String()
		}
	case string:
		return v
	}
	return ""
}

func (t *table[E]) explain(obstacles []obstacle[E]) string {
	explained := sq.Select()
	for _, o := range obstacles {
		explained = explained.Column(o.predicate)
	}
	return t.render(explained)
}
