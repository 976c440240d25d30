package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryTx = area{name: "Deliveries/InTransactions", alone: true, behaviours: []behaviour{
	{"CommitTogether", deliveryTxCommit},
	{"AreUndoneByARollback", deliveryTxUndone},
	{"RefusedLeaveItUsable", deliveryTxUsable},
	{"StopWhenTheContextHasEnded", deliveryCallsStop},
	{"ThatOnlyReadRefuseWrites", deliveryCallsReadOnly},
	{"ThatHaveEndedRefuseAll", deliveryCallsEnded},
	{"AreAloneInTheirSchema", deliverySchemas},
}}

// deliveriesInStates are deliveries of one endpoint for calls and changes.
type deliveriesInStates struct {
	endpoint             driver.Endpoint
	subscription         driver.Subscription
	event                driver.Event
	pending, due, failed driver.Delivery
	claimed              driver.Delivery
}

func (t *test) deliveriesInStates() deliveriesInStates {
	t.Helper()
	endpoint := t.saveEndpoint(oneTry)
	s := deliveriesInStates{endpoint: endpoint, subscription: t.saveSubscription(endpoint), event: t.save(newEvent())}
	t.saveDelivery(endpoint)
	s.claimed = t.claim(1)[0]
	s.pending, s.due, s.failed = t.saveDelivery(endpoint), t.saveDelivery(endpoint), t.saveDelivery(endpoint, newAttempt(fails))
	return s
}

// deliveryCalls are all methods of the repository.
func deliveryCalls(s deliveriesInStates) []repositoryCall {
	return []repositoryCall{
		{"Deliveries.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().Save(ctx, driver.NewDelivery(s.endpoint.ID, s.event.ID)))
		}},
		{"Deliveries.SaveForEvent", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().SaveForEvent(ctx, s.event, []driver.Subscription{s.subscription}))
		}},
		{"Deliveries.RecordAttempt", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().RecordAttempt(ctx, s.pending.ID, newAttempt(succeeds)))
		}},
		{"Deliveries.ClaimDue", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().ClaimDue(ctx, 0, 0))
		}},
		{"Deliveries.Release", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().Release(ctx, []driver.Delivery{s.claimed}))
		}},
		{"Deliveries.Cancel", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().Cancel(ctx, s.pending.ID, ""))
		}},
		{"Deliveries.Replay", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().Replay(ctx, s.failed.ID))
		}},
		{"Deliveries.Recover", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().Recover(ctx, s.endpoint.ID, time.Time{}))
		}},
		{"Deliveries.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().GetByID(ctx, s.failed.ID))
		}},
		{"Deliveries.GetPendingRetries", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().GetPendingRetries(ctx, 0))
		}},
		{"Deliveries.GetByEndpoint", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().GetByEndpoint(ctx, s.endpoint.ID, 0))
		}},
		{"Deliveries.GetByEvent", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().GetByEvent(ctx, s.failed.EventID, 0))
		}},
		{"Deliveries.GetStats", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Deliveries().GetStats(ctx, s.endpoint.ID, 0))
		}},
	}
}

// changeDeliveries writes through tx in every way there is, and returns how many deliveries that
// adds.
func (t *test) changeDeliveries(tx driver.Store, s deliveriesInStates) (added int) {
	t.Helper()
	deliveries := tx.Deliveries()
	t.saveDeliveryTo(tx, s.endpoint, attemptsOf(fails)...)
	equal(t, "deliveries of the event", len(must2(t, deliveries.SaveForEvent, s.event, []driver.Subscription{s.subscription})), 1)
	equal(t, "status", must2(t, deliveries.Cancel, s.pending.ID, "").Status, driver.DeliveryCancelled)
	must(t, deliveries.Replay, s.failed.ID)
	equal(t, "replayed", must2(t, deliveries.Recover, s.endpoint.ID, time.Time{}), 1) // the first one here
	equal(t, "released", must(t, deliveries.Release, []driver.Delivery{s.claimed}), 1)
	claimed := must2(t, deliveries.ClaimDue, 0, 0)
	equal(t, "claimed", len(claimed), 5)
	for _, d := range claimed {
		must2(t, deliveries.RecordAttempt, d.ID, driver.Attempt{Status: succeeds, LeaseToken: d.LeaseToken})
	}
	return 4
}

