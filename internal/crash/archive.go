package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// archivers is how many processes archive and restore at a time.
var archivers = map[string]int{"sqlite": 2, "postgres": 3}

const (
	aimEvery  = 5 * time.Second       // how long a worker is waited for that is at the step to kill one in
	lookEvery = time.Millisecond      // at what the workers are at
	longestIn = 2 * time.Second       // how far into a step a worker is killed, at the most
	giveUpLag = 50 * time.Millisecond // between two looks whether all that dead workers began is given up
)

// aims are what workers are killed in, in turn: each of the steps that take long or change
// something, and any moment at all.
var aims = []string{stepWrite, stepComplete, stepPutBack, stepVerify, stepRestore, stepBegin, stepNone}

// archiveCrash is a schema whose events are archived and restored by workers that are killed, while
// more events are saved and processed.
type archiveCrash struct {
	order    // of the workers, but for name and seed
	cfg      config
	rng      *rand.Rand
	store    driver.Store
	dir      *archive.Dir
	archiver *archive.Archiver
	feed     *feed
	progress io.Writer
	archiveResult

	running []*process
	started int
	stops   int
	lengths map[string]time.Duration // of the steps
	killed  map[string]int           // workers, by what they were at
	told    time.Time
}

// archiveResult is what became of the events.
type archiveResult struct {
	tally
	stuck error // errStuck: it was not run to its end
}

func (r *archiveResult) line(backend string) string { return r.tally.line("archive-crash", backend) }

// failure says what is wrong, in detail of the first few findings. Nil: nothing is.
func (r *archiveResult) failure(details io.Writer) error {
	for _, f := range r.findings[:min(len(r.findings), 20)] {
		fmt.Fprintf(details, "%s: %s %s\n", f.kind, f.event, f.reason)
	}
	if r.stuck != nil {
		return r.stuck
	}
	if len(r.findings) > 0 {
		return fmt.Errorf("events lost %d, doubled %d, changed %d; otherwise wrong %d",
			r.count(isLost), r.count(isDoubled), r.count(isChanged), r.count(isOrphan)+r.count(isMiscounted))
	}
	return nil
}

// crashArchives archives and restores on one backend, kills who does it, and looks where the events
// are in the end.
func crashArchives(ctx context.Context, backend, dsn, dir string, cfg config, progress io.Writer) (*archiveResult, error) {
	c, end, err := openArchiveCrash(backend, dsn, dir, cfg, progress)
	if err != nil {
		return nil, err
	}
	defer end()
	err = c.crash(ctx)
	if err == nil {
		err = c.checkAll(ctx)
	}
	if err != nil && !errors.Is(err, errStuck) {
		return nil, err
	}
	c.stuck = err
	c.events = len(c.feed.known)
	c.findings = append(c.findings, c.feed.findings...)
	return &c.archiveResult, nil
}

// openArchiveCrash opens what the test works on; end closes it.
func openArchiveCrash(backend, dsn, dir string, cfg config, progress io.Writer) (c *archiveCrash, end func(), err error) {
	payloads, err := readPayloads(cfg.input)
	if err != nil {
		return nil, nil, err
	}
	c = &archiveCrash{
		order: order{Backend: backend, DSN: dsn, Schema: "archived", Archives: filepath.Join(dir, "archives")},
		cfg:   cfg, rng: rand.New(rand.NewPCG(cfg.seed, 0)), progress: progress,
		lengths: map[string]time.Duration{}, killed: map[string]int{}, told: time.Now(),
	}
	if c.dir, err = archive.OpenDir(c.Archives); err != nil {
		return nil, nil, err
	}
	if c.store, err = driver.Open(dsn, c.Schema, driver.WithLogger(nil)); err != nil {
		return nil, nil, errors.Join(err, c.dir.Close())
	}
	end = func() { _ = errors.Join(c.store.Close(), c.dir.Close()) } // nothing is done any more
	if c.archiver, err = openArchiver(c.store, c.dir, archive.Options{}); err != nil {
		end()
		return nil, nil, err
	}
	c.feed = newFeed(c.store, cfg, payloads)
	return c, end, nil
}

