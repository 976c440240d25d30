package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
)

// outboxPostgres has its connections in the schema, by search_path.
type outboxPostgres struct {
	pool  *pgxpool.Pool
	lease bool
}

const (
	outboxPostgresTable = `CREATE TABLE outbox (
	position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id uuid NOT NULL UNIQUE,
	event_type text NOT NULL,
	event_name text NOT NULL,
	aggregate_type text NOT NULL,
	aggregate_id uuid NOT NULL,
	aggregate_version bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	processed_at timestamptz,
	%s,
	payload text %s NOT NULL
)`
	outboxStatus = `status smallint NOT NULL DEFAULT 0`
	outboxLease  = `locked_until timestamptz,
	token uuid,
	attempts integer NOT NULL DEFAULT 0`

	outboxPostgresSave = `INSERT INTO outbox (` + outboxColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)`

	outboxPostgresLocked = `SELECT position, id, payload FROM outbox WHERE status = 0 ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED`
	outboxPostgresMark   = `UPDATE outbox SET status = 1, processed_at = now() WHERE position = ANY ($1)`
	outboxPostgresBulk   = `UPDATE outbox SET status = 1, processed_at = now() WHERE id = ANY ($1) AND status = 0`

	outboxPostgresLeased = `WITH picked AS MATERIALIZED (SELECT position FROM outbox
WHERE processed_at IS NULL AND (locked_until IS NULL OR locked_until <= now()) ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE outbox SET locked_until = now() + interval '1 minute', token = $2, attempts = attempts + 1
WHERE position = ANY (ARRAY(SELECT position FROM picked)) RETURNING position, id, payload`
	outboxPostgresAck       = `UPDATE outbox SET processed_at = now() WHERE position = ANY ($1) AND token = $2`
	outboxPostgresLeaseBulk = `UPDATE outbox SET processed_at = now() WHERE id = ANY ($1) AND processed_at IS NULL`
)

func openOutboxPostgres(ctx context.Context, h *home, lease bool) (queue, error) {
	pool, err := h.pool(ctx, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["search_path"] = h.schema })
	if err != nil {
		return nil, err
	}
	columns, pending := outboxStatus, "status = 0"
	if lease {
		columns, pending = outboxLease, "processed_at IS NULL"
	}
	compression := ""
	if h.lz4 { // as neoevents has it
		compression = "COMPRESSION lz4"
	}
	_, err = pool.Exec(ctx, fmt.Sprintf(outboxPostgresTable, columns, compression))
	if err == nil {
		_, err = pool.Exec(ctx, "CREATE INDEX outbox_pending ON outbox (position) WHERE "+pending)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &outboxPostgres{pool, lease}, nil
}

// values are what a save writes.
func (*outboxPostgres) values(e *driver.Event) []any {
	return []any{
		pgtype.UUID{Bytes: e.ID, Valid: true},
		e.EventType, e.EventName, e.AggregateType,
		pgtype.UUID{Bytes: e.AggregateID, Valid: true},
		e.AggregateVersion, string(e.EventData),
	}
}

func (q *outboxPostgres) save(ctx context.Context, e *driver.Event) error {
	_, err := q.pool.Exec(ctx, outboxPostgresSave, q.values(e)...)
	return err
}

func (q *outboxPostgres) saveBatch(ctx context.Context, events []driver.Event) error {
	_, err := q.pool.CopyFrom(ctx, pgx.Identifier{"outbox"},
		[]string{"id", "event_type", "event_name", "aggregate_type", "aggregate_id", "aggregate_version", "payload"},
		pgx.CopyFromSlice(len(events), func(i int) ([]any, error) { return q.values(&events[i]), nil }))
	return err
}

func (q *outboxPostgres) work(ctx context.Context, r *round) error {
	claim := q.locked
	if q.lease {
		claim = q.leased
	}
	return r.each(ctx, func(ctx context.Context, _ int) (int, error) { return claim(ctx, r.batch, r.read) })
}

// locked takes n rows, reads them and marks them, in one transaction.
func (q *outboxPostgres) locked(ctx context.Context, n int, read func(uuid.UUID, []byte)) (int, error) {
	var positions []int64
	err := pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, outboxPostgresLocked, n)
		if err != nil {
			return err
		}
		if positions, err = readRows(rows, n, read); err != nil || len(positions) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, outboxPostgresMark, positions)
		return err
	})
	return len(positions), err
}

// leased takes n rows by a lease, reads them, and marks those that are still under it.
func (q *outboxPostgres) leased(ctx context.Context, n int, read func(uuid.UUID, []byte)) (int, error) {
	token := pgtype.UUID{Bytes: uuid.New(), Valid: true}
	rows, err := q.pool.Query(ctx, outboxPostgresLeased, n, token)
	if err != nil {
		return 0, err
	}
	positions, err := readRows(rows, n, read)
	if err != nil || len(positions) == 0 {
		return 0, err
	}
	tag, err := q.pool.Exec(ctx, outboxPostgresAck, positions, token)
	return int(tag.RowsAffected()), err
}

// readRows reads rows of a position, an id and a payload. It returns the positions.
func readRows(rows pgx.Rows, n int, read func(uuid.UUID, []byte)) ([]int64, error) {
	positions := make([]int64, 0, n)
	var position int64
	var id [16]byte
	var payload []byte
	_, err := pgx.ForEachRow(rows, []any{&position, &id, &payload}, func() error {
		positions = append(positions, position)
		read(id, payload)
		return nil
	})
	return positions, err
}

func (q *outboxPostgres) markBulk(ctx context.Context, ids []uuid.UUID) error {
	sql := outboxPostgresBulk
	if q.lease {
		sql = outboxPostgresLeaseBulk
	}
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	tag, err := q.pool.Exec(ctx, sql, list)
	if err == nil && int(tag.RowsAffected()) != len(ids) {
		err = errors.New("wrong result: not all events were marked")
	}
	return err
}

func (q *outboxPostgres) waiting(ctx context.Context) (n int, err error) {
	err = q.pool.QueryRow(ctx, "SELECT count(*) FROM outbox WHERE processed_at IS NULL").Scan(&n)
	return n, err
}

func (q *outboxPostgres) close() error {
	q.pool.Close()
	return nil
}
