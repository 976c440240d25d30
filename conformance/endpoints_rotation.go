package conformance

import (
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointRotation = area{name: "Endpoints/RotateSecret", behaviours: []behaviour{
	{"MakesASecretAndKeepsThePrevious", rotateMakes},
	{"TakesAGivenSecret", rotateTakes},
	{"ChangesNothingElse", rotateOnly},
	{"CountsTheGraceFromNow", rotateGrace},
	{"KeepsOnePreviousOnly", rotateKeepsOne},
	{"WithoutGraceEndsThePreviousAtOnce", rotateAtOnce},
	{"LetsBothSignUntilTheGraceIsOver", rotateSigns},
	{"RefusesWhatBreaksARule", rotateRefuses},
	{"OfAnUnknownOneIsNotFound", rotateUnknown},
	{"ByManyAtOnceLosesNone", rotateMany},
	{"BesideUpdatesLosesNeither", rotateBesideUpdates},
}}

func (t *test) rotate(id uuid.UUID, opts driver.RotateOptions) driver.Endpoint {
	t.Helper()
	rotated := must2(t, t.store.Endpoints().RotateSecret, id, opts)
	sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, id), rotated)
	return rotated
}

func rotateMakes(t *test) {
	saved := t.saveEndpoint()
	got := t.rotate(saved.ID, driver.RotateOptions{})
	t.wantMadeSecret(got.SecretToken)
	equal(t, "previous secret", got.PreviousSecretToken.Reveal(), saved.SecretToken.Reveal())
	again := t.rotate(saved.ID, driver.RotateOptions{})
	t.wantMadeSecret(again.SecretToken)
	if again.SecretToken == got.SecretToken {
		t.Error("the same secret was made twice")
	}
}

func rotateTakes(t *test) {
	saved := t.saveEndpoint()
	for _, text := range []string{"mine", "\u00fc \"'\\\t\n", strings.Repeat("x", driver.MaxSecret)} {
		got := t.rotate(saved.ID, driver.RotateOptions{Secret: driver.NewSecret(text)})
		equal(t, "secret", got.SecretToken.Reveal(), text)
	}
}

func rotateOnly(t *test) {
	saved := must(t, t.store.Endpoints().Save, fullEndpoint())
	other := t.saveEndpoint()
	before := t.now()
	got := t.rotate(saved.ID, driver.RotateOptions{})
	want := saved
	want.SecretToken, want.PreviousSecretToken, want.PreviousSecretUntil = got.SecretToken, saved.SecretToken, got.PreviousSecretUntil
	want.Revision, want.UpdatedAt = 2, got.UpdatedAt
	sameEntity(t, "endpoint rotated", got, want)
	t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.now())
	sameEntity(t, "another endpoint", must(t, t.store.Endpoints().GetByID, other.ID), other)
}

func rotateGrace(t *test) {
	saved := t.saveEndpoint()
	for grace, want := range map[time.Duration]time.Duration{
		0:                                     driver.DefaultSecretGrace,
		time.Microsecond:                      time.Microsecond,
		90*time.Minute + 1500*time.Nanosecond: 90*time.Minute + time.Microsecond,
		driver.MaxSecretGrace:                 driver.MaxSecretGrace,
	} {
		before := t.now()
		got := t.rotate(saved.ID, driver.RotateOptions{Grace: grace})
		t.wantBetween("PreviousSecretUntil", got.PreviousSecretUntil, before.Add(want), t.now().Add(want))
	}
}

func rotateKeepsOne(t *test) {
	saved := t.saveEndpoint()
	last := saved.SecretToken
	for _, text := range []string{"first", "second", "third"} {
		got := t.rotate(saved.ID, driver.RotateOptions{Secret: driver.NewSecret(text)})
		equal(t, "previous secret", got.PreviousSecretToken.Reveal(), last.Reveal())
		last = got.SecretToken
	}
}

func rotateAtOnce(t *test) {
	saved := t.saveEndpoint()
	t.rotate(saved.ID, driver.RotateOptions{})
	for _, grace := range []time.Duration{-1, math.MinInt64} {
		got := t.rotate(saved.ID, driver.RotateOptions{Grace: grace})
		equal(t, "previous secret", got.PreviousSecretToken.Reveal(), "")
		equal(t, "PreviousSecretUntil", instant(got.PreviousSecretUntil), "nil")
		equal(t, "secrets that sign", len(got.SigningSecrets(time.Time{})), 1)
	}
}

