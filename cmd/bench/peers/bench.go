package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/neomultitenant/neoevents/internal/payloads"
)

// bench measures and reports. It leaves the database as it was, however it ends.
func bench(ctx context.Context, cfg config, stdout io.Writer) error {
	source, err := cfg.source()
	if err != nil {
		return err
	}
	place, err := findPlace(ctx, cfg.dsn)
	if err != nil {
		return err
	}
	report, err := newReport(stdout, cfg, place)
	if err != nil {
		return errors.Join(err, place.close())
	}
	err = measureAll(ctx, cfg, place, source, report)
	return errors.Join(err, report.writeJSON(), place.close())
}

func measureAll(ctx context.Context, cfg config, place *place, source *payloads.Source, report *report) error {
	if err := report.header(cfg, place, source.About); err != nil {
		return err
	}
	for i := range cfg.paths {
		rows, err := measure(ctx, cfg, place, source, &cfg.paths[i])
		if err == nil {
			err = report.add(&cfg.paths[i], rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// row is a peer in a path.
type row struct {
	peer    *peer
	why     string // it is left out; empty: it isn't
	events  int
	batch   int
	workers int
	rates   []float64 // of the runs, in order
}

// measure runs a path on all peers in turn, so that what else the machine does meets all of them.
func measure(ctx context.Context, cfg config, place *place, source *payloads.Source, path *path) ([]row, error) {
	rows := make([]row, len(cfg.peers))
	order := make([]*row, len(rows))
	for i := range rows {
		by := &cfg.peers[i]
		rows[i] = row{
			peer: by, why: by.lack(place.backend, path.name),
			events: path.size(by, cfg.events), batch: path.claimBatch(by), workers: path.workers,
		}
		order[i] = &rows[i]
	}
	for range cfg.repeat {
		for _, row := range order {
			if row.why != "" {
				continue
			}
			rate, err := once(ctx, place, source, path, row)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path.name, row.peer.name, err)
			}
			row.rates = append(row.rates, rate)
		}
		slices.Reverse(order) // nobody is always first
	}
	return rows, nil
}

// once is one run, in a home of its own.
func once(ctx context.Context, place *place, source *payloads.Source, path *path, row *row) (rate float64, err error) {
	home, err := place.home(ctx, row.peer.name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, home.remove(ctx)) }()
	queue, err := row.peer.open[place.backend](ctx, home)
	if err != nil {
		return 0, err
	}
	rate, err = path.run(ctx, row.peer, queue, source.Take(row.events, 0))
	return rate, errors.Join(err, queue.close())
}