// crash works until all events are saved and all kills done, and ends the workers.
func (c *archiveCrash) crash(ctx context.Context) (err error) {
	defer func() {
		for _, worker := range c.running {
			err = errors.Join(err, worker.Kill())
		}
	}()
	if err := c.feed.prepare(ctx); err != nil {
		return err
	}
	for range archivers[c.Backend] {
		if err := c.startWorker(len(c.running)); err != nil {
			return err
		}
	}
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() error { return c.feed.run(bothCtx) })
	both.Go(func() error {
		for c.kills < c.cfg.kills {
			if err := c.disturb(bothCtx); err != nil {
				return err
			}
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return err
	}
	var errs []error
	for _, worker := range c.running {
		errs = append(errs, worker.finish())
	}
	c.tell()
	return errors.Join(errs...)
}

func (c *archiveCrash) startWorker(slot int) error {
	c.started++
	o := c.order
	o.Name, o.Seed = fmt.Sprintf("%s-%d", c.Schema, c.started), c.rng.Uint64()
	worker, err := start(o, c.progress)
	if err != nil {
		return err
	}
	if slot == len(c.running) {
		c.running = append(c.running, worker)
	}
	c.running[slot] = worker
	return nil
}

// disturb kills a worker and starts another, and now and then stops one for longer than its lease
// lasts: others give up what it has begun, and it goes on.
func (c *archiveCrash) disturb(ctx context.Context) error {
	if canStop && c.kills >= stopEvery*(c.stops+1) && !slices.ContainsFunc(c.running, (*process).isStopped) {
		slot, err := c.find(ctx, stepWrite)
		if err != nil {
			return err
		}
		c.stops++
		return c.running[slot].stop(longestLease + c.upTo(longestStop-longestLease))
	}
	aim := aims[c.kills%len(aims)]
	if aim == stepNone { // any moment
		if err := wait(ctx, c.upTo(2*killEvery)); err != nil {
			return err
		}
	}
	slot, err := c.find(ctx, aim)
	if err != nil {
		return err
	}
	worker := c.running[slot]
	if taken := worker.steps.length(aim); taken > 0 {
		c.lengths[aim] = taken
	}
	if err := wait(ctx, c.upTo(min(c.lengths[aim], longestIn))); err != nil {
		return err
	}
	if err := cmp.Or(worker.hasEnded(), worker.Kill()); err != nil {
		return err
	}
	c.kills++
	c.feed.kills.Store(int64(c.kills))
	c.killed[worker.steps.at()]++
	if time.Since(c.told) > tellEvery {
		c.tell()
	}
	return c.startWorker(slot)
}

// find waits for a worker that is at a step, stepNone for any, and returns one that is at another
// one if there is none for long.
func (c *archiveCrash) find(ctx context.Context, aim string) (int, error) {
	for since := time.Now(); ; {
		first := c.rng.IntN(len(c.running))
		for i := range c.running {
			slot := (first + i) % len(c.running)
			worker := c.running[slot]
			if err := worker.hasEnded(); err != nil {
				return 0, err
			}
			if worker.isStopped() {
				if time.Now().Before(worker.resumeAt) {
					continue
				}
				if err := worker.resume(); err != nil {
					return 0, err
				}
			}
			at := worker.steps.at()
			if at == aim || at != "" && (aim == stepNone || time.Since(since) > aimEvery) {
				return slot, nil
			}
		}
		if time.Since(since) > patience {
			return 0, fmt.Errorf("%w for %s: no worker begins anything, after %d kills", errStuck, patience, c.kills)
		}
		if err := wait(ctx, lookEvery); err != nil {
			return 0, err
		}
	}
}

// tell writes how far it is.
func (c *archiveCrash) tell() {
	c.told = time.Now()
	var at []string
	for _, step := range slices.Sorted(maps.Keys(c.killed)) {
		at = append(at, fmt.Sprintf("%s %d", cmp.Or(step, "start"), c.killed[step]))
	}
	fmt.Fprintf(c.progress, "archive-crash %s: %d of %d events, %d of %d kills, %d stops; killed at: %s\n",
		c.Backend, c.feed.saved.Load(), c.cfg.events, c.kills, c.cfg.kills, c.stops, strings.Join(at, ", "))
}

// upTo returns a random time below most.
func (c *archiveCrash) upTo(most time.Duration) time.Duration {
	return time.Duration(c.rng.Int64N(int64(max(most, 1))))
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
