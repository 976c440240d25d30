package conformance

import (
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryReplay = area{name: "Deliveries/Replay", behaviours: []behaviour{
	{"MakesANewOneThatIsDueNow", replayNew},
	{"MakesOneEachTime", replaySeveral},
	{"OfAReplayNamesThatOne", replayOfReplay},
	{"TakesTheEndpointsPresentPolicy", replayPolicy},
	{"LeavesTheOneItRepeatsAlone", replayLeavesAlone},
}}

var deliveryRecover = area{name: "Deliveries/Recover", alone: true, behaviours: []behaviour{
	{"ReplaysTheFailedOnesInOrder", recoverFailed},
	{"TwiceIsTheSameAsOnce", recoverTwice},
	{"AtOnceIsTheSameAsOnce", recoverAtOnce},
	{"LeavesOutWhatFailedBefore", recoverSince},
	{"LeavesOutWhatAReplayStandsFor", recoverChain},
	{"LeavesOtherEndpointsAlone", recoverOthers},
	{"OfAnEndpointThatIsNotActiveWaits", recoverInactive},
	{"OfManyReplaysAll", recoverMany},
	{"OfAnUnknownEndpointIsNotFound", recoverUnknown},
}}

func replayNew(t *test) {
	endpoint := t.saveEndpoint()
	for _, outcome := range []driver.AttemptStatus{succeeds, fails} {
		original := t.saveDelivery(endpoint, attemptsOf(outcome)...)
		if !original.Status.Final() {
			original = must2(t, t.store.Deliveries().Cancel, original.ID, "")
		}
		before := t.now()
		replay := must(t, t.store.Deliveries().Replay, original.ID)
		t.wantNew("replay", replay, endpoint, original.EventID, before, t.now())
		equal(t, "ReplayOf", optional(replay.ReplayOf), original.ID.String())
		equal(t, "version of the ID", replay.ID.Version(), 7)
		sameEntity(t, "replay read back", t.delivery(replay.ID), replay)
		sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, original.EventID, 0), bare(original, replay))
		equalList(t, "claimed", entityIDs(t.claim(0)), []uuid.UUID{replay.ID})
	}
}

func replaySeveral(t *test) {
	original := t.saveDelivery(t.saveEndpoint(), newAttempt(succeeds))
	want := []driver.Delivery{original}
	for range 3 {
		want = append(want, must(t, t.store.Deliveries().Replay, original.ID))
	}
	sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, original.EventID, 0), bare(want...))
	t.together(4, func(int) error {
		_, err := t.store.Deliveries().Replay(t.ctx, original.ID)
		return err
	})
	equal(t, "due", len(t.due()), 7)
}

func replayOfReplay(t *test) {
	last := t.saveDelivery(t.saveEndpoint(oneTry), newAttempt(fails))
	for range 3 {
		replay := must(t, t.store.Deliveries().Replay, last.ID)
		equal(t, "ReplayOf", optional(replay.ReplayOf), last.ID.String())
		last = t.record(replay.ID, newAttempt(fails))
		equal(t, "status of the replay", last.Status, driver.DeliveryFailed)
	}
}

func replayPolicy(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	original := t.saveDelivery(endpoint, newAttempt(fails))
	endpoint = must(t, t.store.Endpoints().GetByID, endpoint.ID)
	endpoint = must(t, t.store.Endpoints().Update, changed(endpoint, policy(7, 11, 1.5), func(e *driver.Endpoint) { e.RetryJitter, e.IsActive = true, false }))
	before := t.now()
	replay := must(t, t.store.Deliveries().Replay, original.ID)
	t.wantNew("replay", replay, endpoint, original.EventID, before, t.now())
	equal(t, "due while the endpoint is not active", len(t.due()), 0)
}

func replayLeavesAlone(t *test) {
	original := t.saveDelivery(t.saveEndpoint(), fullAttempt(fails), fullAttempt(succeeds))
	replay := must(t, t.store.Deliveries().Replay, original.ID)
	t.record(replay.ID, newAttempt(succeeds))
	sameEntity(t, "delivery that was replayed", t.delivery(original.ID), original)
}

// recover calls Recover from a moment on.
func (t *test) recover(endpoint driver.Endpoint, since time.Time) int {
	t.Helper()
	return must2(t, t.store.Deliveries().Recover, endpoint.ID, since)
}

func recoverFailed(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	other := t.saveEndpoint(oneTry)
	var want []uuid.UUID
	for i := range 5 {
		// The last to fail are the first that were made.
		failed := t.saveDelivery(endpoint, oldAttempt(fails, longAgo.Add(-time.Duration(i)*time.Hour)))
		want = append(want, failed.ID)
		t.saveDelivery(endpoint, newAttempt(succeeds))
		t.saveDelivery(other, newAttempt(fails))
		must2(t, t.store.Deliveries().Cancel, t.saveDelivery(endpoint).ID, "")
	}
	pending := t.saveDelivery(endpoint)
	equalList(t, "claimed", entityIDs(t.claim(0)), []uuid.UUID{pending.ID})
	before := t.now()
	equal(t, "replayed", t.recover(endpoint, time.Time{}), 5)
	after := t.now()
	replays := t.due()
	var replayed []uuid.UUID
	for _, replay := range replays {
		replayed = append(replayed, *replay.ReplayOf)
		t.wantNew("replay", replay, endpoint, t.delivery(*replay.ReplayOf).EventID, before, after)
	}
	equalList(t, "replayed", replayed, want)
	equalList(t, "claimed", entityIDs(t.claim(0)), entityIDs(replays))
}

