package query

import (
	"context"
	"strings"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"
)

// A move takes rows out of a table and adds something for each to another one: in one statement, or
// in two to be run in a transaction.
type move struct {
	Statements []string
	given      int // how many of the parameters only the first statement has
}

// moving is the move of the rows of a table for which where holds. given are columns, made of parameters
// that come before those of where, which are at hand for what is selected.
func (s *schemaSQL) moving(from, where, to, columns, selected string, given ...string) move {
	var with []string
	var parts []any
	source := func(rows string) sq.SelectBuilder {
		if len(given) > 0 {
			rows += " CROSS JOIN given"
		}
		return sq.Select(selected).From(rows)
	}
	if len(given) > 0 {
		with, parts = append(with, "given AS (?)"), append(parts, sq.Select(given...))
	}
	insert, taken := sq.Insert(to).Columns(columns), sq.Delete(from).Where(where)
	if s.dialect.WritableCTE {
		with = append(with, "moved AS (?)", "added AS (?)")
		parts = append(parts, taken.Suffix("RETURNING *"), insert.Select(source("moved")))
		return move{Statements: []string{
			s.render(sq.Select("event_id").From("moved").PrefixExpr(sq.Expr("WITH "+strings.Join(with, ", "), parts...))),
		}}
	}
	insert = insert.Select(source(from).Where(where))
	if len(given) > 0 {
		insert = insert.PrefixExpr(sq.Expr("WITH "+with[0], parts...))
	}
	return move{given: len(given), Statements: []string{s.render(insert), s.render(taken.Suffix("RETURNING event_id"))}}
}

// run moves rows and returns their event ids.
func (m move) run(ctx context.Context, x Executor, args ...any) (moved []uuid.UUID, err error) {
	if len(m.Statements) == 1 {
		return queryIDs(ctx, x, m.Statements[0], args)
	}
	rows := 1
	for _, arg := range args {
		if ids, ok := arg.([]uuid.UUID); ok {
			rows = len(ids)
		}
	}
	err = inOne(ctx, x, rows, func(x Executor) error {
		if _, err := x.Exec(ctx, m.Statements[0], args); err != nil {
			return err
		}
		moved, err = queryIDs(context.WithoutCancel(ctx), x, m.Statements[1], args[m.given:])
		return err
	})
	return moved, err
}

// inOne runs statements that belong together, on so many rows: in a transaction as they are, without a savepoint,
// for which SQLite copies each page that they change. So only the first may be refused, or find that the
// context has ended; if another one fails SQLite's transaction can't be committed.
func inOne(ctx context.Context, x Executor, rows int, fn func(x Executor) error) error {
	if x.IsTx() {
		return fn(x)
	}
	return inShortTx(ctx, x, rows, fn)
}

// queryIDs runs a statement that returns ids.
func queryIDs(ctx context.Context, x Executor, sql string, args []any) ([]uuid.UUID, error) {
	return queryColumn[uuid.UUID](ctx, x, sql, args)
}

// queryPositions runs a statement that returns positions.
func queryPositions(ctx context.Context, x Executor, sql string, args []any) ([]int64, error) {
	return queryColumn[int64](ctx, x, sql, args)
}

func queryColumn[T any](ctx context.Context, x Executor, sql string, args []any) ([]T, error) {
	var value T
	values := []T{}
	err := x.Query(ctx, sql, args, []any{&value}, func() { values = append(values, value) })
	return values, err
}
