package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// tenants are the schemas of each database.
var tenants = []string{"acme", "globex", "initech"}

const (
	injectEvery = 200 * time.Millisecond // on average, from one healed to the next injected
	round       = 500                    // calls of the clients in a row, at the most
	patience    = 2 * time.Minute        // for what must happen when the database is well
)

// result is what became of the work under a fault.
type result struct {
	fault      fault
	leftOut    string // why; empty: it was injected
	operations int
	injected   int
	lost       int
	doubled    int
	crossed    int
}

// String is the line of the fault.
func (r *result) String() string {
	if r.leftOut != "" {
		return fmt.Sprintf("%s: left out: %s", r.fault, r.leftOut)
	}
	return fmt.Sprintf("%s: operations %d injected %d lost %d doubled %d crossed %d",
		r.fault, r.operations, r.injected, r.lost, r.doubled, r.crossed)
}

// run lets clients work under the fault, and looks what became of it.
func (f fault) run(ctx context.Context, cfg config, progress io.Writer) (*result, error) {
	result := &result{fault: f}
	dir, err := os.MkdirTemp("", "neoevents-fault-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := f.begin(ctx, dir)
	var lacks missing
	if errors.As(err, &lacks) {
		result.leftOut = lacks.Error()
		if required() {
			return result, errors.New("it must not be left out where CI or NEOEVENTS_TEST_REQUIRE_POSTGRES is set")
		}
		return result, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.end()
	return result, result.of(ctx, s, cfg, progress)
}

// of fills the result from the work on a site.
func (r *result) of(ctx context.Context, s *site, cfg config, progress io.Writer) error {
	db, err := driver.Connect(ctx, s.dsn, append(s.options, driver.WithLogger(nil))...)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // nothing is done any more
	w := &work{rng: r.random(cfg), db: db}
	for _, tenant := range tenants {
		store, err := db.Store(ctx, tenant)
		if err != nil {
			return err
		}
		w.stores = append(w.stores, store)
	}
	clients := &standIn{stores: w.stores, seed: cfg.seed}
	if err := r.disturb(ctx, s, w, clients, cfg); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	findings, err := clients.settle(bounded, r)
	if err != nil {
		return fmt.Errorf("when the database was well again: %w", err)
	}
	for _, finding := range findings[:min(len(findings), 20)] {
		fmt.Fprintf(progress, "%s: %s\n", r.fault, finding)
	}
	if len(findings) > 0 {
		return fmt.Errorf("%d findings", len(findings))
	}
	return nil
}

// random returns the choices that follow from the seed, other ones for each fault.
func (r *result) random(cfg config) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(r.fault.String()))
	return rand.New(rand.NewPCG(cfg.seed, hash.Sum64()))
}

// disturb injects the fault again and again until enough was done under it.
func (r *result) disturb(ctx context.Context, s *site, w *work, clients *standIn, cfg config) error {
	if cfg.longest > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cfg.longest, errEnough)
		defer cancel()
	}
	both, ctx := errgroup.WithContext(ctx)
	var interrupt atomic.Pointer[context.CancelFunc] // of the round
	w.interrupt = func() {
		if cancel := interrupt.Load(); cancel != nil {
			(*cancel)()
		}
	}
	var injected atomic.Int64
	worked, working := context.WithCancel(ctx)
	both.Go(func() error {
		defer working()
		for r.operations < cfg.operations || injected.Load() < int64(cfg.injections) {
			inRound, cancel := context.WithCancel(ctx)
			interrupt.Store(&cancel)
			n, err := clients.run(inRound, round)
			cancel()
			r.operations += n
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		return nil
	})
	both.Go(func() error {
		for wait(worked, time.Duration(w.rng.Int64N(int64(2*injectEvery)))) == nil {
			// It heals what it did though the work is over meanwhile.
			if err := s.inject(context.WithoutCancel(ctx), w); err != nil {
				return fmt.Errorf("inject it for the %d. time: %w", injected.Load()+1, err)
			}
			injected.Add(1)
		}
		return nil
	})
	err := both.Wait()
	r.injected = int(injected.Load())
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends the work when its time is over.
var errEnough = errors.New("its time is over")

// wait returns after a time, or when ctx ends.
func wait(ctx context.Context, long time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(long):
		return nil
	}
}
