package conformance

import (
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionReads = area{name: "Subscriptions/Reads", behaviours: []behaviour{
	{"GetByIDOfAnUnknownOneIsNotFound", subscriptionReadsUnknown},
	{"ExistsTellsIfItIsThere", subscriptionReadsExists},
	{"GetByEndpointIsOfThatEndpoint", subscriptionReadsByEndpoint},
	{"GetByEventTypeIsOfExactlyThatPattern", subscriptionReadsByEventType},
	{"GetByEventTypeRefusesWhatNoneCanHave", subscriptionReadsRefusesType},
	{"GetByContextNeverCrossesContexts", subscriptionReadsByContext},
	{"GetActiveIsOfEveryContext", subscriptionReadsActive},
	{"LeaveOutTheInactiveUnlessAsked", subscriptionReadsInactive},
	{"AreOldestFirstThenByID", subscriptionReadsOrder},
	{"HoldToTheirLimits", subscriptionReadsLimits},
	{"AreEmptyWithoutRows", subscriptionReadsEmpty},
}}

// subscriptionLists are the lists that a subscription is in, as far as its fields go.
var subscriptionLists = []struct {
	name string
	call func(t *test, like driver.Subscription, opts driver.ListOptions) ([]driver.Subscription, error)
}{
	{"GetByEndpoint", func(t *test, like driver.Subscription, opts driver.ListOptions) ([]driver.Subscription, error) {
		return t.store.Subscriptions().GetByEndpoint(t.ctx, like.EndpointID, opts)
	}},
	{"GetByEventType", func(t *test, like driver.Subscription, opts driver.ListOptions) ([]driver.Subscription, error) {
		return t.store.Subscriptions().GetByEventType(t.ctx, like.EventType, opts)
	}},
	{"GetByContext", func(t *test, like driver.Subscription, opts driver.ListOptions) ([]driver.Subscription, error) {
		return t.store.Subscriptions().GetByContext(t.ctx, like.ContextID, opts)
	}},
	{"GetActive", func(t *test, _ driver.Subscription, opts driver.ListOptions) ([]driver.Subscription, error) {
		return t.store.Subscriptions().GetActive(t.ctx, opts.Limit)
	}},
}

func subscriptionReadsUnknown(t *test) {
	t.saveSubscription(t.saveEndpoint())
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		got, err := t.store.Subscriptions().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "Subscriptions.GetByID", "subscription", id.String())
		sameEntity(t, "subscription beside an error", got, driver.Subscription{})
	}
}

func subscriptionReadsExists(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	for id, want := range map[uuid.UUID]bool{saved.ID: true, saved.EndpointID: false, newID(): false, uuid.Nil: false} {
		equal(t, "there", must(t, t.store.Subscriptions().Exists, id), want)
	}
}

func subscriptionReadsByEndpoint(t *test) {
	one, other := t.saveEndpoint(), t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false })
	for _, endpoint := range []driver.Endpoint{one, other} {
		saved := []driver.Subscription{t.saveSubscription(endpoint), t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID = ptr(newID()) })}
		sameEntities(t, "subscriptions of the endpoint", must2(t, t.store.Subscriptions().GetByEndpoint, endpoint.ID, driver.ListOptions{}), saved)
	}
}

func subscriptionReadsByEventType(t *test) {
	endpoint := t.saveEndpoint()
	for _, pattern := range []string{"order.placed", "order.*", "order.placed.*", "*", "Order.placed", "order.placed.late", "order"} {
		saved := []driver.Subscription{t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = pattern })}
		sameEntities(t, "subscriptions to "+pattern, must2(t, t.store.Subscriptions().GetByEventType, pattern, driver.ListOptions{}), saved)
	}
	got := must2(t, t.store.Subscriptions().GetByEventType, "order.plaxed", driver.ListOptions{}) // _ or x are no wildcards
	equal(t, "subscriptions to another type", len(got), 0)
}

func subscriptionReadsRefusesType(t *test) {
	for _, pattern := range []string{"", "order.", "*.placed", canary + " placed", "order.%", "order\x00", "\xff"} {
		got, err := t.store.Subscriptions().GetByEventType(t.ctx, pattern, driver.ListOptions{})
		t.wantInvalid(err, "Subscriptions.GetByEventType", "event_type")
		equal(t, "subscriptions beside an error", len(got), 0)
	}
}

