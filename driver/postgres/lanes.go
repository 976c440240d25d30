package postgres

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// lanes is a pool of connections in which each schema has one that it prefers. A connection keeps what it prepared, on
// its own side and in its process of the server, and so does the server with all that it looked up about tables: of
// many tenants, each of which comes by on any connection, it is hardly ever one's turn again on the same connection before
// all that was given up for others. docs/benchmarks.md has the difference.
//
// A schema's second transaction at the same time prefers the next connection, its third the one after, so a
// single tenant has the use of all. Where another tenant has the preferred one, it is waited for until that one has had
// it for some times as long as usual; after that any will do. Schemas that are so few that each connection can
// know all of them never wait for one while another is free.
//
// An app's own pool is taken as it is.
type lanes struct {
	app     *pgxpool.Pool   // nil: the lanes below
	lanes   []*pgxpool.Pool // of one connection each, which pgx connects, checks and replaces; nil before its first use
	config  *pgxpool.Config // of each lane
	seed    maphash.Seed
	mu      sync.Mutex
	closed  bool
	usual   time.Duration       // the median of how long a lane is held
	holders []holder            // of each lane
	last    int                 // the lane that was given back last
	seen    map[string]struct{} // the schemas so far
	waiting []*waiter           // the longest first
}

// few is how many schemas have their statements on each connection at the same time, whatever they do.
const few = 32

// homing is how many times as long as usual a lane is held before others stop waiting for it. With 4, one transaction in
// five is on a connection that may not know its schema, of 1,000 that work at random; with 10, one in fifteen.
const homing = 10

// maxUsual keeps long transactions, where most are, from making others wait.
const maxUsual = 5 * time.Millisecond

// statementsPerConnection is how many statements a connection keeps prepared unless the DSN says otherwise: those of many schemas,
// while a process of the server stays at some hundred megabytes at the worst.
const statementsPerConnection = 2000

// holder is who has a lane. The zero value: nobody.
type holder struct {
	since  time.Time
	schema string
}

// waiter is who waits for a lane.
type waiter struct {
	schema string
	home   int
	any    bool     // as well as for its home
	got    chan int // the lane that it was given
}

// conn is a connection of a pool, to be given back by Release.
type conn struct {
	*pooled
	from *lanes // nil: an app's pool
	lane int
}

type pooled = pgxpool.Conn

func adoptPool(pool *pgxpool.Pool) *lanes { return &lanes{app: pool} }

