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

	advancing atomic.Bool // one call raises the floor at a time; looked and renewed are its
	looked    time.Time
	renewed   time.Time // when the floor was last looked for from the beginning

	mu    sync.Mutex // not held while the database is asked
	state settlement
}

// settlement is what a look found out. It stays true for ever.
type settlement struct {
	settled int64    // up to here, for each statement that begins afterwards
	last    int64    // becomes settled when the pending transactions have ended
	pending []string // nil: there are none
}

func newHorizon(s *schemaSQL) *horizon {
	if s.dialect.Horizon == nil {
		return &horizon{}
	}
	lowest := sq.Select("q.position").From(s.quote(queueTable) + " q").Where("q.is_fresh AND q.position > ?").
		OrderBy("q.position").Suffix("LIMIT 1")
	return &horizon{sql: s.render(sq.Select("h.last", "h.holders", "h.reliable", "h.is_fresh").Column(sq.Expr("(?)", lowest)).
		From("(" + s.dialect.Horizon(Table{s.schema, eventsTable}, s.numbered()) + ") h"))}
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
	if h.sql == "" || r.exec.IsTx() || !h.advancing.CompareAndSwap(false, true) {
		return
	}
	defer h.advancing.Store(false)
	now := time.Now()
	if now.Sub(h.looked) < floorInterval {
		return
	}
	h.looked = now
	from := h.floor()
	if now.Sub(h.renewed) > floorLifetime {
		from, h.renewed = 0, now
	}
	floor := h.known().settled // before the look, whose snapshot is late enough for it
	found, err := h.look(ctx, r.exec, from)
	switch {
	case err != nil || !found.reliable:
		return
	case found.wentBack:
		floor = 0
	case found.lowest != nil:
		floor = min(floor, *found.lowest-1)
	}
	h.lowest.Store(floor)
}

// sighting is what a look at the horizon found.
type sighting struct {
	last     int64
	holders  string
	reliable bool // so that what is settled is known
	fresh    bool // each statement sees what was committed before it
	lowest   *int64
	wentBack bool // positions are lower than they were: the database was replaced by an older one
}

func (h *horizon) known() settlement {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// look finds out what is settled.
func (h *horizon) look(ctx context.Context, x Executor, floor int64) (found sighting, err error) {
	before := h.known()
	err = x.Query(ctx, h.sql, []any{floor}, []any{&found.last, &found.holders, &found.reliable, &found.fresh, &found.lowest}, nil)
	if err != nil || !found.reliable || !found.fresh {
		return found, err
	}
	found.wentBack = found.last < before.last
	holders := strings.Fields(found.holders)
	now := before.after(found.last, holders)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case found.wentBack:
		h.state = settlement{last: found.last, pending: holders}
	case now.last >= h.state.last: // others may have looked meanwhile
		now.settled = max(now.settled, h.state.settled)
		h.state = now
	default:
		h.state.settled = max(now.settled, h.state.settled)
	}
	return found, nil
}

// after is what is known after a look that found the last position and the transactions that may still
// fill one.
func (s settlement) after(last int64, holders []string) settlement {
	ended := !slices.ContainsFunc(holders, func(holder string) bool {
		// A prepared transaction gets another name when the server starts anew.
		return slices.Contains(s.pending, holder) || strings.HasPrefix(holder, "-1/") && len(s.pending) > 0
	})
	switch {
	case len(holders) == 0:
		return settlement{settled: last, last: last}
	case ended:
		return settlement{settled: max(s.settled, s.last), last: last, pending: holders}
	}
	return s
}

// lookNow looks, and returns up to where all is settled for a statement on x that begins afterwards.
func (h *horizon) lookNow(ctx context.Context, x Executor) (int64, error) {
	found, err := h.look(ctx, x, h.floor())
	switch {
	case err != nil:
		return 0, err
	case !found.reliable:
		return 0, errUnsafe
	case !found.fresh:
		return 0, errSnapshot
	}
	return h.known().settled, nil
}
