package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// The clients' sessions, for the statements below.
const sessions = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'neoevents'"

func killPostmaster(_ context.Context, s *server, _ *work) error {
	if err := s.Kill(); err != nil {
		return err
	}
	return s.Restart()
}

func killBackend(ctx context.Context, s *server, _ *work) error {
	conn, err := s.administrator(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var pid int
	err = conn.QueryRow(ctx, "SELECT pid "+sessions+" ORDER BY state = 'active' DESC, random() LIMIT 1").Scan(&pid)
	if errors.Is(err, pgx.ErrNoRows) {
		pid, err = int(conn.PgConn().PID()), nil // any process will do
	}
	if err != nil {
		return err
	}
	if err := s.KillBackend(pid); err != nil {
		return err
	}
	for err == nil { // until it has noticed and ended this session, too
		err = wait(ctx, lookEvery)
		if err == nil {
			_, err = conn.Exec(ctx, "SELECT 1")
		}
	}
	return s.answers(ctx)
}

func terminate(ctx context.Context, s *server, _ *work) error {
	return s.exec(ctx, "SELECT pg_terminate_backend(pid) "+sessions)
}

func restart(_ context.Context, s *server, _ *work) error { return s.Restart() }

// timeOut changes the setting of all sessions, while they work.
func timeOut(ctx context.Context, s *server, w *work) error {
	most := []string{"1ms", "2ms", "5ms"}[w.rng.IntN(3)]
	return s.setForAWhile(ctx, w, "statement_timeout", most)
}

func readOnly(ctx context.Context, s *server, w *work) error {
	return s.setForAWhile(ctx, w, "default_transaction_read_only", "on")
}

// setForAWhile changes a setting in all sessions, and half of the time ends the sessions so that new ones begin with it.
func (s *server) setForAWhile(ctx context.Context, w *work, name, value string) error {
	if err := s.exec(ctx, "ALTER SYSTEM SET "+name+" = '"+value+"'", "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	if w.rng.IntN(2) == 0 {
		if err := terminate(ctx, s, w); err != nil {
			return err
		}
	}
	if err := w.during(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	return s.exec(ctx, "ALTER SYSTEM RESET "+name, "SELECT pg_reload_conf()")
}

// takeConnections connects until the server refuses more, ends the clients' sessions, and takes theirs, too.
func takeConnections(ctx context.Context, s *server, w *work) error {
	first, err := s.administrator(ctx)
	if err != nil {
		return err
	}
	taken := []*pgx.Conn{first}
	defer func() {
		for _, conn := range taken {
			_ = conn.Close(ctx)
		}
	}()
	take := func() {
		for {
			conn, err := s.administrator(ctx)
			if err != nil { // there are no more
				return
			}
			taken = append(taken, conn)
		}
	}
	take()
	if _, err := first.Exec(ctx, "SELECT pg_terminate_backend(pid) "+sessions); err != nil {
		return err
	}
	take()
	return w.during(ctx, 300*time.Millisecond)
}