// deliveryHistory reads all deliveries to an endpoint with their attempts.
func (t *test) deliveryHistory(store driver.Store, endpoint driver.Endpoint) []driver.Delivery {
	t.Helper()
	all := t.deliveriesTo(store, endpoint)
	for i := range all {
		all[i] = must(t, store.Deliveries().GetByID, all[i].ID)
	}
	return all
}

func deliveryTxCommit(t *test) {
	s := t.deliveriesInStates()
	before := t.deliveryHistory(t.store, s.endpoint)
	var inside []driver.Delivery
	t.inTx(func(tx driver.Store) {
		added := t.changeDeliveries(tx, s)
		inside = t.deliveryHistory(tx, s.endpoint)
		equal(t, "deliveries seen inside", len(inside), len(before)+added)
	})
	sameEntities(t, "deliveries after the commit", t.deliveryHistory(t.store, s.endpoint), inside)
	for _, d := range inside {
		t.wantSound(d)
	}
}

func deliveryTxUndone(t *test) {
	s := t.deliveriesInStates()
	before, endpoint, due := t.deliveryHistory(t.store, s.endpoint), t.endpoint(s.endpoint), t.due()
	t.undone(t.store, func(tx driver.Store) { t.changeDeliveries(tx, s) })
	sameEntities(t, "deliveries after the rollback", t.deliveryHistory(t.store, s.endpoint), before)
	sameEntity(t, "endpoint after the rollback", t.endpoint(s.endpoint), endpoint)
	sameEntities(t, "due after the rollback", t.due(), due)
	equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, s.event.ID, 0)), 0)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeDeliveries(nested, s) })
		sameEntities(t, "deliveries after the rollback of a nested one", t.deliveryHistory(tx, s.endpoint), before)
	})
}

// deliveryTxUsable has every refusal there is in a transaction that goes on and commits.
func deliveryTxUsable(t *test) {
	s := t.deliveriesInStates()
	t.mark(t.queue()...)
	before := t.deliveryHistory(t.store, s.endpoint)
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		deliveries, unknown := tx.Deliveries(), newID()
		for _, refused := range []struct {
			op   string
			kind error
			d    driver.Delivery
		}{
			{"a second original", driver.ErrAlreadyExists, driver.NewDelivery(s.endpoint.ID, s.failed.EventID)},
			{"a taken id", driver.ErrAlreadyExists, driver.Delivery{ID: s.pending.ID, EndpointID: s.endpoint.ID, EventID: stored.ID}},
			{"no endpoint", driver.ErrMissingReference, driver.NewDelivery(unknown, stored.ID)},
			{"no event", driver.ErrMissingReference, driver.NewDelivery(s.endpoint.ID, unknown)},
			{"no ids", driver.ErrInvalid, driver.Delivery{}},
			{"another status", driver.ErrState, driver.Delivery{EndpointID: s.endpoint.ID, EventID: stored.ID, Status: driver.DeliverySuccess}},
			{"attempts after the last", driver.ErrState, driver.Delivery{EndpointID: s.endpoint.ID, EventID: stored.ID, Attempts: attemptsOf(fails, fails)}},
		} {
			_, err := deliveries.Save(t.ctx, refused.d)
			t.wantErr(err, refused.kind, "Deliveries.Save")
		}
		event := newEvent()
		event.ID = unknown
		_, err := deliveries.SaveForEvent(t.ctx, event, []driver.Subscription{s.subscription})
		t.wantMissing(err, "Deliveries.SaveForEvent", "event_id", "event", unknown)
		_, err = deliveries.SaveForEvent(t.ctx, stored, []driver.Subscription{{EventType: "*"}})
		t.wantErr(err, driver.ErrInvalid, "Deliveries.SaveForEvent")
		_, err = deliveries.GetByID(t.ctx, unknown)
		t.wantErr(err, driver.ErrNotFound, "Deliveries.GetByID")
		for id, kind := range map[uuid.UUID]error{unknown: driver.ErrNotFound, s.failed.ID: driver.ErrState, s.claimed.ID: driver.ErrLeaseLost} {
			_, err = deliveries.RecordAttempt(t.ctx, id, newAttempt(succeeds))
			t.wantErr(err, kind, "Deliveries.RecordAttempt")
		}
		_, err = deliveries.RecordAttempt(t.ctx, s.pending.ID, driver.Attempt{Status: succeeds, Number: 2})
		t.wantErr(err, driver.ErrConflict, "Deliveries.RecordAttempt")
		_, err = deliveries.RecordAttempt(t.ctx, s.pending.ID, driver.Attempt{})
		t.wantInvalid(err, "Deliveries.RecordAttempt", "status")
		_, err = deliveries.Cancel(t.ctx, s.failed.ID, "")
		t.wantErr(err, driver.ErrState, "Deliveries.Cancel")
		_, err = deliveries.Cancel(t.ctx, unknown, "")
		t.wantErr(err, driver.ErrNotFound, "Deliveries.Cancel")
		_, err = deliveries.Replay(t.ctx, s.pending.ID)
		t.wantErr(err, driver.ErrState, "Deliveries.Replay")
		_, err = deliveries.Recover(t.ctx, unknown, time.Time{})
		t.wantErr(err, driver.ErrNotFound, "Deliveries.Recover")
		_, err = deliveries.ClaimDue(t.ctx, -1, 0)
		t.wantInvalid(err, "Deliveries.ClaimDue", "limit")
		_, err = deliveries.GetStats(t.ctx, s.endpoint.ID, -1)
		t.wantInvalid(err, "Deliveries.GetStats", "days")
		sameEntities(t, "deliveries seen inside", t.deliveryHistory(tx, s.endpoint), before)
	})
	sameEntities(t, "deliveries after the commit", t.deliveryHistory(t.store, s.endpoint), before)
}

