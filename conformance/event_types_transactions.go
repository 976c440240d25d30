package conformance

import "github.com/neomultitenant/neoevents/driver"

var eventTypeTransactions = area{name: "EventTypes/Transactions", behaviours: []behaviour{
	{"RefusalsLeaveThemUsable", eventTypeTxUsable},
	{"ATakenNameOfAnOpenOneWaitsForItsEnd", eventTypeTxWaits},
	{"SeeANameThatTheyFreed", eventTypeTxFrees},
}}

func eventTypeTxUsable(t *test) {
	referenced, subscription := t.subscribed()
	other := t.saveEventTypes("order.paid")[0]
	before := t.webhooksOf(t.store)
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		_, err := tx.EventTypes().Save(t.ctx, referenced)
		t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Save", "event type", referenced.ID.String())
		_, err = tx.EventTypes().Save(t.ctx, newEventType("order.placed"))
		t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Save", "event type", "order.placed")
		_, err = tx.EventTypes().Save(t.ctx, driver.EventType{})
		t.wantInvalid(err, "EventTypes.Save", "event_type")
		_, err = tx.EventTypes().Update(t.ctx, changed(other, func(e *driver.EventType) { e.EventType = "order.placed" }))
		t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Update", "event type", "order.placed")
		_, err = tx.EventTypes().Update(t.ctx, changed(other, func(e *driver.EventType) { e.Revision++ }))
		t.wantErrOn(err, driver.ErrConflict, "EventTypes.Update", "event type", other.ID.String())
		_, err = tx.EventTypes().Update(t.ctx, changed(other, func(e *driver.EventType) { e.ID = newID() }))
		t.wantErr(err, driver.ErrNotFound, "EventTypes.Update")
		_, err = tx.EventTypes().Delete(t.ctx, referenced.ID)
		t.wantReferenced(err, referenced.ID)
		_, err = tx.EventTypes().GetByID(t.ctx, newID())
		t.wantErr(err, driver.ErrNotFound, "EventTypes.GetByID")
		_, err = tx.EventTypes().GetByEventType(t.ctx, "order.none")
		t.wantErr(err, driver.ErrNotFound, "EventTypes.GetByEventType")
		missing := newID()
		_, err = tx.Subscriptions().Save(t.ctx, fullSubscription(subscription.EndpointID, missing))
		t.wantMissing(err, "Subscriptions.Save", "event_type_id", "event type", missing)
		t.wantWebhooks(tx, before)
	})
	t.wantWebhooks(t.store, before)
}

// eventTypeTxWaits saves a name that a transaction has saved, or has renamed another one to, and
// not committed: who comes second is told what became of the first.
func eventTypeTxWaits(t *test) {
	t.needsConcurrent()
	for _, verdict := range []error{nil, errUndo} {
		for _, first := range []func(tx driver.Store) error{
			func(tx driver.Store) error { return failing(tx.EventTypes().Save(t.ctx, newEventType("order.placed"))) },
			func(tx driver.Store) error {
				stored, err := tx.EventTypes().Save(t.ctx, newEventType("order.paid"))
				if err != nil {
					return err
				}
				stored.EventType = "order.placed"
				return failing(tx.EventTypes().Update(t.ctx, stored))
			},
		} {
			end := t.hold(t.store, first)
			second := inBackground(func() error { return failing(t.store.EventTypes().Save(t.ctx, newEventType("order.placed"))) })
			end(verdict)
			if err := <-second; verdict == nil {
				t.wantErrOn(err, driver.ErrAlreadyExists, "EventTypes.Save", "event type", "order.placed")
			} else {
				t.ok(err)
			}
			for _, stored := range must(t, t.store.EventTypes().GetEnabled, 0) {
				equal(t, "deleted", must(t, t.store.EventTypes().Delete, stored.ID), true)
			}
		}
	}
}

func eventTypeTxFrees(t *test) {
	stored := t.saveEventTypes("order.placed")[0]
	t.inTx(func(tx driver.Store) {
		must(t, tx.EventTypes().Update, changed(stored, func(e *driver.EventType) { e.EventType = "order.paid" }))
		again := must(t, tx.EventTypes().Save, newEventType("order.placed"))
		equal(t, "deleted", must(t, tx.EventTypes().Delete, again.ID), true)
		must(t, tx.EventTypes().Save, newEventType("order.placed"))
	})
	equalList(t, "names", namesOf(must(t, t.store.EventTypes().GetEnabled, 0)), []string{"order.paid", "order.placed"})
}
