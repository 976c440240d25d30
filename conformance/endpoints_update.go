package conformance

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointUpdate = area{name: "Endpoints/Update", behaviours: []behaviour{
	{"ReplacesEveryFieldThatSaveTakes", endpointUpdateReplaces},
	{"ClearsOptionalFields", endpointUpdateClears},
	{"FillsInTheDefaults", endpointUpdateFills},
	{"KeepsTheSecrets", endpointUpdateKeepsSecrets},
	{"KeepsWhatHasAMethodOfItsOwn", endpointUpdateKeepsRest},
	{"RaisesTheRevisionAndUpdatedAt", endpointUpdateRaises},
	{"OfTheURLClearsTheVerification", endpointUpdateURL},
	{"ThatActivatesSetsTheFailuresBack", endpointUpdateActivates},
	{"OfOneThatIsActiveKeepsTheFailures", endpointUpdateKeepsFailures},
	{"OfAStaleRevisionIsAConflict", endpointUpdateStale},
	{"OfAnUnknownOneIsNotFound", endpointUpdateUnknown},
	{"RefusesWhatBreaksARule", endpointUpdateRefuses},
	{"ChangesOneOnly", endpointUpdateOneOnly},
	{"LeavesTheGivenEndpointAlone", endpointUpdateLeavesAlone},
	{"OfTheSameRevisionAtOnceSucceedsOnce", endpointUpdateRace},
	{"LosesNothingAmongMany", endpointUpdateMany},
}}

// endpointUpdated is a stored endpoint with the changes of another: what Update makes of it.
func endpointUpdated(stored, given, got driver.Endpoint) driver.Endpoint {
	want := given
	want.ID, want.Revision, want.CreatedAt, want.UpdatedAt = stored.ID, stored.Revision+1, stored.CreatedAt, got.UpdatedAt
	want.SecretToken, want.PreviousSecretToken = stored.SecretToken, stored.PreviousSecretToken
	want.PreviousSecretUntil, want.LastUsedAt = stored.PreviousSecretUntil, stored.LastUsedAt
	if stored.EndpointURL == given.EndpointURL {
		want.IsVerified, want.VerifiedAt = stored.IsVerified, stored.VerifiedAt
	}
	return want
}

// wantUpdate updates an endpoint to what is given and checks what becomes of it.
func (t *test) wantUpdate(stored, given driver.Endpoint) driver.Endpoint {
	t.Helper()
	given.ID, given.Revision = stored.ID, stored.Revision
	got := must(t, t.store.Endpoints().Update, given)
	sameEntity(t, "endpoint updated", got, endpointUpdated(stored, given, got))
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, stored.ID), got)
	return got
}

func endpointUpdateReplaces(t *test) {
	full := fullEndpoint()
	t.wantUpdate(t.saveEndpoint(), full)
	t.wantUpdate(must(t, t.store.Endpoints().Save, full), newEndpoint())
}

func endpointUpdateClears(t *test) {
	bare := driver.NewEndpoint("Bare", "https://example.com")
	bare.CustomHeaders = map[string]driver.Secret{}
	bare.IsActive, bare.VerifySSL, bare.MaxRetryAttempts = false, false, 0
	t.wantUpdate(must(t, t.store.Endpoints().Save, fullEndpoint()), bare)
}

func endpointUpdateFills(t *test) {
	stored := must(t, t.store.Endpoints().Save, fullEndpoint())
	got := must(t, t.store.Endpoints().Update, driver.Endpoint{
		ID: stored.ID, Revision: stored.Revision, Name: "Bare", EndpointURL: "https://example.com",
	})
	sameEntity(t, "endpoint updated", got, endpointUpdated(stored, driver.Endpoint{
		Name: "Bare", EndpointURL: "https://example.com", HTTPMethod: "POST", SignatureHeader: driver.DefaultSignatureHeader,
		CustomHeaders: map[string]driver.Secret{}, TimeoutSeconds: 30, RetryBackoffSeconds: 5, RetryBackoffMultiplier: 2,
	}, got))
}

func endpointUpdateKeepsSecrets(t *test) {
	stored := must2(t, t.store.Endpoints().RotateSecret, t.saveEndpoint().ID, driver.RotateOptions{})
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, secret := range []driver.Secret{{}, driver.NewSecret("another")} {
		given := stored
		given.SecretToken, given.PreviousSecretToken, given.PreviousSecretUntil = secret, secret, &at
		stored = t.wantUpdate(stored, given)
	}
	equal(t, "the previous secret is kept", stored.PreviousSecretToken, newEndpoint().SecretToken)
}

