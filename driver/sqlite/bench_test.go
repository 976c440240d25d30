package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/versus"
)

// byHand does with plain database/sql what the library does: the same statements,
// prepared once, no checks.
type byHand struct {
	b        *testing.B
	ctx      context.Context
	write    *sql.Conn
	read     *sql.DB
	prepared map[string]*sql.Stmt
}

func (h byHand) prepare(query string) *sql.Stmt {
	if h.prepared[query] == nil {
		statement, err := h.write.PrepareContext(h.ctx, query)
		if err != nil {
			h.b.Fatal(err)
		}
		h.prepared[query] = statement
	}
	return h.prepared[query]
}

func (h byHand) exec(query string, args ...any) error {
	_, err := h.prepare(query).ExecContext(h.ctx, args...)
	return err
}

func (h byHand) inTx(fn func() error) error {
	if err := h.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	return h.exec("COMMIT")
}

const (
	handColumns = `(id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,
correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version`
	handNow  = `CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000`
	handSave = `INSERT INTO bench__events ` + handColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,coalesce(?, ` + handNow + `),?)
ON CONFLICT DO NOTHING RETURNING position, aggregate_version, occurred_at, created_at`
	handEnqueue = `INSERT INTO bench__event_queue (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version)
VALUES (?, ?, ?, ?, ?, ?)`
	handReserve = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'bench__events'), 0), ` + handNow
	handInsert  = `INSERT INTO bench__events ` + handColumns + `, position, created_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	handRecord  = `INSERT INTO bench__event_processed (position,processed_at) SELECT position, ` + handNow + `
FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?))`
	handDone  = `DELETE FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?))`
	handClaim = `SELECT e.id, e.event_data FROM bench__event_queue q JOIN bench__events e ON e.position = q.position
WHERE q.is_fresh AND (q.lease_until IS NULL OR q.lease_until <= ` + handNow + `) ORDER BY q.position LIMIT ?`
	handLease = `UPDATE bench__event_queue SET lease_token = ?, lease_until = ` + handNow + ` + 60000000, attempts = attempts + 1
WHERE position IN (SELECT q.position FROM bench__event_queue q WHERE q.is_fresh
AND (q.lease_until IS NULL OR q.lease_until <= ` + handNow + `) ORDER BY q.position LIMIT ?) RETURNING event_id`
	handLeased = `SELECT e.id, e.event_data, q.attempts, q.lease_until FROM bench__event_queue q CROSS JOIN bench__events e ON e.position = q.position
WHERE q.event_id IN (SELECT value FROM json_each(?)) ORDER BY q.position`
	handAckRecord = `INSERT INTO bench__event_processed (position,processed_at) SELECT position, ` + handNow + `
FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ?`
	handAckDone = `DELETE FROM bench__event_queue WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ?`
	handByID    = `SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data,
