package conformance

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

var secrets = area{name: "Secrets", behaviours: []behaviour{
	{"ComeBackAsTheyWere", secretsComeBack},
	{"CanBeReadByAnotherPoolWithTheKey", secretsOtherPool},
	{"OfOldKeysCanBeReadAndNewOnesAreUnderTheCurrentOne", secretsOldKeys},
	{"WithoutTheirKeyRefuseToOpenTheSchema", secretsMissingAtOpen},
	{"WithoutTheirKeyCannotBeRead", secretsMissing},
	{"WithoutTheirKeyStopNothingElse", secretsMissingElsewhere},
	{"OfBeforeThereWereKeysCanBeRead", secretsPlain},
	{"DoNotOpenWithAnotherKeyOfTheSameID", secretsWrongKey},
	{"OfSchemasHaveNothingToDoWithEachOther", secretsSchemas},
}}

// keys is the option of a key ring: the current key, and old ones. A key is made of its id.
func (t *test) keys(current string, old ...string) driver.Option {
	t.Helper()
	key := func(id string) driver.Key {
		bytes := sha256.Sum256([]byte(id))
		return driver.NewKey(id, bytes[:])
	}
	var others []driver.Key
	for _, id := range old {
		others = append(others, key(id))
	}
	ring, err := driver.NewKeyRing(key(current), others...)
	t.ok(err)
	return driver.WithKeyRing(ring)
}

// aloneWith is alone, in a database that can be opened a second time.
func (t *test) aloneWith(opts ...driver.Option) *test {
	t.Helper()
	if t.h.Reopen == nil {
		t.reopen()
	}
	return t.alone(opts...)
}

// again is the schema of the test, seen by another pool.
func (t *test) again(opts ...driver.Option) driver.Store {
	t.Helper()
	return t.openStore(t.reopen(opts...), t.store.Schema())
}

// wantMissingKey fails the test unless err tells, from the method op, which key is missing.
func (t *test) wantMissingKey(err error, op, keyID string) {
	t.Helper()
	t.wantErr(err, driver.ErrMissingKey, op)
	var missing *driver.MissingKeyError
	if !errors.As(err, &missing) {
		t.Errorf("%s: the error %v has no *driver.MissingKeyError", op, err)
		return
	}
	equal(t, "KeyID of the missing key", missing.KeyID, keyID)
	if !strings.Contains(err.Error(), `"`+keyID+`"`) || !strings.Contains(err.Error(), "WithKeyRing") {
		t.Errorf("%s: the error %q doesn't tell which key is missing and what to do", op, err)
	}
}

// wantSecrets fails the test unless these are the endpoints of a schema, with their secrets.
func (t *test) wantSecrets(store driver.Store, want ...driver.Endpoint) {
	t.Helper()
	for _, endpoint := range want {
		sameEntity(t, "endpoint", must(t, store.Endpoints().GetByID, endpoint.ID), endpoint)
	}
	all := driver.ListOptions{IncludeInactive: true, Limit: driver.MaxLimit}
	sameEntities(t, "endpoints of no context", must2(t, store.Endpoints().GetByContext, nil, all), oldestEndpoints(want...))
}

// saveSecrets saves endpoints with secrets of every kind.
func (t *test) saveSecrets(store driver.Store) []driver.Endpoint {
	t.Helper()
	full := changed(fullEndpoint(), func(e *driver.Endpoint) { e.ContextID = nil })
	var saved []driver.Endpoint
	for _, endpoint := range []driver.Endpoint{newEndpoint(), full, driver.NewEndpoint("Bare", "https://example.com")} {
		saved = append(saved, must(t, store.Endpoints().Save, endpoint))
	}
	saved[0] = must2(t, store.Endpoints().RotateSecret, saved[0].ID, driver.RotateOptions{})
	return saved
}

