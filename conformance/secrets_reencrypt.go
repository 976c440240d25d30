package conformance

import (
	"math"
	"sync/atomic"

	"github.com/neomultitenant/neoevents/driver"
)

var reencryption = area{name: "Secrets/Reencrypt", alone: true, behaviours: []behaviour{
	{"MovesAllToTheCurrentKeyInBatches", reencryptBatches},
	{"EncryptsWhatWasPlain", reencryptPlain},
	{"ChangesNothingElse", reencryptOnly},
	{"OfNothingIsZero", reencryptNothing},
	{"NeedsAKeyRing", reencryptNeedsKeys},
	{"HoldsToTheLimits", reencryptLimits},
	{"WithoutAnOldKeyIsRefused", reencryptMissing},
	{"IsUndoneWithItsTransaction", reencryptUndone},
	{"IsRefusedInAReadOnlyTransaction", reencryptReadOnly},
	{"ByManyAtOnceDoesEachOnce", reencryptMany},
	{"BesideUpdatesLosesNothing", reencryptBeside},
	{"NeverLeavesOutWhatAnotherOneHolds", reencryptHeld},
}}

// reencrypted calls ReencryptSecrets until it returns 0, and returns what it returned before.
func (t *test) reencrypted(store driver.Store, limit int) (batches []int) {
	t.Helper()
	for {
		n := must(t, store.Endpoints().ReencryptSecrets, limit)
		if n == 0 {
			return batches
		}
		batches = append(batches, n)
	}
}

func reencryptBatches(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := append(own.saveSecrets(own.store), own.saveSecrets(own.store)...)
	both := own.again(t.keys("b", "a"))
	saved = append(saved, own.saveEndpoint())
	current := must(own, both.Endpoints().Save, newEndpoint())
	equalList(own, "batches", own.reencrypted(both, 3), []int{3, 3, 1})
	saved = append(saved, current)
	own.wantSecrets(both, saved...)
	own.wantSecrets(own.again(t.keys("b")), saved...) // the old key is no longer needed

	equalList(own, "batches to a third key", own.reencrypted(own.again(t.keys("c", "b")), 0), []int{len(saved)})
	own.wantSecrets(own.again(t.keys("c")), saved...)
	_, err := own.reopen(t.keys("b")).Store(own.ctx, own.store.Schema())
	own.wantMissingKey(err, "Store", "c")
}

func reencryptPlain(t *test) {
	own := t.aloneWith()
	saved := own.saveSecrets(own.store)
	store := own.again(t.keys("a"))
	equalList(own, "batches", own.reencrypted(store, 2), []int{2, 1})
	own.wantSecrets(store, saved...)
	_, err := own.reopen().Store(own.ctx, own.store.Schema())
	own.wantMissingKey(err, "Store", "a")
	for _, endpoint := range saved {
		own.wantMissingKey(failing(own.store.Endpoints().GetByID(own.ctx, endpoint.ID)), "Endpoints.GetByID", "a")
	}
}

func reencryptOnly(t *test) {
	own := t.aloneWith(t.keys("a"))
	stored := own.failing(2, 0)
	eventType := own.saveEventTypes("order.placed")[0]
	both := own.again(t.keys("b", "a"))
	equalList(own, "batches", own.reencrypted(both, 0), []int{1})
	own.wantSecrets(both, stored) // UpdatedAt and Revision, too
	must(own, both.Endpoints().Update, stored)
	own.wantEventTypes(eventType)
}

func reencryptNothing(t *test) {
	own := t.alone(t.keys("a"))
	equal(own, "encrypted in an empty schema", must(own, own.store.Endpoints().ReencryptSecrets, 0), 0)
	saved := own.saveSecrets(own.store)
	equal(own, "encrypted under the current key", must(own, own.store.Endpoints().ReencryptSecrets, 0), 0)
	own.wantSecrets(own.store, saved...)
}

func reencryptNeedsKeys(t *test) {
	stored := t.saveEndpoint()
	for range 2 {
		_, err := t.store.Endpoints().ReencryptSecrets(t.ctx, 0)
		t.wantInvalid(err, "Endpoints.ReencryptSecrets", "keys")
	}
	t.wantSecrets(t.store, stored)
}

