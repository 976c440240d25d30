package conformance

import (
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryLists = area{name: "Deliveries/Lists", behaviours: []behaviour{
	{"GetByEndpointIsNewestFirstThenByID", listsByEndpoint},
	{"GetByEventIsOldestFirstThenByID", listsByEvent},
	{"LeaveOutTheAttempts", listsWithoutAttempts},
	{"HoldToTheirLimits", listsLimits},
	{"AreEmptyWithoutRows", listsEmpty},
}}

// saveDeliveriesInDisorder saves deliveries with ids that don't rise, some at the same moment, and
// returns them oldest first.
func (t *test) saveDeliveriesInDisorder(n int, next func(tx driver.Store) driver.Delivery) []driver.Delivery {
	t.Helper()
	saved := []driver.Delivery{}
	for from := 0; from < n; from += n/2 + 1 {
		t.inTx(func(tx driver.Store) {
			for range min(n/2+1, n-from) {
				delivery := next(tx)
				delivery.ID = uuid.New()
				saved = append(saved, must(t, tx.Deliveries().Save, delivery))
			}
		})
	}
	slices.SortFunc(saved, func(a, b driver.Delivery) int { return byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
	return saved
}

// toOneEndpoint is deliveries of different events to one endpoint.
func (t *test) toOneEndpoint(n int) (driver.Endpoint, []driver.Delivery) {
	t.Helper()
	endpoint := t.saveEndpoint()
	return endpoint, t.saveDeliveriesInDisorder(n, func(tx driver.Store) driver.Delivery {
		return driver.NewDelivery(endpoint.ID, t.saveTo(tx, newEvent()).ID)
	})
}

// ofOneEvent is deliveries of one event to different endpoints.
func (t *test) ofOneEvent(n int) (driver.Event, []driver.Delivery) {
	t.Helper()
	event := t.save(newEvent())
	return event, t.saveDeliveriesInDisorder(n, func(tx driver.Store) driver.Delivery {
		return driver.NewDelivery(must(t, tx.Endpoints().Save, newEndpoint()).ID, event.ID)
	})
}

func listsByEndpoint(t *test) {
	endpoint, saved := t.toOneEndpoint(9)
	t.toOneEndpoint(3)
	sameEntities(t, "deliveries to the endpoint", t.deliveriesTo(t.store, endpoint), reversed(saved))
}

func listsByEvent(t *test) {
	event, saved := t.ofOneEvent(9)
	t.ofOneEvent(3)
	sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, event.ID, 0), saved)
}

func listsWithoutAttempts(t *test) {
	endpoint := t.saveEndpoint()
	saved := bare(t.saveDelivery(endpoint, oldAttempt(fails, longAgo), oldAttempt(timesOut, longAgo)))
	sameEntities(t, "deliveries to the endpoint", t.deliveriesTo(t.store, endpoint), saved)
	sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, saved[0].EventID, 0), saved)
	sameEntities(t, "due", t.due(), saved)
	if claimed := t.claim(0); claimed[0].Attempts != nil {
		t.Errorf("a claimed delivery comes with %d attempts, want none", len(claimed[0].Attempts))
	}
}

func listsLimits(t *test) {
	endpoint, saved := t.toOneEndpoint(driver.DefaultLimit + 5)
	holdsToLimits(t, "Deliveries.GetByEndpoint", reversed(saved), func(limit int) ([]driver.Delivery, error) {
		return t.store.Deliveries().GetByEndpoint(t.ctx, endpoint.ID, limit)
	})
	event, saved := t.ofOneEvent(driver.DefaultLimit + 5)
	holdsToLimits(t, "Deliveries.GetByEvent", saved, func(limit int) ([]driver.Delivery, error) {
		return t.store.Deliveries().GetByEvent(t.ctx, event.ID, limit)
	})
}

func listsEmpty(t *test) {
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		for _, found := range [][]driver.Delivery{
			must2(t, t.store.Deliveries().GetByEndpoint, id, 0), must2(t, t.store.Deliveries().GetByEvent, id, 0),
		} {
			if found == nil || len(found) > 0 {
				t.Errorf("a list without rows: got %v, want an empty one", found)
			}
		}
	}
}