func deliveryCallsStop(t *test) {
	s := t.deliveriesInStates()
	before := t.deliveryHistory(t.store, s.endpoint)
	t.wantStopped(deliveryCalls(s))
	sameEntities(t, "deliveries afterwards", t.deliveryHistory(t.store, s.endpoint), before)
}

func deliveryCallsEnded(t *test) {
	s := t.deliveriesInStates()
	t.wantEnded(deliveryCalls(s))
}

func deliveryCallsReadOnly(t *test) {
	s := t.deliveriesInStates()
	before := t.deliveryHistory(t.store, s.endpoint)
	t.wantReadOnly(deliveryCalls(s))
	sameEntities(t, "deliveries afterwards", t.deliveryHistory(t.store, s.endpoint), before)
}

// deliverySchemas has another schema, which knows nothing of the deliveries of this one.
func deliverySchemas(t *test) {
	s := t.deliveriesInStates()
	before := t.deliveryHistory(t.store, s.endpoint)
	elsewhere := t.openStore(t.db, newSchema())
	for _, call := range []struct {
		op  string
		err error
	}{
		{"Deliveries.GetByID", failing(elsewhere.Deliveries().GetByID(t.ctx, s.pending.ID))},
		{"Deliveries.RecordAttempt", failing(elsewhere.Deliveries().RecordAttempt(t.ctx, s.pending.ID, newAttempt(succeeds)))},
		{"Deliveries.Cancel", failing(elsewhere.Deliveries().Cancel(t.ctx, s.pending.ID, ""))},
		{"Deliveries.Replay", failing(elsewhere.Deliveries().Replay(t.ctx, s.failed.ID))},
		{"Deliveries.Recover", failing(elsewhere.Deliveries().Recover(t.ctx, s.endpoint.ID, time.Time{}))},
	} {
		t.wantErr(call.err, driver.ErrNotFound, call.op)
	}
	equal(t, "due", len(must(t, elsewhere.Deliveries().GetPendingRetries, 0)), 0)
	equal(t, "claimed", len(must2(t, elsewhere.Deliveries().ClaimDue, 0, 0)), 0)
	equal(t, "released", must(t, elsewhere.Deliveries().Release, []driver.Delivery{s.claimed}), 0)
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(elsewhere, s.endpoint)), 0)
	equal(t, "Total", must2(t, elsewhere.Deliveries().GetStats, s.endpoint.ID, 0).Total, 0)
	sameEntities(t, "deliveries here", t.deliveryHistory(t.store, s.endpoint), before)
}
