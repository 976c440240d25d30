package conformance

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var txOptions = area{name: "Transactions/Options", alone: true, behaviours: []behaviour{
	{"ReadOnlyRefusesWritesAndCanStillRead", readOnlyRefuses},
	{"ReadOnlyHoldsForNestedOnes", readOnlyNested},
	{"ReadOnlyRunsBesideAWriter", readOnlyBeside},
	{"ReadOnlyWithRepeatableReadSeesOneState", readOnlySnapshot},
	{"ReadOnlyEndsWithItsTransaction", readOnlyEnds},
	{"RepeatableReadSeesOneState", repeatableRead},
	{"RepeatableReadGivesWayToAChange", repeatableReadGivesWay},
	{"SerializableAllowsNoWriteSkew", serializableSkew},
	{"OfANestedOneMustNotBeStricter", nestedStricter},
	{"OfANestedOneMayBeTheSameOrLess", nestedSame},
	{"OfALevelThatIsNoneAreInvalid", unknownIsolation},
}}

// never is the function of a transaction that must not begin.
func (t *test) never(driver.Store) error {
	t.Error("InTx called its function although it can't have the options")
	return nil
}

func (t *test) readOnly(store driver.Store, fn func(tx driver.Store), more ...driver.TxOption) {
	t.Helper()
	t.ok(store.InTx(t.ctx, func(tx driver.Store) error {
		fn(tx)
		return nil
	}, append(more, driver.ReadOnly())...))
}

// wantRefused calls every method on tx: those that write must be refused, the others work.
func (t *test) wantRefused(tx driver.Store, waiting driver.Event) {
	t.Helper()
	for _, call := range calls {
		err := call.run(t.ctx, tx.Events(), waiting)
		if call.writes {
			t.wantErr(err, driver.ErrReadOnly, call.op)
		} else if err != nil {
			t.Errorf("%s: unexpected error: %v", call.op, err)
		}
	}
	for _, skip := range []bool{false, true} {
		_, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{SkipLocked: skip})
		t.wantErr(err, driver.ErrReadOnly, "Events.GetUnprocessedForUpdate")
	}
	imported := newEvent()
	imported.ProcessedAt = &waiting.CreatedAt
	_, err := tx.Events().Save(t.ctx, imported)
	t.wantErr(err, driver.ErrReadOnly, "Events.Save")
}

func readOnlyRefuses(t *test) {
	waiting := t.save(newEvent())
	before := t.state()
	for _, level := range []driver.Isolation{driver.ReadCommitted, driver.RepeatableRead, driver.Serializable} {
		t.readOnly(t.store, func(tx driver.Store) {
			t.wantRefused(tx, waiting)
			t.wantStateOf(tx, before)
		}, driver.WithIsolation(level))
	}
	t.wantState(before)
	t.sameEvent("event afterwards", t.get(waiting.ID), waiting)
}

func readOnlyNested(t *test) {
	waiting := t.save(newEvent())
	before := t.state()
	t.readOnly(t.store, func(tx driver.Store) {
		for range 2 {
			t.ok(tx.InTx(t.ctx, func(nested driver.Store) error {
				t.wantRefused(nested, waiting)
				return nil
			}))
			t.undone(tx, func(nested driver.Store) { t.wantRefused(nested, waiting) })
		}
		t.wantStateOf(tx, before)
	})
	t.wantState(before)
}

func readOnlyBeside(t *test) {
	t.needsReadsBeside()
	waiting := t.save(newEvent())
	before := t.state()
	end := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Events().MarkAsProcessed(t.ctx, waiting.ID)
		return err
	})
	for range 10 { // more than there may be connections
		t.readOnly(t.store, func(tx driver.Store) { t.wantStateOf(tx, before) })
	}
	end(nil)
	t.readOnly(t.store, func(tx driver.Store) { t.wantWaiting(tx, 0) })
}

