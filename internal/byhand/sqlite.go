package byhand

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// SQLite works on a schema that the library has made.
type SQLite struct {
	writer *Writer

	save, enqueue, reserve, insert, record, done, claim, lease, leased, ackRecord, ackDone, byID string
}

// NewSQLite returns one that writes by a writer of the caller.
func NewSQLite(writer *Writer, schema string) *SQLite {
	in := func(query string) string { return strings.ReplaceAll(query, "bench__", schema+"__") }
	return &SQLite{
		writer: writer,
		save:   in(sqliteSave), enqueue: in(sqliteEnqueue), reserve: in(sqliteReserve), insert: in(sqliteInsert),
		record: in(sqliteRecord), done: in(sqliteDone), claim: in(sqliteClaim), lease: in(sqliteLease), leased: in(sqliteLeased),
		ackRecord: in(sqliteAckRecord), ackDone: in(sqliteAckDone), byID: in(sqliteByID),
	}
}

const (
	sqliteColumns = `(id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,
correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version`
	sqliteNow  = `CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000`
	sqliteSave = `INSERT INTO bench__events ` + sqliteColumns + `) SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,coalesce(?12, ` + sqliteNow + `),?13
WHERE NOT (EXISTS (SELECT 1 FROM bench__events WHERE id = ?1) OR EXISTS (SELECT 1 FROM bench__event_keys WHERE event_id = ?1))
AND NOT (EXISTS (SELECT 1 FROM bench__events WHERE aggregate_type = ?4 AND aggregate_id = ?5 AND aggregate_version = ?13)
OR EXISTS (SELECT 1 FROM bench__event_keys WHERE aggregate_type = ?4 AND aggregate_id = ?5 AND aggregate_version = ?13))
ON CONFLICT DO NOTHING RETURNING position, aggregate_version, occurred_at, created_at`
	sqliteEnqueue = `INSERT INTO bench__event_queue (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version)
VALUES (?, ?, ?, ?, ?, ?)`
	sqliteReserve = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'bench__events'), 0), ` + sqliteNow
	sqliteInsert  = `INSERT INTO bench__events ` + sqliteColumns + `, position, created_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	sqliteRecord  = `INSERT INTO bench__event_processed (position,processed_at) SELECT position, ` + sqliteNow + `
FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?))`
	sqliteDone  = `DELETE FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?))`
	sqliteClaim = `SELECT e.id, e.event_data FROM bench__event_queue q JOIN bench__events e ON e.position = q.position
WHERE q.is_fresh AND (q.lease_until IS NULL OR q.lease_until <= ` + sqliteNow + `) ORDER BY q.position LIMIT ?`
	sqliteLease = `UPDATE bench__event_queue SET lease_token = ?, lease_until = ` + sqliteNow + ` + 60000000, attempts = attempts + 1
WHERE position IN (SELECT q.position FROM bench__event_queue q WHERE q.is_fresh AND q.position > ?
AND (q.lease_until IS NULL OR q.lease_until <= ` + sqliteNow + `) ORDER BY q.position LIMIT ?) RETURNING event_id`
	sqliteLeased = `SELECT e.id, e.event_data, q.position, q.attempts, q.lease_until FROM bench__event_queue q
CROSS JOIN bench__events e ON e.position = q.position
WHERE q.event_id IN (SELECT value FROM json_each(?)) ORDER BY q.position`
	sqliteAckRecord = `INSERT INTO bench__event_processed (position,processed_at) SELECT position, ` + sqliteNow + `
FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ?`
	sqliteAckDone = `DELETE FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ?`
	sqliteByID    = `SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data,
e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at
FROM bench__events e LEFT JOIN bench__event_processed p ON p.position = e.position WHERE e.id = ?`
)

// Save saves an event.
func (h *SQLite) Save(ctx context.Context, e *driver.Event) error {
	return h.writer.InTx(ctx, func() error {
		var occurred, created int64
		err := h.writer.Query(ctx, h.save, []any{
			e.ID.String(), e.EventType, e.EventName, e.AggregateType, e.AggregateID.String(),
			string(e.EventData), "{}", nil, nil, nil, nil, nil, e.AggregateVersion,
		}, []any{&e.Position, &e.AggregateVersion, &occurred, &created}, func() {})
		if err != nil {
			return err
		}
		return h.put(ctx, e)
	})
}

