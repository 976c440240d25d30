package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestTheListenerReconnects(t *testing.T) {
	dsn := pgtest.DSN(t)
	e := newEar(t, dsn, false)
	here, there := newProcess(t, dsn, nil), newProcess(t, dsn, nil).listening(t)
	woken := there.watch(t, "tenant_a")
	e.exec("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE " + listens)
	await(t, "the wake-up for what was missed", woken)
	here.Changed("tenant_a")
	await(t, "the watcher after the connection was lost", woken)
}

func TestTheListenerTriesItsConnectionInSilenceAndKeepsIt(t *testing.T) {
	dsn := pgtest.DSN(t)
	e := newEar(t, dsn, false)
	here, there := newProcess(t, dsn, nil), newProcess(t, dsn, func(_ *pgxpool.Config, delays *delays) {
		delays.keepAlive = time.Millisecond
	}).listening(t)
	woken := there.watch(t, "tenant_a")
	e.awaitCount(1, "pg_stat_activity WHERE query = '-- ping' AND query_start > backend_start + interval '0.1 s'"+
		" AND pid IN (SELECT pid FROM pg_locks WHERE "+listens+")") // after some hundred
	if n := len(woken); n != 0 {
		t.Error("the listener connected again")
	}
	here.Changed("tenant_a")
	await(t, "the watcher after a silence", woken)
}

func TestTheListenerLeavesWhenNobodyWaits(t *testing.T) {
	withoutCollector(t)
	dsn := pgtest.DSN(t)
	e := newEar(t, dsn, false)
	here := newProcess(t, dsn, func(_ *pgxpool.Config, delays *delays) { delays.idle = 10 * time.Millisecond })
	for range 2 {
		woken, stop := here.Watch("tenant_a")
		await(t, "the wake-up of a process that listens from now on", woken)
		e.awaitConnections(2) // the pool's, which sent the proof, and the listener's
		stop()
		stop()
		e.awaitConnections(1)
	}
}

// As behind a pooler in transaction mode, where a client that only listens has no server.
func TestWhereNoNotificationArrivesWaitersPoll(t *testing.T) {
	withoutCollector(t)
	dsn, elsewhere := pgtest.DSN(t), newEar(t, pgtest.DSN(t), false)
	var apart atomic.Bool
	var log lines
	here := newProcess(t, dsn, func(config *pgxpool.Config, delays *delays) {
		config.MaxConns, delays.prove, delays.giveUp = 1, 10*time.Millisecond, time.Millisecond
		config.BeforeConnect = func(_ context.Context, config *pgx.ConnConfig) error {
			if apart.Load() {
				config.Database = elsewhere.conn.Config().Database
			}
			return nil
		}
	})
	here.listener.logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := here.pool.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	apart.Store(true)
	here.watch(t, "tenant_a")
	works, err := here.works(t.Context())
	if works || err != nil {
		t.Errorf("works: %t, %v; want false", works, err)
	}
	here.close()
	elsewhere.awaitConnections(0)
	if n := log.count("no notifications on this database"); n != 1 {
		t.Errorf("%d lines in the log, want 1: %s", n, log.text())
	}
	if got := here.PollInterval(); got != time.Second {
		t.Errorf("PollInterval is %s, want 1s", got)
	}
}

func TestItIsFoundOutWhetherNotificationsArrive(t *testing.T) {
	withoutCollector(t)
	dsn := pgtest.DSN(t)
	e := newEar(t, dsn, false)
	here := newProcess(t, dsn, nil)
	if works, err := here.works(t.Context()); !works || err != nil {
		t.Errorf("works: %t, %v; want true", works, err)
	}
	e.awaitConnections(1) // the pool's
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if works, err := here.works(ended); !works || err != nil {
		t.Errorf("works, once that is known: %t, %v; want true without the database", works, err)
	}
	if works, err := newProcess(t, dsn, nil).works(ended); works || !errors.Is(err, context.Canceled) {
		t.Errorf("works in a context that ended: %t, %v; want false and the context's error", works, err)
	}
}

// A server that refuses is not tried again and again.
func TestAServerWithoutNotificationsIsToldFromOneThatIsAway(t *testing.T) {
	for code, want := range map[string]bool{
		"25006": true, "0A000": true, "42883": true, // read-only, not supported, no such function
		"57P01": false, "53300": false, "08006": false, "57014": false, // shutdown, too many connections, lost, cancelled
	} {
		err := classify(t.Context(), &pgconn.PgError{Code: code}, false)
		if got := willRefuseAgain(err); got != want {
			t.Errorf("SQLSTATE %s will be said again: %t, want %t", code, got, want)
		}
	}
}

// lines is a log.
type lines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(line)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

func (l *lines) count(text string) int { return strings.Count(l.text(), text) }