func readOnlySnapshot(t *test) {
	t.needsReadsBeside()
	t.seesOneState(driver.WithIsolation(driver.RepeatableRead), driver.ReadOnly())
}

// seesOneState changes, beside a transaction that has read, what it read.
func (t *test) seesOneState(opts ...driver.TxOption) {
	t.Helper()
	waiting := t.saveAll(newEvents(2))
	before := t.state()
	t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
		t.wantStateOf(tx, before)
		t.save(newEvent())
		t.mark(waiting[0].ID)
		t.wantStateOf(tx, before)
		event, err := tx.Events().GetByID(t.ctx, waiting[0].ID)
		t.ok(err)
		t.sameEvent("event that was marked meanwhile", event, waiting[0])
		return nil
	}, opts...))
	t.wantWaiting(t.store, int64(len(before.queue))) // one more, one less
}

// readOnlyEnds ends read-only transactions in every way. A connection that went on refusing writes
// would show.
func readOnlyEnds(t *test) {
	waiting := int64(0)
	read := func(tx driver.Store) { t.wantWaiting(tx, waiting) }
	ends := map[string]func(){
		"a commit": func() { t.readOnly(t.store, read) },
		"an error": func() {
			err := t.store.InTx(t.ctx, func(tx driver.Store) error { read(tx); return errUndo }, driver.ReadOnly())
			if !errors.Is(err, errUndo) {
				t.Errorf("InTx returned %v, want the error of its function", err)
			}
		},
		"a panic": func() {
			defer func() { _ = recover() }()
			_ = t.store.InTx(t.ctx, func(tx driver.Store) error { read(tx); panic(errUndo) }, driver.ReadOnly())
		},
		"the end of its goroutine": func() {
			<-inGoroutine(func() {
				_ = t.store.InTx(t.ctx, func(tx driver.Store) error { read(tx); runtime.Goexit(); return nil }, driver.ReadOnly())
			})
		},
		"a cancelled context": func() {
			ctx, cancel := context.WithCancel(t.ctx)
			defer cancel()
			err := t.store.InTx(ctx, func(tx driver.Store) error { read(tx); cancel(); return nil }, driver.ReadOnly())
			t.wantErr(err, context.Canceled, "InTx")
		},
		"a context that had ended": func() {
			t.wantErr(t.store.InTx(t.endedContext(), t.never, driver.ReadOnly()), context.Canceled, "InTx")
		},
		"a refused write": func() {
			t.readOnly(t.store, func(tx driver.Store) {
				_, err := tx.Events().Save(t.ctx, newEvent())
				t.wantErr(err, driver.ErrReadOnly, "Events.Save")
			})
		},
	}
	for name, end := range ends {
		for range 3 {
			end()
			_, err := t.events.Save(t.ctx, newEvent())
			if err == nil {
				err = t.store.InTx(t.ctx, func(tx driver.Store) error {
					_, err := tx.Events().SaveBatch(t.ctx, newEvents(2))
					return err
				})
			}
			if err != nil {
				t.Fatalf("saving after %s: %v", name, err)
			}
			waiting += 3
		}
	}
	t.wantWaiting(t.store, waiting)
}

func inGoroutine(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	return done
}

func repeatableRead(t *test) {
	t.needsConcurrent()
	t.seesOneState(driver.WithIsolation(driver.RepeatableRead))
	t.seesOneState(driver.WithIsolation(driver.Serializable))
}

func repeatableReadGivesWay(t *test) {
	t.needsConcurrent()
	waiting := t.save(newEvent())
	err := t.store.InTx(t.ctx, func(tx driver.Store) error {
		t.wantWaiting(tx, 1)
		t.mark(waiting.ID)
		_, err := tx.Events().MarkAsProcessed(t.ctx, waiting.ID)
		return err
	}, driver.WithIsolation(driver.RepeatableRead))
	t.wantGaveWay(err)
}

