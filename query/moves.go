package query

import (
	"context"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"
)

// A move takes rows out of a table and adds something for each to another one: in one statement, or
// in two to be run in a transaction.
type move struct {
	Statements []string
	given      int // how many of the parameters only the first statement has
}

// moving is the move of the rows of a table for which where holds. given is a select of one row with
// the parameters that come before those of where, its columns at hand for what is selected; nil: none.
func (s *schemaSQL) moving(from, where, to, columns, selected string, given ...string) move {
	insert := sq.Insert(to).Columns(columns)
	taken := sq.Delete(from).Where(where)
	if len(given) > 0 {
		row := sq.Select(given...)
		if s.dialect.WritableCTE {
			return move{given: len(given), Statements: []string{s.render(sq.Select("event_id").From("moved").PrefixExpr(sq.Expr(
				"WITH given AS (?), moved AS (?), added AS (?)", row, taken.Suffix("RETURNING *"), insert.Select(sq.Select(selected).From("moved CROSS JOIN given")))))}}
		}
		return move{given: len(given), Statements: []string{
			s.render(insert.PrefixExpr(sq.Expr("WITH given AS (?)", row)).Select(sq.Select(selected).From(from + " CROSS JOIN given").Where(where))),
			s.render(taken.Suffix("RETURNING event_id")),
		}}
	}
	if s.dialect.WritableCTE {
		return move{Statements: []string{s.render(sq.Select("event_id").From("moved").PrefixExpr(sq.Expr(
			"WITH moved AS (?), added AS (?)", taken.Suffix("RETURNING *"), insert.Select(sq.Select(selected).From("moved")))))}}
	}
	return move{Statements: []string{
		s.render(insert.Select(sq.Select(selected).From(from).Where(where))),
		s.render(taken.Suffix("RETURNING event_id")),
	}}
}

// run moves rows and returns their event ids.
func (m move) run(ctx context.Context, x Executor, args ...any) (moved []uuid.UUID, err error) {
	if len(m.Statements) == 1 {
		return queryIDs(ctx, x, m.Statements[0], args)
	}
	err = x.InTx(ctx, func(x Executor) error {
		if _, err := x.Exec(ctx, m.Statements[0], args); err != nil {
			return err
		}
		moved, err = queryIDs(ctx, x, m.Statements[1], args[m.given:])
		return err
	})
	return moved, err
}

// queryIDs runs a statement that returns ids.
func queryIDs(ctx context.Context, x Executor, sql string, args []any) ([]uuid.UUID, error) {
	var id uuid.UUID
	ids := []uuid.UUID{}
	err := x.Query(ctx, sql, args, []any{&id}, func() { ids = append(ids, id) })
	return ids, err
}
