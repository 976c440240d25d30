package query

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// mapping is how an entity is kept in a table of its own: what all but events are.
type mapping[E any] struct {
	table      string
	repository string                         // as in the Op of errors: "Endpoints"
	entity     string                         // as in errors: "endpoint"
	columns    []column[E]                    // the first is the id
	references []reference                    // columns that name rows of other tables, which must be there
	refers     func(e *E, column string) bool // whether one of them must be there; nil: each
	unique     []unique                       // keys besides the id
	derived    []column[E]                    // columns that Update sets to an expression of the old row and the new
	opened     func(*shared, *E) error        // makes what was read the entity; nil: nothing to do
}

// column is a column and where its value is in the entity.
type column[E any] struct {
	name string
	at   func(*E) any // a pointer to the field, or a Scanner and Valuer around one
	set  set

	// What is stored is the value, or an expression with arguments of its own.
	expression func(*schemaSQL) string
	args       func(*E) []any
}

// set says who sets a column.
type set uint8

const (
	byOthers set = iota // the database's default, and other methods
	bySave              // Save only
	byBoth              // Save and Update
)

// reference is a column that names a row of another table by its id.
type reference struct {
	column, table, entity string
}

// unique is a key: its columns, and which rows it is about ("": all).
type unique struct {
	columns []string
	where   string
}

func (m *mapping[E]) names(prefix string) []string {
	names := make([]string, len(m.columns))
	for i, c := range m.columns {
		names[i] = prefix + c.name
	}
	return names
}

// targets returns where in e the columns go.
func (m *mapping[E]) targets(e *E) []any {
	targets := make([]any, len(m.columns))
	for i, c := range m.columns {
		targets[i] = c.at(e)
	}
	return targets
}

// pick returns the columns that Save sets, or those that Update does.
func (m *mapping[E]) pick(update bool) []column[E] {
	var picked []column[E]
	for _, c := range m.columns {
		if c.set == byBoth || !update && c.set == bySave {
			picked = append(picked, c)
		}
	}
	if update {
		picked = append(picked, m.derived...)
	}
	return picked
}

// updates reports whether Update sets the column of that name.
func (m *mapping[E]) updates(name string) bool {
	return slices.ContainsFunc(m.columns, func(c column[E]) bool { return c.name == name && c.set == byBoth })
}

func (c *column[E]) valueSQL(s *schemaSQL) string {
	if c.expression != nil {
		return c.expression(s)
	}
	return "?"
}

func valueArgs[E any](e *E, columns []column[E]) []any {
	args := make([]any, 0, len(columns)+4)
	for _, c := range columns {
		if c.args != nil {
			args = append(args, c.args(e)...)
		} else {
			args = append(args, value(c.at(e)))
		}
	}
	return args
}

func namesOf[E any](columns []column[E]) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// expression is an expression without names of tables.
func expression(sql string) func(*schemaSQL) string { return func(*schemaSQL) string { return sql } }

// at returns where in e the column of that name goes.
func (m *mapping[E]) at(e *E, name string) any {
	for _, c := range m.columns {
		if c.name == name {
			return c.at(e)
		}
	}
	panic("neoevents: table " + m.table + " has no column " + name)
}

// valueOf returns the value of the column of that name.
func (m *mapping[E]) valueOf(e *E, name string) any { return value(m.at(e, name)) }

// value is what a pointer to a field points to, as an Executor takes it.
func value(at any) any {
	switch p := at.(type) {
	case *uuid.UUID:
		return *p
	case **uuid.UUID:
		return *p
	case *string:
		return *p
	case **string:
		return *p
	case *int:
		return int64(*p)
	case **int:
		return *p
	case *int64:
		return *p
	case **int64:
		return *p
	case *float64:
		return *p
	case *bool:
		return *p
	case *time.Time:
		return *p
	case **time.Time:
		return *p
	case *json.RawMessage:
		return *p
	case driver.Valuer:
		return p
	}
	panic(fmt.Sprintf("neoevents: a field is a %T", at))
}

// encoded is a field that is kept as JSON text. What can't be decoded is an error: an action that
// lost its conditions would run for everything.
type encoded struct{ to any }

// Value implements database/sql/driver.Valuer.
func (e encoded) Value() (driver.Value, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.to); err != nil {
		return nil, err
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// Scan implements database/sql.Scanner.
func (e encoded) Scan(stored any) error {
	var text []byte
	switch s := stored.(type) {
	case string:
		text = []byte(s)
	case []byte:
		text = s
	default:
		return fmt.Errorf("JSON is stored as %T, not as text", stored)
	}
	if err := json.Unmarshal(text, e.to); err != nil {
		return fmt.Errorf("stored JSON can't be decoded: %w", err)
	}
	return nil
}

// optionalIDs is an id that may be absent, as a list.
func optionalIDs(id any) []uuid.UUID {
	switch id := id.(type) {
	case uuid.UUID:
		return []uuid.UUID{id}
	case *uuid.UUID:
		if id != nil {
			return []uuid.UUID{*id}
		}
	}
	return []uuid.UUID{}
}