func subscriptionReadsByContext(t *test) {
	endpoint := t.saveEndpoint()
	for _, id := range []*uuid.UUID{nil, ptr(newID()), ptr(newID())} {
		saved := []driver.Subscription{
			t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID = id }),
			t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID, s.EventType = id, "*" }),
		}
		got := must2(t, t.store.Subscriptions().GetByContext, id, driver.ListOptions{})
		sameEntities(t, "subscriptions of context "+optional(id), got, saved)
	}
	equal(t, "subscriptions of another context", len(must2(t, t.store.Subscriptions().GetByContext, ptr(newID()), driver.ListOptions{})), 0)
	equal(t, "subscriptions of the zero context", len(must2(t, t.store.Subscriptions().GetByContext, ptr(uuid.Nil), driver.ListOptions{})), 0)
}

func subscriptionReadsActive(t *test) {
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false }) // of no account here
	saved := []driver.Subscription{
		t.saveSubscription(endpoint),
		t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID = ptr(newID()) }),
	}
	t.saveSubscription(endpoint, func(s *driver.Subscription) { s.IsActive = false })
	sameEntities(t, "active ones", must(t, t.store.Subscriptions().GetActive, 0), saved)
}

func subscriptionReadsInactive(t *test) {
	endpoint, context := t.saveEndpoint(), newID()
	saved := make([]driver.Subscription, 4)
	for i := range saved {
		saved[i] = t.saveSubscription(endpoint, func(s *driver.Subscription) { s.IsActive, s.ContextID = i%2 == 0, &context })
	}
	active := []driver.Subscription{saved[0], saved[2]}
	for _, list := range subscriptionLists {
		found, err := list.call(t, saved[0], driver.ListOptions{})
		t.ok(err)
		sameEntities(t, list.name, found, active)
		if list.name == "GetActive" {
			continue
		}
		found, err = list.call(t, saved[0], driver.ListOptions{IncludeInactive: true})
		t.ok(err)
		sameEntities(t, list.name+" with the inactive", found, saved)
	}
}

// saveSubscriptionsInDisorder saves subscriptions with ids that don't rise, some at the same
// moment, and returns them in the order of lists.
func (t *test) saveSubscriptionsInDisorder(endpoint driver.Endpoint, n int, changes ...func(*driver.Subscription)) []driver.Subscription {
	t.Helper()
	saved := []driver.Subscription{}
	for from := 0; from < n; from += n/2 + 1 {
		t.inTx(func(tx driver.Store) {
			for range min(n/2+1, n-from) {
				subscription := newSubscription(endpoint.ID)
				subscription.ID = uuid.New()
				saved = append(saved, must(t, tx.Subscriptions().Save, changed(subscription, changes...)))
			}
		})
	}
	slices.SortFunc(saved, func(a, b driver.Subscription) int { return byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
	return saved
}

func subscriptionReadsOrder(t *test) {
	context := newID()
	saved := t.saveSubscriptionsInDisorder(t.saveEndpoint(), 9, func(s *driver.Subscription) { s.ContextID = &context })
	for _, list := range subscriptionLists {
		for _, limit := range []int{0, 1, 4, 9} {
			found, err := list.call(t, saved[0], driver.ListOptions{Limit: limit})
			t.ok(err)
			want := saved
			if limit > 0 {
				want = saved[:limit]
			}
			sameEntities(t, fmt.Sprintf("%s, limit %d", list.name, limit), found, want)
		}
	}
}

func subscriptionReadsLimits(t *test) {
	context := newID()
	saved := t.saveSubscriptionsInDisorder(t.saveEndpoint(), driver.DefaultLimit+5, func(s *driver.Subscription) { s.ContextID = &context })
	for _, list := range subscriptionLists {
		holdsToLimits(t, "Subscriptions."+list.name, saved, func(limit int) ([]driver.Subscription, error) {
			return list.call(t, saved[0], driver.ListOptions{Limit: limit})
		})
		_, err := list.call(t, saved[0], driver.ListOptions{IncludeInactive: true, Limit: math.MinInt})
		t.wantInvalid(err, "Subscriptions."+list.name, "limit")
	}
}

func subscriptionReadsEmpty(t *test) {
	for _, like := range []driver.Subscription{newSubscription(newID()), fullSubscription(newID(), newID()), newSubscription(uuid.Nil)} {
		for _, list := range subscriptionLists {
			found, err := list.call(t, like, driver.ListOptions{})
			t.ok(err)
			if found == nil || len(found) > 0 {
				t.Errorf("%s without rows: got %v, want an empty list", list.name, found)
			}
		}
	}
}