e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at
FROM bench__events e LEFT JOIN bench__event_processed p ON p.position = e.position WHERE e.id = ?`
)

func (h byHand) save(e *driver.Event) error {
	return h.inTx(func() error {
		var occurred, created int64
		err := h.prepare(handSave).QueryRowContext(h.ctx, e.ID.String(), e.EventType, e.EventName, e.AggregateType, e.AggregateID.String(),
			string(e.EventData), "{}", nil, nil, nil, nil, nil, e.AggregateVersion).Scan(&e.Position, &e.AggregateVersion, &occurred, &created)
		if err != nil {
			return err
		}
		return h.enqueue(e)
	})
}

func (h byHand) enqueue(e *driver.Event) error {
	return h.exec(handEnqueue, e.Position, e.ID.String(), e.EventType, e.AggregateType, e.AggregateID.String(), e.AggregateVersion)
}

func (h byHand) saveBatch(events []driver.Event) error {
	return h.inTx(func() error {
		var last, now int64
		if err := h.prepare(handReserve).QueryRowContext(h.ctx).Scan(&last, &now); err != nil {
			return err
		}
		for i := range events {
			e := &events[i]
			err := h.exec(handInsert, e.ID.String(), e.EventType, e.EventName, e.AggregateType, e.AggregateID.String(),
				string(e.EventData), "{}", nil, nil, nil, nil, now, e.AggregateVersion, last+1+int64(i), now)
			if err != nil {
				return err
			}
			e.Position = last + 1 + int64(i)
			if err := h.enqueue(e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h byHand) mark(ids []uuid.UUID) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	if err := h.exec(handRecord, string(list)); err != nil {
		return err
	}
	return h.exec(handDone, string(list))
}

func (h byHand) claim(n int) error {
	return h.inTx(func() error {
		rows, err := h.prepare(handClaim).QueryContext(h.ctx, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		ids := make([]uuid.UUID, 0, n)
		for rows.Next() {
			var id uuid.UUID
			var data []byte
			if err := rows.Scan(&id, &data); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return h.mark(ids)
	})
}

func (h byHand) lease(n int) error {
	token := uuid.NewString()
	var list []byte
	err := h.inTx(func() error {
		rows, err := h.prepare(handLease).QueryContext(h.ctx, token, n)
		if err != nil {
			return err
		}
		ids := make([]string, 0, n)
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		if list, err = json.Marshal(ids); err != nil {
			return err
		}
		if rows, err = h.prepare(handLeased).QueryContext(h.ctx, string(list)); err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id uuid.UUID
			var data []byte
			var attempts, until int64
			if err := rows.Scan(&id, &data, &attempts, &until); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	return h.inTx(func() error {
		if err := h.exec(handAckRecord, string(list), token); err != nil {
			return err
		}
		return h.exec(handAckDone, string(list), token)
	})
}

func (h byHand) byID(statement *sql.Stmt, id uuid.UUID) error {
	var e driver.Event
	var occurred, created int64
	var processed *int64
	var data, metadata []byte
	err := statement.QueryRowContext(h.ctx, id.String()).Scan(&e.ID, &e.Position, &e.EventType, &e.EventName, &e.AggregateType, &e.AggregateID,
		&e.AggregateVersion, &data, &metadata, &e.CorrelationID, &e.CausationID, &e.TriggeredByUserID, &e.ContextID, &occurred, &created, &processed)
	e.OccurredAt, e.CreatedAt = time.UnixMicro(occurred), time.UnixMicro(created)
	return err
}

func setup(b *testing.B) (driver.Store, byHand, func(int) []driver.Event) {
	b.Helper()
	newEvents := versus.Events(b)
	path := filepath.Join(b.TempDir(), "bench.db")
	store, err := driver.Open("sqlite:"+path, "bench", driver.WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	pragmas := "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=busy_timeout(5000)"
	pool, err := sql.Open("sqlite", path+pragmas)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pool.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close()
		_ = pool.Close()
		_ = store.Close()
	})
	return store, byHand{b, b.Context(), conn, pool, map[string]*sql.Stmt{}}, newEvents
}

func BenchmarkSave(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 1, func() driver.Event { return newEvents(1)[0] },
		func(e driver.Event) error { _, err := store.Events().Save(b.Context(), e); return err },
		func(e driver.Event) error { return hand.save(&e) })
}

// BenchmarkSaveConcurrent saves single events from many goroutines at once, which share the wait for the disk.
func BenchmarkSaveConcurrent(b *testing.B) {
	for _, goroutines := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			store, _, newEvents := setup(b)
			events := newEvents(b.N)
			var next atomic.Int64
			var group sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range goroutines {
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if _, err := store.Events().Save(b.Context(), events[i-1]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkSaveBatch1000(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 1000, func() []driver.Event { return newEvents(1000) },
		func(batch []driver.Event) error { _, err := store.Events().SaveBatch(b.Context(), batch); return err },
		hand.saveBatch)
}

func BenchmarkMarkBulk1000(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 1000, versus.Fill(b, store.Events(), newEvents, 1000),
		func(ids []uuid.UUID) error {
			_, err := store.Events().MarkMultipleAsProcessedBulk(b.Context(), ids, 1000)
			return err
		},
		func(ids []uuid.UUID) error { return hand.inTx(func() error { return hand.mark(ids) }) })
}

func BenchmarkClaimLocked100(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, store.Events(), newEvents, 100),
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) },
		func([]uuid.UUID) error { return hand.claim(100) })
}

func BenchmarkClaimLease100(b *testing.B) {
	store, hand, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, store.Events(), newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return hand.lease(100) })
}

// BenchmarkLeaseOverLock100 measures leased claims against locked ones, which hold a transaction open: so
// what is called "by hand" here is ClaimLocked100.
func BenchmarkLeaseOverLock100(b *testing.B) {
	store, _, newEvents := setup(b)
	versus.Run(b, 100, versus.Fill(b, store.Events(), newEvents, 100),
		func([]uuid.UUID) error { return versus.Lease(b, store, 100) },
		func([]uuid.UUID) error { return versus.Claim(b, store, 100) })
}

func BenchmarkGetByID(b *testing.B) {
	store, hand, newEvents := setup(b)
	saved, err := store.Events().SaveBatch(b.Context(), newEvents(1000))
	if err != nil {
		b.Fatal(err)
	}
	statement, err := hand.read.Prepare(handByID)
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	versus.Run(b, 1, func() uuid.UUID { i++; return saved[i%len(saved)].ID },
		func(id uuid.UUID) error { _, err := store.Events().GetByID(b.Context(), id); return err },
		func(id uuid.UUID) error { return hand.byID(statement, id) })
}

// BenchmarkOpenSchema opens a schema that is new, and one whose tables are up to date, in one file.
func BenchmarkOpenSchema(b *testing.B) {
	dsn := "sqlite:" + filepath.Join(b.TempDir(), "many.db")
	versus.OpenSchemas(b, func() (driver.DB, error) { return driver.Connect(b.Context(), dsn, driver.WithLogger(nil)) })
}