// put puts an event in the queue.
func (h *SQLite) put(ctx context.Context, e *driver.Event) error {
	return h.writer.Exec(ctx, h.enqueue, e.Position, e.ID.String(), e.EventType, e.AggregateType, e.AggregateID.String(), e.AggregateVersion)
}

// SaveBatch saves events in one transaction.
func (h *SQLite) SaveBatch(ctx context.Context, events []driver.Event) error {
	return h.writer.InTx(ctx, func() error {
		var last, now int64
		if err := h.writer.Query(ctx, h.reserve, nil, []any{&last, &now}, func() {}); err != nil {
			return err
		}
		for i := range events {
			e := &events[i]
			e.Position = last + 1 + int64(i)
			err := h.writer.Exec(ctx, h.insert, e.ID.String(), e.EventType, e.EventName, e.AggregateType, e.AggregateID.String(),
				string(e.EventData), "{}", nil, nil, nil, nil, now, e.AggregateVersion, e.Position, now)
			if err != nil {
				return err
			}
			if err := h.put(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Mark marks events as processed.
func (h *SQLite) Mark(ctx context.Context, ids []uuid.UUID) error {
	return h.writer.InTx(ctx, func() error { return h.markInTx(ctx, ids) })
}

func (h *SQLite) markInTx(ctx context.Context, ids []uuid.UUID) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	if err := h.writer.Exec(ctx, h.record, string(list)); err != nil {
		return err
	}
	return h.writer.Exec(ctx, h.done, string(list))
}

// ClaimLocked takes n events, reads their payloads and marks them, in one transaction.
func (h *SQLite) ClaimLocked(ctx context.Context, n int) error {
	return h.writer.InTx(ctx, func() error {
		ids := make([]uuid.UUID, 0, n)
		var id uuid.UUID
		var data []byte
		if err := h.writer.Query(ctx, h.claim, []any{n}, []any{&id, &data}, func() { ids = append(ids, id) }); err != nil {
			return err
		}
		return h.markInTx(ctx, ids)
	})
}

// Claim leases n events behind a position. As the library's, it doesn't wait for the disk.
func (h *SQLite) Claim(ctx context.Context, n int, behind int64, read Read) (lease Lease, err error) {
	token := uuid.NewString()
	err = h.writer.InForgetfulTx(ctx, func() error {
		ids := make([]string, 0, n)
		var text string
		if err := h.writer.Query(ctx, h.lease, []any{token, behind, n}, []any{&text}, func() { ids = append(ids, text) }); err != nil {
			return err
		}
		list, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		lease = Lease{token: token, ids: string(list), Len: len(ids)}
		var id uuid.UUID
		var data sql.RawBytes // as the driver has it, without a copy
		var attempts, until int64
		return h.writer.Query(ctx, h.leased, []any{string(list)}, []any{&id, &data, &lease.Last, &attempts, &until}, func() { read(id, data) })
	})
	return lease, err
}

// Ack marks the events of a lease.
func (h *SQLite) Ack(ctx context.Context, l Lease) error {
	return h.writer.InTx(ctx, func() error {
		if err := h.writer.Exec(ctx, h.ackRecord, l.ids, l.token); err != nil {
			return err
		}
		return h.writer.Exec(ctx, h.ackDone, l.ids, l.token)
	})
}

// PrepareByID prepares what ByID does, on a connection that reads.
func (h *SQLite) PrepareByID(ctx context.Context) (*sql.Stmt, error) {
	return h.writer.pool.PrepareContext(ctx, h.byID)
}

// ByID reads an event.
func (h *SQLite) ByID(ctx context.Context, statement *sql.Stmt, id uuid.UUID) error {
	var e driver.Event
	var occurred, created int64
	var processed *int64
	var data, metadata []byte
	err := statement.QueryRowContext(ctx, id.String()).Scan(&e.ID, &e.Position, &e.EventType, &e.EventName, &e.AggregateType, &e.AggregateID,
		&e.AggregateVersion, &data, &metadata, &e.CorrelationID, &e.CausationID, &e.TriggeredByUserID, &e.ContextID, &occurred, &created, &processed)
	e.OccurredAt, e.CreatedAt = time.UnixMicro(occurred), time.UnixMicro(created)
	return err
}
