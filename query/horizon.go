package query

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sq "github.com/Masterminds/squirrel"
)

// horizon knows, for one schema and in one process, up to which position everything is settled: each
// position up to there belongs to an event that is committed, or to none for ever. And it keeps the
// floor: a position up to which no row of the queue is fresh, nor will ever be.
//
// Claims begin at the floor. Without it they walk past all that was done since the oldest snapshot
// that somebody holds (a backup, a report): these rows are dead, but can't be cleared away.
//
// The floor is safe because it is no higher than what is settled, so that no save under way can put a
// row below it; because leased rows count, too, so that one whose lease ends or which is released is
// above it; and because what comes back to the queue in any other way is due, and not fresh. That a
// look decides by what the one before it found settled makes its own snapshot late enough.
type horizon struct {
	sql string // parameter: the floor; empty where the database needs none of this

	lowest atomic.Int64 // the floor

	mu      sync.Mutex
	settled int64    // in each statement that begins from now on
	last    int64    // becomes settled when the pending transactions have ended
	pending []string // nil: there are none
	looked  time.Time
	renewed time.Time // when the floor was last looked for from the beginning
}

func newHorizon(s *schemaSQL) *horizon {
	if s.dialect.Horizon == nil {
		return &horizon{}
	}
	lowest := sq.Select("q.position").From(s.quote(queueTable) + " q").Where("q.available_at IS NULL AND q.position > ?").
		OrderBy("q.position").Suffix("LIMIT 1")
	return &horizon{sql: s.render(sq.Select("h.*").Column(sq.Expr("(?)", lowest)).
		From("(" + s.dialect.Horizon(Table{s.schema, eventsTable}) + ") h"))}
}

// How long the floor stays as it is, while claims are made. And how long it is relied on without
// being looked for from the beginning, in case somebody put the sequence of positions back.
const (
	floorInterval = 25 * time.Millisecond
	floorLifetime = time.Minute
)

func (h *horizon) floor() int64 { return h.lowest.Load() }

// advance raises the floor, if it has not been just now. It does nothing in a transaction, whose
// snapshot may be older than what is settled. A failure leaves the floor where it is.
func (h *horizon) advance(ctx context.Context, r *events) {
	if h.sql == "" || r.exec.IsTx() || !h.mu.TryLock() {
		return
	}
	defer h.mu.Unlock()
	now := time.Now()
	if now.Sub(h.looked) < floorInterval {
		return
	}
	from := h.floor()
	if now.Sub(h.renewed) > floorLifetime {
		from, h.renewed = 0, now
	}
	settled := h.settled
	found, err := h.look(ctx, r.exec, from)
	if err != nil || !found.reliable {
		return
	}
	if found.lowest != nil {
		settled = min(settled, *found.lowest-1)
	}
	h.lowest.Store(max(settled, from))
}

// sighting is what a look at the horizon found.
type sighting struct {
	last     int64
	holders  string
	reliable bool // so that what is settled is known
	fresh    bool // each statement sees what was committed before it
	lowest   *int64
}

// look finds out what is settled. It is called with the lock held.
func (h *horizon) look(ctx context.Context, x Executor, floor int64) (found sighting, err error) {
	err = x.Query(ctx, h.sql, []any{floor}, []any{&found.last, &found.holders, &found.reliable, &found.fresh, &found.lowest}, nil)
	h.looked = time.Now()
	if err != nil || !found.reliable || !found.fresh {
		return found, err
	}
	holders := strings.Fields(found.holders)
	if !slices.ContainsFunc(h.pending, func(holder string) bool { return slices.Contains(holders, holder) }) {
		h.settled, h.last, h.pending = max(h.settled, h.last), found.last, holders
	}
	if len(holders) == 0 {
		h.settled, h.pending = found.last, nil
	}
	return found, nil
}
