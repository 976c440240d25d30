package conformance

import (
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var savepoints = area{name: "Transactions/Nested", behaviours: []behaviour{
	{"AnInnerFailureLeavesTheOuterUsable", nestedInnerFails},
	{"AnInnerPanicLeavesTheOuterUsable", nestedInnerPanics},
	{"AnOuterFailureUndoesTheInner", nestedOuterFails},
	{"NestsManyLevels", nestedLevels},
	{"CanFollowOneAnother", nestedFollow},
	{"ReturnTheErrorOfTheInner", nestedReturnsError},
}}

func nestedInnerFails(t *test) {
	var outer, inner, later driver.Event
	t.inTx(func(tx driver.Store) {
		outer = t.saveTo(tx, newEvent())
		t.undone(tx, func(nested driver.Store) {
			inner = t.saveTo(nested, newEvent())
			marked, err := nested.Events().MarkAsProcessed(t.ctx, outer.ID)
			t.ok(err)
			equal(t, "marked", marked, true)
		})
		later = t.saveTo(tx, newEvent())
	})
	t.wantStored(false, inner.ID)
	equalList(t, "queue", t.queue(), []uuid.UUID{outer.ID, later.ID})
}

func nestedInnerPanics(t *test) {
	var outer, inner driver.Event
	t.inTx(func(tx driver.Store) {
		func() {
			defer func() {
				if got := recover(); got != errUndo {
					t.Errorf("the inner InTx panicked with %v, want the value its function panicked with", got)
				}
			}()
			_ = tx.InTx(t.ctx, func(nested driver.Store) error {
				inner = t.saveTo(nested, newEvent())
				panic(errUndo)
			})
		}()
		outer = t.saveTo(tx, newEvent())
	})
	t.wantStored(false, inner.ID)
	equalList(t, "queue", t.queue(), []uuid.UUID{outer.ID})
}

func nestedOuterFails(t *test) {
	before := t.state()
	t.undone(t.store, func(tx driver.Store) {
		t.ok(tx.InTx(t.ctx, func(nested driver.Store) error {
			t.saveTo(nested, newEvent())
			return nil
		}))
		t.wantWaiting(tx, 1)
	})
	t.wantState(before)
}

func nestedLevels(t *test) {
	const levels = 12
	var nest func(tx driver.Store, level int)
	nest = func(tx driver.Store, level int) {
		if level == levels {
			return
		}
		t.saveTo(tx, newEvent())
		run := func(nested driver.Store) error { nest(nested, level+1); return nil }
		if level == levels/2 {
			t.undone(tx, func(nested driver.Store) { _ = run(nested) })
		} else {
			t.ok(tx.InTx(t.ctx, run))
		}
	}
	t.inTx(func(tx driver.Store) { nest(tx, 0) })
	t.wantWaiting(t.store, levels/2+1)
}

func nestedFollow(t *test) {
	var kept []uuid.UUID
	t.inTx(func(tx driver.Store) {
		for range 5 {
			t.ok(tx.InTx(t.ctx, func(nested driver.Store) error {
				kept = append(kept, t.saveTo(nested, newEvent()).ID)
				return nil
			}))
			t.undone(tx, func(nested driver.Store) { t.saveTo(nested, newEvent()) })
		}
	})
	equalList(t, "queue", t.queue(), kept)
}

func nestedReturnsError(t *test) {
	err := t.store.InTx(t.ctx, func(tx driver.Store) error {
		return tx.InTx(t.ctx, func(driver.Store) error { return errUndo })
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("InTx returned %v, want the error of the innermost function", err)
	}
}
