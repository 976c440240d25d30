package conformance

import (
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryLeases = area{name: "Deliveries/Leases", alone: true, behaviours: []behaviour{
	{"LastAsLongAsAsked", leasesLast},
	{"RefuseALengthThatIsNone", leasesRefuseLength},
	{"ChangeNothingElse", leasesChangeNothingElse},
	{"EndWithTheAttempt", leasesEndWithAttempt},
	{"KeepOthersFromRecording", leasesKeepOthers},
	{"ThatRanOutCanBeClaimedAgain", leasesRunOut},
	{"ThatRanOutUnclaimedStillStand", leasesStillStand},
	{"AreGivenUpByRelease", leasesReleased},
	{"AreReleasedByTheirHolderOnly", leasesReleasedByHolder},
	{"OfNoneNeedNoDatabase", leasesReleaseNone},
	{"DoNotKeepCancelOut", leasesCancel},
	{"OfOneAttemptAtOnceRecordItOnce", leasesRecordOnce},
}}

// wantLost fails the test if an attempt with that token can be recorded.
func (t *test) wantLost(id uuid.UUID, token *uuid.UUID) {
	t.Helper()
	before := t.delivery(id)
	got, err := t.store.Deliveries().RecordAttempt(t.ctx, id, driver.Attempt{Status: succeeds, LeaseToken: token})
	t.wantErrOn(err, driver.ErrLeaseLost, "Deliveries.RecordAttempt", "delivery", id.String())
	sameEntity(t, "delivery beside an error", got, driver.Delivery{})
	sameEntity(t, "delivery after a refusal", t.delivery(id), before)
}

// claimBriefly claims one delivery for the shortest time there is.
func (t *test) claimBriefly() driver.Delivery {
	t.Helper()
	claimed := must2(t, t.store.Deliveries().ClaimDue, 1, time.Millisecond)
	if len(claimed) != 1 {
		t.Fatalf("claimed %d deliveries, want 1", len(claimed))
	}
	return claimed[0]
}

// untilDue waits until a lease or a pause has ended by the database's clock.
func (t *test) untilDue() {
	t.Helper()
	for len(t.due()) == 0 { // or the test's context ends
	}
}

func leasesLast(t *test) {
	endpoint := t.saveEndpoint()
	for asked, want := range map[time.Duration]time.Duration{
		0: driver.DefaultLease, time.Hour: time.Hour, driver.MaxLease: driver.MaxLease, time.Minute + 1999: time.Minute + time.Microsecond,
	} {
		t.saveDeliveries(endpoint, 2)
		before := t.now()
		claimed := must2(t, t.store.Deliveries().ClaimDue, 0, asked)
		after := t.now()
		equal(t, "deliveries claimed", len(claimed), 2)
		for _, d := range claimed {
			t.wantSound(d)
			t.wantBetween("LeaseUntil", d.LeaseUntil, before.Add(want), after.Add(want))
			if d.LeaseToken == nil || *d.LeaseToken == uuid.Nil {
				t.Error("a claimed delivery has no LeaseToken")
			}
			sameEntity(t, "delivery read back", t.delivery(d.ID), d)
		}
	}
}

func leasesRefuseLength(t *test) {
	t.saveDelivery(t.saveEndpoint())
	for _, lease := range []time.Duration{-1, -time.Hour, 1, time.Millisecond - 1, driver.MaxLease + 1, 1<<63 - 1, -1 << 63} {
		claimed, err := t.store.Deliveries().ClaimDue(t.ctx, 0, lease)
		t.wantInvalid(err, "Deliveries.ClaimDue", "lease")
		equal(t, "deliveries beside an error", len(claimed), 0)
	}
	equal(t, "due", len(t.due()), 1)
}

func leasesChangeNothingElse(t *test) {
	endpoint := t.saveEndpoint()
	for _, saved := range []driver.Delivery{t.saveDelivery(endpoint), t.saveDelivery(endpoint, oldAttempt(fails, longAgo))} {
		for _, d := range t.claim(0) {
			if d.ID == saved.ID {
				d.LeaseToken, d.LeaseUntil = nil, nil
				sameEntity(t, "delivery claimed, but for the lease", d, bare(saved)[0])
			}
		}
	}
}

func leasesEndWithAttempt(t *test) {
	saved := t.saveDelivery(t.saveEndpoint(policy(3, 1, 1)))
	claimed := t.claim(0)[0]
	got := t.record(saved.ID, changed(newAttempt(fails), func(a *driver.Attempt) { a.LeaseToken = claimed.LeaseToken }))
	if got.LeaseToken != nil || got.LeaseUntil != nil || got.Attempts[0].LeaseToken != nil {
		t.Error("the lease is still there after the attempt")
	}
	sameEntity(t, "delivery read back", t.delivery(saved.ID), got)
	t.wantLost(saved.ID, claimed.LeaseToken) // a worker that reports twice
	t.untilDue()
	again := t.claim(0)
	equalList(t, "claimed again", entityIDs(again), []uuid.UUID{saved.ID})
	if *again[0].LeaseToken == *claimed.LeaseToken {
		t.Error("two claims have the same LeaseToken")
	}
	t.wantLost(saved.ID, claimed.LeaseToken)
	got = t.record(saved.ID, driver.Attempt{Status: succeeds, LeaseToken: again[0].LeaseToken})
	equal(t, "status", got.Status, driver.DeliverySuccess)
}

func leasesKeepOthers(t *test) {
	saved := t.saveDelivery(t.saveEndpoint())
	t.wantLost(saved.ID, ptr(newID())) // nobody claimed it
	claimed := t.claim(0)[0]
	t.wantLost(saved.ID, nil)
	t.wantLost(saved.ID, ptr(newID()))
	t.wantLost(saved.ID, &saved.ID)
	got := t.record(saved.ID, driver.Attempt{Status: fails, Number: 1, LeaseToken: claimed.LeaseToken})
	equal(t, "AttemptCount", got.AttemptCount, 1)
	got = t.record(saved.ID, newAttempt(succeeds)) // without a claim
	equal(t, "status", got.Status, driver.DeliverySuccess)
}

func leasesRunOut(t *test) {
	saved := t.saveDelivery(t.saveEndpoint())
	first := t.claimBriefly()
	t.untilDue()
	second := t.claim(0)
	equalList(t, "claimed again", entityIDs(second), []uuid.UUID{saved.ID})
	t.wantLost(saved.ID, first.LeaseToken)
	t.wantLost(saved.ID, nil)
	equal(t, "released by the first", must(t, t.store.Deliveries().Release, []driver.Delivery{first}), 0)
	got := t.record(saved.ID, driver.Attempt{Status: succeeds, LeaseToken: second[0].LeaseToken})
	equal(t, "AttemptCount", got.AttemptCount, 1)
}

// leasesStillStand records after the lease ran out, while nobody else has claimed the delivery:
// what was done is not done again.
func leasesStillStand(t *test) {
	endpoint := t.saveEndpoint()
	for _, withToken := range []bool{true, false} {
		saved := t.saveDelivery(endpoint)
		claimed := t.claimBriefly()
		t.untilDue()
		t.wantLost(saved.ID, ptr(newID()))
		attempt := newAttempt(succeeds)
		if withToken {
			attempt.LeaseToken = claimed.LeaseToken
		}
		equal(t, "status", t.record(saved.ID, attempt).Status, driver.DeliverySuccess)
	}
}

func leasesReleased(t *test) {
	saved := t.saveDeliveries(t.saveEndpoint(), 4)
	first, second := t.claim(2), t.claim(2)
	equal(t, "released", must(t, t.store.Deliveries().Release, append(first, second[0], first[0])), 3)
	for _, d := range saved {
		got := t.delivery(d.ID)
		if d.ID == second[1].ID {
			sameEntity(t, "delivery that is held", got, second[1])
			continue
		}
		sameEntity(t, "delivery released", got, d)
		t.wantLost(d.ID, first[0].LeaseToken)
	}
	equal(t, "due", len(t.due()), 3)
	equal(t, "released again", must(t, t.store.Deliveries().Release, first), 0)
}

func leasesReleasedByHolder(t *test) {
	saved := t.saveDelivery(t.saveEndpoint())
	unclaimed := []driver.Delivery{saved, {}, {ID: saved.ID, LeaseToken: ptr(newID())}}
	equal(t, "released before a claim", must(t, t.store.Deliveries().Release, unclaimed), 0)
	claimed := t.claim(0)
	equal(t, "released by others", must(t, t.store.Deliveries().Release, unclaimed), 0)
	sameEntity(t, "delivery that is held", t.delivery(saved.ID), claimed[0])
	t.record(saved.ID, driver.Attempt{Status: succeeds, LeaseToken: claimed[0].LeaseToken})
	equal(t, "released after the attempt", must(t, t.store.Deliveries().Release, claimed), 0)
}

func leasesReleaseNone(t *test) {
	for _, none := range [][]driver.Delivery{nil, {}} {
		n, err := t.store.Deliveries().Release(t.endedContext(), none)
		t.ok(err)
		equal(t, "released of none", n, 0)
	}
}

func leasesCancel(t *test) {
	saved := t.saveDelivery(t.saveEndpoint())
	claimed := t.claim(0)[0]
	got := must2(t, t.store.Deliveries().Cancel, saved.ID, "")
	t.wantSound(got)
	_, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, driver.Attempt{Status: succeeds, LeaseToken: claimed.LeaseToken})
	t.wantErr(err, driver.ErrState, "Deliveries.RecordAttempt")
	sameEntity(t, "delivery read back", t.delivery(saved.ID), got)
}

func leasesRecordOnce(t *test) {
	const workers = 8
	saved := t.saveDelivery(t.saveEndpoint())
	claimed := t.claim(0)[0]
	won := make([]bool, workers)
	t.together(workers, func(i int) error {
		_, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, driver.Attempt{Status: fails, LeaseToken: claimed.LeaseToken})
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrLeaseLost, "Deliveries.RecordAttempt"))
	})
	equal(t, "workers that succeeded", count(won), 1)
	equal(t, "attempts", len(t.delivery(saved.ID).Attempts), 1)
}