func rotateSigns(t *test) {
	saved := t.saveEndpoint()
	got := t.rotate(saved.ID, driver.RotateOptions{Secret: driver.NewSecret("new"), Grace: time.Hour})
	both := []driver.Secret{got.SecretToken, saved.SecretToken}
	until := *got.PreviousSecretUntil
	equalList(t, "secrets that sign now", got.SigningSecrets(got.UpdatedAt), both)
	equalList(t, "secrets that sign until the grace is over", got.SigningSecrets(until.Add(-time.Microsecond)), both)
	equalList(t, "secrets that sign after the grace", got.SigningSecrets(until), both[:1])
}

func rotateRefuses(t *test) {
	saved := t.saveEndpoint()
	for _, c := range []struct {
		field string
		opts  driver.RotateOptions
	}{
		{"grace", driver.RotateOptions{Grace: driver.MaxSecretGrace + 1}},
		{"grace", driver.RotateOptions{Grace: math.MaxInt64}},
		{"secret", driver.RotateOptions{Secret: driver.NewSecret("whsec_" + canary)}},
		{"secret", driver.RotateOptions{Secret: driver.NewSecret(canary + "\x00")}},
		{"secret", driver.RotateOptions{Secret: driver.NewSecret(canary + "\xff")}},
		{"secret", driver.RotateOptions{Secret: driver.NewSecret(canary + strings.Repeat("x", driver.MaxSecret))}},
		{"secret", driver.RotateOptions{Secret: driver.NewSecret(driver.Redacted)}},
	} {
		_, err := t.store.Endpoints().RotateSecret(t.ctx, saved.ID, c.opts)
		t.wantInvalid(err, "Endpoints.RotateSecret", c.field)
	}
	sameEntity(t, "endpoint afterwards", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
}

func rotateUnknown(t *test) {
	t.saveEndpoint()
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		got, err := t.store.Endpoints().RotateSecret(t.ctx, id, driver.RotateOptions{Secret: driver.NewSecret(canary)})
		t.wantErrOn(err, driver.ErrNotFound, "Endpoints.RotateSecret", "endpoint", id.String())
		sameEntity(t, "endpoint beside the error", got, driver.Endpoint{})
	}
}

// rotateMany rotates from many goroutines. Each rotation follows another one: together they are a
// chain, in which each secret was once the current one and then the previous one.
func rotateMany(t *test) {
	const rotators, each = 6, 4
	saved := t.saveEndpoint()
	results := make([][]driver.Endpoint, rotators)
	t.together(rotators, func(i int) error {
		for range each {
			given := driver.NewSecret(newID().String())
			got, err := t.store.Endpoints().RotateSecret(t.ctx, saved.ID, driver.RotateOptions{Secret: given})
			if err != nil {
				return err
			}
			if got.SecretToken != given {
				t.Errorf("RotateSecret returned another secret than it was given, at revision %d", got.Revision)
			}
			results[i] = append(results[i], got)
		}
		return nil
	})
	following := map[driver.Secret]driver.Endpoint{}
	for _, rotated := range results {
		for _, got := range rotated {
			following[got.PreviousSecretToken] = got
		}
	}
	last := saved
	for range rotators * each {
		next, ok := following[last.SecretToken]
		if !ok {
			t.Fatalf("no rotation followed revision %d", last.Revision)
		}
		equal(t, "Revision", next.Revision, last.Revision+1)
		last = next
	}
	sameEntity(t, "endpoint afterwards", must(t, t.store.Endpoints().GetByID, saved.ID), last)
}

// rotateBesideUpdates updates while others rotate: no update brings an old secret back.
func rotateBesideUpdates(t *test) {
	const each = 8
	id := t.saveEndpoint().ID
	var last driver.Endpoint
	t.together(2, func(i int) (err error) {
		for range each {
			if i == 0 {
				last, err = t.store.Endpoints().RotateSecret(t.ctx, id, driver.RotateOptions{})
			} else {
				err = t.updateLatest(id, func(e *driver.Endpoint) { e.Description += "x" })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	got := must(t, t.store.Endpoints().GetByID, id)
	equal(t, "secret", got.SecretToken.Reveal(), last.SecretToken.Reveal())
	equal(t, "previous secret", got.PreviousSecretToken.Reveal(), last.PreviousSecretToken.Reveal())
	equal(t, "Description", got.Description, strings.Repeat("x", each))
	equal(t, "Revision", got.Revision, 2*each+1)
}
