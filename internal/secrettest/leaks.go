package secrettest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Canaries, by where they are planted. Those of endpoints are stored, encrypted if there are keys;
// those of attempts and of what is refused are never stored.
const (
	inToken         = "canary-secret-token"
	inPrevious      = "canary-previous-token"
	inStandardToken = "canary-in-a-standard-webhooks-secret-"
	inCustomHeader  = "canary-custom-header"
	inUpdatedHeader = "canary-updated-header"
	inRolledBack    = "canary-rolled-back"
	inDeleted       = "canary-deleted"
	inAuthorization = "canary-authorization"
	inRequestHeader = "canary-request-header"
	inCookie        = "canary-set-cookie"
	inResponseKey   = "canary-response-api-key"
	inRefused       = "canary-refused"
)

// stored are those that a database without keys shows.
var stored = []string{inToken, inPrevious, inStandardToken, inCustomHeader, inUpdatedHeader}

// all is every canary there is.
var all = append([]string{
	inRolledBack, inDeleted, inAuthorization, inRequestHeader, inCookie, inResponseKey, inRefused,
}, stored...)

// Leaks plants secrets in a database, does with them all that an app does, failures included, and
// looks for them in all that is stored, in the log and in errors. It also shows that it would find
// them.
func Leaks(t *testing.T, open func(t *testing.T) Database) {
	t.Run("WithKeys", func(t *testing.T) {
		db := open(t)
		w := &watch{t: t}
		run(t, w, db, keys(t, key("first")), keys(t, key("second"), key("first")))
		w.wantNone("the database", db.Dump(t), all)
		w.wantQuiet()
		if strings.Contains(w.logged(), "unencrypted") {
			t.Error("the log says that secrets are stored unencrypted, although there are keys")
		}
	})
	t.Run("WithoutKeys", func(t *testing.T) {
		db := open(t)
		w := &watch{t: t}
		run(t, w, db, nil, nil)
		dump := db.Dump(t)
		for _, canary := range stored {
			if !found(dump, canary) {
				t.Errorf("%s is not in the database although there are no keys: this test would find nothing", canary)
			}
		}
		w.wantNone("the database", dump, slices.DeleteFunc(slices.Clone(all), func(c string) bool {
			return slices.Contains(stored, c) || c == inDeleted || c == inRolledBack // pages of a file may have those
		}))
		w.wantQuiet()
		if n := strings.Count(w.logged(), "level=WARN"); n != 1 {
			t.Errorf("warnings that secrets are stored unencrypted: got %d, want 1:\n%s", n, w.logged())
		}
	})
}

// wantQuiet fails the test if the log, an error or an entity that was printed tells a canary.
func (w *watch) wantQuiet() {
	w.t.Helper()
	if w.errors < 60 || !strings.Contains(w.logged(), "level=") {
		w.t.Errorf("%d errors were seen, and the log is %q: this test would find nothing", w.errors, w.logged())
	}
	w.wantNone("the log", w.logged(), all)
	w.wantNone("what was printed", w.prints.String(), all)
}

func (w *watch) wantNone(where, text string, canaries []string) {
	w.t.Helper()
	for _, canary := range canaries {
		if found(text, canary) {
			w.t.Errorf("%s is in %s: %s", canary, where, around(text, canary))
		}
	}
}

// run is an app that does everything. newKeys are the keys after a rotation of keys, nil if there
// are none.
func run(t *testing.T, w *watch, db Database, firstKeys, newKeys driver.Option) {
	t.Helper()
	pool := db.Connect(t, w.logger(), firstKeys)
	store := storeOf(t, pool, tenant)
	endpoint := useEndpoints(t, w, store)
	useDeliveries(t, w, store, endpoint)
	refuse(t, w, store, endpoint)
	stop(t, w, store, endpoint)

	missing := db.Connect(t, w.logger(), keys(t, key("other")), driver.WithMigrations(driver.MigrateNever))
	wrong := db.Connect(t, w.logger(), keys(t, keyOf("first", "other")))
	if newKeys != nil {
		readWithout(t, w, storeOf(t, missing, tenant), endpoint, driver.ErrMissingKey)
		readWithout(t, w, storeOf(t, wrong, tenant), endpoint, driver.ErrInternal)
		_, err := db.Connect(t, w.logger()).Store(soon(t), tenant)
		w.fails(err, driver.ErrMissingKey)

		later := storeOf(t, db.Connect(t, w.logger(), newKeys), tenant)
		n, err := later.Endpoints().ReencryptSecrets(soon(t), 0)
		ok(t, err)
		if n == 0 {
			t.Error("nothing was encrypted under the new key")
		}
		readWithout(t, w, store, endpoint, driver.ErrMissingKey)
	}

	ok(t, pool.Close())
	for _, call := range calls(endpoint) {
		w.fails(call(soon(t), store), driver.ErrClosed)
	}
}