// failing returns a stored endpoint with failed deliveries: all that has a method of its own is
// set.
func (t *test) failing(failures, disableAfter int) driver.Endpoint {
	t.Helper()
	saved := t.saveEndpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts, e.DisableAfterFailures = 0, disableAfter })
	must2(t, t.store.Endpoints().RotateSecret, saved.ID, driver.RotateOptions{})
	equal(t, "marked", must2(t, t.store.Endpoints().MarkVerified, saved.ID, saved.EndpointURL), true)
	equal(t, "touched", must(t, t.store.Endpoints().UpdateLastUsed, saved.ID), true)
	for range failures {
		delivery := must(t, t.store.Deliveries().Save, driver.NewDelivery(saved.ID, t.save(newEvent()).ID))
		must2(t, t.store.Deliveries().RecordAttempt, delivery.ID, driver.Attempt{Status: driver.AttemptFailed})
	}
	stored := must(t, t.store.Endpoints().GetByID, saved.ID)
	equal(t, "ConsecutiveFailures", stored.ConsecutiveFailures, failures)
	return stored
}

func endpointUpdateKeepsRest(t *test) {
	stored := t.failing(2, 0)
	given := newEndpoint()
	given.CreatedAt, given.UpdatedAt = time.Unix(1, 0), time.Unix(1, 0)
	given.IsVerified, given.VerifiedAt, given.LastUsedAt = false, nil, nil
	given.ID, given.Revision = stored.ID, stored.Revision
	got := must(t, t.store.Endpoints().Update, given)
	want := endpointUpdated(stored, given, got)
	want.ConsecutiveFailures, want.FailingSince = stored.ConsecutiveFailures, stored.FailingSince
	sameEntity(t, "endpoint updated", got, want)
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, stored.ID), got)
}

func endpointUpdateRaises(t *test) {
	stored := t.saveEndpoint()
	for revision := range int64(3) {
		before := t.now()
		got := must(t, t.store.Endpoints().Update, stored)
		equal(t, "Revision", got.Revision, revision+2)
		t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.now())
		equal(t, "CreatedAt", got.CreatedAt, stored.CreatedAt)
		stored = got
	}
}

func endpointUpdateURL(t *test) {
	id := t.saveEndpoint().ID
	t.verify(id)
	stored := must(t, t.store.Endpoints().GetByID, id)
	same := t.wantUpdate(stored, stored)
	equal(t, "IsVerified with the same URL", same.IsVerified, true)

	given := same
	given.EndpointURL += "?more"
	moved := must(t, t.store.Endpoints().Update, given)
	equal(t, "IsVerified with a new URL", moved.IsVerified, false)
	equal(t, "VerifiedAt with a new URL", instant(moved.VerifiedAt), "nil")
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, id), moved)

	// The old URL again is a new one, too.
	moved.EndpointURL = stored.EndpointURL
	back := must(t, t.store.Endpoints().Update, moved)
	equal(t, "IsVerified with the URL of before", back.IsVerified, false)
}

func endpointUpdateActivates(t *test) {
	stored := t.failing(2, 2)
	equal(t, "IsActive after the failures", stored.IsActive, false)
	if stored.DisabledAt == nil || stored.DisabledReason == "" || stored.FailingSince == nil {
		t.Fatalf("a disabled endpoint has DisabledAt %s, DisabledReason %q, FailingSince %s; want all to be set",
			instant(stored.DisabledAt), stored.DisabledReason, instant(stored.FailingSince))
	}

	left := must(t, t.store.Endpoints().Update, stored)
	want := stored
	want.Revision, want.UpdatedAt = left.Revision, left.UpdatedAt
	sameEntity(t, "endpoint left inactive", left, want)

	given := left
	given.IsActive = true
	active := must(t, t.store.Endpoints().Update, given)
	want = given
	want.Revision, want.UpdatedAt = active.Revision, active.UpdatedAt
	want.ConsecutiveFailures, want.FailingSince, want.DisabledAt, want.DisabledReason = 0, nil, nil, ""
	sameEntity(t, "endpoint active again", active, want)
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, stored.ID), active)
}

func endpointUpdateKeepsFailures(t *test) {
	stored := t.failing(2, 0)
	got := must(t, t.store.Endpoints().Update, stored)
	equal(t, "ConsecutiveFailures of one that stays active", got.ConsecutiveFailures, 2)
	got.IsActive = false
	got = must(t, t.store.Endpoints().Update, got)
	equal(t, "ConsecutiveFailures of one that becomes inactive", got.ConsecutiveFailures, 2)
	equal(t, "FailingSince of one that becomes inactive", instant(got.FailingSince), instant(stored.FailingSince))
}

