package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"maragu.dev/goqite"

	"github.com/neomultitenant/neoevents/driver"
)

// The tables, as schema_postgres.sql and schema_sqlite.sql of goqite v0.4.0 have them (MIT License,
// maragu); its package does not hold them.
var (
	//go:embed goqite_postgres.sql
	goqitePostgres string
	//go:embed goqite_sqlite.sql
	goqiteSQLite string
)

// goqitePeer is goqite. A message is sent, received and deleted one by one, as its documentation and its
// benchmark have it, https://github.com/maragudk/goqite#readme; a batch is SendTx in one transaction. On
// SQLite its pool has one connection, as there. On PostgreSQL its transactions are serializable, and
// its workers do again what the server refused for that.
var goqitePeer = peer{
	name: "goqite",
	about: "Send, SendTx of a batch in one transaction, Receive and Delete of one message at a time (it has no other), again where the server " +
		"refused a serializable transaction; one connection on SQLite; https://github.com/maragudk/goqite",
	modules: []string{"maragu.dev/goqite"},
	open: map[backend]func(context.Context, *home) (queue, error){
		onPostgres: openGoqitePostgres,
		onSQLite:   openGoqiteSQLite,
	},
	lacks:    map[string]string{"mark_bulk": "deletes one message at a time"},
	oneByOne: true,
}

// goqiteTimeout is longer than a run: no message is received again.
const goqiteTimeout = time.Hour

type goqiteQueue struct {
	db    *sql.DB
	queue *goqite.Queue
}

func openGoqitePostgres(ctx context.Context, h *home) (queue, error) {
	settings, err := pgx.ParseConfig(h.dsn)
	if err != nil {
		return nil, err
	}
	settings.RuntimeParams["search_path"] = h.schema + ",public" // where the extension may be already
	db := stdlib.OpenDB(*settings)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return openGoqite(ctx, db, goqite.SQLFlavorPostgreSQL, goqitePostgres)
}

func openGoqiteSQLite(ctx context.Context, h *home) (queue, error) {
	db, err := h.file()
	if err != nil {
		return nil, err
	}
	return openGoqite(ctx, db, goqite.SQLFlavorSQLite, goqiteSQLite)
}

func openGoqite(ctx context.Context, db *sql.DB, flavor goqite.SQLFlavor, schema string) (queue, error) {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &goqiteQueue{db, goqite.New(goqite.NewOpts{DB: db, Name: "events", SQLFlavor: flavor, Timeout: goqiteTimeout})}, nil
}

func (q *goqiteQueue) save(ctx context.Context, e *driver.Event) error {
	return again(ctx, func() error { return q.queue.Send(ctx, goqite.Message{Body: e.EventData}) })
}

func (q *goqiteQueue) saveBatch(ctx context.Context, events []driver.Event) error {
	tx, err := q.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	for i := range events {
		if err := q.queue.SendTx(ctx, tx, goqite.Message{Body: events[i].EventData}); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (q *goqiteQueue) work(ctx context.Context, r *round) error {
	return r.each(ctx, func(ctx context.Context, _ int) (int, error) {
		var m *goqite.Message
		err := again(ctx, func() (err error) {
			m, err = q.queue.Receive(ctx)
			return err
		})
		if err != nil || m == nil {
			return 0, err
		}
		id, err := uuid.Parse(string(m.ID[len("m_"):]))
		if err != nil {
			return 0, err
		}
		r.read(id, m.Body)
		return 1, again(ctx, func() error { return q.queue.Delete(ctx, m.ID) })
	})
}

// again calls fn until the server does not refuse it in favour of others.
func again(ctx context.Context, fn func() error) error {
	for {
		err := fn()
		refused := (*pgconn.PgError)(nil)
		if !errors.As(err, &refused) || refused.Code != "40001" && refused.Code != "40P01" || ctx.Err() != nil {
			return err
		}
	}
}

func (q *goqiteQueue) waiting(ctx context.Context) (n int, err error) {
	err = q.db.QueryRowContext(ctx, "SELECT count(*) FROM goqite").Scan(&n)
	return n, err
}

func (q *goqiteQueue) close() error { return q.db.Close() }
