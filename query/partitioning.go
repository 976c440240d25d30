package query

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/neomultitenant/neoevents/driver"
)

// Partitions creates the partitions of events, for databases whose Dialect has PartitionBounds. Partition N,
// of the tables events_pN and event_processed_pN, has the positions from N times the size on.
//
// In a schema whose events are partitioned the table of keys has those of all events, with an archive or
// without one, and gives the positions. So ids and versions are unique there, as they can't be in a
// partitioned table, and it tells in which partition an event is.
type Partitions interface {
	// Extend creates the partitions that are missing up to half a partition behind a position, and behind
	// the last one that was taken, on a connection that is not the pool's: the caller may be in a
	// transaction that has the last one of those. It returns the first position without a partition. It is
	// safe to be called by many processes at once.
	Extend(ctx context.Context, schema string, size, position int64) (end int64, err error)

	// IsMissing reports an error that says that a position has no partition. It may take a row that breaks
	// another rule for one.
	IsMissing(err error) bool
}

// PartitionName is the name of a partition of a table.
func PartitionName(table string, number int64) string { return fmt.Sprintf("%s_p%d", table, number) }

// partitioning is what a process knows of the partitions of a schema. A nil one is of a schema without.
type partitioning struct {
	Partitions
	schema string
	config driver.Config
	size   int64

	end      atomic.Int64 // the first position without a partition, as far as is known
	extendAt atomic.Int64 // the saved position at which to create more
	mu       sync.Mutex   // one call extends at a time
}

func newPartitioning(p Partitions, schema string, config driver.Config, size, end int64) *partitioning {
	known := &partitioning{Partitions: p, schema: schema, config: config, size: size}
	known.learn(end)
	return known
}

func (p *partitioning) learn(end int64) {
	p.end.Store(max(end, p.end.Load()))
	p.extendAt.Store(p.end.Load() - p.size/2)
}

// ahead creates the next partition when a position in the second half of the last one was taken, so that
// no save ever finds none. A failure does no harm yet: it is tried again further on.
func (p *partitioning) ahead(ctx context.Context, position int64) {
	if p == nil || position < p.extendAt.Load() || !p.mu.TryLock() {
		return
	}
	defer p.mu.Unlock()
	if position < p.extendAt.Load() {
		return
	}
	if err := p.extend(ctx, position); err != nil {
		p.extendAt.Store(position + max(p.size/16, 1))
		p.config.Logger.WarnContext(ctx, "neoevents: the next partition of events can't be created yet", "schema", p.schema,
			"without_from_position", p.end.Load(), "error", err)
	}
}

// reach makes sure that a position has a partition.
func (p *partitioning) reach(ctx context.Context, position int64) error {
	if p == nil || position < p.end.Load() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if position < p.end.Load() {
		return nil
	}
	return p.extend(ctx, position)
}

// extend is called with mu.
func (p *partitioning) extend(ctx context.Context, position int64) error {
	end, err := p.Extend(ctx, p.schema, p.size, position)
	if err == nil {
		p.learn(end)
	}
	return byTheOwner(err)
}

// byTheOwner tells of a refusal, if it is one, that no grant helps.
func byTheOwner(err error) error {
	var refusal *driver.PermissionError
	if errors.As(err, &refusal) {
		refusal.Remedy = "only the role that owns the tables can create, move and drop partitions: let a process of that role do it"
	}
	return err
}

// lacks reports an error that says that a position has no partition. It takes one process that takes more
// positions at once than half a partition has for a save to meet one.
func (p *partitioning) lacks(err error) bool { return p != nil && err != nil && p.IsMissing(err) }

// supply creates the partition that a save lacked: nil means that it can be tried again.
func (p *partitioning) supply(ctx context.Context, x Executor) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.extend(ctx, 0); err != nil {
		return err
	}
	if x.IsTx() { // which takes no more statements
		return &driver.UnavailableError{GaveWay: true, Err: errors.New("its position had no partition, which it has now; run the transaction again")}
	}
	return nil
}

// missedAttempts is how often a save is tried again for want of a partition. Each time others took the
// positions of half a partition meanwhile.
const missedAttempts = 10
