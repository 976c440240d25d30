package conformance

import (
	"context"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionTx = area{name: "Subscriptions/InTransactions", alone: true, behaviours: []behaviour{
	{"CommitTogether", subscriptionTxCommit},
	{"AreUndoneByARollback", subscriptionTxUndone},
	{"RefusedLeaveItUsable", subscriptionTxUsable},
	{"StopWhenTheContextHasEnded", subscriptionCallsStop},
	{"ThatOnlyReadRefuseWrites", subscriptionCallsReadOnly},
	{"ThatHaveEndedRefuseAll", subscriptionCallsEnded},
}}

// A repositoryCall is one method of a repository, called with input that is fine.
type repositoryCall struct {
	op     string
	writes bool
	run    func(ctx context.Context, store driver.Store) error
}

// failing is a method of two results as a repositoryCall has it.
func failing[R any](_ R, err error) error { return err }

// wantStopped checks that every method, called with a context that ended, says so.
func (t *test) wantStopped(calls []repositoryCall) {
	t.Helper()
	for _, call := range calls {
		t.wantErr(call.run(t.endedContext(), t.store), context.Canceled, call.op)
	}
}

// wantReadOnly checks that, in a transaction that only reads, what writes is refused and the rest
// works.
func (t *test) wantReadOnly(calls []repositoryCall) {
	t.Helper()
	t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
		for range 2 {
			for _, call := range calls {
				err := call.run(t.ctx, tx)
				if call.writes {
					t.wantErr(err, driver.ErrReadOnly, call.op)
				} else if err != nil {
					t.Errorf("%s in a transaction that only reads: unexpected error %v", call.op, err)
				}
			}
		}
		return nil
	}, driver.ReadOnly()))
}

// wantEnded checks that every method of a transaction's Store is refused once that is over.
func (t *test) wantEnded(calls []repositoryCall) {
	t.Helper()
	var over driver.Store
	t.inTx(func(tx driver.Store) { over = tx })
	for _, call := range calls {
		t.wantErr(call.run(t.ctx, over), driver.ErrClosed, call.op)
	}
}

// subscriptionCalls are all methods of the repository.
func subscriptionCalls(s driver.Subscription) []repositoryCall {
	return []repositoryCall{
		{"Subscriptions.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().Save(ctx, newSubscription(s.EndpointID)))
		}},
		{"Subscriptions.Update", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().Update(ctx, s))
		}},
		{"Subscriptions.UpdateLastTriggered", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().UpdateLastTriggered(ctx, []uuid.UUID{s.ID}))
		}},
		{"Subscriptions.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().Delete(ctx, s.ID))
		}},
		{"Subscriptions.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().GetByID(ctx, s.ID))
		}},
		{"Subscriptions.Exists", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().Exists(ctx, s.ID))
		}},
		{"Subscriptions.GetByEndpoint", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().GetByEndpoint(ctx, s.EndpointID, driver.ListOptions{}))
		}},
		{"Subscriptions.GetByEventType", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().GetByEventType(ctx, s.EventType, driver.ListOptions{}))
		}},
		{"Subscriptions.GetByContext", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().GetByContext(ctx, s.ContextID, driver.ListOptions{}))
		}},
		{"Subscriptions.GetActive", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().GetActive(ctx, 0))
		}},
		{"Subscriptions.GetMatching", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Subscriptions().GetMatching(ctx, "order.placed", s.ContextID, driver.MatchOptions{}))
		}},
	}
}

// changeSubscriptions saves one, updates and triggers another, and deletes a third.
func (t *test) changeSubscriptions(tx driver.Store, endpoint driver.Endpoint, updated, deleted driver.Subscription) driver.Subscription {
	t.Helper()
	saved := must(t, tx.Subscriptions().Save, newSubscription(endpoint.ID))
	must(t, tx.Subscriptions().Update, changed(updated, func(s *driver.Subscription) { s.EventType = "*" }))
	equal(t, "triggered", must(t, tx.Subscriptions().UpdateLastTriggered, []uuid.UUID{updated.ID, saved.ID}), 2)
	equal(t, "deleted", must(t, tx.Subscriptions().Delete, deleted.ID), true)
	return saved
}

