package sqlite

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/sqltexts"
	"github.com/neomultitenant/neoevents/migrate"
	"github.com/neomultitenant/neoevents/query"
)

// Pragma reads a setting of the connection that writes, or of one that reads.
func Pragma(ctx context.Context, of driver.DB, reader bool, name string) (value string, err error) {
	pool := of.(*db).writer
	if reader {
		pool = of.(*db).readers
	}
	s, err := pool.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer pool.release(s)
	err = s.conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
	return value, err
}

// Exec runs a statement on the connection that writes.
func Exec(ctx context.Context, on driver.DB, statement string, args ...any) error {
	s, err := on.(*db).writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer on.(*db).writer.release(s)
	_, err = s.conn.ExecContext(ctx, statement, args...)
	return err
}

// Empty removes all rows of a schema: of the youngest tables first, as they refer to older ones.
func Empty(ctx context.Context, on driver.DB, schema string) error {
	s, err := on.(*db).writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer on.(*db).writer.release(s)
	var script string
	err = s.conn.QueryRowContext(ctx, `SELECT 'BEGIN IMMEDIATE; ' || group_concat('DELETE FROM "' || name || '"; ', '') || 'COMMIT' FROM`+
		` (SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ? AND name <> ? ORDER BY rowid DESC)`,
		schema+"__*", schema+"__"+migrate.VersionTable).Scan(&script)
	if err == nil {
		_, err = s.conn.ExecContext(ctx, script)
	}
	return err
}

// ErrPanic is what Together returns of a function that panicked.
var ErrPanic = errors.New("panicked")

// Together runs functions as short transactions, each when the one before is about to be done, and reports
// whether they shared one transaction.
func Together(ctx context.Context, on driver.DB, fns ...func(tx query.Executor) error) (errs []error, one bool) {
	writer := on.(*db).writer
	errs = make([]error, len(fns))
	seen := map[query.Executor]bool{}
	var group sync.WaitGroup
	var run func(i int, waits func())
	run = func(i int, waits func()) {
		defer func() {
			if recover() != nil {
				errs[i] = ErrPanic
			}
		}()
		g, err := writer.join(waitingContext{ctx, waits})
		if err != nil {
			errs[i] = err
			return
		}
		g.began = time.Now().Add(time.Hour) // how slow the machine is does not matter
		errs[i] = writer.share(ctx, g, func(tx query.Executor) error {
			seen[tx] = true
			if i+1 < len(fns) {
				defer func() {
					next := make(chan struct{})
					group.Go(func() { run(i+1, sync.OnceFunc(func() { close(next) })) })
					<-next
				}()
			}
			return fns[i](tx)
		})
	}
	group.Go(func() { run(0, func() {}) })
	group.Wait()
	return errs, len(seen) == 1
}

// waitingContext tells that somebody is about to wait for its end, too.
type waitingContext struct {
	context.Context
	waits func()
}

func (c waitingContext) Done() <-chan struct{} {
	c.waits()
	return c.Context.Done()
}

// Recorded is a Store of the same schema whose statements are written down.
func Recorded(on driver.DB, store driver.Store, texts *sqltexts.Texts) driver.Store {
	return store.(*query.Store).On(sqltexts.Recorder{Executor: &executor{on.(*db)}, Texts: texts})
}
