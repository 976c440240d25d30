package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// partitions implements query.Partitions.
type partitions struct{ db *db }

// bound reads a bound of a partition c from its definition, FOR VALUES FROM ('0') TO ('1000').
func bound(word string) string {
	return "CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM '" + word + ` \(''(\d+)''\)') AS bigint)`
}

func partitionsOf(events query.Table) string {
	return " FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('" + quote(events) + "')"
}

func partitionList(events query.Table) string {
	return "SELECT " + bound("FROM") + " AS first, " + bound("TO") + partitionsOf(events) + " ORDER BY first"
}

func partitionBounds(events, numbered query.Table) string {
	return "SELECT coalesce(max(" + bound("TO") + " - " + bound("FROM") + "), 0) AS size, coalesce(max(" + bound("TO") + "), 0) AS last_end," +
		" coalesce(pg_sequence_last_value(to_regclass('" + sequence(numbered) + "')), 0) AS last_position" + partitionsOf(events)
}

// Extend implements query.Partitions.
func (p *partitions) Extend(ctx context.Context, schema string, size, position int64) (end int64, err error) {
	err = p.beside(ctx, func(tx query.Executor) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", []any{"neoevents partitions:" + schema}); err != nil {
			return err
		}
		var found, last int64
		var inserts bool
		events, keys := query.Table{Schema: schema, Name: "events"}, query.Table{Schema: schema, Name: "event_keys"}
		if err := tx.Query(ctx, partitionBounds(events, keys), nil, []any{&found, &end, &last}, nil); err != nil {
			return err
		}
		if found != size {
			return &driver.Error{Kind: driver.ErrInternal, Err: fmt.Errorf("the events of the schema have partitions of %d positions, not %d", found, size)}
		}
		if err := tx.Query(ctx, "SELECT "+insertVacuum, nil, []any{&inserts}, nil); err != nil {
			return err
		}
		for ; end <= max(position, last)+size/2; end += size {
			for _, table := range []string{"events", "event_processed"} {
				if err := create(ctx, tx, query.Table{Schema: schema, Name: table}, end/size, end, end+size, inserts); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return end, err
}

// create creates a partition beside its table and attaches it then, so that it locks out nobody who uses
// the table. The constraint stays, so that one which was detached can be attached again unread.
func create(ctx context.Context, tx query.Executor, table query.Table, number, from, to int64, inserts bool) error {
	name := query.PartitionName(table.Name, number)
	partition, check := quote(query.Table{Schema: table.Schema, Name: name}), pgx.Identifier{name + "_position_check"}.Sanitize()
	options := "autovacuum_freeze_min_age = 0, toast.autovacuum_freeze_min_age = 0" // those of the first partition
	if inserts {
		options += ", autovacuum_vacuum_insert_scale_factor = 0.02, toast.autovacuum_vacuum_insert_scale_factor = 0.02"
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL, CONSTRAINT %s CHECK (position >= %d AND position < %d)) WITH (%s)", partition, quote(table), check, from, to, options),
		fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)", quote(table), partition, from, to),
	} {
		if _, err := tx.Exec(ctx, statement, nil); err != nil {
			return err
		}
	}
	return nil
}

// extendTimeout bounds the wait for somebody else's lock on the whole table.
const extendTimeout = 30 * time.Second

// beside runs fn in a transaction on a connection beside the pool, which may have none to give.
func (p *partitions) beside(ctx context.Context, fn func(tx query.Executor) error) error {
	if p.db.closed.Load() {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(ctx, extendTimeout)
	defer cancel()
	settings := p.db.pool.settings()
	conn, err := connectBeside(ctx, settings, cancelOnServer)
	if err != nil {
		return classify(ctx, err, false)
	}
	defer hangUp(conn)
	if prepare := settings.AfterConnect; prepare != nil { // it may set the role
		if err := prepare(ctx, conn); err != nil {
			return classify(ctx, err, false)
		}
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return classify(ctx, err, false)
	}
	return runTx(ctx, pgxTx{tx}, fn, true)
}

// IsMissing implements query.Partitions: PostgreSQL says check_violation of that.
func (p *partitions) IsMissing(err error) bool {
	var refusal serverError
	return errors.As(err, &refusal) && refusal.SQLState() == "23514"
}
