package postgres

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/query"
)

// listener wakes those who wait in this process on the notifications of others. It has a connection
// of its own, beside the pool, while somebody waits.
type listener struct {
	pool    *lanes
	logger  *slog.Logger
	signals *query.Signals
	process string
	delays  delays

	work sync.WaitGroup
	ctx  context.Context // until close
	end  context.CancelFunc

	mu       sync.Mutex
	running  bool
	watchers int
	left     time.Time // when the last of them did
	attached bool      // notifications arrive at this moment
	known    bool      // it was found out whether they do
	arrive   bool      // what was found out
}

func newListener(pool *lanes, logger *slog.Logger, signals *query.Signals, process string, delays delays) *listener {
	ctx, end := context.WithCancel(context.Background())
	return &listener{pool: pool, logger: logger, signals: signals, process: process, delays: delays, ctx: ctx, end: end}
}

// enter counts somebody who waits, until leave is called.
func (l *listener) enter() (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers++
	if !l.running && l.ctx.Err() == nil {
		l.running = true
		l.work.Go(l.run)
	}
	return sync.OnceFunc(l.leave)
}

func (l *listener) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers--
	l.left = time.Now()
}

// state tells whether notifications arrive at this moment, and whether anybody waits.
func (l *listener) state() (attached, waiting bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.attached, l.watchers > 0
}

// unwanted reports that nobody has waited for a while, or that the listener was closed.
func (l *listener) unwanted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isUnwanted()
}

func (l *listener) isUnwanted() bool {
	return l.ctx.Err() != nil || l.watchers == 0 && time.Since(l.left) >= l.delays.idle
}

// ends is unwanted for the goroutine, which must end if it is: the next who waits starts another.
func (l *listener) ends() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = !l.isUnwanted()
	return !l.running
}

func (l *listener) run() {
	pause := l.delays.reconnect
	for !l.ends() {
		conn, arrive, err := l.attach(l.ctx)
		if err == nil && !arrive {
			l.sleep(l.delays.giveUp)
			continue
		}
		if err == nil {
			since := time.Now()
			err = l.receive(conn)
			if time.Since(since) >= l.delays.reconnectMax {
				pause = l.delays.reconnect
			}
		}
		if err != nil && l.ctx.Err() == nil {
			l.logger.Debug("neoevents: no notifications for now", "error", err, "again_in", pause)
			l.sleep(pause + rand.N(pause)) // not all processes at the same time
			pause = min(2*pause, l.delays.reconnectMax)
		}
	}
}

func (l *listener) sleep(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ctx.Done():
	}
}

// receive passes notifications on until nobody waits any more or the connection breaks, and closes
// it.
func (l *listener) receive(conn *pgx.Conn) error {
	l.setAttached(true)
	defer l.setAttached(false)
	defer hangUp(conn)
	l.signals.ChangedAll() // what came before is lost
	for !l.unwanted() {
		ctx, cancel := context.WithTimeout(l.ctx, min(l.delays.keepAlive, l.delays.idle))
		notification, err := conn.WaitForNotification(ctx)
		silent := err != nil && ctx.Err() != nil
		cancel()
		if silent {
			err = l.answers(conn)
		}
		if err != nil {
			return classify(l.ctx, err, false)
		}
		if notification != nil {
			l.pass(notification.Payload)
		}
	}
	return nil
}

func (l *listener) setAttached(attached bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attached = attached
}

// answers finds out whether the connection is still there: nobody tells a client that only listens.
func (l *listener) answers(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// pass wakes who watches the schema that a notification is of.
func (l *listener) pass(payload string) {
	schema, process, _ := strings.Cut(payload, " ")
	if process != l.process { // else they know
		l.signals.Changed(schema)
	}
}

// close ends the goroutine and its connection, and returns when that is done.
func (l *listener) close() {
	l.mu.Lock()
	l.end()
	l.mu.Unlock()
	l.work.Wait()
}
