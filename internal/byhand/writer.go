package byhand

import (
	"context"
	"database/sql"
	"sync"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// Writer is the one connection that writes to a SQLite database, with statements that are prepared
// once. Whoever writes waits for the others.
type Writer struct {
	mu       sync.Mutex
	pool     *sql.DB
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

// Durable are the parameters of a DSN with which a commit is on the disk when it returns.
const Durable = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)"

// OpenWriter opens a file, durably.
func OpenWriter(ctx context.Context, path string) (*Writer, error) {
	pool, err := sql.Open("sqlite", "file:"+path+Durable)
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		_ = pool.Close() // the first error is the one that matters
		return nil, err
	}
	return &Writer{pool: pool, conn: conn, prepared: map[string]*sql.Stmt{}}, nil
}

// Close closes the connection.
func (w *Writer) Close() error {
	_ = w.conn.Close() // closing the pool says the same
	return w.pool.Close()
}

// InTx runs fn in a transaction that begins with the write lock.
func (w *Writer) InTx(ctx context.Context, fn func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inTx(ctx, fn)
}

// InForgetfulTx is InTx with a commit that doesn't wait for the disk.
func (w *Writer) InForgetfulTx(ctx context.Context, fn func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.Exec(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
		return err
	}
	if err := w.inTx(ctx, fn); err != nil {
		return err
	}
	return w.Exec(ctx, "PRAGMA synchronous = FULL")
}

func (w *Writer) inTx(ctx context.Context, fn func() error) error {
	if err := w.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		err = w.Exec(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = w.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // fails if there is nothing to roll back any more
	}
	return err
}

// Exec runs a statement. Outside of InTx nobody else may use the connection.
func (w *Writer) Exec(ctx context.Context, query string, args ...any) error {
	statement, err := w.prepare(ctx, query)
	if err == nil {
		_, err = statement.ExecContext(ctx, args...)
	}
	return err
}

// Query runs a statement and calls row for each row that is read into targets. The same holds.
func (w *Writer) Query(ctx context.Context, query string, args, targets []any, row func()) error {
	statement, err := w.prepare(ctx, query)
	if err != nil {
		return err
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		row()
	}
	return rows.Err()
}

func (w *Writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement := w.prepared[query]; statement != nil {
		return statement, nil
	}
	statement, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.prepared[query] = statement
	}
	return statement, err
}
