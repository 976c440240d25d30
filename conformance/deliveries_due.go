package conformance

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryDue = area{name: "Deliveries/Due", alone: true, behaviours: []behaviour{
	{"AreThoseWhoseTimeHasCome", dueTimes},
	{"AreEarliestFirstThenByID", dueOrder},
	{"AreNotTheLeasedOnes", dueLeased},
	{"WaitWhileTheirEndpointIsNotActive", dueInactive},
	{"ComeBackWithTheirEndpointWhileWorkersRecord", dueToggled},
	{"EndWithTheirEndpoint", dueGone},
	{"EndWithAnEndpointDeletedAtOnce", dueGoneAtOnce},
	{"HoldToTheirLimits", dueLimits},
	{"AreEmptyWithoutAny", dueEmpty},
	{"AreClaimedInTheSameOrder", dueClaimedInOrder},
	{"AreClaimedOnceByManyWorkers", dueClaimedOnce},
	{"AreClaimedBesideAClaimThatIsOpen", dueClaimedBeside},
}}

// saveDue saves deliveries whose next attempts were due at different times, in the order in which
// they are due.
func (t *test) saveDue(endpoint driver.Endpoint) []driver.Delivery {
	t.Helper()
	var saved []driver.Delivery
	for _, hours := range []int{5, 1, 3, 1, 5, 1} {
		delivery := driver.NewDelivery(endpoint.ID, t.save(newEvent()).ID)
		delivery.ID, delivery.Attempts = uuid.New(), []driver.Attempt{oldAttempt(fails, longAgo.Add(time.Duration(hours)*time.Hour))}
		saved = append(saved, must(t, t.store.Deliveries().Save, delivery))
	}
	saved = append(saved, t.saveDeliveries(endpoint, 3)...)
	slices.SortFunc(saved, func(a, b driver.Delivery) int { return byAge(*a.NextRetryAt, *b.NextRetryAt, a.ID, b.ID) })
	return bare(saved...)
}

func dueTimes(t *test) {
	endpoint := t.saveEndpoint(policy(5, 3600, 1))
	retried, pending := t.saveDelivery(endpoint, oldAttempt(timesOut, longAgo)), t.saveDelivery(endpoint)
	t.saveDelivery(endpoint, newAttempt(fails)) // due in an hour
	t.saveDelivery(endpoint, newAttempt(succeeds))
	must2(t, t.store.Deliveries().Cancel, t.saveDelivery(endpoint).ID, "")
	sameEntities(t, "due", t.due(), bare(retried, pending))
	sameEntities(t, "due, asked again", t.due(), bare(retried, pending))
	t.record(retried.ID, newAttempt(fails))
	sameEntities(t, "due after another attempt", t.due(), bare(pending))
}

func dueOrder(t *test) {
	saved := t.saveDue(t.saveEndpoint())
	sameEntities(t, "due", t.due(), saved)
	for _, limit := range []int{1, 4, len(saved)} {
		sameEntities(t, "the first that are due", must(t, t.store.Deliveries().GetPendingRetries, limit), saved[:limit])
	}
}

func dueLeased(t *test) {
	saved := t.saveDue(t.saveEndpoint())
	claimed := t.claim(4)
	equalList(t, "claimed", entityIDs(claimed), entityIDs(saved[:4]))
	sameEntities(t, "due beside those claimed", t.due(), saved[4:])
	equal(t, "released", must(t, t.store.Deliveries().Release, claimed[1:]), 3)
	sameEntities(t, "due after some were released", t.due(), saved[1:])
}

func dueInactive(t *test) {
	endpoint := t.saveEndpoint()
	waiting, kept := t.saveDelivery(endpoint), t.saveDelivery(t.saveEndpoint())
	endpoint = must(t, t.store.Endpoints().Update, changed(endpoint, func(e *driver.Endpoint) { e.IsActive = false }))
	sameEntities(t, "due", t.due(), []driver.Delivery{kept})
	equalList(t, "claimed", entityIDs(t.claim(0)), []uuid.UUID{kept.ID})
	sameEntity(t, "delivery that waits", t.delivery(waiting.ID), waiting)
	must(t, t.store.Endpoints().Update, changed(endpoint, func(e *driver.Endpoint) { e.IsActive = true }))
	sameEntities(t, "due once the endpoint is active", t.due(), []driver.Delivery{waiting})
	equalList(t, "claimed once the endpoint is active", entityIDs(t.claim(0)), []uuid.UUID{waiting.ID})
}

