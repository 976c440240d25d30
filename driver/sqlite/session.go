package sqlite

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/neomultitenant/neoevents/driver"
)

// runner runs statements on one connection: a session, or a transaction that the app began.
type runner interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// keptStatements is how many prepared statements a session keeps: some twenty schemas' worth. One
// takes a few kilobytes.
const keptStatements = 512

// session is a connection and its prepared statements, used by one goroutine at a time.
type session struct {
	conn       *sql.Conn
	statements *simplelru.LRU[string, *sql.Stmt] // nil: statements are not kept
	refusing   bool                              // refuseWrites is to be undone
	synchrony  int                               // the pragma synchronous; 0: not known yet
	relaxed    bool                              // relax is to be undone
	lost       bool                              // the connection was given up
	place      *place                            // nil: of no file, or one that the app opened
}

func newSession(ctx context.Context, p *pool) (*session, error) {
	if err := p.place.check(false); err != nil {
		return nil, err
	}
	conn, err := connect(ctx, p.db)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, place: p.place}
	if p.keep {
		s.statements, err = simplelru.NewLRU(keptStatements, func(_ string, statement *sql.Stmt) { _ = statement.Close() })
	}
	return s, err
}

// openWait bounds how long a connection is tried for while others set the database up. SQLite does
// not keep to the busy timeout there: of two that turn a new file to WAL mode at once, one is
// refused at once.
const (
	openWait  = 5 * time.Second
	openPause = 5 * time.Millisecond
)

func connect(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for end := time.Now().Add(openWait); ; {
		conn, err := db.Conn(ctx)
		if err == nil {
			return conn, nil
		}
		if !isBusy(err) || time.Now().After(end) {
			return nil, classify(ctx, err)
		}
		select {
		case <-time.After(openPause):
		case <-ctx.Done():
			return nil, classify(ctx, ctx.Err())
		}
	}
}

func (s *session) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if statement == nil {
		return s.conn.QueryContext(ctx, query, args...)
	}
	return statement.QueryContext(ctx, args...)
}

func (s *session) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if statement == nil {
		return s.conn.ExecContext(ctx, query, args...)
	}
	return statement.ExecContext(ctx, args...)
}

func (s *session) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s.statements == nil {
		return nil, nil
	}
	if statement, ok := s.statements.Get(query); ok {
		return statement, nil
	}
	statement, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.statements.Add(query, statement)
	return statement, nil
}

// refuseWrites makes the connection take no writes until allowWrites, unless it takes none anyway.
// It goes past the kept statements: SQLite obeys this pragma when it prepares it, not when it runs
// it.
func (s *session) refuseWrites(ctx context.Context) error {
	refuses := false
	err := s.conn.QueryRowContext(ctx, "PRAGMA query_only").Scan(&refuses)
	if err != nil || refuses {
		return classify(ctx, err)
	}
	s.refusing = true
	_, err = s.conn.ExecContext(ctx, "PRAGMA query_only = ON")
	return classify(ctx, err)
}

// allowWrites undoes refuseWrites, or gives the connection up.
func (s *session) allowWrites(ctx context.Context) {
	if !s.refusing {
		return
	}
	s.refusing = false
	if _, err := s.conn.ExecContext(ctx, "PRAGMA query_only = OFF"); err != nil {
		s.giveUp()
	}
}

// The values of the pragma synchronous. https://www.sqlite.org/pragma.html#pragma_synchronous
const (
	synchronousNormal = 1
	synchronousFull   = 2
)

// relax makes commits not wait for the disk until synchronize, where that leaves the database intact
// whatever happens: in WAL mode. Pragmas go past the kept statements: see refuseWrites. A connection of
// the app's is left as it is.
func (s *session) relax(ctx context.Context) error {
	if s.statements == nil {
		return nil
	}
	if s.synchrony == 0 { // not asked yet
		var mode string
		err := s.conn.QueryRowContext(ctx, "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous").Scan(&mode, &s.synchrony)
		if err != nil {
			return classify(ctx, err)
		}
		if mode != "wal" {
			s.synchrony = synchronousNormal // as good as: there is nothing to relax
		}
	}
	if s.synchrony < synchronousFull {
		return nil
	}
	s.relaxed = true
	_, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA synchronous = %d", synchronousNormal))
	return classify(ctx, err)
}

