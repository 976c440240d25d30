package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// postgresFaults is every fault of PostgreSQL, each on a server of its own that makes commits durable.
var postgresFaults = []fault{
	onServer("postmaster-kill", "all processes of the server are killed with SIGKILL, and it recovers", plan{inject: killPostmaster}),
	onServer("backend-kill", "one session's process is killed with SIGKILL, which ends all sessions, and the server recovers", plan{inject: killBackend}),
	onServer("terminate", "every session is ended by pg_terminate_backend", plan{inject: terminate}),
	onServer("restart", "the server is restarted while clients have prepared statements", plan{inject: restart}),

	onServer("cut", "connections are cut after any byte", plan{prepare: putProxy, inject: cut}),
	onServer("cut-commit", "the connection is cut before a commit arrives, or before its answer does", plan{prepare: putProxy, inject: cutCommit}),
	onServer("delay", "every message takes some milliseconds more", plan{prepare: putProxy, inject: delay}),
	onServer("drop", "what is sent is lost for a while, in both directions, and nobody is told", plan{prepare: putProxy, timeout: time.Second, inject: drop}),
	onServer("half-close", "one direction of each connection is closed, the other stays open", plan{prepare: putProxy, inject: halfClose}),
	onServer("pooler", "PgBouncer in transaction mode stands in between, and is killed and started again", plan{
		prepare: putPooler, params: []string{"default_query_exec_mode=exec"}, inject: killPooler,
	}),

	onServer("pool-exhaustion", "all connections of the clients' pool are held by others", plan{
		options: []driver.Option{driver.WithMaxConns(3)}, timeout: 200 * time.Millisecond, inject: exhaustPool,
	}),
	onServer("too-many-connections", "others take every connection that the server has", plan{
		settings: []string{"max_connections=40"}, inject: takeConnections,
	}),
	onServer("statement-timeout", "statements may take a few milliseconds only", plan{inject: timeOut}),
	onServer("lock-timeout", "somebody locks a table for longer than lock_timeout", plan{
		params: []string{"lock_timeout=20ms"}, inject: lockTable,
	}),
	onServer("deadlock", "somebody locks rows in another order than the clients", plan{
		settings: []string{"deadlock_timeout=10ms"}, inject: deadlock, logged: "deadlock detected",
	}),
	onServer("serialization", "somebody reads and changes the rows of clients' SERIALIZABLE transactions in one of their own", plan{
		inject: changeRows, logged: "could not serialize access",
	}),
	onServer("cancel", "the contexts of all calls end", plan{inject: cancelCalls}),
	onServer("read-only", "the server takes no writes for a while, in old sessions and new ones", plan{inject: readOnly}),
	onServer("disk-full", "the disk with the tables is full", plan{prepare: putTablesOnSmallDisk, inject: fillDisk}),
	onServer("wal-disk-full", "the disk with the write-ahead log is full, and the server stops", plan{
		settings: []string{"max_wal_size=64MB", "min_wal_size=32MB"}, prepare: putLogOnSmallDisk, inject: fillLogDisk,
	}),
}

// server is a server under a fault.
type server struct {
	*pgtest.Victim
	dsn     string // of the database
	clients string // the DSN of the clients, through what stands in between
	ends    []func() error

	proxy  *proxy
	pooler *pooler
	disk   string // a small file system
}

// plan is what a fault takes beside a server.
type plan struct {
	settings []string        // of the server
	params   []string        // of the clients' connections
	options  []driver.Option // of the clients
	timeout  time.Duration   // of the clients' calls; 0: 10 seconds
	prepare  func(ctx context.Context, s *server) error
	inject   func(ctx context.Context, s *server, w *work) error
	logged   string // what the server says of each time that the fault had its effect; empty: it has it whenever it is injected
}

func onServer(name, about string, p plan) fault {
	begin := func(ctx context.Context, _ string) (*site, error) {
		s, err := startServer(ctx, p)
		if err != nil {
			return nil, err
		}
		site := &site{
			dsn: s.clients, around: s.dsn, options: p.options, timeout: p.timeout, end: s.end,
			inject: func(ctx context.Context, w *work) error { return p.inject(ctx, s, w) },
		}
		if p.logged != "" {
			site.effects = func() (int, error) { return s.Logged(p.logged) }
		}
		return site, nil
	}
	return fault{name: name, backend: "postgres", about: about, begin: begin}
}

func startServer(ctx context.Context, p plan) (*server, error) {
	options := []pgtest.Option{pgtest.WithFsync()}
	for _, setting := range p.settings {
		options = append(options, pgtest.WithSetting(setting))
	}
	victim, err := pgtest.StartVictim(options...)
	if errors.Is(err, pgtest.ErrNoPrograms) {
		return nil, missing(err.Error())
	}
	if err != nil {
		return nil, err
	}
	s := &server{Victim: victim}
	if s.dsn, err = s.CreateDatabase(ctx); err == nil {
		s.clients = s.dsn
		if p.prepare != nil {
			err = p.prepare(ctx, s)
		}
	}
	if err == nil {
		s.clients, err = withParams(s.clients, p.params)
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// end ends what stands in between, and the server.
func (s *server) end() {
	for _, end := range s.ends {
		_ = end() // nobody needs it any more
	}
	s.Stop()
}

// withParams adds parameters, each name=value, to a DSN.
func withParams(dsn string, params []string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for _, param := range params {
		more, err := url.ParseQuery(param)
		if err != nil {
			return "", err
		}
		for name := range more {
			query.Set(name, more.Get(name))
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// at returns the DSN of the server's database at another address.
func (s *server) at(address string) (string, error) {
	u, err := url.Parse(s.dsn)
	if err != nil {
		return "", err
	}
	u.Host = address
	return u.String(), nil
}

// address is where the server listens.
func (s *server) address() string {
	u, _ := url.Parse(s.dsn) // it is pgtest's own
	return u.Host
}

// administrator opens a connection of somebody whom the faults of the clients don't concern.
func (s *server) administrator(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = "administrator"
	config.RuntimeParams["statement_timeout"] = "0"
	return pgx.ConnectConfig(ctx, config)
}

// exec runs statements of an administrator.
func (s *server) exec(ctx context.Context, statements ...string) error {
	conn, err := s.administrator(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// answers waits until the server takes connections.
func (s *server) answers(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := s.exec(bounded, "SELECT 1")
		if err == nil || bounded.Err() != nil {
			return err
		}
		_ = wait(bounded, lookEvery)
	}
}

// during lets the fault last for up to so long.
func (w *work) during(ctx context.Context, most time.Duration) error {
	return wait(ctx, time.Duration(w.rng.Int64N(int64(most))))
}
