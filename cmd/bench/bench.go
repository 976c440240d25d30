package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

// errInterrupted is the end of a run whose context ended.
var errInterrupted = errors.New("interrupted")

// defaultEvents is how many events make a run on SQLite a matter of half a minute.
const defaultEvents = 6000

// fillBatch is how many events are put in the queue at a time before a scenario starts.
const fillBatch = 1000

// newSource returns the source of events that cfg asks for.
func newSource(cfg config) (*payloads.Source, error) {
	if cfg.input == "" {
		return payloads.Generated(cfg.events, cfg.payload, cfg.seed), nil
	}
	return payloads.FromFile(cfg.input)
}

// bench runs the scenarios and reports on them, or reports on an earlier run. It leaves the database as
// it was, however it ends.
func bench(ctx context.Context, cfg config, stdout, stderr io.Writer) error {
	// What is read and written comes first: it would be a pity to fail after the run.
	earlier, err := readEarlier(cfg.compare)
	if err != nil {
		return err
	}
	peers, err := readPeers(cfg.peers)
	if err != nil {
		return err
	}
	if cfg.from != "" {
		report, err := readReport(cfg.from)
		if err != nil {
			return err
		}
		html, err := createHTML(cfg.html, peers)
		return errors.Join(err, html.write(report), earlier.compare(stdout, report))
	}
	source, err := newSource(cfg)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, cfg)
	if err != nil {
		return interrupted(ctx, err)
	}
	report, err := newReport(stdout, db.Stats().Backend, cfg.json)
	html, htmlErr := createHTML(cfg.html, peers)
	if err = errors.Join(err, htmlErr); err != nil {
		return errors.Join(err, db.close(ctx))
	}
	report.inspect(ctx, db.look)
	err = runAll(ctx, cfg, db, source, report, stderr)
	return errors.Join(interrupted(ctx, err), report.writeJSON(), html.write(report), earlier.compare(stdout, report), db.close(ctx))
}

// interrupted replaces an error after the context's end, in whatever words it says so.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func runAll(ctx context.Context, cfg config, db *database, source *payloads.Source, report *report, stderr io.Writer) error {
	if err := report.header(db.place(), source.About); err != nil {
		return err
	}
	t, err := db.traits(ctx)
	if err != nil {
		return err
	}
	b := &bencher{cfg, db, source, stderr}
	for pass := 1; pass <= max(1, cfg.repeat); pass++ {
		if err = b.runOnce(ctx, t, report, pass >= cfg.repeat); err != nil {
			break
		}
	}
	return errors.Join(err, report.finish())
}

// runOnce runs each scenario once. After the last time a row is complete.
func (b *bencher) runOnce(ctx context.Context, t traits, report *report, last bool) error {
	for _, s := range b.cfg.scenarios {
		if lack := s.lack(t); lack != "" {
			if err := report.leaveOut(s.name, lack, last); err != nil {
				return err
			}
			continue
		}
		for _, sh := range s.shapes(b.cfg) {
			rows, err := b.run(ctx, s, sh)
			isInterrupted := err != nil && ctx.Err() != nil
			for i, row := range rows {
				row.Interrupted = isInterrupted && i == len(rows)-1
				if s.note != nil {
					row.Note = s.note(t)
				}
				if row.Events > 0 && (err == nil || isInterrupted) {
					err = errors.Join(err, report.measured(row, last))
				}
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// bencher is what scenarios are run with.
type bencher struct {
	cfg    config
	db     *database
	source *payloads.Source
	stderr io.Writer
}

// run runs a scenario in one shape and returns its rows. After an error the last one is of what was
// done until then.
func (b *bencher) run(ctx context.Context, s scenario, sh shape) ([]result, error) {
	if s.special != nil {
		return s.special(ctx, b, s, sh)
	}
	var row result
	var err error
	if s.archives != nil {
		row, err = b.runArchives(ctx, s, sh)
	} else {
		row, err = runScenario(ctx, b.db, s, sh, b.source.Take(s.size(b.cfg), s.aggregates), b.cfg.backlog, b.stderr)
	}
	return []result{row}, err
}

// runScenario runs one scenario in one shape, beside a backlog of that many events if it is about
// one, and checks its result. The row is worth showing without an error, or if the error comes from
// an interruption.
func runScenario(ctx context.Context, db *database, s scenario, sh shape, events []driver.Event, backlog int, stderr io.Writer) (result, error) {
	if s.backlog != nil {
		return besideBacklog(ctx, db, s, sh, events, backlog, stderr)
	}
	store, err := db.fresh(ctx)
	if err != nil {
		return result{}, err
	}
	m, err := runOn(ctx, db, store, s, sh, events, stderr)
	row := newResult(s, sh, m)
	if err != nil {
		return row, err
	}
	return row, verify(ctx, store, events, m.done, s.processed, 0)
}

// runOn runs one scenario in one shape on a store.
func runOn(ctx context.Context, db *database, store driver.Store, s scenario, sh shape, events []driver.Event, stderr io.Writer) (measurement, error) {
	if s.queued {
		if err := fillQueue(ctx, store, events, startProgress(stderr, s.name+": filling the queue", len(events))); err != nil {
			return measurement{}, err
		}
	}
	progress := startProgress(stderr, s.name, len(events))
	defer progress.stop()
	shared := newShared(store, events, sh.batch, progress)
	defer shared.end()
	shared.connect = db.connect
	workers := make([]*worker, sh.workers)
	for i := range workers {
		workers[i] = &worker{shared: shared}
	}
	runtime.GC() // what was made so far is not the scenario's to clear away
	if s.around == nil {
		return measure(ctx, workers, s.work)
	}
	var m measurement
	err := s.around(ctx, store, func() (err error) {
		m, err = measure(ctx, workers, s.work)
		return err
	})
	return m, err
}

func fillQueue(ctx context.Context, store driver.Store, events []driver.Event, progress *progress) error {
	defer progress.stop()
	for batch := range slices.Chunk(events, fillBatch) {
		if _, err := store.Events().SaveBatch(ctx, batch); err != nil {
			return err
		}
		progress.add(len(batch))
	}
	return nil
}
