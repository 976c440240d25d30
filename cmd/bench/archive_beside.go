package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

const (
	defaultArchived = 10_000
	// archivesOfLoad is how many archives hold the events of archive_load, unless they were larger than
	// archives are: several are to be completed while claims are measured.
	archivesOfLoad = 20
	// roundsOfLoad are few, so that in each of them archives are completed.
	roundsOfLoad = 2
)

// besideARun measures a scenario with and without a Run that goes on meanwhile, in turn, in one schema.
func besideARun(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error) {
	store, err := b.db.fresh(ctx)
	if err != nil {
		return nil, err
	}
	db, err := b.db.connect(ctx) // the Run has a pool of its own, as in another process
	if err != nil {
		return nil, err
	}
	row, err := b.besideARunIn(ctx, db, store, s, sh)
	return []result{row}, errors.Join(err, db.Close())
}

func (b *bencher) besideARunIn(ctx context.Context, db driver.DB, store driver.Store, s scenario, sh shape) (result, error) {
	other, err := db.Store(ctx, store.Schema())
	if err != nil {
		return result{}, err
	}
	a, err := b.newArchiving(ctx, s.name, other, b.cfg.archived, archiveOptions(b.cfg))
	if err != nil {
		return result{}, err
	}
	load := load{archiving: a}
	with, without := side{store: store, around: load.around}, side{store: store}
	row, err := inTurn(ctx, b.db, s, sh, &with, &without, b.source.Take(2*s.size(b.cfg), s.aggregates), roundsOfLoad, b.stderr)
	row.Archived, row.RunArchives = load.events, load.archives
	if load.measured > 0 {
		row.RunShare = float64(load.running) / float64(load.measured)
	}
	return row, err
}

// archiveOptions are those of the Run.
func archiveOptions(cfg config) archive.Options {
	return archive.Options{MaxEvents: min(max(cfg.archived/archivesOfLoad, 1), driver.DefaultArchiveEvents)}
}

// load is a Run that goes on while something else is measured.
type load struct {
	archiving *archiving
	archives  int // that it made
	events    int // of these
	// running is for how much of what was measured it went on. It ends early if nothing is left.
	running, measured time.Duration
}

// around calls measured while a Run goes on, and ends it then.
func (l *load) around(ctx context.Context, _ driver.Store, measured func() error) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	begun := make(chan struct{})
	l.archiving.created = sync.OnceFunc(func() { close(begun) })
	l.archiving.completed = func(archive driver.Archive) {
		l.archives++
		l.events += int(archive.EventCount)
	}
	var failed error
	var ended time.Time
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, failed = l.archiving.archiver.Run(running, oldEvents())
		ended = time.Now()
	}()
	select {
	case <-begun:
	case <-over: // there was nothing to archive
	}
	start := time.Now()
	err := measured()
	stopped := time.Now()
	stop()
	<-over
	l.measured += stopped.Sub(start)
	if ended.After(stopped) {
		l.running += stopped.Sub(start)
		return err // it was stopped, and says so in whatever words
	}
	l.running += max(0, ended.Sub(start))
	return errors.Join(err, failed)
}

// hotScenarios are what besideArchives measures. Those that leave their events in the queue come last.
var hotScenarios = []string{"mark_bulk", "claim_lease", "save", "save_batch"}

// besideArchives measures what apps do all the time, in turn in a schema whose events were archived,
// and in one that never had any.
func besideArchives(ctx context.Context, b *bencher, s scenario, _ shape) ([]result, error) {
	plain, err := b.db.fresh(ctx)
	if err != nil {
		return nil, err
	}
	burdened, err := b.db.second(ctx)
	if err != nil {
		return nil, err
	}
	a, err := b.newArchiving(ctx, s.name, burdened, b.cfg.archived, archive.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := a.archiver.Run(ctx, oldEvents()); err != nil {
		return nil, err
	}
	if err := a.checkStored(ctx, 0); err != nil {
		return nil, err
	}
	var rows []result
	left := 0
	for _, name := range hotScenarios {
		hot := eventScenario(name)
		events := b.source.Take(hot.size(b.cfg), hot.aggregates)
		with, without := side{store: burdened, left: left}, side{store: plain, left: left}
		row, err := inTurn(ctx, b.db, hot, hot.shapes(b.cfg)[0], &with, &without, events, rounds, b.stderr)
		row.Scenario, row.Archived = "hot_"+name, b.cfg.archived
		rows = append(rows, row)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", name, err)
		}
		if !hot.processed {
			left += len(events)
		}
	}
	return rows, nil
}
