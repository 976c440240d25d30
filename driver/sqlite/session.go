package sqlite

import (
	"context"
	"database/sql"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/neomultitenant/neoevents/driver"
)

// runner runs statements on one connection: a session, or a transaction that the app began.
type runner interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// keptStatements is how many prepared statements a session keeps: some twenty
// schemas' worth. One takes a few kilobytes.
const keptStatements = 512

// session is a connection and its prepared statements, used by one goroutine at a time.
type session struct {
	conn       *sql.Conn
	statements *simplelru.LRU[string, *sql.Stmt] // nil: statements are not kept
}

func newSession(ctx context.Context, db *sql.DB, keep bool) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, classify(ctx, err)
	}
	s := &session{conn: conn}
	if keep {
		s.statements, err = simplelru.NewLRU(keptStatements, func(_ string, statement *sql.Stmt) { _ = statement.Close() })
	}
	return s, err
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

func (s *session) close() error {
	if s.statements != nil {
		s.statements.Purge()
	}
	return s.conn.Close()
}

// pool hands out sessions on one *sql.DB, opening each when it is first needed.
type pool struct {
	db     *sql.DB
	keep   bool          // sessions stay open between uses; else their connections go back to db
	free   chan *session // one entry for each session that may be open; nil: not open
	closed <-chan struct{}
}

func newPool(db *sql.DB, size int, keep bool, closed <-chan struct{}) *pool {
	p := &pool{db, keep, make(chan *session, size), closed}
	for range size {
		p.free <- nil
	}
	return p
}

// acquire waits for a session; release must follow.
func (p *pool) acquire(ctx context.Context) (*session, error) {
	select {
	case <-p.closed:
		return nil, driver.ErrClosed
	default:
	}
	select {
	case s := <-p.free:
		if s != nil {
			return s, nil
		}
		s, err := newSession(ctx, p.db, p.keep)
		if err != nil {
			p.free <- nil
		}
		return s, err
	case <-ctx.Done():
		return nil, classify(ctx, context.Cause(ctx))
	case <-p.closed:
		return nil, driver.ErrClosed
	}
}

func (p *pool) release(s *session) {
	if !p.keep {
		_ = s.close() // back to the app's pool
		s = nil
	}
	p.free <- s
}

// drain waits for the sessions in use and closes all.
func (p *pool) drain() error {
	var first error
	for range cap(p.free) {
		if s := <-p.free; s != nil {
			if err := s.close(); first == nil {
				first = err
			}
		}
	}
	return first
}

// counts returns how many sessions are open and how many are in use.
func (p *pool) counts() (open, inUse int) {
	inUse = cap(p.free) - len(p.free)
	return min(p.db.Stats().OpenConnections, cap(p.free)), inUse
}
