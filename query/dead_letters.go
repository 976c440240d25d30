package query

import (
	"context"
	"slices"
	"strings"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// deadLetterSQL is the statements on dead letters. Those of a list depend on what its filter has.
type deadLetterSQL struct {
	*builder
	choices
	byID          string
	requeue, mark move // ids; mark: as processed
}

func newDeadLetterSQL(s *schemaSQL) *deadLetterSQL {
	d := &deadLetterSQL{builder: newBuilder(s)}
	given := "event_id " + d.dialect.IsOneOf
	columns := strings.Join(queueColumns, ", ")
	d.byID = d.render(d.read().Where("d.event_id = ?"))
	// Requeued, it is due and not fresh, so that it can be at a position below the floor of claims.
	d.requeue = d.moving(d.dead, given, d.queue, columns+", last_error, available_at", columns+", reason, "+d.dialect.Clock)
	d.mark = d.moving(d.dead, given, d.processed, "position, processed_at", "position, "+d.dialect.Now)
	return d
}

func (d *deadLetterSQL) read() sq.SelectBuilder {
	return sq.Select(names(waitingColumns)...).Columns("d.attempts", "d.reason", "d.dead_at").
		From(d.dead + " d").Join(d.events + " e ON e.position = d.position")
}

// filtered renders a select from dead letters d with the predicates of a filter.
func (d *deadLetterSQL) filtered(name string, predicates []string, selected func() sq.SelectBuilder) string {
	return d.choices.statement(func() string {
		s := selected()
		for _, predicate := range predicates {
			s = s.Where(predicate)
		}
		return d.render(s)
	}, append([]string{name}, predicates...)...)
}

func (d *deadLetterSQL) list(predicates []string) string {
	return d.filtered("list", predicates, func() sq.SelectBuilder {
		return d.read().OrderBy("d.dead_at DESC", "d.position DESC").Suffix("LIMIT ?")
	})
}

// where is the predicates of a filter, and their arguments.
func (d *deadLetterSQL) where(f driver.DeadLetterFilter) (predicates []string, args []any) {
	add := func(predicate string, arg any) { predicates, args = append(predicates, predicate), append(args, arg) }
	if len(f.EventTypes) > 0 {
		add("d.event_type "+d.dialect.IsOneText, f.EventTypes)
	}
	if f.Aggregate != nil {
		add("d.aggregate_id = ?", f.Aggregate.ID)
		add("d.aggregate_type = ?", f.Aggregate.Type)
	}
	if !f.Since.IsZero() {
		add("d.dead_at >= ?", f.Since)
	}
	if !f.Before.IsZero() {
		add("d.dead_at < ?", f.Before)
	}
	return predicates, args
}

// deadLetters implements driver.DeadLetterRepository.
type deadLetters struct {
	*shared
	sql   *deadLetterSQL
	exec  Executor
	store *Store
}

func (r *deadLetters) fail(op, key string, err error) error {
	return driver.Fail("DeadLetters."+op, r.schema, "dead letter", key, err)
}

func (r *deadLetters) Get(ctx context.Context, eventID uuid.UUID) (driver.DeadLetter, error) {
	found, err := r.query(ctx, r.sql.byID, []any{eventID})
	if err == nil && len(found) == 0 {
		err = driver.ErrNotFound
	}
	if err != nil {
		return driver.DeadLetter{}, r.fail("Get", eventID.String(), err)
	}
	return found[0], nil
}

func (r *deadLetters) List(ctx context.Context, filter driver.DeadLetterFilter, limit int) ([]driver.DeadLetter, error) {
	n, err := driver.CheckLimit(limit)
	if err == nil {
		err = filter.Validate()
	}
	if err != nil {
		return nil, r.fail("List", "", err)
	}
	predicates, args := r.sql.where(filter)
	found, err := r.query(ctx, r.sql.list(predicates), append(args, int64(n)))
	return found, r.fail("List", "", err)
}

func (r *deadLetters) query(ctx context.Context, sql string, args []any) ([]driver.DeadLetter, error) {
	var row driver.DeadLetter
	rows := []driver.DeadLetter{}
	targets := append(eventTargets(&row.Event, waitingColumns), &row.Attempts, &row.Reason, &row.DeadAt)
	err := r.exec.Query(ctx, sql, args, targets, func() {
		rows = append(rows, row)
		row = driver.DeadLetter{}
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (r *deadLetters) Count(ctx context.Context, filter driver.DeadLetterFilter) (int64, error) {
	if err := filter.Validate(); err != nil {
		return 0, r.fail("Count", "", err)
	}
	predicates, args := r.sql.where(filter)
	sql := r.sql.filtered("count", predicates, func() sq.SelectBuilder { return sq.Select("count(*)").From(r.sql.dead + " d") })
	n := int64(0)
	err := r.exec.Query(ctx, sql, args, []any{&n}, nil)
	return n, r.fail("Count", "", err)
}

func (r *deadLetters) Requeue(ctx context.Context, eventID uuid.UUID) (bool, error) {
	moved, err := r.sql.requeue.run(ctx, r.exec, []uuid.UUID{eventID})
	if err == nil && len(moved) > 0 {
		err = r.store.changed(ctx)
	}
	return len(moved) > 0, r.fail("Requeue", eventID.String(), err)
}

func (r *deadLetters) RequeueAll(ctx context.Context, filter driver.DeadLetterFilter) (int, error) {
	n, err := r.moveAll(ctx, filter, func(x Executor, ids []uuid.UUID) ([]uuid.UUID, error) {
		return r.sql.requeue.run(ctx, x, ids)
	})
	if err == nil && n > 0 {
		err = r.store.changed(ctx)
	}
	return n, r.fail("RequeueAll", "", err)
}

func (r *deadLetters) Purge(ctx context.Context, filter driver.DeadLetterFilter) (int, error) {
	n, err := r.moveAll(ctx, filter, func(x Executor, ids []uuid.UUID) ([]uuid.UUID, error) {
		moved, err := r.sql.mark.run(ctx, x, ids)
		if err == nil && len(moved) > 0 {
			_, err = x.Exec(ctx, r.claimSQL().unhold, []any{moved})
		}
		return moved, err
	})
	if err == nil && n > 0 {
		err = r.store.changed(ctx) // what they held back may go on
	}
	return n, r.fail("Purge", "", err)
}

// movedAtOnce is how many dead letters one statement moves.
const movedAtOnce = 1000

// moveAll moves the dead letters that a filter selects, all or none.
func (r *deadLetters) moveAll(ctx context.Context, filter driver.DeadLetterFilter, move func(x Executor, ids []uuid.UUID) ([]uuid.UUID, error)) (n int, err error) {
	if err := filter.Validate(); err != nil {
		return 0, err
	}
	predicates, args := r.sql.where(filter)
	sql := r.sql.filtered("ids", predicates, func() sq.SelectBuilder {
		return sq.Select("d.event_id").From(r.sql.dead + " d").OrderBy("d.position")
	})
	err = r.exec.InTx(ctx, func(x Executor) error {
		ids, err := queryIDs(ctx, x, sql, args)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(ids, movedAtOnce) {
			moved, err := move(x, batch)
			if err != nil {
				return err
			}
			n += len(moved)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