// synchronize undoes relax, or gives the connection up.
func (s *session) synchronize(ctx context.Context) {
	if !s.relaxed {
		return
	}
	s.relaxed = false
	if _, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA synchronous = %d", s.synchrony)); err != nil {
		s.giveUp()
	}
}

// giveUp sees to it that nobody gets the connection again.
func (s *session) giveUp() {
	s.lost = true
	_ = s.conn.Raw(func(any) error { return sqldriver.ErrBadConn })
}

func (s *session) close() error {
	if s.statements != nil {
		s.statements.Purge()
	}
	return s.conn.Close()
}

// pool hands out sessions on one *sql.DB, opening each when it is first needed. The one used last
// goes out first: its page cache is warm.
type pool struct {
	db       *sql.DB
	place    *place
	keep     bool          // sessions stay open between uses; else their connections go back to db
	patience time.Duration // how long acquire waits at the most; 0: as long as the context
	permits  chan struct{}
	groups   chan *group // from who passes a group on to who waits for a permit
	closed   <-chan struct{}
	mu       sync.Mutex
	idle     []*session
}

func newPool(db *sql.DB, size int, keep bool, closed <-chan struct{}) *pool {
	return &pool{db: db, keep: keep, permits: make(chan struct{}, size), groups: make(chan *group), closed: closed}
}

var errClosed = &driver.Error{Kind: driver.ErrClosed}

// writerPatience is long enough for the writers of a busy process to have their turns, and ends
// with an explanation what would otherwise never end: a transaction that waits for itself.
const writerPatience = 60 * time.Second

// acquire waits for a session; release must follow.
func (p *pool) acquire(ctx context.Context) (*session, error) {
	s, _, err := p.wait(ctx, nil)
	return s, err
}

// wait is acquire, or takes over a group instead if one comes first.
func (p *pool) wait(ctx context.Context, groups <-chan *group) (*session, *group, error) {
	select {
	case <-p.closed:
		return nil, nil, errClosed
	default:
	}
	var impatient <-chan time.Time // nil: never
	if p.patience > 0 {
		timer := time.NewTimer(p.patience)
		defer timer.Stop()
		impatient = timer.C
	}
	select {
	case p.permits <- struct{}{}:
	case g := <-groups:
		return nil, g, nil
	case <-ctx.Done():
		return nil, nil, classify(ctx, context.Cause(ctx))
	case <-p.closed:
		return nil, nil, errClosed
	case <-impatient:
		return nil, nil, &driver.Error{Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{Err: fmt.Errorf(
			"another transaction held the write lock for %s; inside InTx use the Store it gives, not the one it was called on", p.patience)}}
	}
	if s := p.lastUsed(); s != nil {
		return s, nil, nil
	}
	s, err := newSession(ctx, p)
	if err != nil {
		<-p.permits
	}
	return s, nil, err
}

// lastUsed takes the idle session that was used last, nil if none is idle.
func (p *pool) lastUsed() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	s := p.idle[last]
	p.idle = p.idle[:last]
	return s
}

func (p *pool) release(s *session) {
	if p.keep && !s.lost {
		p.mu.Lock()
		p.idle = append(p.idle, s)
		p.mu.Unlock()
	} else {
		_ = s.close() // back to the app's pool
	}
	<-p.permits
}

// drain waits for the sessions in use and closes all.
func (p *pool) drain() error {
	for range cap(p.permits) {
		p.permits <- struct{}{}
	}
	var errs []error
	for _, s := range p.idle {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// counts returns how many sessions are open and how many are in use.
func (p *pool) counts() (open, inUse int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	inUse = len(p.permits)
	return len(p.idle) + inUse, inUse
}
