package query

import (
	"fmt"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// A row of the queue is ready when nobody leases it and it is fresh (it waits since it was saved, and
// was never given back) or due (the moment that it was given back for has come). Fresh rows have an
// index by position, due ones by that moment: so those that wait for later are in nobody's way. That a
// row is fresh is a column of its own, which planners without statistics take for true half of the time:
// they take NULL for rare, and would sort what they could read in order.

// due selects columns of the rows that are due, of some types only if typed. Its last parameter is the
// limit, the one before, if typed, the types.
func (b *builder) due(columns string, typed bool) sq.SelectBuilder {
	return sq.Select(columns).From(b.queue+" q").Where("NOT q.is_fresh AND q.available_at <= "+b.dialect.Clock).Where(b.unleased()).
		Where(b.ofTypes(typed)).OrderBy("q.available_at", "q.position").Suffix("LIMIT ?")
}

// fresh selects columns of the fresh rows behind a position, its first parameter. The others are those
// of due.
func (b *builder) fresh(columns string, typed bool) sq.SelectBuilder {
	return sq.Select(columns).From(b.queue + " q").Where("q.is_fresh AND q.position > ?").Where(b.unleased()).
		Where(b.ofTypes(typed)).OrderBy("q.position").Suffix("LIMIT ?")
}

// ofTypes holds for a row q of the types that are a parameter, or for all.
func (b *builder) ofTypes(typed bool) string {
	if !typed {
		return ""
	}
	return "q.event_type " + b.dialect.IsOneText
}

// either selects from two selects of the same columns, those of the first first. It stops reading
// when it has enough.
func either(first, second sq.SelectBuilder) sq.Sqlizer {
	return sq.Expr("SELECT * FROM (?) AS due UNION ALL SELECT * FROM (?) AS fresh", first, second)
}

// readyArgs are the parameters of the either of a due and a fresh.
func readyArgs(floor int64, types []string, limit int) []any {
	if len(types) == 0 {
		return []any{int64(limit), floor, int64(limit)}
	}
	return []any{types, int64(limit), floor, types, int64(limit)}
}

// queuePage selects the positions of the rows behind a position. Its parameters are the position and the
// limit, the same again, and the limit.
func (b *builder) queuePage() sq.Sqlizer {
	page := func(where string) sq.SelectBuilder {
		return sq.Select("position").From(b.queue).Where(where + " AND position > ?").OrderBy("position").Suffix("LIMIT ?")
	}
	// The second condition is that of the index which is there for this alone.
	given := page("NOT is_fresh AND position > 0")
	return sq.Expr("? ORDER BY position LIMIT ?", either(given, page("is_fresh")))
}

// anyReady tells whether a row is ready. Its parameters are readyArgs, for one row.
func (b *builder) anyReady() string {
	return b.render(sq.Select().Column(sq.Expr("(?) IS NOT NULL OR (?) IS NOT NULL", b.due("1", false), b.fresh("1", false))))
}

// nextReady selects the present, when the next row is due, and when the next lease of one that is due or
// fresh ends, of the first so many. With no row ready these are all leased. Its parameter is the floor.
func (b *builder) nextReady() string {
	least := func(column, where string, order ...string) sq.Sqlizer {
		return sq.Expr("(SELECT min("+column+") FROM (?) AS q)",
			sq.Select("q."+column).From(b.queue+" q").Where(where).OrderBy(order...).Suffix(fmt.Sprintf("LIMIT %d", driver.MaxLimit)))
	}
	return b.render(sq.Select(b.dialect.Clock).
		Column(least("available_at", "NOT q.is_fresh AND q.available_at > "+b.dialect.Clock, "q.available_at")).
		Column(least("lease_until", "NOT q.is_fresh AND q.available_at <= "+b.dialect.Clock, "q.available_at", "q.position")).
		Column(least("lease_until", "q.is_fresh AND q.position > ?", "q.position")))
}

// lockSQL is the locked reads of the queue.
type lockSQL struct {
	*builder
	choices
}

func (l *lockSQL) statement(columns []driver.EventColumn, skipLocked bool) string {
	key := strings.Join(names(columns), " ")
	if skipLocked {
		key += " skip"
	}
	return l.choices.statement(func() string { return l.lock(columns, skipLocked) }, key)
}

// lock reads events that are ready and locks their rows. Its parameters are readyArgs and the limit.
func (b *builder) lock(columns []driver.EventColumn, skipLocked bool) string {
	clause := "FOR UPDATE"
	if skipLocked {
		clause += " SKIP LOCKED"
	}
	locked := either(b.locking(b.due("q.position", false), clause), b.locking(b.fresh("q.position", false), clause))
	return b.waiting(columns, sq.Expr("? LIMIT ?", locked))
}
