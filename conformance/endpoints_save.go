package conformance

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointSave = area{name: "Endpoints/Save", behaviours: []behaviour{
	{"ReturnsWhatAReadReturns", endpointSaveReturns},
	{"KeepsEveryField", endpointSaveKeeps},
	{"FillsInTheDefaults", endpointSaveFills},
	{"StoresZerosThatMeanSomething", endpointSaveZeros},
	{"MakesAnIDAndKeepsAGivenOne", endpointSaveIDs},
	{"MakesASecretOfItsOwnForEach", endpointSaveMakesSecret},
	{"KeepsAGivenSecret", endpointSaveKeepsSecret},
	{"ClearsWhatIsNotTheCallers", endpointSaveClears},
	{"TakesItsTimesFromTheDatabase", endpointSaveTimes},
	{"RefusesATakenIDAndChangesNothing", endpointSaveTaken},
	{"RefusesWhatBreaksARule", endpointSaveRefuses},
	{"TakesWhatIsJustWithinTheRules", endpointSaveTakes},
	{"LeavesTheGivenEndpointAlone", endpointSaveLeavesAlone},
	{"OfTheSameIDAtOnceSucceedsOnce", endpointSaveRace},
}}

func endpointSaveReturns(t *test) {
	for _, endpoint := range []driver.Endpoint{newEndpoint(), fullEndpoint(), driver.NewEndpoint("Bare", "https://example.com")} {
		saved := must(t, t.store.Endpoints().Save, endpoint)
		sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
	}
}

// endpointAsStored is an endpoint as it must come back: as given, with what only the backend knows.
func endpointAsStored(given, saved driver.Endpoint) driver.Endpoint {
	given.ID, given.CreatedAt, given.UpdatedAt, given.Revision = saved.ID, saved.CreatedAt, saved.UpdatedAt, 1
	if given.SecretToken.IsZero() {
		given.SecretToken = saved.SecretToken
	}
	return given
}

func endpointSaveKeeps(t *test) {
	given := fullEndpoint()
	saved := must(t, t.store.Endpoints().Save, given)
	equal(t, "ID", saved.ID, given.ID)
	sameEntity(t, "endpoint saved", saved, endpointAsStored(given, saved))
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, given.ID), endpointAsStored(given, saved))
}

func endpointSaveFills(t *test) {
	saved := must(t, t.store.Endpoints().Save, driver.Endpoint{Name: "Bare", EndpointURL: "https://example.com"})
	sameEntity(t, "endpoint saved", saved, endpointAsStored(driver.Endpoint{
		Name: "Bare", EndpointURL: "https://example.com", HTTPMethod: "POST", SignatureHeader: driver.DefaultSignatureHeader,
		CustomHeaders: map[string]driver.Secret{}, TimeoutSeconds: 30, RetryBackoffSeconds: 5, RetryBackoffMultiplier: 2,
	}, saved))
}

// endpointSaveZeros stores what NewEndpoint would have set otherwise: Save takes it as it is.
func endpointSaveZeros(t *test) {
	saved := t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive, e.VerifySSL, e.MaxRetryAttempts = false, false, 0 })
	got := must(t, t.store.Endpoints().GetByID, saved.ID)
	equal(t, "IsActive", got.IsActive, false)
	equal(t, "VerifySSL", got.VerifySSL, false)
	equal(t, "MaxRetryAttempts", got.MaxRetryAttempts, 0)
}

func endpointSaveIDs(t *test) {
	made := t.saveEndpoint()
	equal(t, "version of an ID that was made", made.ID.Version(), 7)
	for _, id := range []uuid.UUID{newID(), uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), uuid.Max} {
		saved := t.saveEndpoint(func(e *driver.Endpoint) { e.ID = id })
		equal(t, "ID", saved.ID, id)
		sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, id), saved)
	}
}

