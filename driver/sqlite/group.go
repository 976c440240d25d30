package sqlite

import (
	"context"
	"time"

	"github.com/neomultitenant/neoevents/query"
)

// groupTime is how long a group takes others in. It bounds how long the first waits for those that came after
// it, and how long an app's transaction waits for a group.
const groupTime = 10 * time.Millisecond

// group is an open transaction on the writer that is handed from one short transaction to the next that waits
// for the writer: they wait for the disk once. Whoever finds nobody waiting commits for all. What a member does is in a
// savepoint, so that its failure undoes nothing of the others; each returns when all is committed, its refusal
// included: it may be because of what another one did.
type group struct {
	tx    *transaction
	began time.Time
	ended chan struct{}
	err   error // why nothing was committed; to be read when ended is closed
}

// InShortTx implements query.Sharing.
func (x *executor) InShortTx(ctx context.Context, fn func(tx query.Executor) error) error {
	g, err := x.db.writer.join(ctx)
	if err != nil {
		return err
	}
	return x.db.writer.share(ctx, g, fn)
}

// join waits for the writer, or for a group to take part in.
func (p *pool) join(ctx context.Context) (*group, error) {
	s, g, err := p.wait(ctx, p.groups)
	if err != nil || g != nil {
		return g, err
	}
	return &group{tx: &transaction{runner: s}, began: time.Now(), ended: make(chan struct{})}, nil
}

// share runs fn as a member of a group and waits for its end.
func (p *pool) share(ctx context.Context, g *group, fn func(tx query.Executor) error) error {
	err := p.inGroup(ctx, g, fn)
	<-g.ended
	if g.err != nil {
		return g.err
	}
	return err
}

// inGroup runs fn as the next member of a group. Then it hands the group on, or ends it; also when fn panics.
func (p *pool) inGroup(ctx context.Context, g *group, fn func(tx query.Executor) error) error {
	if g.tx.shared {
		defer p.pass(ctx, g)
		return g.tx.InTx(ctx, fn)
	}
	defer func() {
		if g.tx.ended { // the first member's failure undid it all
			p.end(g)
		} else {
			p.pass(ctx, g)
		}
	}()
	err := runTx(ctx, g.tx, "BEGIN IMMEDIATE", fn)
	g.tx.shared = true
	return err
}

// pass hands a group on to one who waits for the writer. If there is nobody it commits.
func (p *pool) pass(ctx context.Context, g *group) {
	if g.tx.broken == nil && time.Since(g.began) < groupTime {
		select {
		case p.groups <- g:
			return
		default:
		}
	}
	g.err = g.tx.commit(ctx)
	p.end(g)
}

func (p *pool) end(g *group) {
	p.release(g.tx.runner.(*session))
	close(g.ended)
}
