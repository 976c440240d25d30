package postgres

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
)

// works reports whether notifications arrive, as it was found out last, or now.
func (l *listener) works(ctx context.Context) (bool, error) {
	l.mu.Lock()
	known, arrive, closed := l.known, l.arrive, l.ctx.Err() != nil
	if !known && !closed {
		l.work.Add(1) // close waits
		defer l.work.Done()
	}
	l.mu.Unlock()
	switch {
	case closed:
		return false, errClosed
	case known:
		return arrive, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	conn, arrive, err := l.attach(ctx)
	if conn != nil {
		hangUp(conn)
	}
	if l.ctx.Err() != nil {
		return false, errClosed
	}
	return arrive, err
}

// attach returns a connection on which notifications arrive, or false if they don't. An error says
// that it could not be found out.
func (l *listener) attach(ctx context.Context) (*pgx.Conn, bool, error) {
	conn, err := l.connect(ctx)
	if err != nil {
		return nil, false, classify(ctx, err, false)
	}
	arrive, err := l.listen(ctx, conn)
	if !arrive {
		hangUp(conn)
		conn = nil
	}
	if refusal := classify(ctx, err, false); err != nil && !willRefuseAgain(refusal) {
		return nil, false, refusal
	}
	l.learn(arrive, err)
	return conn, arrive, nil
}

// learn remembers whether notifications arrive, and says once that they do not.
func (l *listener) learn(arrive bool, refusal error) {
	l.mu.Lock()
	news := !l.known || l.arrive != arrive
	l.known, l.arrive = true, arrive
	l.mu.Unlock()
	if arrive || !news {
		return
	}
	reason := any("none arrives, as behind a pooler in transaction mode")
	if refusal != nil {
		reason = refusal
	}
	l.logger.Info("neoevents: no notifications on this database; who waits for events of other processes looks for them",
		"every", l.delays.poll, "reason", reason)
}

// willRefuseAgain tells what the server says where it has no notifications (a standby, a server of
// another make) from passing failures.
func willRefuseAgain(err error) bool {
	var refusal *pgconn.PgError
	var failed *driver.Error
	return errors.As(err, &refusal) && errors.As(err, &failed) && (failed.Kind == driver.ErrReadOnly || failed.Kind == driver.ErrInternal)
}

// connect opens a connection as the pool does.
func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	pool := l.pool.settings()            // a copy
	pool.ConnConfig.OnNotification = nil // pgx's own, which WaitForNotification needs
	return connectBeside(ctx, pool, stopReading)
}

// connectBeside opens a connection as a pool with that configuration does, a copy.
func connectBeside(ctx context.Context, pool *pgxpool.Config, handler func(*pgconn.PgConn) ctxwatch.Handler) (*pgx.Conn, error) {
	config := pool.ConnConfig
	config.BuildContextWatcherHandler = handler
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if pool.BeforeConnect != nil { // it may have today's password
		if err := pool.BeforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	return pgx.ConnectConfig(ctx, config)
}

// stopReading makes a context that ends interrupt the wait for a notification and leave the
// connection as it is.
func stopReading(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
}

// hangUp closes a connection.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

// listen makes a connection listen, and reports whether anything arrives on it.
func (l *listener) listen(ctx context.Context, conn *pgx.Conn) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, err
	}
	arrive, err := l.prove(ctx, conn)
	if !arrive {
		_, _ = conn.Exec(ctx, "UNLISTEN "+channel) // a pooler keeps the server's connection
		return false, err
	}
	// idle_session_timeout came with PostgreSQL 14. The lock comes last: a pooler would keep it, too.
	_, err = conn.Exec(ctx, "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'")
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT pg_advisory_lock_shared("+listenersLock+")")
	}
	return err == nil, err
}

// prove sends a notification from the pool and waits until it arrives.
func (l *listener) prove(ctx context.Context, conn *pgx.Conn) (bool, error) {
	proof := "? " + rand.Text()
	sending, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	sender, err := l.pool.acquire(sending, "")
	if err != nil {
		return false, err
	}
	_, err = sender.Exec(sending, "SELECT pg_notify('"+channel+"', $1)", proof)
	sender.Release()
	if err != nil {
		return false, err
	}
	if err := conn.Ping(ctx); err != nil { // however busy the server is, it has seen the notification now
		return false, err
	}
	waiting, cancel := context.WithTimeout(ctx, l.delays.prove)
	defer cancel()
	for {
		notification, err := conn.WaitForNotification(waiting)
		switch {
		case err == nil && notification.Payload == proof:
			return true, nil
		case err != nil && waiting.Err() != nil && ctx.Err() == nil && !conn.IsClosed():
			return false, nil
		case err != nil:
			return false, err
		}
	}
}
