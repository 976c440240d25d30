package postgres

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/query"
)

// announceSQL tells who listens of all schemas at once, and returns no row if nobody does. Nothing
// is lost with a notification, so its commit need not wait for the disk. The lock is not waited for,
// and kept for the moment of the statement; two processes that try it at the same moment take each
// other for a listener, which does no harm.
const announceSQL = "SELECT pg_notify('" + channel + "', schema || ' ' || $2::text), set_config('synchronous_commit', 'off', true)" +
	" FROM unnest($1::text[]) AS schema WHERE NOT (SELECT pg_try_advisory_xact_lock(" + listenersLock + "))"

// announceTimeout bounds an announcement, whose transaction may have to wait for others that notify.
const announceTimeout = 5 * time.Second

// sender announces schemas to other processes, in a goroutine that runs while there are any to
// announce. Nobody waits for it.
type sender struct {
	pool    *lanes
	logger  *slog.Logger
	signals *query.Signals
	process string
	delays  delays

	work    sync.WaitGroup
	closing chan struct{}

	mu      sync.Mutex
	closed  bool
	running bool
	dirty   map[string]struct{} // to be announced
	open    map[string]struct{} // changed in transactions of the app in this period of delays.settle
	settled map[string]struct{} // the same of the period before
	timer   *time.Timer         // ends the period; nil while there is none

	heard   bool      // somebody listened when last asked
	asked   time.Time // when that was
	carried time.Time // when a transaction of the app last carried a notification
}

func newSender(pool *lanes, logger *slog.Logger, signals *query.Signals, process string, delays delays) *sender {
	return &sender{
		pool: pool, logger: logger, signals: signals, process: process, delays: delays, closing: make(chan struct{}),
		dirty: map[string]struct{}{}, open: map[string]struct{}{}, settled: map[string]struct{}{},
	}
}

// announce makes the goroutine announce a schema: at once, unless it did something just before.
func (s *sender) announce(schema string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.dirty[schema] = struct{}{}
	s.start()
}

func (s *sender) start() {
	if !s.running {
		s.running = true
		s.work.Go(s.run)
	}
}

// announceLater is announce, here and elsewhere, of what a transaction did that may not have
// committed yet: once one to two times delays.settle have passed.
func (s *sender) announceLater(schema string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.open[schema] = struct{}{}
	if s.timer == nil {
		s.timer = time.AfterFunc(s.delays.settle, s.endPeriod)
	}
}

func (s *sender) endPeriod() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.settle(s.settled)
	s.settled, s.open = s.open, s.settled
	s.timer = nil
	if len(s.settled) > 0 {
		s.timer = time.AfterFunc(s.delays.settle, s.endPeriod)
	}
}

// settle takes schemas out of a set and announces them.
func (s *sender) settle(schemas map[string]struct{}) {
	for schema := range schemas {
		s.signals.Changed(schema)
		s.dirty[schema] = struct{}{}
		s.start()
	}
	clear(schemas)
}

// carry tells whether a transaction of the app should carry a notification, and if so counts it. sure
// says that somebody listens for certain; else that is as of the last announcement, and stale if it
// is time to ask again.
func (s *sender) carry(sure bool) (carries, stale bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.closed || !sure && !s.heard || now.Sub(s.carried) < s.delays.send {
		return false, false
	}
	s.carried = now
	return true, !sure && now.Sub(s.asked) >= s.delays.trust
}

func (s *sender) run() {
	for {
		s.pause(s.untilNext(time.Now()))
		schemas := s.take()
		if len(schemas) == 0 {
			return
		}
		heard, err := s.send(schemas)
		if err != nil {
			s.logger.Debug("neoevents: other processes were not notified", "error", err)
		}
		s.mu.Lock()
		s.heard, s.asked = heard, time.Now()
		s.mu.Unlock()
	}
}

// untilNext is how long the next announcement has to wait.
func (s *sender) untilNext(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard {
		return s.asked.Add(s.delays.send).Sub(now)
	}
	return s.asked.Add(s.delays.ask).Sub(now)
}

// pause is cut short by close.
func (s *sender) pause(pause time.Duration) {
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	}
}

// take returns what is to be announced. If there is nothing the goroutine must end.
func (s *sender) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	schemas := slices.Sorted(maps.Keys(s.dirty))
	clear(s.dirty)
	s.running = len(schemas) > 0
	return schemas
}

// send announces schemas, and reports whether anybody listens. It waits for a connection of the pool
// no longer than it can be late: an app that uses all of them has more important things to do.
func (s *sender) send(schemas []string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.delays.acquire)
	conn, err := s.pool.acquire(ctx, "")
	cancel()
	if err != nil {
		return false, classify(ctx, err, false)
	}
	defer conn.Release()
	ctx, cancel = context.WithTimeout(context.Background(), announceTimeout)
	defer cancel()
	// By the simple protocol: one round trip, and nothing that is kept on the connection.
	tag, err := conn.Exec(ctx, announceSQL, pgx.QueryExecModeSimpleProtocol, schemas, s.process)
	return tag.RowsAffected() > 0, classify(ctx, err, false)
}

// close announces what there is, transactions of the app included, and returns when that is done.
func (s *sender) close() {
	s.mu.Lock()
	if !s.closed {
		s.settle(s.settled)
		s.settle(s.open)
		s.closed = true
		if s.timer != nil {
			s.timer.Stop()
		}
		close(s.closing)
	}
	s.mu.Unlock()
	s.work.Wait()
}