func recoverTwice(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	t.saveDeliveries(endpoint, 3, newAttempt(fails))
	equal(t, "replayed", t.recover(endpoint, longAgo), 3)
	before := t.due()
	for range 2 {
		equal(t, "replayed again", t.recover(endpoint, longAgo), 0)
	}
	sameEntities(t, "due", t.due(), before)
	for _, d := range before {
		t.record(d.ID, newAttempt(succeeds))
	}
	equal(t, "replayed after all succeeded", t.recover(endpoint, longAgo), 0)
}

func recoverAtOnce(t *test) {
	const goroutines, failures = 6, 40
	for range 4 {
		endpoint := t.saveEndpoint(oneTry)
		t.saveDeliveries(endpoint, failures, newAttempt(fails))
		replayed := make([]int, goroutines)
		t.together(goroutines, func(i int) (err error) {
			replayed[i], err = t.store.Deliveries().Recover(t.ctx, endpoint.ID, time.Time{})
			return err
		})
		sum := 0
		for _, n := range replayed {
			sum += n
		}
		equal(t, "replayed by all", sum, failures)
		seen := map[uuid.UUID]bool{}
		for _, replay := range t.claim(0) {
			if seen[*replay.ReplayOf] {
				t.Errorf("delivery %s was replayed twice", replay.ReplayOf)
			}
			seen[*replay.ReplayOf] = true
		}
		equal(t, "deliveries replayed", len(seen), failures)
	}
}

func recoverSince(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	t.saveDelivery(endpoint, oldAttempt(fails, longAgo.Add(-time.Microsecond)))
	at := t.saveDelivery(endpoint, oldAttempt(fails, longAgo))
	later := t.saveDelivery(endpoint, oldAttempt(fails, longAgo.Add(time.Microsecond)))
	equal(t, "replayed of the future", t.recover(endpoint, t.now().AddDate(1, 0, 0)), 0)
	equal(t, "replayed of the last", t.recover(endpoint, longAgo.Add(time.Microsecond+999).In(time.FixedZone("east", 5*3600))), 1)
	equal(t, "replayed of the moment itself", t.recover(endpoint, longAgo.Add(999)), 1)
	replays := t.due()
	equal(t, "first replayed", optional(replays[0].ReplayOf), later.ID.String())
	equal(t, "then replayed", optional(replays[1].ReplayOf), at.ID.String())
	equal(t, "replayed of all", t.recover(endpoint, time.Time{}), 1)
}

// recoverChain has replays that fail in their turn: the last of a chain is the one to be replayed.
func recoverChain(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	last := t.saveDelivery(endpoint, newAttempt(fails))
	for range 3 {
		equal(t, "replayed", t.recover(endpoint, time.Time{}), 1)
		replay := t.claim(0)[0]
		equal(t, "ReplayOf", optional(replay.ReplayOf), last.ID.String())
		equal(t, "replayed while the replay is under way", t.recover(endpoint, time.Time{}), 0)
		last = t.record(replay.ID, driver.Attempt{Status: fails, LeaseToken: replay.LeaseToken})
	}
	replay := must(t, t.store.Deliveries().Replay, last.ID) // by hand
	equal(t, "replayed beside a replay by hand", t.recover(endpoint, time.Time{}), 0)
	must2(t, t.store.Deliveries().Cancel, replay.ID, "")
	equal(t, "replayed after the replay was cancelled", t.recover(endpoint, time.Time{}), 0)
}

func recoverOthers(t *test) {
	one, other := t.saveEndpoint(oneTry), t.saveEndpoint(oneTry)
	event := t.save(newEvent())
	for _, endpoint := range []driver.Endpoint{one, other} {
		delivery := driver.NewDelivery(endpoint.ID, event.ID)
		delivery.Attempts = []driver.Attempt{newAttempt(fails)}
		must(t, t.store.Deliveries().Save, delivery)
	}
	equal(t, "replayed", t.recover(one, time.Time{}), 1)
	equal(t, "deliveries to the other endpoint", len(t.deliveriesTo(t.store, other)), 1)
	equal(t, "replayed of the other", t.recover(other, time.Time{}), 1)
}

func recoverInactive(t *test) {
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.IsActive = false })
	t.saveDelivery(endpoint, newAttempt(fails))
	equal(t, "replayed", t.recover(endpoint, time.Time{}), 1)
	equal(t, "due", len(t.due()), 0)
	latest := must(t, t.store.Endpoints().GetByID, endpoint.ID)
	must(t, t.store.Endpoints().Update, changed(latest, func(e *driver.Endpoint) { e.IsActive = true }))
	equal(t, "due once the endpoint is active", len(t.due()), 1)
}

func recoverMany(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	failed := t.saveDeliveries(endpoint, 2*driver.DefaultLimit+7, newAttempt(fails))
	equal(t, "replayed", t.recover(endpoint, time.Time{}), len(failed))
	for i, replay := range t.due() {
		equal(t, "ReplayOf", optional(replay.ReplayOf), failed[i].ID.String())
	}
}

func recoverUnknown(t *test) {
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		n, err := t.store.Deliveries().Recover(t.ctx, id, time.Time{})
		t.wantErrOn(err, driver.ErrNotFound, "Deliveries.Recover", "endpoint", id.String())
		equal(t, "replayed beside an error", n, 0)
	}
	equal(t, "replayed of an endpoint without deliveries", t.recover(t.saveEndpoint(), time.Time{}), 0)
}
