package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/driver/sqlite"
)

// table is the table of acknowledgements: what an app would write in the transaction in which it
// acknowledges. It is not the library's, has its own connections, and nothing in it is unique but
// the place.
type table interface {
	create(ctx context.Context) error

	// inTx runs work in a transaction of the app. store is in it, and insert writes to the table.
	inTx(ctx context.Context, store driver.Store, work func(store driver.Store, insert insert) error) error

	// each calls fn for every row of a schema, in the order of the places.
	each(ctx context.Context, schema string, fn func(record)) error

	close() error
}

type insert func(schema string, r record) error

func openTable(ctx context.Context, backend, dsn string) (table, error) {
	if backend == "postgres" {
		pool, err := pgxpool.New(ctx, dsn)
		return postgresTable{pool}, err
	}
	path := strings.TrimPrefix(dsn, "sqlite:")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	return sqliteTable{db}, err
}

type postgresTable struct{ pool *pgxpool.Pool }

func (t postgresTable) create(ctx context.Context) error {
	_, err := t.pool.Exec(ctx, "CREATE TABLE crash_acks (place bigserial PRIMARY KEY, schema text, event_id uuid, token uuid, attempt integer, worker text)")
	return err
}

func (t postgresTable) inTx(ctx context.Context, store driver.Store, work func(driver.Store, insert) error) error {
	return pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		joined, err := postgres.WithTx(store, tx)
		if err != nil {
			return err
		}
		return work(joined, func(schema string, r record) error {
			_, err := tx.Exec(ctx, "INSERT INTO crash_acks (schema, event_id, token, attempt, worker) VALUES ($1, $2, $3, $4, $5)",
				schema, r.event.String(), r.token.String(), r.attempt, r.worker)
			return err
		})
	})
}

const selectAcks = "SELECT place, CAST(event_id AS text), CAST(token AS text), attempt, worker FROM crash_acks WHERE schema = $1 ORDER BY place"

func (t postgresTable) each(ctx context.Context, schema string, fn func(record)) error {
	rows, err := t.pool.Query(ctx, selectAcks, schema)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scanAcks(rows, fn)
}

func (t postgresTable) close() error {
	t.pool.Close()
	return nil
}

type sqliteTable struct{ db *sql.DB }

func (t sqliteTable) create(ctx context.Context) error {
	_, err := t.db.ExecContext(ctx, "CREATE TABLE crash_acks (place INTEGER PRIMARY KEY AUTOINCREMENT, schema TEXT, event_id TEXT, token TEXT, attempt INTEGER, worker TEXT)")
	return err
}

func (t sqliteTable) inTx(ctx context.Context, store driver.Store, work func(driver.Store, insert) error) error {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of no effect after the commit
	joined, err := sqlite.WithTx(store, tx)
	if err != nil {
		return err
	}
	err = work(joined, func(schema string, r record) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO crash_acks (schema, event_id, token, attempt, worker) VALUES (?, ?, ?, ?, ?)",
			schema, r.event.String(), r.token.String(), r.attempt, r.worker)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (t sqliteTable) each(ctx context.Context, schema string, fn func(record)) error {
	rows, err := t.db.QueryContext(ctx, selectAcks, schema)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // scanAcks has seen its error
	return scanAcks(rows, fn)
}

func (t sqliteTable) close() error { return t.db.Close() }

// scanAcks reads the rows of either library.
func scanAcks(rows interface {
	Next() bool
	Scan(targets ...any) error
	Err() error
}, fn func(record),
) error {
	for rows.Next() {
		r := record{what: acked}
		var event, token string
		if err := rows.Scan(&r.place, &event, &token, &r.attempt, &r.worker); err != nil {
			return err
		}
		var err error
		if r.event, err = uuid.Parse(event); err != nil {
			return fmt.Errorf("row %d: %w", r.place, err)
		}
		if r.token, err = uuid.Parse(token); err != nil {
			return fmt.Errorf("row %d: %w", r.place, err)
		}
		fn(r)
	}
	return rows.Err()
}
