package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var contexts = area{name: "Contexts", alone: true, behaviours: []behaviour{
	{"ThatEndedStopEveryMethod", contextEnded},
	{"ThatEndedStopATransactionBeforeItBegins", contextEndedTx},
	{"WithADeadlineInThePastStopEveryMethod", contextDeadline},
	{"ThatEndWhileWaitingStopTheWait", contextEndsWait},
	{"ThatEndLeaveTheDatabaseUsable", contextLeavesUsable},
	{"ThatEndedStopTheDB", contextDB},
}}

// stopped checks that every method, called with a context that ended, says so and does nothing.
func (t *test) stopped(ctx context.Context, why error) {
	t.Helper()
	waiting := t.save(newEvent())
	before := t.state()
	for _, call := range calls {
		t.wantErr(call.run(ctx, t.events, waiting), why, call.op)
	}
	t.wantState(before)
	t.sameEvent("event afterwards", t.get(waiting.ID), waiting)
}

func (t *test) endedContext() context.Context {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	return ctx
}

func contextEnded(t *test) { t.stopped(t.endedContext(), context.Canceled) }

func contextDeadline(t *test) {
	ctx, cancel := context.WithDeadline(t.ctx, time.Unix(0, 0))
	defer cancel()
	t.stopped(ctx, context.DeadlineExceeded)
}

func contextEndedTx(t *test) {
	err := t.store.InTx(t.endedContext(), func(driver.Store) error {
		t.Error("InTx called its function although the context had ended")
		return nil
	})
	t.wantErr(err, context.Canceled, "")
}

func contextEndsWait(t *test) {
	t.saveAll(newEvents(3))
	end := t.holdLocked(3, 0)
	before := []error{}
	for range 3 {
		ctx, cancel := context.WithCancel(t.ctx)
		second := inBackground(func() error {
			return t.store.InTx(ctx, func(tx driver.Store) error {
				_, err := tx.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{})
				return err
			})
		})
		cancel()
		before = append(before, <-second) // the first still holds the events
	}
	end(nil)
	for _, err := range before {
		t.wantErr(err, context.Canceled, "")
	}
	t.inTx(func(tx driver.Store) {
		equal(t, "locked afterwards", len(t.lock(tx, driver.LockOptions{})), 3)
	})
}

// contextLeavesUsable ends contexts at any point of calls. Each call either took effect as a whole or not at all.
func contextLeavesUsable(t *test) {
	saved := int64(0)
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.ctx)
		result := inBackground(func() error {
			_, err := t.events.SaveBatch(ctx, newEvents(5))
			return err
		})
		if i%2 == 0 {
			_, err := t.events.Exists(t.ctx, newID()) // some time passes
			t.ok(err)
		}
		cancel()
		switch err := <-result; {
		case err == nil:
			saved += 5
		case !errors.Is(err, context.Canceled):
			t.Fatalf("SaveBatch returned %v, want an error that matches %v", err, context.Canceled)
		}
	}
	waiting, err := t.events.CountUnprocessed(t.ctx)
	t.ok(err)
	if waiting%5 != 0 || waiting < saved {
		t.Errorf("events stored: got %d, want the %d of the calls that succeeded and maybe whole batches more", waiting, saved)
	}
	t.save(newEvent())
}

func contextDB(t *test) {
	ended := t.endedContext()
	_, err := t.db.Store(ended, newSchema())
	t.wantErr(err, context.Canceled, "")
	_, err = t.db.Schemas(ended)
	t.wantErr(err, context.Canceled, "")
	t.wantErr(t.db.DropSchema(ended, t.store.Schema()), context.Canceled, "")
	t.save(newEvent())
}
