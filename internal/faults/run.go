package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
	"github.com/neomultitenant/neoevents/internal/invariants"
)

// tenants are the schemas of each database.
var tenants = []string{"acme", "globex", "initech"}

const (
	injectEvery = 200 * time.Millisecond // on average, from one healed to the next injected
	lookEvery   = 10 * time.Millisecond  // whether what must happen has
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
	w := &work{rng: r.random(cfg), log: &journal{}, found: r.add}
	o := clients.Options{Seed: w.rng.Uint64(), Timeout: s.timeout, Record: history.NewRecorder(w.log), Expected: s.expected}
	open := func() (err error) {
		if w.db, err = driver.Connect(ctx, s.dsn, append(s.options, driver.WithLogger(nil))...); err != nil {
			return err
		}
		for _, tenant := range tenants {
			store, err := w.db.Store(ctx, tenant)
			if err != nil {
				return err
			}
			w.stores = append(w.stores, store)
			o.Tenants = append(o.Tenants, clients.Tenant{Name: tenant, Store: store})
		}
		return nil
	}
	defer func() {
		if w.db != nil {
			_ = w.db.Close() // nothing is done any more
		}
	}()
	if s.work == nil {
		s.work = func(ctx context.Context, w *work) error { return clients.Run(ctx, o) }
		if err := open(); err != nil {
			return err
		}
	}
	if err := r.disturb(ctx, s, w, &o, cfg); err != nil {
		return err
	}
	if w.db == nil {
		if err := open(); err != nil {
			return fmt.Errorf("when the database was well again: %w", err)
		}
	}
	return r.check(ctx, s, o, w.log, progress)
}

// add adds what was found.
func (r *result) add(report history.Report) {
	r.lost, r.doubled, r.crossed = r.lost+report.Lost, r.doubled+report.Doubled, r.crossed+report.Crossed
}

// journal keeps what Recorders write, of this process and of others, and counts it while it is written.
type journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines int
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines++
	return j.text.Write(line)
}

// operations is how many calls were made, at least: there are two lines of most.
func (j *journal) operations() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines / 2
}

// size is how much was written so far.
func (j *journal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Len()
}

// ops reads what was written so far.
func (j *journal) ops() ([]history.Op, error) { return j.toldUntil(j.size()) }

// toldUntil reads what was written until it had a size, and which calls have begun since: nobody was told of their
// outcome then.
func (j *journal) toldUntil(size int) ([]history.Op, error) {
	j.mu.Lock()
	text := bytes.Clone(j.text.Bytes())
	j.mu.Unlock()
	told := text[:size:size]
	for line := range bytes.Lines(text[size:]) {
		var op history.Op
		if err := json.Unmarshal(line, &op); err != nil {
			return nil, err
		}
		if op.Return == 0 {
			told = append(told, line...)
		}
	}
	return history.Read(bytes.NewReader(told))
}

// random returns the choices that follow from the seed, other ones for each fault.
func (r *result) random(cfg config) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(r.fault.String()))
	return rand.New(rand.NewPCG(cfg.seed, hash.Sum64()))
}

// disturb lets the clients work, and injects the fault again and again until enough was done under it.
func (r *result) disturb(ctx context.Context, s *site, w *work, o *clients.Options, cfg config) error {
	working, enough := context.WithCancel(ctx)
	if cfg.longest > 0 {
		working, enough = context.WithTimeout(ctx, cfg.longest)
	}
	defer enough()
	o.Context, w.interrupt = interruptible(ctx)
	both, working := errgroup.WithContext(working)
	both.Go(func() error { return s.work(working, w) })
	both.Go(func() error {
		defer enough()
		for w.log.operations() < cfg.operations || r.injected < cfg.injections {
			if wait(working, time.Duration(w.rng.Int64N(int64(2*injectEvery)))) != nil {
				return nil // the time is over, or the clients found a defect
			}
			if err := s.inject(ctx, w); err != nil {
				return fmt.Errorf("inject it after %d times: %w", r.injected, err)
			}
			r.injected++
			if s.effects != nil {
				var err error
				if r.injected, err = s.effects(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return cmp.Or(both.Wait(), context.Cause(ctx))
}

// interruptible returns what gives contexts, and what ends all that were given so far.
func interruptible(ctx context.Context) (give func() context.Context, interrupt func()) {
	var mu sync.Mutex
	current, end := context.WithCancel(ctx)
	give = func() context.Context {
		mu.Lock()
		defer mu.Unlock()
		return current
	}
	return give, func() {
		mu.Lock()
		defer mu.Unlock()
		end()
		current, end = context.WithCancel(ctx)
	}
}

// check finishes the clients' work with the database well again, and looks what became of it.
func (r *result) check(ctx context.Context, s *site, o clients.Options, log *journal, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o.Timeout = 0 // nothing is in the way any more
	report, err := judge(ctx, r.fault.backend, cmp.Or(s.around, s.dsn), o, log.ops)
	r.operations = report.Operations
	r.add(report)
	fmt.Fprintf(progress, "%s: of %d operations, the fate of %d is unknown\n", r.fault, report.Operations, report.Unknown)
	return err
}

// judge finishes the clients' work on a database that is well again, and compares what is there with what they were
// told, and with the rules that the tables must obey.
func judge(ctx context.Context, backend, dsn string, o clients.Options, told func() ([]history.Op, error)) (report history.Report, err error) {
	db, err := invariants.Open(backend, dsn)
	if err != nil {
		return report, err
	}
	defer func() { _ = db.Close() }()
	if err := passHolds(ctx, db, backend); err != nil {
		return report, err
	}
	if err := clients.Settle(ctx, o); err != nil {
		return report, fmt.Errorf("when the database was well again: %w", err)
	}
	end, err := clients.Look(ctx, o.Tenants)
	if err != nil {
		return report, err
	}
	ops, err := told()
	if err != nil {
		return report, err
	}
	report = history.Check(ops, end)
	return report, errors.Join(report.Failed(), invariants.CheckAll(ctx, db, backend, tenants))
}

// passHolds lets the time pass after which events that were held behind others of their aggregates are looked at
// again (driver.HoldInterval), if a connection was lost before they could be let go on.
func passHolds(ctx context.Context, db *sql.DB, backend string) error {
	for _, tenant := range tenants {
		statement := `UPDATE "` + tenant + `".event_queue SET available_at = now() WHERE is_held`
		if backend == "sqlite" {
			statement = `UPDATE "` + tenant + `__event_queue" SET available_at = 1 WHERE is_held`
		}
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// wait returns after a time, or when ctx ends.
func wait(ctx context.Context, long time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(long):
		return nil
	}
}
