package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// envWorker makes this program a worker: it holds the order, as JSON.
const envWorker = "NEOEVENTS_CRASH_WORKER"

// order is what a worker is told.
type order struct {
	Name    string // of the worker
	Backend string
	DSN     string
	Schema  string
	Ordered bool // claims by aggregates, and acknowledges in transactions only
	Log     string
	Seed    uint64

	Archives string // the folder of archives, for a worker that makes and restores some; empty: it claims
}

// Leases are short, so that what a killed worker had comes back soon.
const (
	shortestLease = time.Second
	longestLease  = 2 * time.Second
	mostClaims    = 50                     // at a time
	mostThought   = 2 * time.Millisecond   // what handling an event takes, at the most
	mostRepeat    = 300 * time.Millisecond // what it takes to handle some again, besides
	lastWords     = 30 * time.Second       // for a worker that is told to end
)

type worker struct {
	order
	rng   *rand.Rand
	store driver.Store
	acks  table
	log   *logFile
}

// beWorker is the worker's process. It works until its standard input ends, which it also does when
// the process that started it dies; then it finishes what it has in hand.
func beWorker(text string) int {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
		time.Sleep(lastWords)
		fmt.Fprintln(os.Stderr, "crash: a worker does not end")
		os.Exit(1)
	}()
	var o order
	err := json.Unmarshal([]byte(text), &o)
	switch {
	case err != nil:
	case o.Archives != "":
		err = (&archiveWorker{order: o}).work(ctx)
	default:
		err = (&worker{order: o}).work(ctx)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "crash: worker %s: %v\n", o.Name, err)
		return 1
	}
	return 0
}

func (w *worker) work(ctx context.Context) (err error) {
	w.rng = rand.New(rand.NewPCG(w.Seed, 0))
	if w.log, err = openLog(w.Log); err != nil {
		return err
	}
	opts := []driver.Option{driver.WithMigrations(driver.MigrateVerify), driver.WithLogger(nil), driver.WithMaxConns(2)}
	if w.store, err = driver.Open(w.DSN, w.Schema, opts...); err != nil {
		return err
	}
	if w.acks, err = openTable(ctx, w.Backend, w.DSN); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := w.round(ctx); err != nil && !driver.IsRetryable(err) {
			return err
		}
	}
	return errors.Join(w.acks.close(), w.store.Close())
}

// round claims events and gets them out of the queue, but for some that it gives back.
func (w *worker) round(ctx context.Context) error {
	claims, err := w.store.Events().Claim(ctx, driver.ClaimOptions{
		Limit: 1 + w.rng.IntN(mostClaims), Lease: w.lease(), Columns: []driver.EventColumn{driver.EventColumnID},
		MaxAttempts: driver.MaxMaxAttempts, PerAggregateOrder: w.Ordered,
	})
	if err != nil {
		return err
	}
	if len(claims) == 0 {
		return w.store.Events().Wait(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if w.oneIn(20) {
		kept := w.rng.IntN(len(claims))
		if err := w.giveBack(ctx, claims[kept:]); err != nil {
			return err
		}
		claims = claims[:kept]
	}
	for len(claims) > 0 {
		some := claims[:1+w.rng.IntN(len(claims))]
		if w.oneIn(10) {
			if err := unlessLost(w.store.Events().Extend(ctx, claims, w.lease())); err != nil {
				return err
			}
		}
		if err := w.handle(some); err != nil {
			return err
		}
		if w.oneIn(100) { // just too late: somebody else may have them in hand, or be done with them
			time.Sleep(time.Until(some[0].LeaseUntil) + w.upTo(mostRepeat))
		}
		if err := w.acknowledge(ctx, some); err != nil {
			return err
		}
		claims = claims[len(some):]
	}
	return nil
}

func (w *worker) oneIn(n int) bool { return w.rng.IntN(n) == 0 }

func (w *worker) lease() time.Duration {
	return shortestLease + w.upTo(longestLease-shortestLease)
}

func (w *worker) upTo(most time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(most)))
}

// giveBack fails to handle the last claim, and gives back the others as they are.
func (w *worker) giveBack(ctx context.Context, claims []driver.Claim) error {
	last := claims[len(claims)-1]
	if err := w.handle(claims[len(claims)-1:]); err != nil {
		return err
	}
	if err := unlessLost(w.store.Events().Retry(ctx, last, w.upTo(shortestLease), "tried in vain")); err != nil {
		return err
	}
	return unlessLost(w.store.Events().Release(ctx, claims[:len(claims)-1]))
}

func unlessLost(err error) error {
	if errors.Is(err, driver.ErrLeaseLost) {
		return nil
	}
	return err
}

// handle takes some time for each event, and more if there is one that somebody else has had: those
// who had it may come back while it is in hand.
func (w *worker) handle(claims []driver.Claim) error {
	again := false
	for i := range claims {
		if err := w.log.write(handled, claims[i:i+1]); err != nil {
			return err
		}
		again = again || claims[i].Attempt > 1
		time.Sleep(w.upTo(mostThought))
	}
	if again {
		time.Sleep(w.upTo(mostRepeat))
	}
	return nil
}

// acknowledge does it in one of two ways, and leaves records of what took effect.
func (w *worker) acknowledge(ctx context.Context, claims []driver.Claim) error {
	if w.Ordered || w.oneIn(2) {
		return w.acknowledgeInTx(ctx, claims)
	}
	if err := w.log.write(acking, claims); err != nil {
		return err
	}
	took, lost, err := ack(ctx, w.store, claims)
	if driver.IsRetryable(err) {
		return errors.Join(err, w.log.write(failed, claims))
	}
	if err != nil {
		return err
	}
	return errors.Join(w.log.write(acked, took), w.log.write(refused, lost))
}

func (w *worker) acknowledgeInTx(ctx context.Context, claims []driver.Claim) error {
	var lost []driver.Claim
	err := w.acks.inTx(ctx, w.store, func(store driver.Store, insert insert) (err error) {
		var took []driver.Claim
		if took, lost, err = ack(ctx, store, claims); err != nil {
			return err
		}
		for _, claim := range took {
			if err := insert(w.Schema, record{event: claim.Event.ID, token: claim.Token, attempt: claim.Attempt, worker: w.Name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.log.write(refused, lost)
}

// ack returns which acknowledgements took effect, and which were refused.
func ack(ctx context.Context, store driver.Store, claims []driver.Claim) (took, lost []driver.Claim, err error) {
	err = store.Events().Ack(ctx, claims)
	if err == nil {
		return claims, nil, nil
	}
	var details *driver.LeaseLostError
	if !errors.Is(err, driver.ErrLeaseLost) || !errors.As(err, &details) {
		return nil, nil, err
	}
	for _, claim := range claims {
		if slices.Contains(details.EventIDs, claim.Event.ID) {
			lost = append(lost, claim)
		} else {
			took = append(took, claim)
		}
	}
	if len(lost) != len(details.EventIDs) {
		return nil, nil, fmt.Errorf("refused were other events than those to acknowledge: %w", err)
	}
	return took, lost, nil
}
