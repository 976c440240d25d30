package byhand

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
)

// Postgres works on a schema that the library has made.
type Postgres struct {
	pool   *pgxpool.Pool
	schema string

	save, reserve, mark, claim, lease, ack, byID string
}

// NewPostgres returns one that uses a pool of the caller.
func NewPostgres(pool *pgxpool.Pool, schema string) *Postgres {
	in := func(sql string) string {
		return strings.ReplaceAll(sql, "bench.", pgx.Identifier{schema}.Sanitize()+".")
	}
	return &Postgres{
		pool: pool, schema: schema,
		save: in(postgresSave), reserve: in(postgresReserve),
		mark: in(postgresMark), claim: in(postgresClaim), lease: in(postgresLease), ack: in(postgresAck), byID: in(postgresByID),
	}
}

const (
	postgresSave = `WITH saved AS (INSERT INTO bench.events (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,
correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version)
SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,coalesce($12, now()),$13
WHERE NOT (EXISTS (SELECT FROM bench.events WHERE id = $1) OR EXISTS (SELECT FROM bench.event_keys WHERE event_id = $1))
AND NOT (EXISTS (SELECT FROM bench.events WHERE aggregate_type = $4 AND aggregate_id = $5 AND aggregate_version = $13)
OR EXISTS (SELECT FROM bench.event_keys WHERE aggregate_type = $4 AND aggregate_id = $5 AND aggregate_version = $13))
ON CONFLICT DO NOTHING RETURNING id, event_type, aggregate_type, aggregate_id, position, aggregate_version, occurred_at, created_at),
queued AS (INSERT INTO bench.event_queue (position,event_id,event_type,aggregate_type,aggregate_id,aggregate_version)
SELECT position, id, event_type, aggregate_type, aggregate_id, aggregate_version FROM saved)
SELECT position, aggregate_version, occurred_at, created_at FROM saved`

	postgresReserve = `SELECT nextval('bench.events_position_seq'), now() FROM generate_series(1, $1)`

	postgresMark = `WITH done AS (DELETE FROM bench.event_queue WHERE event_id = ANY ($1::uuid[]) RETURNING position)
INSERT INTO bench.event_processed (position,processed_at) SELECT position, now() FROM done`

	postgresClaim = `WITH queued AS MATERIALIZED (SELECT q.position FROM bench.event_queue q WHERE q.is_fresh
AND (q.lease_until IS NULL OR q.lease_until <= now()) ORDER BY q.position LIMIT $1 FOR UPDATE SKIP LOCKED)
SELECT e.id, e.event_data FROM queued q
CROSS JOIN LATERAL (SELECT * FROM bench.events WHERE position = q.position OFFSET 0) e ORDER BY q.position`

	postgresLease = `WITH picked AS MATERIALIZED (SELECT q.ctid FROM bench.event_queue q WHERE q.is_fresh AND q.position > $3
AND (q.lease_until IS NULL OR q.lease_until <= now()) ORDER BY q.position LIMIT $1 FOR UPDATE SKIP LOCKED),
leased AS (UPDATE bench.event_queue SET lease_token = $2, lease_until = now() + interval '1 minute', attempts = attempts + 1
WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked)) RETURNING position, attempts, lease_until)
SELECT e.id, e.event_data, q.position, q.attempts, q.lease_until FROM leased q
CROSS JOIN LATERAL (SELECT * FROM bench.events WHERE position = q.position OFFSET 0) e ORDER BY q.position`

	postgresAck = `WITH done AS (DELETE FROM bench.event_queue WHERE event_id = ANY ($1::uuid[]) AND lease_token = $2 RETURNING position)
INSERT INTO bench.event_processed (position,processed_at) SELECT position, now() FROM done`

	postgresByID = `SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data,
e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at
FROM bench.events e LEFT JOIN bench.event_processed p ON p.position = e.position WHERE e.id = $1`
)

