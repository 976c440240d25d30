package postgres

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/neomultitenant/neoevents/query"
)

// channel is the channel of the database's notifications. What is sent on it is one of
//
//	schema            it changed in a transaction of an app
//	schema process    it changed, and who waits in that process knows already
//	? nonce           to see whether it arrives
const channel = "neoevents"

// listenersLock is the key of the advisory lock that everyone who listens shares, as long as its
// connection lives. So whoever could have the lock alone knows that nobody listens.
const listenersLock = "7954886798388588148" // "neoevent" as a bigint

// delays of wake-ups. Tests have their own.
type delays struct {
	poll    time.Duration // between two looks of who waits
	send    time.Duration // between two announcements
	ask     time.Duration // the same, while nobody listens
	settle  time.Duration // of an app's transaction until it is announced from outside, up to twice
	trust   time.Duration // how long somebody who listened is taken to listen still
	acquire time.Duration // how long a connection of the pool is waited for at the most

	reconnect    time.Duration // before the first attempt to connect again; each next pause is twice as long
	reconnectMax time.Duration // the longest pause
	keepAlive    time.Duration // of silence before the connection is tried
	idle         time.Duration // without anybody who waits, before the connection is given up
	prove        time.Duration // how long a notification may be on its way
	giveUp       time.Duration // before another attempt where none arrived
}

var usualDelays = delays{
	poll: time.Second, send: 5 * time.Millisecond, ask: 100 * time.Millisecond, settle: 25 * time.Millisecond,
	trust: time.Second, acquire: 250 * time.Millisecond,
	reconnect: 100 * time.Millisecond, reconnectMax: 10 * time.Second, keepAlive: 30 * time.Second,
	idle: time.Minute, prove: 2 * time.Second, giveUp: 5 * time.Minute,
}

// notifications implements query.Wakeups: within the process by itself, between processes by LISTEN
// and NOTIFY. All of it may fail: who waits looks every second anyway.
//
// A NOTIFY holds a lock of the whole database while its transaction commits, so there are few: none
// while nobody listens, and one announcement of all schemas every few milliseconds at the most.
// While nobody listens a process looks for listeners ten times a second at the most, and only when
// there is something to tell: that is how much later than others the first event after somebody
// began to wait may be noticed. As everything of this kind, it is missed for a second at the worst.
type notifications struct {
	signals  *query.Signals // who waits in this process
	sender   *sender
	listener *listener
}

var _ query.Wakeups = (*notifications)(nil)

// newNotifications starts nothing yet. The pool must stay open until close has returned.
func newNotifications(pool *lanes, logger *slog.Logger) *notifications {
	return newNotificationsWith(pool, logger, usualDelays)
}

func newNotificationsWith(pool *lanes, logger *slog.Logger, delays delays) *notifications {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	signals, process := query.NewSignals(delays.poll), rand.Text()
	return &notifications{
		signals:  signals,
		sender:   newSender(pool, logger, signals, process, delays),
		listener: newListener(pool, logger, signals, process, delays),
	}
}

// Changed implements query.Wakeups.
func (n *notifications) Changed(schema string) {
	n.signals.Changed(schema)
	n.sender.announce(schema)
}

// ChangedIn implements query.Wakeups. The transaction carries a notification, for this process, too,
// if somebody listens and none did a moment ago: those of many transactions would have to commit one
// after the other. Otherwise the schema is announced a little later, when the transaction has
// probably ended.
//
// A transaction that carries one can't be prepared for a two-phase commit: PostgreSQL refuses.
func (n *notifications) ChangedIn(ctx context.Context, tx query.Executor, schema string) error {
	attached, waiting := n.listener.state()
	carries, stale := n.sender.carry(attached)
	if !carries || stale || waiting && !attached {
		n.sender.announceLater(schema)
	}
	if !carries {
		return nil
	}
	_, err := tx.Exec(ctx, "SELECT pg_notify('"+channel+"', $1)", []any{schema})
	return err
}

// Watch implements query.Wakeups. The first watcher makes the process listen.
func (n *notifications) Watch(schema string) (<-chan struct{}, func()) {
	woken, forget := n.signals.Watch(schema)
	leave := n.listener.enter()
	return woken, func() {
		forget()
		leave()
	}
}

// PollInterval implements query.Wakeups.
func (n *notifications) PollInterval() time.Duration { return n.signals.PollInterval() }

// works reports whether notifications arrive. Unless that is known it finds out, on a connection of
// its own; an error says that the database could not be asked.
func (n *notifications) works(ctx context.Context) (bool, error) { return n.listener.works(ctx) }

// close announces what was still to be announced, ends all that runs, and wakes all who wait, so
// that they see that there is nothing to wait for. Closing twice is fine.
func (n *notifications) close() {
	n.sender.close()
	n.listener.close()
	n.signals.ChangedAll()
}
