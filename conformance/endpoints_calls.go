package conformance

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointCalls = area{name: "Endpoints/Calls", behaviours: []behaviour{
	{"StopWhenTheContextHasEnded", endpointCallsStop},
	{"OfAClosedDBAreRefused", endpointCallsClosed},
	{"AfterTheTransactionEndedAreRefused", endpointCallsEnded},
}}

// callsOn are all methods of the repositories of endpoints and event types, but for
// ReencryptSecrets.
func callsOn(e driver.Endpoint, eventType driver.EventType) []repositoryCall {
	return []repositoryCall{
		{"Endpoints.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().Save(ctx, newEndpoint()))
		}},
		{"Endpoints.Update", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().Update(ctx, e))
		}},
		{"Endpoints.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().GetByID(ctx, e.ID))
		}},
		{"Endpoints.Exists", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().Exists(ctx, e.ID))
		}},
		{"Endpoints.GetByContext", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().GetByContext(ctx, nil, driver.ListOptions{}))
		}},
		{"Endpoints.GetActive", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().GetActive(ctx, 0))
		}},
		{"Endpoints.UpdateLastUsed", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().UpdateLastUsed(ctx, e.ID))
		}},
		{"Endpoints.MarkVerified", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().MarkVerified(ctx, e.ID, e.EndpointURL))
		}},
		{"Endpoints.RotateSecret", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().RotateSecret(ctx, e.ID, driver.RotateOptions{}))
		}},
		{"Endpoints.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Endpoints().Delete(ctx, e.ID))
		}},
		{"EventTypes.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().Save(ctx, newEventType("user.created")))
		}},
		{"EventTypes.Update", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().Update(ctx, eventType))
		}},
		{"EventTypes.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().GetByID(ctx, eventType.ID))
		}},
		{"EventTypes.GetByEventType", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().GetByEventType(ctx, eventType.EventType))
		}},
		{"EventTypes.GetByCategory", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().GetByCategory(ctx, eventType.Category, driver.ListOptions{}))
		}},
		{"EventTypes.GetEnabled", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().GetEnabled(ctx, 0))
		}},
		{"EventTypes.Exists", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().Exists(ctx, eventType.ID))
		}},
		{"EventTypes.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.EventTypes().Delete(ctx, eventType.ID))
		}},
	}
}

func endpointCallsStop(t *test) {
	endpoint, eventType := t.saveEndpoint(), t.saveEventTypes("order.placed")[0]
	t.wantStopped(callsOn(endpoint, eventType))
	sameEntities(t, "active endpoints", must(t, t.store.Endpoints().GetActive, 0), []driver.Endpoint{endpoint})
	t.wantEventTypes(eventType)
}

func endpointCallsClosed(t *test) {
	own := t.alone()
	calls := callsOn(own.saveEndpoint(), own.saveEventTypes("order.placed")[0])
	own.ok(own.db.Close())
	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

// endpointCallsEnded uses the Store of a transaction that is over.
func endpointCallsEnded(t *test) {
	endpoint, eventType := t.saveEndpoint(), t.saveEventTypes("order.placed")[0]
	var over driver.Store
	t.inTx(func(tx driver.Store) { over = tx })
	for _, call := range callsOn(endpoint, eventType) {
		t.wantErr(call.run(t.ctx, over), driver.ErrClosed, call.op)
	}
	sameEntities(t, "active endpoints", must(t, t.store.Endpoints().GetActive, 0), []driver.Endpoint{endpoint})
	t.wantEventTypes(eventType)
}