func subscriptionTxCommit(t *test) {
	endpoint := t.saveEndpoint()
	updated, deleted := t.saveSubscription(endpoint), t.saveSubscription(endpoint)
	var inside []driver.Subscription
	t.inTx(func(tx driver.Store) {
		other := must(t, tx.Endpoints().Save, newEndpoint())
		saved := t.changeSubscriptions(tx, other, updated, deleted)
		inside = append(t.subscriptionsOf(tx, endpoint), t.subscriptionsOf(tx, other)...)
		equalList(t, "subscriptions seen inside", entityIDs(inside), []uuid.UUID{updated.ID, saved.ID})
	})
	sameEntities(t, "subscriptions after the commit", must(t, t.store.Subscriptions().GetActive, 0), inside)
}

func subscriptionTxUndone(t *test) {
	endpoint := t.saveEndpoint()
	before := []driver.Subscription{t.saveSubscription(endpoint), t.saveSubscription(endpoint)}
	t.undone(t.store, func(tx driver.Store) {
		t.changeSubscriptions(tx, endpoint, before[0], before[1])
		equal(t, "endpoint deleted", must(t, tx.Endpoints().Delete, endpoint.ID), true)
		equal(t, "subscriptions seen inside", len(t.subscriptionsOf(tx, endpoint)), 0)
	})
	sameEntities(t, "subscriptions after the rollback", t.subscriptionsOf(t.store, endpoint), before)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeSubscriptions(nested, endpoint, before[0], before[1]) })
		sameEntities(t, "subscriptions after the rollback of a nested one", t.subscriptionsOf(tx, endpoint), before)
	})
}

// subscriptionTxUsable has every refusal there is in a transaction that goes on and commits.
func subscriptionTxUsable(t *test) {
	_, stored := t.saveFullSubscription()
	endpoint := must(t, t.store.Endpoints().GetByID, stored.EndpointID)
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		subscriptions := tx.Subscriptions()
		_, err := subscriptions.Save(t.ctx, stored)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Subscriptions.Save", "subscription", stored.ID.String())
		unknown := newID()
		_, err = subscriptions.Save(t.ctx, newSubscription(unknown))
		t.wantMissing(err, "Subscriptions.Save", "endpoint_id", "endpoint", unknown)
		_, err = subscriptions.Save(t.ctx, fullSubscription(endpoint.ID, unknown))
		t.wantMissing(err, "Subscriptions.Save", "event_type_id", "event type", unknown)
		_, err = subscriptions.Save(t.ctx, driver.Subscription{})
		t.wantInvalid(err, "Subscriptions.Save", "endpoint_id")
		_, err = subscriptions.Update(t.ctx, changed(stored, func(s *driver.Subscription) { s.EndpointID = unknown }))
		t.wantMissing(err, "Subscriptions.Update", "endpoint_id", "endpoint", unknown)
		_, err = subscriptions.Update(t.ctx, changed(stored, func(s *driver.Subscription) { s.EventTypeID = &unknown }))
		t.wantMissing(err, "Subscriptions.Update", "event_type_id", "event type", unknown)
		_, err = subscriptions.Update(t.ctx, changed(stored, func(s *driver.Subscription) { s.Revision++ }))
		t.wantErr(err, driver.ErrConflict, "Subscriptions.Update")
		_, err = subscriptions.Update(t.ctx, changed(stored, func(s *driver.Subscription) { s.ID = unknown }))
		t.wantErr(err, driver.ErrNotFound, "Subscriptions.Update")
		_, err = subscriptions.GetByID(t.ctx, unknown)
		t.wantErr(err, driver.ErrNotFound, "Subscriptions.GetByID")
		_, err = subscriptions.GetActive(t.ctx, -1)
		t.wantInvalid(err, "Subscriptions.GetActive", "limit")
		_, err = tx.EventTypes().Delete(t.ctx, *stored.EventTypeID)
		t.wantErr(err, driver.ErrReferenced, "EventTypes.Delete")
		sameEntities(t, "subscriptions seen inside", t.subscriptionsOf(tx, endpoint), []driver.Subscription{stored})
	})
	sameEntities(t, "subscriptions after the commit", t.subscriptionsOf(t.store, endpoint), []driver.Subscription{stored})
}

func subscriptionCallsStop(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	t.wantStopped(subscriptionCalls(saved))
	sameEntities(t, "subscriptions afterwards", must(t, t.store.Subscriptions().GetActive, 0), []driver.Subscription{saved})
}

func subscriptionCallsEnded(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	t.wantEnded(subscriptionCalls(saved))
}

func subscriptionCallsReadOnly(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	t.wantReadOnly(subscriptionCalls(saved))
	sameEntities(t, "subscriptions afterwards", must(t, t.store.Subscriptions().GetActive, 0), []driver.Subscription{saved})
}