func endpointUpdateStale(t *test) {
	first := t.saveEndpoint()
	latest := must(t, t.store.Endpoints().Update, changed(first, func(e *driver.Endpoint) { e.Name = "Second" }))
	for _, revision := range []int64{first.Revision, latest.Revision + 1, 0, -1} {
		_, err := t.store.Endpoints().Update(t.ctx, changed(latest, func(e *driver.Endpoint) { e.Revision = revision }))
		t.wantErrOn(err, driver.ErrConflict, "Endpoints.Update", "endpoint", first.ID.String())
	}
	sameEntity(t, "endpoint afterwards", must(t, t.store.Endpoints().GetByID, first.ID), latest)
}

func endpointUpdateUnknown(t *test) {
	t.saveEndpoint()
	for _, id := range []uuid.UUID{newID(), uuid.Max} {
		got, err := t.store.Endpoints().Update(t.ctx, changed(fullEndpoint(), func(e *driver.Endpoint) { e.ID, e.Revision = id, 1 }))
		t.wantErrOn(err, driver.ErrNotFound, "Endpoints.Update", "endpoint", id.String())
		sameEntity(t, "endpoint beside the error", got, driver.Endpoint{})
	}
	_, err := t.store.Endpoints().Update(t.ctx, newEndpoint()) // never saved
	t.wantErr(err, driver.ErrNotFound, "Endpoints.Update")
	equal(t, "endpoints stored", len(must(t, t.store.Endpoints().GetActive, 0)), 1)
}

func endpointUpdateRefuses(t *test) {
	stored := t.saveEndpoint()
	for _, spoil := range spoiledEndpoints() {
		_, err := t.store.Endpoints().Update(t.ctx, changed(stored, spoil.change))
		t.wantInvalid(err, "Endpoints.Update", spoil.field)
	}
	sameEntity(t, "endpoint afterwards", must(t, t.store.Endpoints().GetByID, stored.ID), stored)
}

func endpointUpdateOneOnly(t *test) {
	first, second := t.saveEndpoint(), must(t, t.store.Endpoints().Save, fullEndpoint())
	t.wantUpdate(first, fullEndpoint())
	sameEntity(t, "the other endpoint", must(t, t.store.Endpoints().GetByID, second.ID), second)
}

func endpointUpdateLeavesAlone(t *test) {
	stored := t.saveEndpoint()
	given := changed(newEndpoint(), func(e *driver.Endpoint) { e.ID, e.Revision = stored.ID, stored.Revision })
	before := changed(newEndpoint(), func(e *driver.Endpoint) { e.ID, e.Revision = stored.ID, stored.Revision })
	must(t, t.store.Endpoints().Update, given)
	sameEntity(t, "endpoint given to Update", given, before)
}

// endpointUpdateRace updates one revision from several goroutines.
func endpointUpdateRace(t *test) {
	const updaters = 6
	stored := t.saveEndpoint()
	won := make([]bool, updaters)
	t.together(updaters, func(i int) error {
		_, err := t.store.Endpoints().Update(t.ctx, changed(stored, func(e *driver.Endpoint) { e.Name = fmt.Sprint(i) }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrConflict, "Endpoints.Update"))
	})
	equal(t, "updaters that succeeded", count(won), 1)
	got := must(t, t.store.Endpoints().GetByID, stored.ID)
	equal(t, "Revision", got.Revision, 2)
	for i := range won {
		if won[i] {
			equal(t, "Name", got.Name, fmt.Sprint(i))
		}
	}
}

// updateLatest changes an endpoint, however often others come first.
func (t *test) updateLatest(id uuid.UUID, change func(*driver.Endpoint)) error {
	for {
		latest, err := t.store.Endpoints().GetByID(t.ctx, id)
		if err != nil {
			return err
		}
		_, err = t.store.Endpoints().Update(t.ctx, changed(latest, change))
		if !errors.Is(err, driver.ErrConflict) {
			return err
		}
	}
}

// endpointUpdateMany adds to a text, each time to the latest one. Touches in between are in
// nobody's way.
func endpointUpdateMany(t *test) {
	const updaters, each = 4, 5
	id := t.saveEndpoint().ID
	t.together(updaters, func(int) error {
		for range each {
			if err := t.updateLatest(id, func(e *driver.Endpoint) { e.Description += "x" }); err != nil {
				return err
			}
			if _, err := t.store.Endpoints().UpdateLastUsed(t.ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
	got := must(t, t.store.Endpoints().GetByID, id)
	equal(t, "Description", got.Description, strings.Repeat("x", updaters*each))
	equal(t, "Revision", got.Revision, updaters*each+1)
}
