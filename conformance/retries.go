package conformance

import (
	"errors"
	"strconv"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var txRetries = area{name: "Transactions/Retry", alone: true, behaviours: []behaviour{
	{"RunsATransactionAgainThatGaveWay", retryRunsAgain},
	{"RunsAgainWhatTheDatabaseUndid", retryOfTheDatabase},
	{"MakesSerializableOnesRunOneAfterTheOther", retrySerializable},
	{"GivesUpAfterTheTries", retryGivesUp},
	{"IsNotForOtherErrors", retryOtherErrors},
	{"RunsOnceInsideATransaction", retryInside},
}}

// errGaveWay is what a transaction of a test fails with as if it had been undone in favour of
// another.
var errGaveWay = &driver.Error{
	Op: "InTx", Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{GaveWay: true, Err: errors.New("another went first")},
}

// failsFirst is the function of a transaction that saves an event, and fails with err in its first
// n runs.
func (t *test) failsFirst(n int, err error, runs *int, saved *[]uuid.UUID) func(tx driver.Store) error {
	return func(tx driver.Store) error {
		*runs++
		*saved = []uuid.UUID{t.saveTo(tx, newEvent()).ID}
		if *runs <= n {
			return err
		}
		return nil
	}
}

func retryRunsAgain(t *test) {
	var runs int
	var saved []uuid.UUID
	t.ok(driver.RetryTx(t.ctx, t.store, driver.RetryOptions{}, t.failsFirst(3, errGaveWay, &runs, &saved)))
	equal(t, "runs", runs, 4)
	equalList(t, "queue", t.queue(), saved)
}

func retryOfTheDatabase(t *test) {
	t.needsConcurrent()
	waiting := t.saveAll(newEvents(3))
	runs := 0
	err := driver.RetryTx(t.ctx, t.store, driver.RetryOptions{
		Tx: []driver.TxOption{driver.WithIsolation(driver.RepeatableRead)},
	}, func(tx driver.Store) error {
		seen, err := tx.Events().GetUnprocessed(t.ctx, 0)
		if err != nil {
			return err
		}
		if runs++; runs <= 2 {
			t.mark(seen[0].ID) // beside the transaction
		}
		_, err = tx.Events().MarkMultipleAsProcessed(t.ctx, idsOf(seen))
		return err
	})
	t.ok(err)
	equal(t, "runs", runs, len(waiting))
	equalList(t, "queue", t.queue(), nil)
}

// retrySerializable saves events each of which is named after the number of those before.
func retrySerializable(t *test) {
	const savers = 5
	t.together(savers, func(int) error {
		return driver.RetryTx(t.ctx, t.store, driver.RetryOptions{
			Tries: 1000, Tx: []driver.TxOption{driver.WithIsolation(driver.Serializable)},
		}, func(tx driver.Store) error {
			before, err := tx.Events().GetUnprocessed(t.ctx, 0)
			if err != nil {
				return err
			}
			event := newEvent()
			event.EventName = strconv.Itoa(len(before))
			_, err = tx.Events().Save(t.ctx, event)
			return err
		})
	})
	saved, err := t.events.GetUnprocessed(t.ctx, 0)
	t.ok(err)
	names := map[string]bool{}
	for _, event := range saved {
		names[event.EventName] = true
	}
	for i := range savers {
		if !names[strconv.Itoa(i)] {
			t.Errorf("no event was saved as number %d", i)
		}
	}
}

func retryGivesUp(t *test) {
	var runs int
	var saved []uuid.UUID
	err := driver.RetryTx(t.ctx, t.store, driver.RetryOptions{Tries: 3}, t.failsFirst(99, errGaveWay, &runs, &saved))
	t.wantGaveWay(err)
	equal(t, "runs", runs, 3)
	t.wantWaiting(t.store, 0)
	t.wantInvalid(driver.RetryTx(t.ctx, t.store, driver.RetryOptions{Tries: -1}, t.never), "RetryTx", "tries")
}

func retryOtherErrors(t *test) {
	unknown := &driver.Error{
		Op: "InTx", Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{CommitUnknown: true, Err: errors.New("lost")},
	}
	for _, failure := range []error{errUndo, unknown} {
		var runs int
		var saved []uuid.UUID
		err := driver.RetryTx(t.ctx, t.store, driver.RetryOptions{}, t.failsFirst(99, failure, &runs, &saved))
		if err != failure {
			t.Errorf("RetryTx returned %v, want the error of its function", err)
		}
		equal(t, "runs", runs, 1)
	}
	t.wantInvalid(driver.RetryTx(t.ctx, t.store, driver.RetryOptions{
		Tx: []driver.TxOption{driver.WithIsolation(driver.Serializable + 1)},
	}, t.never), "InTx", "isolation")
	t.wantWaiting(t.store, 0)
}

func retryInside(t *test) {
	runs := 0
	t.inTx(func(tx driver.Store) {
		for _, inside := range []driver.Store{tx, wrapper{tx}} {
			err := driver.RetryTx(t.ctx, inside, driver.RetryOptions{}, func(nested driver.Store) error {
				t.saveTo(nested, newEvent())
				runs++
				return errGaveWay
			})
			t.wantGaveWay(err)
		}
		t.saveTo(tx, newEvent())
	})
	equal(t, "runs", runs, 2)
	t.wantWaiting(t.store, 1)
}