func pgUUID(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

// Save saves an event.
func (h *Postgres) Save(ctx context.Context, e *driver.Event) error {
	return h.pool.QueryRow(ctx, h.save, pgUUID(e.ID), e.EventType, e.EventName, e.AggregateType, pgUUID(e.AggregateID),
		string(e.EventData), "{}", nil, nil, nil, nil, nil, e.AggregateVersion).
		Scan(&e.Position, &e.AggregateVersion, &e.OccurredAt, &e.CreatedAt)
}

// SaveBatch saves events by two COPYs.
func (h *Postgres) SaveBatch(ctx context.Context, events []driver.Event) error {
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, h.reserve, len(events))
		if err != nil {
			return err
		}
		positions := make([]int64, 0, len(events))
		var position int64
		var now time.Time
		if _, err := pgx.ForEachRow(rows, []any{&position, &now}, func() error { positions = append(positions, position); return nil }); err != nil {
			return err
		}
		columns := []string{
			"id", "event_type", "event_name", "aggregate_type", "aggregate_id", "event_data", "event_metadata",
			"correlation_id", "causation_id", "triggered_by_user_id", "context_id", "occurred_at", "aggregate_version", "position", "created_at",
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{h.schema, "events"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
			e := &events[i]
			return []any{
				pgUUID(e.ID), e.EventType, e.EventName, e.AggregateType, pgUUID(e.AggregateID),
				string(e.EventData), "{}", nil, nil, nil, nil, now, e.AggregateVersion, positions[i], now,
			}, nil
		}))
		if err != nil {
			return err
		}
		columns = []string{"position", "event_id", "event_type", "aggregate_type", "aggregate_id", "aggregate_version"}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{h.schema, "event_queue"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
			e := &events[i]
			return []any{positions[i], pgUUID(e.ID), e.EventType, e.AggregateType, pgUUID(e.AggregateID), e.AggregateVersion}, nil
		}))
		return err
	})
}

// Mark marks events as processed.
func (h *Postgres) Mark(ctx context.Context, ids []uuid.UUID) error {
	return h.markBy(ctx, h.pool, ids)
}

func (h *Postgres) markBy(ctx context.Context, by interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, ids []uuid.UUID,
) error {
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = pgUUID(id)
	}
	_, err := by.Exec(ctx, h.mark, list)
	return err
}

// ClaimLocked locks n events, reads their payloads and marks them, in one transaction.
func (h *Postgres) ClaimLocked(ctx context.Context, n int) error {
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, h.claim, n)
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, 0, n)
		var id [16]byte
		var data []byte
		if _, err := pgx.ForEachRow(rows, []any{&id, &data}, func() error { ids = append(ids, id); return nil }); err != nil {
			return err
		}
		return h.markBy(ctx, tx, ids)
	})
}

// Claim leases n events behind a position.
func (h *Postgres) Claim(ctx context.Context, n int, behind int64, read Read) (Lease, error) {
	token := pgUUID(uuid.New())
	rows, err := h.pool.Query(ctx, h.lease, n, token, behind)
	if err != nil {
		return Lease{}, err
	}
	ids := make([]pgtype.UUID, 0, n)
	var id [16]byte
	var data []byte
	var position int64
	var attempts int
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &data, &position, &attempts, &until}, func() error {
		ids = append(ids, pgtype.UUID{Bytes: id, Valid: true})
		read(id, data)
		return nil
	})
	return Lease{token, ids, len(ids), position}, err
}

// Ack marks the events of a lease.
func (h *Postgres) Ack(ctx context.Context, l Lease) error {
	_, err := h.pool.Exec(ctx, h.ack, l.ids, l.token)
	return err
}

// ByID reads an event.
func (h *Postgres) ByID(ctx context.Context, id uuid.UUID) error {
	var ids [2][16]byte
	var optional [4]pgtype.UUID
	var position, version int64
	var eventType, eventName, aggregateType string
	var data, metadata []byte
	var occurred, created time.Time
	var processed *time.Time
	return h.pool.QueryRow(ctx, h.byID, pgUUID(id)).Scan(&ids[0], &position, &eventType, &eventName, &aggregateType, &ids[1],
		&version, &data, &metadata, &optional[0], &optional[1], &optional[2], &optional[3], &occurred, &created, &processed)
}
