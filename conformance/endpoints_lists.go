package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointLists = area{name: "Endpoints/Lists", behaviours: []behaviour{
	{"GetByIDOfAnUnknownIDIsNotFound", endpointGetUnknown},
	{"ExistsTellsWhatIsStored", endpointExists},
	{"GetByContextOfNilIsTheContextFreeOnly", endpointsOfNoContext},
	{"GetByContextSeesOneContextOnly", endpointsOfContext},
	{"ShowActiveOnesUnlessAskedForAll", endpointsActive},
	{"GetActiveIsOfEveryContext", endpointsOfEveryContext},
	{"AreOldestFirst", endpointsOldestFirst},
	{"KeepTheirOrderThroughUpdates", endpointsOrderStays},
	{"HoldToTheLimits", endpointsLimits},
	{"OfNothingAreEmpty", endpointsNone},
}}

func endpointGetUnknown(t *test) {
	t.saveEndpoint()
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		got, err := t.store.Endpoints().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "Endpoints.GetByID", "endpoint", id.String())
		sameEntity(t, "endpoint beside the error", got, driver.Endpoint{})
	}
}

func endpointExists(t *test) {
	saved := t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false })
	equal(t, "a stored one exists", must(t, t.store.Endpoints().Exists, saved.ID), true)
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "an unknown one exists", must(t, t.store.Endpoints().Exists, id), false)
	}
}

// wantInContext fails the test unless these are the endpoints of a context.
func (t *test) wantInContext(contextID *uuid.UUID, opts driver.ListOptions, want ...driver.Endpoint) {
	t.Helper()
	found := must2(t, t.store.Endpoints().GetByContext, contextID, opts)
	sameEntities(t, fmt.Sprintf("endpoints of the context %s, %+v", optional(contextID), opts), found, want)
}

// saveEndpointsIn saves an active and an inactive endpoint in each of these contexts.
func (t *test) saveEndpointsIn(contextIDs ...*uuid.UUID) (active, inactive []driver.Endpoint) {
	t.Helper()
	for _, id := range contextIDs {
		active = append(active, t.saveEndpoint(func(e *driver.Endpoint) { e.ContextID = id }))
		inactive = append(inactive, t.saveEndpoint(func(e *driver.Endpoint) { e.ContextID, e.IsActive = id, false }))
	}
	return active, inactive
}

func endpointsOfNoContext(t *test) {
	active, _ := t.saveEndpointsIn(nil, ptr(newID()), ptr(newID()))
	t.wantInContext(nil, driver.ListOptions{}, active[0])
}

func endpointsOfContext(t *test) {
	first, second := newID(), newID()
	active, _ := t.saveEndpointsIn(&first, &second, nil)
	t.wantInContext(&first, driver.ListOptions{}, active[0])
	t.wantInContext(&second, driver.ListOptions{}, active[1])
	t.wantInContext(ptr(newID()), driver.ListOptions{})
	t.wantInContext(&uuid.Nil, driver.ListOptions{})
}

func endpointsActive(t *test) {
	id := newID()
	active, inactive := t.saveEndpointsIn(&id, nil)
	for i, contextID := range []*uuid.UUID{&id, nil} {
		t.wantInContext(contextID, driver.ListOptions{}, active[i])
		t.wantInContext(contextID, driver.ListOptions{IncludeInactive: true}, oldestEndpoints(active[i], inactive[i])...)
	}
}

func endpointsOfEveryContext(t *test) {
	active, _ := t.saveEndpointsIn(ptr(newID()), nil, ptr(newID()))
	sameEntities(t, "active ones", must(t, t.store.Endpoints().GetActive, 0), oldestEndpoints(active...))
}

// oldestEndpoints returns endpoints by CreatedAt, then ID.
func oldestEndpoints(endpoints ...driver.Endpoint) []driver.Endpoint {
	return slices.SortedFunc(slices.Values(endpoints), func(a, b driver.Endpoint) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
}

// saveInDescendingIDs saves endpoints whose ids fall, some of them in one transaction, so that they
// may have the same CreatedAt.
func (t *test) saveInDescendingIDs(n int) []driver.Endpoint {
	t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = newID()
	}
	var saved []driver.Endpoint
	save := func(store driver.Store, ids []uuid.UUID) {
		for _, id := range ids {
			saved = append(saved, must(t, store.Endpoints().Save, changed(newEndpoint(), func(e *driver.Endpoint) { e.ID = id })))
		}
	}
	ids = reversed(ids)
	save(t.store, ids[:n/2])
	t.inTx(func(tx driver.Store) { save(tx, ids[n/2:]) })
	return saved
}

func endpointsOldestFirst(t *test) {
	want := oldestEndpoints(t.saveInDescendingIDs(12)...)
	sameEntities(t, "active ones", must(t, t.store.Endpoints().GetActive, 0), want)
	t.wantInContext(nil, driver.ListOptions{}, want...)
	t.wantInContext(nil, driver.ListOptions{IncludeInactive: true}, want...)
}

func endpointsOrderStays(t *test) {
	want := oldestEndpoints(t.saveInDescendingIDs(4)...)
	want[0] = must(t, t.store.Endpoints().Update, want[0])
	want[1] = must2(t, t.store.Endpoints().RotateSecret, want[1].ID, driver.RotateOptions{})
	equal(t, "touched", must(t, t.store.Endpoints().UpdateLastUsed, want[2].ID), true)
	want[2] = must(t, t.store.Endpoints().GetByID, want[2].ID)
	sameEntities(t, "active ones", must(t, t.store.Endpoints().GetActive, 0), want)
}

func endpointsLimits(t *test) {
	want := oldestEndpoints(t.saveInDescendingIDs(driver.DefaultLimit + 5)...)
	holdsToLimits(t, "Endpoints.GetActive", want, func(limit int) ([]driver.Endpoint, error) {
		return t.store.Endpoints().GetActive(t.ctx, limit)
	})
	for _, include := range []bool{false, true} {
		holdsToLimits(t, "Endpoints.GetByContext", want, func(limit int) ([]driver.Endpoint, error) {
			return t.store.Endpoints().GetByContext(t.ctx, nil, driver.ListOptions{IncludeInactive: include, Limit: limit})
		})
	}
	_, err := t.store.Endpoints().GetByContext(t.ctx, ptr(newID()), driver.ListOptions{Limit: -1})
	t.wantInvalid(err, "Endpoints.GetByContext", "limit")
}

func endpointsNone(t *test) {
	equal(t, "active ones", len(must(t, t.store.Endpoints().GetActive, 0)), 0)
	t.wantInContext(nil, driver.ListOptions{})
	t.wantInContext(ptr(newID()), driver.ListOptions{IncludeInactive: true})
}
