package postgres

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// patience bounds what must happen, against a test that hangs.
const patience = time.Minute

// process is notifications with a pool, as a process of an app has them.
type process struct {
	*notifications
	pool *pgxpool.Pool
}

func newProcess(t *testing.T, dsn string, adjust func(*pgxpool.Config, *delays)) process {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.BuildContextWatcherHandler = cancelOnServer
	delays := usualDelays
	if adjust != nil {
		adjust(config, &delays)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	n := newNotificationsWith(adoptPool(pool), nil, delays)
	t.Cleanup(n.close)
	return process{n, pool}
}

// watch is Watch until the test ends.
func (p process) watch(t *testing.T, schema string) <-chan struct{} {
	t.Helper()
	woken, stop := p.Watch(schema)
	t.Cleanup(stop)
	return woken
}

// listening makes the process listen. Watchers that come after it are woken by changes only.
func (p process) listening(t *testing.T) process {
	t.Helper()
	await(t, "the wake-up of a process that listens from now on", p.watch(t, "tenant_first"))
	return p
}

func await(t *testing.T, what string, woken <-chan struct{}) {
	t.Helper()
	select {
	case <-woken:
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
}

// ear is a connection that listens beside the library.
type ear struct {
	conn *pgx.Conn
	t    *testing.T
}

// newEar may take the lock of those who listen, or not.
func newEar(t *testing.T, dsn string, lock bool) ear {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	e := ear{conn, t}
	e.exec("LISTEN " + channel)
	if lock {
		e.exec("SELECT pg_advisory_lock_shared(" + listenersLock + ")")
	}
	return e
}

func (e ear) exec(sql string, args ...any) {
	e.t.Helper()
	if _, err := e.conn.Exec(e.t.Context(), sql, args...); err != nil {
		e.t.Fatalf("%s: %v", sql, err)
	}
}

// hear returns the schemas that are announced, until one is that ends with the text.
func (e ear) hear(end string) (schemas []string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	for {
		notification, err := e.conn.WaitForNotification(ctx)
		if err != nil {
			e.t.Fatalf("listening for %s after %q: %v", end, schemas, err)
		}
		schema, _, _ := strings.Cut(notification.Payload, " ")
		if schema == end {
			return schemas
		}
		schemas = append(schemas, schema)
	}
}

// rest returns the schemas that were announced up to now.
func (e ear) rest() []string {
	e.t.Helper()
	e.exec("SELECT pg_notify($1, 'the_end')", channel)
	return e.hear("the_end")
}

// ownDatabase and listens are conditions on pg_stat_activity, and on pg_locks.
const (
	ownDatabase = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
	listens     = "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())" +
		" AND (classid::bigint << 32 | objid::bigint) = " + listenersLock
)

// awaitConnections waits until the database has n connections besides that of e.
func (e ear) awaitConnections(n int) {
	e.t.Helper()
	e.awaitCount(n, "pg_stat_activity WHERE "+ownDatabase)
}

// withoutCollector keeps the garbage collector from closing connections that were forgotten.
func withoutCollector(t *testing.T) {
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
}

// awaitCount waits until there are n rows.
func (e ear) awaitCount(n int, from string) {
	e.t.Helper()
	var got int
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if err := e.conn.QueryRow(e.t.Context(), "SELECT count(*) FROM "+from).Scan(&got); err != nil {
			e.t.Fatal(err)
		}
		if got == n {
			return
		}
	}
	e.t.Fatalf("%d rows of %s, want %d", got, from, n)
}

// statements tells of the statements of connections that contain a text, once they ended.
type statements struct {
	text  string
	ended chan string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, s, data.SQL)
}

func (s *statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if sql, _ := ctx.Value(s).(string); strings.Contains(sql, s.text) {
		s.ended <- sql
	}
}

func (s *statements) await(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatalf("no statement with %q within %s", s.text, patience)
	}
}

func TestAChangeWakesTheWatchersOfItsSchemaInOtherProcesses(t *testing.T) {
	for _, mode := range []string{"cache_statement", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			dsn := pgtest.DSN(t) + "&default_query_exec_mode=" + mode
			here, there := newProcess(t, dsn, nil), newProcess(t, dsn, nil).listening(t)
			a, b, last := there.watch(t, "tenant_a"), there.watch(t, "tenant_b"), there.watch(t, "tenant_last")
			here.Changed("tenant_a")
			await(t, "the watcher of the schema", a)
			here.Changed("tenant_last")
			await(t, "the watcher of the next schema", last)
			if n := len(b); n != 0 {
				t.Errorf("the watcher of another schema was woken %d times, want 0", n)
			}
		})
	}
}

func TestAChangeWakesWatchersOfItsOwnProcessWithoutTheDatabase(t *testing.T) {
	config, err := pgxpool.ParseConfig("postgres://nobody@127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	n := newNotifications(adoptPool(pool), nil)
	defer n.close()
	woken, stop := n.Watch("tenant_a")
	defer stop()
	n.Changed("tenant_a")
	await(t, "the watcher of this process", woken)

	var unavailable *driver.UnavailableError
	if works, err := n.works(t.Context()); works || !errors.Is(err, driver.ErrUnavailable) || !errors.As(err, &unavailable) {
		t.Errorf("works without a server: %t, %v; want false and ErrUnavailable", works, err)
	}
}

func TestCloseAnnouncesTheRestAndLeavesNothing(t *testing.T) {
	withoutCollector(t)
	dsn := pgtest.DSN(t)
	e := newEar(t, dsn, true)
	before := running()
	here := newProcess(t, dsn, func(_ *pgxpool.Config, delays *delays) {
		delays.send, delays.settle = time.Hour, time.Hour
	}).listening(t)
	woken := here.watch(t, "tenant_d")
	here.Changed("tenant_a")
	e.hear("tenant_a")
	here.Changed("tenant_b") // in an hour, otherwise
	if err := errors.Join(here.inTx(t, "tenant_never", false), here.inTx(t, "tenant_c", true)); err != nil {
		t.Fatal(err)
	}
	here.close()
	if heard := strings.Join(e.rest(), " "); heard != "tenant_b tenant_c" {
		t.Errorf("announced by close: %s, want tenant_b tenant_c", heard)
	}
	await(t, "the watcher when it was closed", woken)
	if after := running(); after > before {
		t.Errorf("%d goroutines more after close, want none", after-before)
	}
	if works, err := here.works(t.Context()); works || !errors.Is(err, driver.ErrClosed) {
		t.Errorf("works after close: %t, %v; want false and ErrClosed", works, err)
	}
	here.close()
	here.Changed("tenant_e")
	here.watch(t, "tenant_e")
	if after := running(); after > before {
		t.Errorf("%d goroutines began after close, want none", after-before)
	}
	here.pool.Close()
	e.awaitConnections(0)
}

// running counts the goroutines of notifications.
func running() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("(*listener).run(")) + bytes.Count(stacks, []byte("(*sender).run("))
}