func (t *test) wantGaveWay(err error) {
	t.Helper()
	t.wantErr(err, driver.ErrUnavailable, "")
	var unavailable *driver.UnavailableError
	if !errors.As(err, &unavailable) || !unavailable.GaveWay || !driver.IsRetryable(err) {
		t.Errorf("got error %v, want a retryable one that tells that the transaction gave way", err)
	}
}

// serializableSkew has two transactions each save an event if there is none. Were they to run one
// after the other, the second would find the first one's.
func serializableSkew(t *test) {
	var readers atomic.Int32
	bothRead := make(chan struct{})
	errs := make([]error, 2)
	t.together(len(errs), func(i int) error {
		errs[i] = t.store.InTx(t.ctx, func(tx driver.Store) error {
			counts, err := tx.Events().CountByType(t.ctx, time.Time{})
			if err != nil || len(counts) > 0 {
				return err
			}
			if readers.Add(1) == int32(len(errs)) {
				close(bothRead)
			}
			if t.h.Concurrent {
				select {
				case <-bothRead:
				case <-t.ctx.Done():
				}
			}
			_, err = tx.Events().Save(t.ctx, newEvent())
			return err
		}, driver.WithIsolation(driver.Serializable))
		return nil
	})
	for _, err := range errs {
		if err != nil {
			t.wantGaveWay(err)
		}
	}
	t.wantWaiting(t.store, 1)
}

func nestedStricter(t *test) {
	var saved []uuid.UUID
	refuse := func(tx driver.Store, field string, opts ...driver.TxOption) {
		t.wantInvalid(tx.InTx(t.ctx, t.never, opts...), "InTx", field)
		saved = append(saved, t.saveTo(tx, newEvent()).ID)
	}
	t.inTx(func(tx driver.Store) {
		refuse(tx, "isolation", driver.WithIsolation(driver.RepeatableRead))
		refuse(tx, "isolation", driver.WithIsolation(driver.Serializable))
		refuse(tx, "read_only", driver.ReadOnly())
		t.ok(tx.InTx(t.ctx, func(nested driver.Store) error {
			refuse(nested, "isolation", driver.WithIsolation(driver.RepeatableRead))
			refuse(nested, "read_only", driver.ReadOnly())
			return nil
		}))
	})
	t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
		refuse(tx, "isolation", driver.WithIsolation(driver.Serializable))
		return nil
	}, driver.WithIsolation(driver.RepeatableRead)))
	_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{}, func(tx driver.Store, _ []driver.Event) ([]uuid.UUID, error) {
		refuse(tx, "read_only", driver.ReadOnly())
		return nil, nil
	})
	t.ok(err)
	equalList(t, "queue", t.queue(), saved)
}

func nestedSame(t *test) {
	ran := 0
	count := func(driver.Store) error { ran++; return nil }
	t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
		t.ok(tx.InTx(t.ctx, count))
		t.ok(tx.InTx(t.ctx, count, driver.WithIsolation(driver.RepeatableRead)))
		return tx.InTx(t.ctx, func(nested driver.Store) error {
			t.saveTo(nested, newEvent())
			return nested.InTx(t.ctx, count, driver.WithIsolation(driver.Serializable)) // that of the outermost
		})
	}, driver.WithIsolation(driver.Serializable)))
	t.readOnly(t.store, func(tx driver.Store) {
		t.ok(tx.InTx(t.ctx, count))
		t.readOnly(tx, func(nested driver.Store) { t.readOnly(nested, func(driver.Store) { ran++ }) })
	})
	equal(t, "nested transactions that ran", ran, 5)
	t.wantWaiting(t.store, 1)
}

func unknownIsolation(t *test) {
	none := driver.WithIsolation(driver.Serializable + 1)
	t.wantInvalid(t.store.InTx(t.endedContext(), t.never, none), "InTx", "isolation") // before it looks at the context
	t.inTx(func(tx driver.Store) {
		t.wantInvalid(tx.InTx(t.ctx, t.never, none), "InTx", "isolation")
		t.saveTo(tx, newEvent())
	})
	t.wantWaiting(t.store, 1)
}
