package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointTouches = area{name: "Endpoints/Touches", behaviours: []behaviour{
	{"UpdateLastUsedSetsItToNow", touchUsed},
	{"UpdateLastUsedChangesNothingElse", touchUsedOnly},
	{"UpdateLastUsedNeverGoesBack", touchUsedForward},
	{"MarkVerifiedSetsItOnce", touchVerified},
	{"MarkVerifiedCountsAsAChange", touchVerifiedRevision},
	{"MarkVerifiedAfterANewURLSetsItAnew", touchVerifiedAnew},
	{"MarkVerifiedOfAnAddressItNoLongerHasChangesNothing", touchVerifiedElsewhere},
	{"OfAnUnknownOneAreFalse", touchUnknown},
	{"OfInactiveOnesWork", touchInactive},
}}

// touched returns an endpoint after a method that must have found it.
func (t *test) touched(found bool, id uuid.UUID) driver.Endpoint {
	t.Helper()
	equal(t, "found the endpoint", found, true)
	return must(t, t.store.Endpoints().GetByID, id)
}

func touchUsed(t *test) {
	saved := t.saveEndpoint()
	equal(t, "LastUsedAt at first", instant(saved.LastUsedAt), "nil")
	before := t.now()
	got := t.touched(must(t, t.store.Endpoints().UpdateLastUsed, saved.ID), saved.ID)
	t.wantBetween("LastUsedAt", got.LastUsedAt, before, t.now())
}

func touchUsedOnly(t *test) {
	want, other := must(t, t.store.Endpoints().Save, fullEndpoint()), t.saveEndpoint()
	got := t.touched(must(t, t.store.Endpoints().UpdateLastUsed, want.ID), want.ID)
	want.LastUsedAt = got.LastUsedAt
	sameEntity(t, "endpoint touched", got, want)
	sameEntity(t, "another endpoint", must(t, t.store.Endpoints().GetByID, other.ID), other)
	must(t, t.store.Endpoints().Update, want) // as read before: a touch is no change
}

// touchUsedForward touches from many goroutines: no read goes back behind another one.
func touchUsedForward(t *test) {
	id := t.saveEndpoint().ID
	t.touched(must(t, t.store.Endpoints().UpdateLastUsed, id), id)
	t.together(4, func(int) error {
		last, err := t.store.Endpoints().GetByID(t.ctx, id)
		for range 5 {
			if err == nil {
				_, err = t.store.Endpoints().UpdateLastUsed(t.ctx, id)
			}
			if err != nil {
				return err
			}
			var got driver.Endpoint
			if got, err = t.store.Endpoints().GetByID(t.ctx, id); err == nil && got.LastUsedAt.Before(*last.LastUsedAt) {
				t.Errorf("LastUsedAt went back from %s to %s", last.LastUsedAt, got.LastUsedAt)
			}
			last = got
		}
		return err
	})
}

func touchVerified(t *test) {
	saved := t.saveEndpoint()
	before := t.now()
	first := t.touched(must2(t, t.store.Endpoints().MarkVerified, saved.ID, saved.EndpointURL), saved.ID)
	t.wantBetween("VerifiedAt", first.VerifiedAt, before, t.now())
	want := saved
	want.IsVerified, want.VerifiedAt, want.Revision, want.UpdatedAt = true, first.VerifiedAt, 2, first.UpdatedAt
	sameEntity(t, "endpoint verified", first, want)

	second := t.touched(must2(t, t.store.Endpoints().MarkVerified, saved.ID, saved.EndpointURL), saved.ID)
	want.Revision, want.UpdatedAt = 3, second.UpdatedAt
	sameEntity(t, "endpoint verified again", second, want)
}

func touchVerifiedRevision(t *test) {
	stale := t.saveEndpoint()
	before := t.now()
	got := t.touched(must2(t, t.store.Endpoints().MarkVerified, stale.ID, stale.EndpointURL), stale.ID)
	t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.now())
	_, err := t.store.Endpoints().Update(t.ctx, stale)
	t.wantErrOn(err, driver.ErrConflict, "Endpoints.Update", "endpoint", stale.ID.String())
}

func touchVerifiedAnew(t *test) {
	id := t.saveEndpoint().ID
	first := t.touched(t.verify(id), id)
	moved := first
	moved.EndpointURL = "https://example.com/elsewhere"
	must(t, t.store.Endpoints().Update, moved)
	before := t.now()
	second := t.touched(t.verify(id), id)
	equal(t, "IsVerified", second.IsVerified, true)
	t.wantBetween("VerifiedAt", second.VerifiedAt, before, t.now())
}

// verify marks an endpoint as verified at the address that it has.
func (t *test) verify(id uuid.UUID) bool {
	t.Helper()
	return must2(t, t.store.Endpoints().MarkVerified, id, must(t, t.store.Endpoints().GetByID, id).EndpointURL)
}

// Whoever answered at the address before must not verify the next one.
func touchVerifiedElsewhere(t *test) {
	saved := t.saveEndpoint()
	moved := saved
	moved.EndpointURL = "https://example.com/elsewhere"
	moved = must(t, t.store.Endpoints().Update, moved)
	equal(t, "verified at the address it had", must2(t, t.store.Endpoints().MarkVerified, saved.ID, saved.EndpointURL), false)
	sameEntity(t, "the moved one", must(t, t.store.Endpoints().GetByID, saved.ID), moved)
}

func touchUnknown(t *test) {
	saved := t.saveEndpoint()
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "used an unknown one", must(t, t.store.Endpoints().UpdateLastUsed, id), false)
		equal(t, "verified an unknown one", must2(t, t.store.Endpoints().MarkVerified, id, saved.EndpointURL), false)
	}
	sameEntity(t, "the stored one", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
}

func touchInactive(t *test) {
	id := t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false }).ID
	t.touched(must(t, t.store.Endpoints().UpdateLastUsed, id), id)
	got := t.touched(t.verify(id), id)
	equal(t, "IsActive", got.IsActive, false)
}