// plant returns an endpoint with canaries.
func plant(token, header string) driver.Endpoint {
	endpoint := driver.NewEndpoint("Orders", "https://example.com/hooks")
	endpoint.SecretToken = driver.NewSecret(token)
	endpoint.CustomHeaders = map[string]driver.Secret{"Authorization": driver.NewSecret("Bearer " + header), "X-Token": driver.NewSecret(header)}
	return endpoint
}

// useEndpoints saves, changes and deletes endpoints, and returns one that stays.
func useEndpoints(t *testing.T, w *watch, store driver.Store) driver.Endpoint {
	t.Helper()
	ctx, endpoints := soon(t), store.Endpoints()
	first, err := endpoints.Save(ctx, plant(inPrevious, inCustomHeader))
	ok(t, err)
	rotated, err := endpoints.RotateSecret(ctx, first.ID, driver.RotateOptions{Secret: driver.NewSecret(inToken)})
	ok(t, err)
	second, err := endpoints.Save(ctx, plant("whsec_"+base64.StdEncoding.EncodeToString([]byte(inStandardToken)), inCustomHeader))
	ok(t, err)
	second.CustomHeaders = map[string]driver.Secret{"X-Token": driver.NewSecret(inUpdatedHeader)}
	updated, err := endpoints.Update(ctx, second)
	ok(t, err)
	deleted, err := endpoints.Save(ctx, plant(inDeleted, inDeleted))
	ok(t, err)
	_, err = endpoints.Delete(ctx, deleted.ID)
	ok(t, err)
	_, err = endpoints.UpdateLastUsed(ctx, first.ID)
	ok(t, err)
	_, err = endpoints.MarkVerified(ctx, second.ID, second.EndpointURL)
	ok(t, err)
	w.fails(store.InTx(ctx, func(tx driver.Store) error {
		if _, err := tx.Endpoints().Save(ctx, plant(inRolledBack, inRolledBack)); err != nil {
			return err
		}
		_, err := tx.Endpoints().Save(ctx, rotated)
		return err
	}), driver.ErrAlreadyExists)
	active, err := endpoints.GetActive(ctx, 0)
	ok(t, err)
	if len(active) != 2 || active[0].SecretToken.Reveal() != inToken || active[0].PreviousSecretToken.Reveal() != inPrevious ||
		active[1].CustomHeaders["X-Token"].Reveal() != inUpdatedHeader {
		t.Fatal("the endpoints did not come back with their secrets")
	}
	w.print(first, &first, rotated, updated, active, rotated.SigningSecrets(time.Now()), driver.RotateOptions{Secret: driver.NewSecret(inToken)})
	return rotated
}

// attempt returns an attempt with canaries in headers.
func attempt(status driver.AttemptStatus) driver.Attempt {
	code := 500
	return driver.Attempt{
		Status: status, RequestURL: "https://example.com/hooks", RequestMethod: "POST", RequestBody: "{}", ResponseStatusCode: &code,
		RequestHeaders: map[string][]string{
			"Authorization": {"Bearer " + inAuthorization, inAuthorization}, "X-Custom": {inRequestHeader}, "cookie": {inRequestHeader}, "Content-Type": {"application/json"},
		},
		ResponseHeaders: map[string][]string{"set-cookie": {"session=" + inCookie, "b=" + inCookie}, "X-Api-Key": {inResponseKey}, "Date": {"today"}},
	}
}

