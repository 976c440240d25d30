// Package invariants checks a whole schema against itself, by plain SQL of its own: it shares nothing with
// package query, whose statements it checks. Tests that kill, cut off or fill up a database call it when all
// is over.
//
// What it checks is what the library promises of any schema, and four things that hold where an app keeps to
// what these tests do: events are saved without versions of their own, so that those of an aggregate have
// no gaps; executions are ended by Complete, and counted by nothing else; no record of an archive, an
// execution or a job is deleted; and consumers commit positions that they have read.
package invariants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// most is how many violations of one rule are told. A schema that is broken is broken in many rows.
const most = 5

// Check reads one schema and returns a line for each thing in it that must not be: which rule, and which
// row. None: all is well. backend is "postgres" or "sqlite"; of SQLite it also checks the file, with
// whatever else is in it. It reads one snapshot, so that others may write meanwhile, and takes longer the more
// there is: every row is read. Beside an error, which is one of reading, it returns what it found before.
func Check(ctx context.Context, db *sql.DB, backend, schema string) ([]string, error) {
	b, ok := backends[backend]
	if !ok {
		return nil, fmt.Errorf("invariants: there is no backend %q", backend)
	}
	tx, err := db.BeginTx(ctx, b.snapshot)
	if err != nil {
		return nil, fmt.Errorf("invariants: %w", err)
	}
	found, err := check(ctx, tx, b, schema)
	return found, errors.Join(err, tx.Rollback())
}

// check is Check in a transaction.
func check(ctx context.Context, tx *sql.Tx, b *backend, schema string) ([]string, error) {
	s := &reading{tx: tx, backend: b, schema: schema, sql: b.replacer(schema)}
	for _, step := range []func(context.Context) error{s.file, s.tables, s.documents, s.rules} {
		if err := step(ctx); err != nil {
			return s.found, fmt.Errorf("invariants of schema %s: %w", schema, err)
		}
		if s.unreadable {
			break
		}
	}
	return s.found, nil
}

// rule is something that must be, and a select of a text for each row by which it is not. Where it says
// {events} the schema's table is meant; see backend for what else stands in braces.
type rule struct{ must, violations string }

// reading is one run of Check.
type reading struct {
	*backend
	tx     *sql.Tx
	schema string
	sql    *strings.Replacer
	found  []string

	unreadable bool // what was found keeps the next step from reading
}

func (s *reading) report(must, what string) {
	s.found = append(s.found, fmt.Sprintf("schema %s: %s: %s", s.schema, must, what))
}

func (s *reading) rules(ctx context.Context) error {
	for _, r := range allRules() {
		if err := s.hold(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", r.must, err)
		}
	}
	return nil
}

// hold reports the rows by which a rule does not hold.
func (s *reading) hold(ctx context.Context, r rule) error {
	rows, err := s.tx.QueryContext(ctx, s.sql.Replace(r.violations))
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var what string
		if err := rows.Scan(&what); err != nil {
			return err
		}
		if n < most {
			s.report(r.must, what)
		}
	}
	if n > most {
		s.report(r.must, fmt.Sprintf("and %d more", n-most))
	}
	return rows.Err()
}
