package secrettest

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// refuse gives methods what they must refuse, with a canary in each field that is refused.
func refuse(t *testing.T, w *watch, store driver.Store, endpoint driver.Endpoint) {
	t.Helper()
	ctx, endpoints := soon(t), store.Endpoints()
	taken := plant(inRefused, inRefused)
	taken.ID = endpoint.ID
	_, err := endpoints.Save(ctx, taken)
	w.fails(err, driver.ErrAlreadyExists)
	taken.Revision = endpoint.Revision - 1
	_, err = endpoints.Update(ctx, taken)
	w.fails(err, driver.ErrConflict)
	taken.ID = uuid.New()
	_, err = endpoints.Update(ctx, taken)
	w.fails(err, driver.ErrNotFound)

	refused := driver.NewSecret(inRefused)
	for _, spoil := range []func(e *driver.Endpoint){
		func(e *driver.Endpoint) { e.Name = inRefused + "\x00" },
		func(e *driver.Endpoint) { e.Description = inRefused + "\xff" },
		func(e *driver.Endpoint) { e.EndpointURL = inRefused },
		func(e *driver.Endpoint) { e.EndpointURL = "https://user:" + inRefused + "@example.com" },
		func(e *driver.Endpoint) { e.EndpointURL = "https://example.com/%zz?token=" + inRefused },
		func(e *driver.Endpoint) { e.EndpointURL = "https://example.com/#" + inRefused },
		func(e *driver.Endpoint) { e.EndpointURL = "https://" + inRefused + ":99999" },
		func(e *driver.Endpoint) { e.HTTPMethod = inRefused },
		func(e *driver.Endpoint) { e.SignatureHeader = inRefused + " " },
		func(e *driver.Endpoint) { e.SecretToken = driver.NewSecret("whsec_" + inRefused) },
		func(e *driver.Endpoint) { e.SecretToken = driver.NewSecret(inRefused + "\x00") },
		func(e *driver.Endpoint) {
			e.SecretToken = driver.NewSecret(inRefused + strings.Repeat("x", driver.MaxSecret))
		},
		func(e *driver.Endpoint) { e.CustomHeaders = map[string]driver.Secret{"Host": refused} },
		func(e *driver.Endpoint) { e.CustomHeaders = map[string]driver.Secret{"no header": refused} },
		func(e *driver.Endpoint) {
			e.CustomHeaders = map[string]driver.Secret{"X-Token": refused, "x-token": refused}
		},
		func(e *driver.Endpoint) {
			e.CustomHeaders = map[string]driver.Secret{"X-Token": driver.NewSecret(inRefused + "\r\n")}
		},
		func(e *driver.Endpoint) { e.TimeoutSeconds = -1 },
	} {
		spoiled := plant(inRefused, inRefused)
		spoil(&spoiled)
		_, err := endpoints.Save(ctx, spoiled)
		w.fails(err, driver.ErrInvalid)
		w.print(spoiled.SecretToken, spoiled.CustomHeaders)
		spoiled.ID, spoiled.Revision = endpoint.ID, endpoint.Revision
		_, err = endpoints.Update(ctx, spoiled)
		w.fails(err, driver.ErrInvalid)
	}
	_, err = endpoints.RotateSecret(ctx, endpoint.ID, driver.RotateOptions{Secret: driver.NewSecret("whsec_" + inRefused)})
	w.fails(err, driver.ErrInvalid)
	_, err = endpoints.RotateSecret(ctx, endpoint.ID, driver.RotateOptions{Secret: refused, Grace: driver.MaxSecretGrace + 1})
	w.fails(err, driver.ErrInvalid)
	_, err = endpoints.RotateSecret(ctx, uuid.New(), driver.RotateOptions{Secret: refused})
	w.fails(err, driver.ErrNotFound)

	for _, spoil := range []func(a *driver.Attempt){
		func(a *driver.Attempt) { a.Status = inRefused },
		func(a *driver.Attempt) { a.RequestURL = "https://user:" + inRefused + "@example.com" },
		func(a *driver.Attempt) { a.RequestMethod = inRefused },
		func(a *driver.Attempt) { a.RequestHeaders["Authorization"] = []string{inRefused + "\x00"} },
		func(a *driver.Attempt) {
			a.RequestHeaders["Authorization"] = []string{inRefused + strings.Repeat("x", driver.MaxHeaderValue)}
		},
		func(a *driver.Attempt) { a.RequestBody = inRefused + "\xff" },
		func(a *driver.Attempt) { a.RequestSignature = inRefused + "\x00" },
		func(a *driver.Attempt) { a.ErrorCode = inRefused + "\x00" },
	} {
		spoiled := attempt(driver.AttemptFailed)
		spoil(&spoiled)
		_, err := store.Deliveries().RecordAttempt(ctx, uuid.New(), spoiled)
		w.fails(err, driver.ErrInvalid)
		delivery := driver.NewDelivery(endpoint.ID, uuid.New())
		delivery.Attempts = []driver.Attempt{spoiled}
		_, err = store.Deliveries().Save(ctx, delivery)
		w.fails(err, driver.ErrInvalid)
	}
}
