package query

import (
	"strings"
	"sync"

	sq "github.com/Masterminds/squirrel"
)

// schemaSQL renders statements for one schema.
type schemaSQL struct {
	dialect *Dialect
	schema  string
	// keyed tells that the table of keys has those of all events, as it has where they are partitioned.
	keyed bool
}

// numbered is the table whose sequence gives the positions.
func (s *schemaSQL) numbered() Table {
	if s.keyed {
		return Table{s.schema, keysTable}
	}
	return Table{s.schema, eventsTable}
}

// ofEvent selects a one if there is an event whose id is an expression, with a locking clause that may be
// empty.
func (s *schemaSQL) ofEvent(id, locking string) string {
	events := s.quote(eventsTable)
	if !s.keyed {
		return "SELECT 1 FROM " + events + " r WHERE r.id = " + id + locking
	}
	return "SELECT 1 FROM " + s.quote(keysTable) + " k CROSS JOIN LATERAL (SELECT 1 FROM " + events + " r WHERE r.position = k.position" +
		locking + ") r WHERE k.event_id = " + id
}

// keepingThere is the locking clause by which a row that is referred to stays there until the transaction ends,
// where rows are locked.
func (s *schemaSQL) keepingThere() string {
	if !s.dialect.Locks {
		return ""
	}
	return " FOR KEY SHARE"
}

// quote is a table's name as it stands in a statement.
func (s *schemaSQL) quote(table string) string { return s.dialect.Quote(Table{s.schema, table}) }

// render builds a statement whose arguments are given each time it runs, not here. It panics on one
// that can't be built, which no input can cause.
func (s *schemaSQL) render(statement sq.Sqlizer) string {
	text, _, err := statement.ToSql()
	if err == nil {
		text, err = s.dialect.Placeholder.ReplacePlaceholders(text)
	}
	if err != nil {
		panic("neoevents: building a statement: " + err.Error())
	}
	return text
}

// list orders a select and limits it by its last argument.
func (s *schemaSQL) list(selected sq.SelectBuilder, order string) string {
	return s.render(selected.OrderBy(order).Suffix("LIMIT ?"))
}

// locking makes a select lock what it finds by a locking clause, where rows are locked.
func (s *schemaSQL) locking(selected sq.SelectBuilder, clause string) sq.SelectBuilder {
	if !s.dialect.Locks {
		return selected
	}
	return selected.Suffix(clause)
}

// choices keeps statements that come in many forms, such as one for each choice of columns, each
// rendered when it is first asked for.
type choices struct {
	statements sync.Map // key string → statement string
}

func (c *choices) statement(render func() string, key ...string) string {
	joined := strings.Join(key, " ")
	if text, ok := c.statements.Load(joined); ok {
		return text.(string)
	}
	text := render()
	c.statements.Store(joined, text)
	return text
}
