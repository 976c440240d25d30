package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/byhand"
)

// outboxSQLite writes by one connection, with prepared statements.
type outboxSQLite struct {
	writer *byhand.Writer
	lease  bool
}

const (
	outboxSQLiteTable = `CREATE TABLE outbox (
	position INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	event_type TEXT NOT NULL,
	event_name TEXT NOT NULL,
	aggregate_type TEXT NOT NULL,
	aggregate_id TEXT NOT NULL,
	aggregate_version INTEGER NOT NULL,
	created_at TEXT NOT NULL DEFAULT (strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ')),
	processed_at TEXT,
	%s,
	payload TEXT NOT NULL
) STRICT`
	outboxSQLiteNow  = `strftime('%Y-%m-%dT%H:%M:%fZ')`
	outboxSQLiteSave = `INSERT INTO outbox (` + outboxColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?)`

	outboxSQLiteLocked = `SELECT position, id, payload FROM outbox WHERE status = 0 ORDER BY position LIMIT ?`
	outboxSQLiteMark   = `UPDATE outbox SET status = 1, processed_at = ` + outboxSQLiteNow + ` WHERE position IN (SELECT value FROM json_each(?))`
	outboxSQLiteBulk   = `UPDATE outbox SET status = 1, processed_at = ` + outboxSQLiteNow + ` WHERE id IN (SELECT value FROM json_each(?)) AND status = 0`

	outboxSQLiteLeased = `UPDATE outbox SET locked_until = unixepoch() + 60, token = ?, attempts = attempts + 1
WHERE position IN (SELECT position FROM outbox WHERE processed_at IS NULL AND (locked_until IS NULL OR locked_until <= unixepoch()) ORDER BY position LIMIT ?)
RETURNING position, id, payload`
	outboxSQLiteAck       = `UPDATE outbox SET processed_at = ` + outboxSQLiteNow + ` WHERE position IN (SELECT value FROM json_each(?)) AND token = ?`
	outboxSQLiteLeaseBulk = `UPDATE outbox SET processed_at = ` + outboxSQLiteNow + ` WHERE id IN (SELECT value FROM json_each(?)) AND processed_at IS NULL`
)

func openOutboxSQLite(ctx context.Context, h *home, lease bool) (queue, error) {
	writer, err := byhand.OpenWriter(ctx, h.path)
	if err != nil {
		return nil, err
	}
	pending := "status = 0"
	columns := "status INTEGER NOT NULL DEFAULT 0"
	if lease {
		pending = "processed_at IS NULL"
		columns = "locked_until INTEGER,\n\ttoken TEXT,\n\tattempts INTEGER NOT NULL DEFAULT 0"
	}
	for _, statement := range []string{fmt.Sprintf(outboxSQLiteTable, columns), "CREATE INDEX outbox_pending ON outbox (position) WHERE " + pending} {
		if err := writer.Exec(ctx, statement); err != nil {
			_ = writer.Close() // the first error is the one that matters
			return nil, err
		}
	}
	return &outboxSQLite{writer, lease}, nil
}

func (q *outboxSQLite) save(ctx context.Context, e *driver.Event) error {
	return q.writer.InTx(ctx, func() error { return q.insert(ctx, e) })
}

func (q *outboxSQLite) saveBatch(ctx context.Context, events []driver.Event) error {
	return q.writer.InTx(ctx, func() error {
		for i := range events {
			if err := q.insert(ctx, &events[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q *outboxSQLite) insert(ctx context.Context, e *driver.Event) error {
	return q.writer.Exec(ctx, outboxSQLiteSave, e.ID.String(), e.EventType, e.EventName, e.AggregateType, e.AggregateID.String(), e.AggregateVersion, string(e.EventData))
}

func (q *outboxSQLite) work(ctx context.Context, r *round) error {
	claim := q.locked
	if q.lease {
		claim = q.leased
	}
	return r.each(ctx, func(ctx context.Context, _ int) (int, error) { return claim(ctx, r.batch, r.read) })
}

// locked takes n rows, reads them and marks them, in one transaction.
func (q *outboxSQLite) locked(ctx context.Context, n int, read func(uuid.UUID, []byte)) (int, error) {
	var positions []int64
	err := q.writer.InTx(ctx, func() (err error) {
		if positions, err = q.read(ctx, outboxSQLiteLocked, []any{n}, read); err != nil {
			return err
		}
		return q.mark(ctx, outboxSQLiteMark, positions)
	})
	return len(positions), err
}

// leased takes n rows by a lease, reads them, and marks those that are still under it.
func (q *outboxSQLite) leased(ctx context.Context, n int, read func(uuid.UUID, []byte)) (int, error) {
	token := uuid.NewString()
	var positions []int64
	err := q.writer.InTx(ctx, func() (err error) {
		positions, err = q.read(ctx, outboxSQLiteLeased, []any{token, n}, read)
		return err
	})
	if err != nil || len(positions) == 0 {
		return 0, err
	}
	return len(positions), q.writer.InTx(ctx, func() error { return q.mark(ctx, outboxSQLiteAck, positions, token) })
}

// read reads rows of a position, an id and a payload. It returns the positions.
func (q *outboxSQLite) read(ctx context.Context, query string, args []any, read func(uuid.UUID, []byte)) (positions []int64, err error) {
	var position int64
	var id uuid.UUID
	var payload sql.RawBytes // as the driver has it, without a copy
	err = q.writer.Query(ctx, query, args, []any{&position, &id, &payload}, func() {
		positions = append(positions, position)
		read(id, payload)
	})
	return positions, err
}

// mark runs a statement about a list of positions or ids.
func (q *outboxSQLite) mark(ctx context.Context, query string, keys any, args ...any) error {
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return q.writer.Exec(ctx, query, append([]any{string(list)}, args...)...)
}

func (q *outboxSQLite) markBulk(ctx context.Context, ids []uuid.UUID) error {
	query := outboxSQLiteBulk
	if q.lease {
		query = outboxSQLiteLeaseBulk
	}
	return q.writer.InTx(ctx, func() error { return q.mark(ctx, query, ids) })
}

func (q *outboxSQLite) waiting(ctx context.Context) (n int, err error) {
	err = q.writer.InTx(ctx, func() error {
		return q.writer.Query(ctx, "SELECT count(*) FROM outbox WHERE processed_at IS NULL", nil, []any{&n}, func() {})
	})
	return n, err
}

func (q *outboxSQLite) close() error { return q.writer.Close() }