// dueToggled deactivates and activates an endpoint again and again while attempts to it are
// recorded.
func dueToggled(t *test) {
	const workers = 4
	endpoint := t.saveEndpoint(oneTry)
	untouched, worked := t.saveDeliveries(endpoint, 10), t.saveDeliveries(endpoint, workers*scale(10, 4))
	t.together(workers+1, func(i int) (err error) {
		if i == workers {
			for n := range 2 * scale(5, 2) {
				endpoint, err = t.store.Endpoints().Update(t.ctx, changed(endpoint, func(e *driver.Endpoint) { e.IsActive = n%2 == 1 }))
				if err != nil {
					return err
				}
			}
			return nil
		}
		for n := i; n < len(worked); n += workers {
			if _, err := t.store.Deliveries().RecordAttempt(t.ctx, worked[n].ID, newAttempt(fails)); err != nil {
				return err
			}
		}
		return nil
	})
	equal(t, "IsActive", t.endpoint(endpoint).IsActive, true)
	sameEntities(t, "due", t.due(), untouched)
}

// dueGone deletes an endpoint: its deliveries stay as history, those that had not ended are
// cancelled.
func dueGone(t *test) {
	endpoint := t.saveEndpoint()
	pending, retrying, ended := t.saveDelivery(endpoint), t.saveDelivery(endpoint, oldAttempt(fails, longAgo)), t.saveDelivery(endpoint, newAttempt(succeeds))
	other := t.saveDelivery(t.saveEndpoint())
	claimed := t.claim(1)
	equalList(t, "claimed", entityIDs(claimed), []uuid.UUID{retrying.ID})
	equal(t, "endpoint deleted", must(t, t.store.Endpoints().Delete, endpoint.ID), true)
	for _, before := range []driver.Delivery{pending, retrying} {
		got := t.delivery(before.ID)
		t.wantSound(got)
		equal(t, "status", got.Status, driver.DeliveryCancelled)
		equal(t, "has a reason", got.CancelReason != "", true)
		equal(t, "attempts", len(got.Attempts), len(before.Attempts))
	}
	sameEntity(t, "delivery that had ended", t.delivery(ended.ID), ended)
	sameEntities(t, "due", t.due(), []driver.Delivery{other})
	_, err := t.store.Deliveries().RecordAttempt(t.ctx, retrying.ID, driver.Attempt{Status: succeeds, LeaseToken: claimed[0].LeaseToken})
	t.wantErr(err, driver.ErrState, "Deliveries.RecordAttempt")
	_, err = t.store.Deliveries().Replay(t.ctx, ended.ID)
	t.wantMissing(err, "Deliveries.Replay", "endpoint_id", "endpoint", endpoint.ID)
	_, err = t.store.Deliveries().Recover(t.ctx, endpoint.ID, time.Time{})
	t.wantErrOn(err, driver.ErrNotFound, "Deliveries.Recover", "endpoint", endpoint.ID.String())
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, endpoint)), 3)
}

// dueGoneAtOnce makes and ends deliveries while their endpoint goes: none is left that has not
// ended.
func dueGoneAtOnce(t *test) {
	for range scale(4, 2) {
		endpoint := t.saveEndpoint(oneTry)
		subscription, event := t.saveSubscription(endpoint), t.save(newEvent())
		failed, pending, another := t.saveDelivery(endpoint, newAttempt(fails)), t.saveDelivery(endpoint), t.save(newEvent())
		gone := func(err error, kind error, op string) error {
			if err == nil {
				return nil
			}
			return asError(faultOf(err, kind, op))
		}
		t.together(6, func(i int) error {
			switch i {
			case 0:
				return failing(t.store.Endpoints().Delete(t.ctx, endpoint.ID))
			case 1:
				err := failing(t.store.Deliveries().Save(t.ctx, driver.NewDelivery(endpoint.ID, another.ID)))
				return gone(err, driver.ErrMissingReference, "Deliveries.Save")
			case 2:
				return failing(t.store.Deliveries().SaveForEvent(t.ctx, event, []driver.Subscription{subscription}))
			case 3:
				return gone(failing(t.store.Deliveries().Replay(t.ctx, failed.ID)), driver.ErrMissingReference, "Deliveries.Replay")
			case 4:
				return gone(failing(t.store.Deliveries().Recover(t.ctx, endpoint.ID, time.Time{})), driver.ErrNotFound, "Deliveries.Recover")
			default:
				return gone(failing(t.store.Deliveries().RecordAttempt(t.ctx, pending.ID, newAttempt(fails))), driver.ErrState, "Deliveries.RecordAttempt")
			}
		})
		for _, d := range t.deliveriesTo(t.store, endpoint) {
			t.wantSound(d)
			equal(t, "ended with its endpoint", d.Status.Final(), true)
		}
	}
}