// wantMadeSecret fails the test unless a secret is 32 bytes as Standard Webhooks writes them.
func (t *test) wantMadeSecret(secret driver.Secret) {
	t.Helper()
	encoded, standard := strings.CutPrefix(secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !standard || err != nil || len(key) != 32 {
		t.Errorf("the secret that was made is %q, want whsec_ and the base64 of 32 bytes", secret.Reveal())
	}
}

func endpointSaveMakesSecret(t *test) {
	seen := map[driver.Secret]bool{}
	for range 3 {
		saved := t.saveEndpoint(func(e *driver.Endpoint) { e.SecretToken = driver.Secret{} })
		t.wantMadeSecret(saved.SecretToken)
		if seen[saved.SecretToken] {
			t.Error("two endpoints have the same secret")
		}
		seen[saved.SecretToken] = true
		sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
	}
}

func endpointSaveKeepsSecret(t *test) {
	for _, text := range []string{
		"x", strings.Repeat("x", driver.MaxSecret), "Wh\u00fcsec_ \t\n'\"\\", "whsec", "plain.secret", "v1.key.AAAA", "null", "{}",
		"whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24))),
		"whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 64))),
	} {
		saved := t.saveEndpoint(func(e *driver.Endpoint) {
			e.SecretToken = driver.NewSecret(text)
			e.CustomHeaders = map[string]driver.Secret{"X-Token": driver.NewSecret(strings.Map(withoutControls, text))}
		})
		got := must(t, t.store.Endpoints().GetByID, saved.ID)
		equal(t, "secret", got.SecretToken.Reveal(), text)
		equal(t, "custom header", got.CustomHeaders["X-Token"].Reveal(), strings.Map(withoutControls, text))
	}
}

func withoutControls(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

func endpointSaveClears(t *test) {
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	saved := t.saveEndpoint(func(e *driver.Endpoint) {
		e.PreviousSecretToken, e.PreviousSecretUntil = driver.NewSecret("previous"), &at
		e.IsVerified, e.VerifiedAt, e.LastUsedAt = true, &at, &at
		e.ConsecutiveFailures, e.FailingSince, e.DisabledAt, e.DisabledReason = 3, &at, &at, "why"
		e.CreatedAt, e.UpdatedAt, e.Revision = at, at, 9
	})
	sameEntity(t, "endpoint saved", saved, endpointAsStored(newEndpoint(), saved))
	if saved.CreatedAt.Equal(at) || saved.UpdatedAt.Equal(at) {
		t.Errorf("created at %s, updated at %s: want the database's now", saved.CreatedAt, saved.UpdatedAt)
	}
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
}

// wantBetween fails the test unless a moment lies between two of the database's clock.
func (t *test) wantBetween(what string, at *time.Time, before, after time.Time) {
	t.Helper()
	if at == nil {
		t.Errorf("%s: got nil, want a time", what)
		return
	}
	if at.Before(before) || at.After(after) || at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
		t.Errorf("%s: got %s, want UTC in whole microseconds from %s to %s", what, instant(at), before, after)
	}
}

func endpointSaveTimes(t *test) {
	before := t.now()
	saved := t.saveEndpoint()
	t.wantBetween("CreatedAt", &saved.CreatedAt, before, t.now())
	equal(t, "UpdatedAt", saved.UpdatedAt, saved.CreatedAt)
	equal(t, "Revision", saved.Revision, 1)
}

func endpointSaveTaken(t *test) {
	saved := must(t, t.store.Endpoints().Save, fullEndpoint())
	other := t.saveEndpoint()
	_, err := t.store.Endpoints().Save(t.ctx, changed(newEndpoint(), func(e *driver.Endpoint) { e.ID = saved.ID }))
	t.wantErrOn(err, driver.ErrAlreadyExists, "Endpoints.Save", "endpoint", saved.ID.String())
	_, err = t.store.Endpoints().Save(t.ctx, saved)
	t.wantErrOn(err, driver.ErrAlreadyExists, "Endpoints.Save", "endpoint", saved.ID.String())
	sameEntity(t, "endpoint there before", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
	sameEntities(t, "active ones", must(t, t.store.Endpoints().GetActive, 0), []driver.Endpoint{other})
}

func endpointSaveLeavesAlone(t *test) {
	given, before := newEndpoint(), newEndpoint()
	saved := must(t, t.store.Endpoints().Save, given)
	sameEntity(t, "endpoint given to Save", given, before)
	given.CustomHeaders["X-Later"] = driver.NewSecret("later")
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
	equal(t, "custom headers returned", len(saved.CustomHeaders), 1)
}

// endpointSaveRace saves the same id from several goroutines: one of them gets it.
func endpointSaveRace(t *test) {
	const savers = 6
	id := newID()
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		_, err := t.store.Endpoints().Save(t.ctx, changed(newEndpoint(), func(e *driver.Endpoint) { e.ID = id }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "Endpoints.Save"))
	})
	equal(t, "savers that succeeded", count(won), 1)
}

// count is how many are true.
func count(all []bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}