func secretsComeBack(t *test) {
	own := t.alone(t.keys("a"))
	saved := own.saveSecrets(own.store)
	equal(own, "previous secret", saved[0].PreviousSecretToken, newEndpoint().SecretToken)
	equal(own, "custom header", saved[1].CustomHeaders["X-Api-Key"], fullEndpoint().CustomHeaders["X-Api-Key"])
	own.wantSecrets(own.store, saved...)
	updated := must(own, own.store.Endpoints().Update, changed(saved[0], func(e *driver.Endpoint) { e.CustomHeaders = customHeader("changed") }))
	equal(own, "custom header", updated.CustomHeaders["X-Token"].Reveal(), "changed")
	saved[0] = updated
	own.wantSecrets(own.store, saved...)
	own.inTx(func(tx driver.Store) {
		own.wantSecrets(tx, saved...)
		saved = append(saved, own.saveSecrets(tx)...)
	})
	own.wantSecrets(own.store, saved...)
}

func secretsOtherPool(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := own.saveSecrets(own.store)
	own.wantSecrets(own.again(t.keys("a")), saved...)
	own.wantSecrets(own.again(t.keys("b", "c", "a")), saved...)
}

func secretsOldKeys(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := own.saveSecrets(own.store)
	both := own.again(t.keys("b", "a"))
	saved = append(saved, own.saveSecrets(both)...)
	own.wantSecrets(both, saved...)
	own.wantMissingKey(failing(own.store.Endpoints().GetByID(own.ctx, saved[3].ID)), "Endpoints.GetByID", "b")

	// What changes is under the current key from then on, as a whole.
	saved[0] = must(own, both.Endpoints().Update, saved[0])
	saved[1] = must2(own, both.Endpoints().RotateSecret, saved[1].ID, driver.RotateOptions{})
	own.wantSecrets(both, saved...)
	for _, moved := range saved[:2] {
		own.wantMissingKey(failing(own.store.Endpoints().GetByID(own.ctx, moved.ID)), "Endpoints.GetByID", "b")
	}
	sameEntity(own, "endpoint left alone", must(own, own.store.Endpoints().GetByID, saved[2].ID), saved[2])
}

func secretsMissingAtOpen(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := own.saveSecrets(own.store)
	_, err := own.reopen(t.keys("b"), driver.WithMigrations(driver.MigrateVerify)).Store(own.ctx, own.store.Schema())
	own.wantMissingKey(err, "Store", "a")
	for _, opts := range [][]driver.Option{{}, {t.keys("b", "c")}} {
		db := own.reopen(opts...)
		for range 2 {
			_, err := db.Store(own.ctx, own.store.Schema())
			own.wantMissingKey(err, "Store", "a")
		}
		own.saveSecrets(own.openStore(db, newSchema())) // another schema is another matter
	}
	own.wantSecrets(own.store, saved...)
	for _, endpoint := range saved {
		equal(own, "deleted", must(own, own.store.Endpoints().Delete, endpoint.ID), true)
	}
	own.wantSecrets(own.again(t.keys("b")))
}

func secretsMissing(t *test) {
	own := t.aloneWith(t.keys("a"))
	stored := own.saveEndpoint()
	for _, opts := range [][]driver.Option{{}, {t.keys("b")}} {
		// A pool that doesn't look when it opens finds out when it reads.
		store := own.again(append(opts, driver.WithMigrations(driver.MigrateNever))...)
		reads := []repositoryCall{
			{"Endpoints.GetByID", false, func(ctx context.Context, s driver.Store) error { return failing(s.Endpoints().GetByID(ctx, stored.ID)) }},
			{"Endpoints.GetActive", false, func(ctx context.Context, s driver.Store) error { return failing(s.Endpoints().GetActive(ctx, 0)) }},
			{"Endpoints.GetByContext", false, func(ctx context.Context, s driver.Store) error {
				return failing(s.Endpoints().GetByContext(ctx, nil, driver.ListOptions{}))
			}},
			{"Endpoints.Update", true, func(ctx context.Context, s driver.Store) error { return failing(s.Endpoints().Update(ctx, stored)) }},
			{"Endpoints.RotateSecret", true, func(ctx context.Context, s driver.Store) error {
				return failing(s.Endpoints().RotateSecret(ctx, stored.ID, driver.RotateOptions{}))
			}},
		}
		for _, read := range reads {
			own.wantMissingKey(read.run(own.ctx, store), read.op, "a")
		}
		own.ok(store.InTx(own.ctx, func(tx driver.Store) error {
			for _, read := range reads {
				own.wantMissingKey(read.run(own.ctx, tx), read.op, "a")
			}
			other := must(own, tx.Endpoints().Save, newEndpoint())
			equal(own, "deleted", must(own, tx.Endpoints().Delete, other.ID), true)
			return nil
		}))
	}
	own.wantSecrets(own.store, stored)
}