func dueLimits(t *test) {
	saved := t.saveDeliveries(t.saveEndpoint(), driver.DefaultLimit+5)
	slices.SortFunc(saved, func(a, b driver.Delivery) int { return byAge(*a.NextRetryAt, *b.NextRetryAt, a.ID, b.ID) })
	holdsToLimits(t, "Deliveries.GetPendingRetries", saved, func(limit int) ([]driver.Delivery, error) {
		return t.store.Deliveries().GetPendingRetries(t.ctx, limit)
	})
	for _, limit := range []int{-1, driver.MaxLimit + 1} {
		_, err := t.store.Deliveries().ClaimDue(t.ctx, limit, 0)
		t.wantInvalid(err, "Deliveries.ClaimDue", "limit")
	}
	equalList(t, "claimed by default", entityIDs(t.claim(0)), entityIDs(saved[:driver.DefaultLimit]))
	equalList(t, "claimed of the rest", entityIDs(t.claim(driver.MaxLimit)), entityIDs(saved[driver.DefaultLimit:]))
}

func dueEmpty(t *test) {
	if found := t.due(); found == nil || len(found) > 0 {
		t.Errorf("due without any: got %v, want an empty list", found)
	}
	if found := t.claim(0); found == nil || len(found) > 0 {
		t.Errorf("claimed without any: got %v, want an empty list", found)
	}
}

func dueClaimedInOrder(t *test) {
	saved := t.saveDue(t.saveEndpoint())
	var claimed []driver.Delivery
	for range saved {
		claimed = append(claimed, t.claim(2)...)
	}
	equalList(t, "claimed", entityIDs(claimed), entityIDs(saved))
}

func dueClaimedOnce(t *test) {
	const workers = 8
	want := entityIDs(t.saveDeliveries(t.saveEndpoint(), scale(200, 60)))
	claimed := make([][]uuid.UUID, workers)
	t.together(workers, func(i int) error {
		for {
			mine, err := t.store.Deliveries().ClaimDue(t.ctx, 1+i, 0)
			if err != nil || len(mine) == 0 { // the rest is in the hands of others
				return err
			}
			claimed[i] = append(claimed[i], entityIDs(mine)...)
			for _, d := range mine {
				if _, err := t.store.Deliveries().RecordAttempt(t.ctx, d.ID, driver.Attempt{Status: succeeds, LeaseToken: d.LeaseToken}); err != nil {
					return err
				}
			}
		}
	})
	got := slices.Concat(claimed...)
	sortIDs(got)
	sortIDs(want)
	equalList(t, "claimed", got, want)
	equal(t, "due afterwards", len(t.due()), 0)
}

func dueClaimedBeside(t *test) {
	t.needsConcurrent()
	saved := t.saveDue(t.saveEndpoint())
	end := t.hold(t.store, func(tx driver.Store) error {
		claimed, err := tx.Deliveries().ClaimDue(t.ctx, 3, 0)
		equalList(t, "claimed by the first", entityIDs(claimed), entityIDs(saved[:3]))
		return err
	})
	equalList(t, "claimed by the second", entityIDs(t.claim(3)), entityIDs(saved[3:6]))
	end(errUndo)
	equalList(t, "claimed after the rollback", entityIDs(t.claim(3)), entityIDs(saved[:3]))
}
