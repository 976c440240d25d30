package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

const (
	defaultBacklog    = 10_000
	failingAggregates = 10
	backlogDelay      = time.Hour // longer than a run
	backlogReason     = "bench: to be tried again after the run"
)

// besideBacklog measures a scenario in turn with n events in the queue that are out of reach, and
// without, a schema each.
func besideBacklog(ctx context.Context, db *database, s scenario, sh shape, events []driver.Event, n int, stderr io.Writer) (result, error) {
	plain, err := db.fresh(ctx)
	if err != nil {
		return result{}, err
	}
	burdened, err := db.second(ctx)
	if err != nil {
		return result{}, err
	}
	backlog := backlogEvents(n)
	if err := fillQueue(ctx, burdened, backlog, startProgress(stderr, s.name+": saving the backlog", n)); err != nil {
		return result{}, err
	}
	progress := startProgress(stderr, s.name+": putting it out of reach", n)
	err = s.backlog(ctx, burdened, backlog, progress)
	progress.stop()
	if err != nil {
		return result{}, err
	}

	with, without := side{store: burdened, left: n}, side{store: plain}
	row, err := inTurn(ctx, db, s, sh, &with, &without, events, rounds, stderr)
	row.Backlog = n
	return row, err
}

// backlogEvents returns n events of failingAggregates aggregates, with next to no payload.
func backlogEvents(n int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = payloads.Template("backlog.waiting", "", json.RawMessage("{}"))
		events[i].ID = uuid.Must(uuid.NewV7())
	}
	payloads.Share(events, failingAggregates)
	return events
}

// park claims the events and has each tried again after the run.
func park(ctx context.Context, store driver.Store, events []driver.Event, progress *progress) error {
	for parked := 0; parked < len(events); {
		claims, err := store.Events().Claim(ctx, driver.ClaimOptions{Limit: fillBatch, Columns: []driver.EventColumn{driver.EventColumnID}})
		if err != nil {
			return err
		}
		if len(claims) == 0 {
			return fmt.Errorf("%d of %d events of the backlog were not handed out", len(events)-parked, len(events))
		}
		if err := retryLater(ctx, store, claims); err != nil {
			return err
		}
		parked += len(claims)
		progress.add(len(claims))
	}
	return nil
}

// holdBack has the first event of each aggregate tried again after the run, so that no other is
// handed out.
func holdBack(ctx context.Context, store driver.Store, events []driver.Event, progress *progress) error {
	for {
		claims, err := store.Events().Claim(ctx, driver.ClaimOptions{
			Limit: lockedAtOnce, Columns: []driver.EventColumn{driver.EventColumnID}, PerAggregateOrder: true,
		})
		if err != nil || len(claims) == 0 {
			return err
		}
		first := slices.DeleteFunc(claims, func(c driver.Claim) bool { return c.Event.AggregateVersion > 1 })
		if len(first) == 0 {
			return errors.New("wrong result: an event was handed out whose aggregate has one before it that waits")
		}
		if err := retryLater(ctx, store, first); err != nil {
			return err
		}
		progress.add(len(first) * len(events) / failingAggregates)
	}
}

func retryLater(ctx context.Context, store driver.Store, claims []driver.Claim) error {
	return store.InTx(ctx, func(tx driver.Store) error { // one commit for all of them
		for _, claim := range claims {
			if err := tx.Events().Retry(ctx, claim, backlogDelay, backlogReason); err != nil {
				return err
			}
		}
		return nil
	})
}