// secretsMissingElsewhere uses an endpoint without its key in every way that needs no secret.
func secretsMissingElsewhere(t *test) {
	own := t.aloneWith(t.keys("a"))
	stored := own.saveEndpoint()
	store := own.again(driver.WithMigrations(driver.MigrateNever))
	subscription := must(own, store.Subscriptions().Save, newSubscription(stored.ID))
	event := own.saveTo(store, newEvent())
	found, err := store.Subscriptions().GetMatching(own.ctx, event.EventType, nil, driver.MatchOptions{})
	own.ok(err)
	sameEntities(own, "matching subscriptions", found, []driver.Subscription{subscription})
	deliveries := must2(own, store.Deliveries().SaveForEvent, event, found)
	equal(own, "deliveries", len(deliveries), 1)
	equal(own, "used", must(own, store.Endpoints().UpdateLastUsed, stored.ID), true)
	equal(own, "verified", must2(own, store.Endpoints().MarkVerified, stored.ID, stored.EndpointURL), true)
	equal(own, "exists", must(own, store.Endpoints().Exists, stored.ID), true)
	got := must(own, own.store.Endpoints().GetByID, stored.ID)
	equal(own, "secret", got.SecretToken, stored.SecretToken)
	equal(own, "deleted", must(own, store.Endpoints().Delete, stored.ID), true)
}

func secretsPlain(t *test) {
	own := t.aloneWith()
	saved := own.saveSecrets(own.store)
	store := own.again(t.keys("a"))
	own.wantSecrets(store, saved...)
	saved[0] = must(own, store.Endpoints().Update, saved[0])
	own.wantSecrets(store, saved...)
	own.wantMissingKey(failing(own.store.Endpoints().GetByID(own.ctx, saved[0].ID)), "Endpoints.GetByID", "a")
	sameEntity(own, "endpoint left alone", must(own, own.store.Endpoints().GetByID, saved[1].ID), saved[1])
}

func secretsWrongKey(t *test) {
	own := t.aloneWith(t.keys("a"))
	stored := own.saveEndpoint()
	bytes := sha256.Sum256([]byte("another"))
	ring, err := driver.NewKeyRing(driver.NewKey("a", bytes[:]))
	own.ok(err)
	store := own.again(driver.WithKeyRing(ring))
	got, err := store.Endpoints().GetByID(own.ctx, stored.ID)
	own.wantErrOn(err, driver.ErrInternal, "Endpoints.GetByID", "endpoint", stored.ID.String())
	sameEntity(own, "endpoint beside the error", got, driver.Endpoint{})
	_, err = store.Endpoints().Update(own.ctx, stored)
	own.wantErr(err, driver.ErrInternal, "Endpoints.Update")
	_, err = store.Endpoints().RotateSecret(own.ctx, stored.ID, driver.RotateOptions{})
	own.wantErr(err, driver.ErrInternal, "Endpoints.RotateSecret")
	own.wantSecrets(own.store, stored)
}

func secretsSchemas(t *test) {
	own := t.aloneWith(t.keys("a"))
	first := own.saveSecrets(own.store)
	other := own.openStore(own.db, newSchema())
	same := must(own, other.Endpoints().Save, changed(newEndpoint(), func(e *driver.Endpoint) {
		e.ID, e.SecretToken = first[0].ID, driver.NewSecret("another")
	}))
	own.wantSecrets(own.store, first...)
	own.wantSecrets(other, same)
}