func reencryptLimits(t *test) {
	own := t.aloneWith()
	for range driver.DefaultLimit + 5 {
		own.saveEndpoint()
	}
	store := own.again(t.keys("a"))
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := store.Endpoints().ReencryptSecrets(own.ctx, limit)
		own.wantInvalid(err, "Endpoints.ReencryptSecrets", "limit")
	}
	equal(own, "encrypted by limit 0", must(own, store.Endpoints().ReencryptSecrets, 0), driver.DefaultLimit)
	equal(own, "encrypted by limit 1", must(own, store.Endpoints().ReencryptSecrets, 1), 1)
	equal(own, "encrypted by the highest limit", must(own, store.Endpoints().ReencryptSecrets, driver.MaxLimit), 4)
}

func reencryptMissing(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := own.saveSecrets(own.store)
	store := own.again(t.keys("b"), driver.WithMigrations(driver.MigrateNever))
	_, err := store.Endpoints().ReencryptSecrets(own.ctx, 0)
	own.wantMissingKey(err, "Endpoints.ReencryptSecrets", "a")
	own.wantSecrets(own.store, saved...)
}

func reencryptUndone(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := own.saveSecrets(own.store)
	both := own.again(t.keys("b", "a"))
	own.undone(both, func(tx driver.Store) {
		equalList(own, "batches", own.reencrypted(tx, 2), []int{2, 1})
		own.wantSecrets(tx, saved...)
	})
	own.wantSecrets(own.store, saved...)
	equalList(own, "batches afterwards", own.reencrypted(both, 0), []int{3})
}

func reencryptReadOnly(t *test) {
	own := t.aloneWith(t.keys("a"))
	saved := own.saveSecrets(own.store)
	both := own.again(t.keys("b", "a"))
	own.readOnly(both, func(tx driver.Store) {
		_, err := tx.Endpoints().ReencryptSecrets(own.ctx, 0)
		own.wantErr(err, driver.ErrReadOnly, "Endpoints.ReencryptSecrets")
		own.wantSecrets(tx, saved...)
	})
	own.wantSecrets(own.store, saved...)
}

func reencryptMany(t *test) {
	own := t.aloneWith(t.keys("a"))
	var saved []driver.Endpoint
	for range 6 {
		saved = append(saved, own.saveSecrets(own.store)...)
	}
	both := own.again(t.keys("b", "a"))
	var total atomic.Int64
	own.together(4, func(int) error {
		for {
			n, err := both.Endpoints().ReencryptSecrets(own.ctx, 3)
			if n == 0 || err != nil {
				return err
			}
			total.Add(int64(n))
		}
	})
	equal(own, "encrypted in all", total.Load(), int64(len(saved)))
	own.wantSecrets(own.again(t.keys("b")), saved...)
}

// reencryptBeside encrypts anew, to and fro, while others rotate and update.
func reencryptBeside(t *test) {
	own := t.aloneWith(t.keys("a", "b"))
	other := own.again(t.keys("b", "a"))
	id := own.saveEndpoint().ID
	const each = 6
	var last driver.Endpoint
	own.together(4, func(i int) (err error) {
		for range each {
			switch i {
			case 0:
				last, err = own.store.Endpoints().RotateSecret(own.ctx, id, driver.RotateOptions{})
			case 1:
				err = own.updateLatest(id, func(e *driver.Endpoint) { e.Description += "x" })
			case 2:
				_, err = own.store.Endpoints().ReencryptSecrets(own.ctx, 0)
			case 3:
				_, err = other.Endpoints().ReencryptSecrets(own.ctx, 0)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	got := must(own, other.Endpoints().GetByID, id)
	equal(own, "secret", got.SecretToken.Reveal(), last.SecretToken.Reveal())
	equal(own, "previous secret", got.PreviousSecretToken.Reveal(), last.PreviousSecretToken.Reveal())
	equal(own, "length of Description", len(got.Description), each)
	equal(own, "Revision", got.Revision, 2*each+1)
}

// reencryptHeld encrypts anew while a transaction holds an endpoint: 0 would say that the old key
// can go.
func reencryptHeld(t *test) {
	t.needsConcurrent()
	own := t.aloneWith(t.keys("a"))
	stored := own.saveEndpoint()
	both := own.again(t.keys("b", "a"))
	end := own.hold(own.store, func(tx driver.Store) error { return failing(tx.Endpoints().UpdateLastUsed(own.ctx, stored.ID)) })
	encrypted := make(chan int, 1)
	result := inBackground(func() error {
		n, err := both.Endpoints().ReencryptSecrets(own.ctx, 0)
		encrypted <- n
		return err
	})
	own.waitsUntil(func() { end(nil) }, result)
	equal(own, "encrypted", <-encrypted, 1)
}
