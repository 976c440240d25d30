package main

import (
	"context"
	"io"
	"slices"

	"github.com/neomultitenant/neoevents/driver"
)

// rounds is how often each side is measured, unless what is measured needs longer rounds.
const rounds = 6

// side is one of two that are compared, and what was measured of it.
type side struct {
	store driver.Store
	// around is the scenario's, for this side.
	around func(ctx context.Context, store driver.Store, measured func() error) error
	// left is how many events wait in the queue beside those of the scenario.
	left int
	m    measurement
	done []driver.Event // the events it was given
}

// inTurn measures a scenario on two sides. The events are shared out to rounds, and each round is for
// the one side and then for the other, so that what else the machine does meets both. Two sides of one
// store share out each round, as no event can be saved twice.
func inTurn(ctx context.Context, db *database, s scenario, sh shape, with, without *side, events []driver.Event, rounds int, stderr io.Writer) (row result, err error) {
	order := []*side{without, with}
	for round := range slices.Chunk(events, (len(events)+rounds-1)/rounds) {
		parts := [][]driver.Event{round, round}
		if with.store == without.store {
			parts = [][]driver.Event{round[:len(round)/2], round[len(round)/2:]}
		}
		for i, side := range order {
			if err == nil {
				err = side.run(ctx, db, s, sh, parts[i], stderr)
			}
		}
		slices.Reverse(order) // neither is always first
	}
	row = newResult(s, sh, with.m)
	row.compare(without.m)
	for _, side := range order {
		if err == nil {
			err = verify(ctx, side.store, side.done, side.m.done, s.processed, side.left)
		}
	}
	return row, err
}

func (c *side) run(ctx context.Context, db *database, s scenario, sh shape, events []driver.Event, stderr io.Writer) error {
	if len(events) == 0 {
		return nil
	}
	s.around = c.around
	m, err := runOn(ctx, db, c.store, s, sh, events, stderr)
	c.m.add(m)
	c.done = append(c.done, events...)
	return err
}