// newLanes returns a pool of as many lanes as config has connections at the most.
func newLanes(ctx context.Context, config *pgxpool.Config) (*lanes, error) {
	l := &lanes{
		lanes:   make([]*pgxpool.Pool, config.MaxConns),
		seed:    maphash.MakeSeed(),
		usual:   time.Millisecond,
		holders: make([]holder, config.MaxConns),
		seen:    map[string]struct{}{},
	}
	atLeast := max(config.MinConns, config.MinIdleConns)
	l.config = config.Copy()
	l.config.MaxConns, l.config.MinConns, l.config.MinIdleConns = 1, 0, 0
	for i := range min(atLeast, config.MaxConns) {
		kept := l.config.Copy()
		kept.MinConns = 1
		var err error
		if l.lanes[i], err = pgxpool.NewWithConfig(ctx, kept); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

// acquire waits for a connection, if possible for one that the schema was on before; "" stands for no schema.
func (l *lanes) acquire(ctx context.Context, schema string) (*conn, error) {
	if l.app != nil {
		c, err := l.app.Acquire(ctx)
		return &conn{pooled: c}, err
	}
	lane, err := l.take(ctx, schema)
	if err != nil {
		return nil, err
	}
	pool, err := l.pool(lane)
	if err == nil {
		var c *pgxpool.Conn
		if c, err = pool.Acquire(ctx); err == nil {
			return &conn{c, l, lane}, nil
		}
	}
	l.give(lane)
	return nil, err
}

// Release gives the connection back.
func (c *conn) Release() {
	c.pooled.Release()
	if c.from != nil {
		c.from.give(c.lane)
	}
}

// pool returns a lane's pool of one connection. Whoever calls it has the lane.
func (l *lanes) pool(lane int) (*pgxpool.Pool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	var err error
	if l.lanes[lane] == nil {
		l.lanes[lane], err = pgxpool.NewWithConfig(context.Background(), l.config.Copy()) // connects nothing yet
	}
	return l.lanes[lane], err
}

// take waits for a lane.
func (l *lanes) take(ctx context.Context, schema string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	w := &waiter{schema: schema, any: true, home: l.last} // no schema: where there is a connection already
	var patience time.Duration
	if schema != "" {
		l.seen[schema] = struct{}{}
		w.home = l.preferred(schema)
		patience = homing*l.usual - time.Since(l.holders[w.home].since)
		w.any = len(l.seen) <= few || patience <= 0
	}
	if lane, ok := l.free(w); ok {
		l.hold(lane, schema)
		l.mu.Unlock()
		return lane, nil
	}
	w.got = make(chan int, 1)
	l.waiting = append(l.waiting, w)
	l.mu.Unlock()

	if !w.any {
		timer := time.AfterFunc(patience, func() { l.settleForAny(w) })
		defer timer.Stop()
	}
	select {
	case lane := <-w.got:
		return lane, nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		if i := slices.Index(l.waiting, w); i >= 0 {
			l.waiting = slices.Delete(l.waiting, i, i+1)
		} else {
			l.pass(<-w.got)
		}
		return 0, ctx.Err()
	}
}

// preferred returns the first lane, from the schema's own on, that no transaction of the same schema has.
func (l *lanes) preferred(schema string) int {
	own := maphash.String(l.seed, schema) % uint64(len(l.lanes))
	for i := range uint64(len(l.lanes)) {
		if lane := int((own + i) % uint64(len(l.lanes))); l.holders[lane].schema != schema {
			return lane
		}
	}
	return int(own)
}

// free returns a lane that nobody has and w may have.
func (l *lanes) free(w *waiter) (lane int, ok bool) {
	if l.holders[w.home].since.IsZero() {
		return w.home, true
	}
	if w.any {
		for i := range l.holders {
			if lane := (w.home + i) % len(l.holders); l.holders[lane].since.IsZero() {
				return lane, true
			}
		}
	}
	return 0, false
}

// settleForAny ends the wait for the preferred lane alone.
func (l *lanes) settleForAny(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.any = true
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return
	}
	if lane, ok := l.free(w); ok {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.hold(lane, w.schema)
		w.got <- lane
	}
}

func (l *lanes) hold(lane int, schema string) { l.holders[lane] = holder{time.Now(), schema} }

// give gives a lane back.
func (l *lanes) give(lane int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pass(lane)
}

// pass takes a lane from its holder and gives it to who has waited the longest of those who may have it: one that its own
// schema had knows it.
func (l *lanes) pass(lane int) {
	held := l.holders[lane]
	if time.Since(held.since) > l.usual {
		l.usual = min(l.usual+l.usual/32+1, maxUsual)
	} else {
		l.usual -= l.usual / 32
	}
	l.holders[lane], l.last = holder{}, lane
	for i, w := range l.waiting {
		if w.any || w.home == lane || w.schema == held.schema {
			l.waiting = slices.Delete(l.waiting, i, i+1)
			l.hold(lane, w.schema)
			w.got <- lane
			return
		}
	}
}

// settings returns how connections are made, a copy.
func (l *lanes) settings() *pgxpool.Config {
	if l.app != nil {
		return l.app.Config()
	}
	return l.config.Copy()
}

// stats counts connections: how many there may be, are open, and in use.
func (l *lanes) stats() (maxConns, open, inUse int) {
	if l.app != nil {
		stat := l.app.Stat()
		return int(stat.MaxConns()), int(stat.TotalConns()), int(stat.AcquiredConns())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, pool := range l.lanes {
		if pool != nil {
			open += int(pool.Stat().TotalConns())
		}
		if !l.holders[i].since.IsZero() {
			inUse++
		}
	}
	return len(l.lanes), open, inUse
}

// close closes the connections, those in use once they are given back. It leaves an app's pool as it is.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	for _, pool := range l.lanes { // none is made any more
		if pool != nil {
			pool.Close()
		}
	}
}