// useDeliveries delivers an event, in every way that attempts are stored.
func useDeliveries(t *testing.T, w *watch, store driver.Store, endpoint driver.Endpoint) {
	t.Helper()
	ctx, deliveries := soon(t), store.Deliveries()
	for _, outcome := range []driver.AttemptStatus{driver.AttemptSuccess, driver.AttemptFailed, driver.AttemptTimeout} {
		event, err := store.Events().Save(ctx, driver.Event{
			EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`),
		})
		ok(t, err)
		delivery := driver.NewDelivery(endpoint.ID, event.ID)
		delivery.Attempts = []driver.Attempt{attempt(driver.AttemptFailed), attempt(driver.AttemptFailed)}
		saved, err := deliveries.Save(ctx, delivery)
		ok(t, err)
		recorded, err := deliveries.RecordAttempt(ctx, saved.ID, attempt(outcome))
		ok(t, err)
		_, err = deliveries.Save(ctx, delivery)
		w.fails(err, driver.ErrAlreadyExists)
		got, err := deliveries.GetByID(ctx, saved.ID)
		ok(t, err)
		if len(got.Attempts) != 3 {
			t.Fatalf("attempts stored: got %d, want 3", len(got.Attempts))
		}
		for _, kept := range got.Attempts {
			if !slices.Equal(kept.RequestHeaders["Authorization"], []string{driver.Redacted, driver.Redacted}) || kept.RequestHeaders["Content-Type"][0] != "application/json" {
				t.Errorf("request headers stored: got %v", kept.RequestHeaders)
			}
		}
		w.print(saved, recorded, got)

		late := attempt(driver.AttemptSuccess)
		late.Number = 2
		_, err = deliveries.RecordAttempt(ctx, saved.ID, late)
		w.fails(err, map[bool]error{true: driver.ErrState, false: driver.ErrConflict}[got.Status.Final()])
	}
	orphan := driver.NewDelivery(uuid.New(), uuid.New())
	orphan.Attempts = []driver.Attempt{attempt(driver.AttemptFailed)}
	_, err := deliveries.Save(ctx, orphan)
	w.fails(err, driver.ErrMissingReference)
	_, err = deliveries.RecordAttempt(ctx, uuid.New(), attempt(driver.AttemptFailed))
	w.fails(err, driver.ErrNotFound)
}

// readWithout reads an endpoint whose secrets can't be opened.
func readWithout(t *testing.T, w *watch, store driver.Store, endpoint driver.Endpoint, kind error) {
	t.Helper()
	ctx := soon(t)
	for name, call := range calls(endpoint) {
		if slices.Contains([]string{"GetByID", "GetByContext", "GetActive", "Update", "RotateSecret"}, name) {
			w.fails(call(ctx, store), kind)
		}
	}
}

// calls are the methods of endpoints, and those of deliveries that are given credentials.
func calls(endpoint driver.Endpoint) map[string]func(ctx context.Context, store driver.Store) error {
	return map[string]func(ctx context.Context, store driver.Store) error{
		"Save": func(ctx context.Context, store driver.Store) error {
			_, err := store.Endpoints().Save(ctx, plant(inRefused, inRefused))
			return err
		},
		"Update": func(ctx context.Context, store driver.Store) error {
			changed := endpoint
			changed.CustomHeaders = map[string]driver.Secret{"X-Token": driver.NewSecret(inRefused)}
			_, err := store.Endpoints().Update(ctx, changed)
			return err
		},
		"RotateSecret": func(ctx context.Context, store driver.Store) error {
			_, err := store.Endpoints().RotateSecret(ctx, endpoint.ID, driver.RotateOptions{Secret: driver.NewSecret(inRefused)})
			return err
		},
		"GetByID": func(ctx context.Context, store driver.Store) error {
			_, err := store.Endpoints().GetByID(ctx, endpoint.ID)
			return err
		},
		"GetActive": func(ctx context.Context, store driver.Store) error {
			_, err := store.Endpoints().GetActive(ctx, 0)
			return err
		},
		"GetByContext": func(ctx context.Context, store driver.Store) error {
			_, err := store.Endpoints().GetByContext(ctx, nil, driver.ListOptions{})
			return err
		},
		"RecordAttempt": func(ctx context.Context, store driver.Store) error {
			_, err := store.Deliveries().RecordAttempt(ctx, uuid.New(), attempt(driver.AttemptFailed))
			return err
		},
		"SaveDelivery": func(ctx context.Context, store driver.Store) error {
			delivery := driver.NewDelivery(endpoint.ID, uuid.New())
			delivery.Attempts = []driver.Attempt{attempt(driver.AttemptFailed)}
			_, err := store.Deliveries().Save(ctx, delivery)
			return err
		},
	}
}

// stop calls methods whose context has ended, and methods that write where that is not allowed.
func stop(t *testing.T, w *watch, store driver.Store, endpoint driver.Endpoint) {
	t.Helper()
	ctx, cancel := context.WithCancel(soon(t))
	cancel()
	for _, call := range calls(endpoint) {
		w.fails(call(ctx, store), context.Canceled)
	}
	writes := calls(endpoint)
	maps.DeleteFunc(writes, func(name string, _ func(context.Context, driver.Store) error) bool {
		return strings.HasPrefix(name, "Get")
	})
	delete(writes, "RecordAttempt")
	ok(t, store.InTx(soon(t), func(tx driver.Store) error {
		for _, write := range writes {
			w.fails(write(soon(t), tx), driver.ErrReadOnly)
		}
		return nil
	}, driver.ReadOnly()))
}
