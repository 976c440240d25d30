package conformance

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsClaim = area{name: "Claims/Claim", behaviours: []behaviour{
	{"LeasesTheOldestFirst", claimsOldest},
	{"TakesDueRetriesFirstAndReturnsByPosition", claimsDueFirst},
	{"ReturnsWholeEventsByDefault", claimsWhole},
	{"ReadsTheAskedColumnsAndTheID", claimsColumns},
	{"ReadsTheAggregateWhereItsOrderIsKept", claimsOrderColumns},
	{"RefusesAnUnknownColumn", claimsUnknownColumn},
	{"TakesTheAskedTypesOnly", claimsTypes},
	{"TellsTokenAttemptAndLease", claimsTell},
	{"HasATokenForEachCall", claimsTokens},
	{"CountsAttempts", claimsAttempts},
	{"LimitsWhatItReturns", claimsLimits},
	{"RefusesOptionsThatAreNoneBeforeAnythingIsSent", claimsRefuse},
	{"LeavesOutTheProcessed", claimsLeaveOut},
	{"OfAnEmptyQueueIsEmpty", claimsNothing},
	{"LeavesTheGivenOptionsAlone", claimsLeaveOptions},
	{"NeverGivesAnEventToTwo", claimsNeverShare},
}}

func claimsOldest(t *test) {
	saved := t.saveAll(newEvents(5))
	t.wantClaimed(t.take(2), saved[:2]...)
	t.wantClaimed(t.take(2), saved[2:4]...)
	t.wantClaimed(t.take(0), saved[4])
	t.wantNothingToClaim()
}

// claimsDueFirst gives back the newest events, which come before older ones that wait.
func claimsDueFirst(t *test) {
	saved := t.saveAll(newEvents(6))
	claims := t.take(0)
	t.giveBack(claims[5], 0)
	t.giveBack(claims[4], 0)
	t.ok(t.events.Release(t.ctx, claims[:4])) // as if they had not been claimed
	t.wantClaimed(t.take(3), saved[0], saved[4], saved[5])
	t.wantClaimed(t.take(0), saved[1:4]...)
}

func claimsWhole(t *test) {
	saved := []driver.Event{t.save(fullEvent()), t.save(newEvent())}
	for _, opts := range []driver.ClaimOptions{{}, {Columns: []driver.EventColumn{}}, {Columns: driver.EventColumns()}, {PerAggregateOrder: true}} {
		claims := t.claimWith(opts)
		t.sameEvents("events claimed", claimedEvents(claims), saved)
		t.ok(t.events.Release(t.ctx, claims))
	}
}

func claimsColumns(t *test) {
	saved := t.save(fullEvent())
	choices := [][]driver.EventColumn{
		{driver.EventColumnContextID, driver.EventColumnType},
		{driver.EventColumnProcessedAt, driver.EventColumnData, driver.EventColumnID},
		{driver.EventColumnName, driver.EventColumnName, driver.EventColumnID, driver.EventColumnName}, // twice
	}
	for _, column := range driver.EventColumns() {
		choices = append(choices, []driver.EventColumn{column})
	}
	for _, columns := range choices {
		claims := t.claimWith(driver.ClaimOptions{Columns: columns})
		t.sameEvents("events claimed", claimedEvents(claims), []driver.Event{only(saved, columns...)})
		t.ok(t.events.Release(t.ctx, claims)) // what was read is enough
	}
}

func claimsOrderColumns(t *test) {
	saved := t.save(fullEvent())
	aggregate := []driver.EventColumn{driver.EventColumnAggregateType, driver.EventColumnAggregateID, driver.EventColumnAggregateVersion}
	for _, columns := range [][]driver.EventColumn{{driver.EventColumnName}, {driver.EventColumnID}, aggregate[1:2]} {
		claims := t.claimWith(driver.ClaimOptions{Columns: columns, PerAggregateOrder: true})
		t.sameEvents("events claimed", claimedEvents(claims), []driver.Event{only(saved, append(aggregate, columns...)...)})
		t.giveBack(t.sole(claims), 0)
	}
}

func claimsUnknownColumn(t *test) {
	t.save(newEvent())
	for _, column := range []driver.EventColumn{"", "payload", "ID", "id; DROP TABLE events", "*"} {
		columns := []driver.EventColumn{driver.EventColumnName, column}
		_, err := t.events.Claim(t.endedContext(), driver.ClaimOptions{Columns: columns})
		t.wantInvalid(err, "Events.Claim", "columns[1]")
	}
	t.wantWork(1, 0, 0)
}

func claimsTypes(t *test) {
	saved := t.saveTyped(time.Time{}, "user.created", "User.created", "user", "user.created.twice", "user.deleted", "user.created")
	for _, want := range []struct {
		types  []string
		events []driver.Event
	}{
		{[]string{"user.gone"}, nil},
		{[]string{"user.created"}, []driver.Event{saved[0], saved[5]}},
		{[]string{"user.gone", "user", "user.deleted", "user"}, []driver.Event{saved[2], saved[4]}},
		{[]string{}, []driver.Event{saved[1], saved[3]}},
	} {
		t.wantClaimed(t.claimWith(driver.ClaimOptions{EventTypes: want.types, Lease: driver.MaxLease}), want.events...)
	}
}

func claimsTell(t *test) {
	for asked, want := range map[time.Duration]time.Duration{
		0: driver.DefaultLease, time.Hour: time.Hour, driver.MaxLease: driver.MaxLease, time.Minute + 1999: time.Minute + time.Microsecond,
	} {
		t.saveAll(newEvents(2))
		before := t.clock()
		claims := t.claimWith(driver.ClaimOptions{Lease: asked, MaxAttempts: int(asked / time.Hour), PerAggregateOrder: asked == 0})
		after := t.clock()
		equal(t, "events claimed", len(claims), 2)
		for _, claim := range claims {
			t.wantBetween("LeaseUntil", &claim.LeaseUntil, before.Add(want), after.Add(want))
			equal(t, "Attempt", claim.Attempt, 1)
			maxAttempts := int(asked / time.Hour)
			if maxAttempts == 0 {
				maxAttempts = driver.DefaultMaxAttempts
			}
			equal(t, "MaxAttempts", claim.MaxAttempts, maxAttempts)
			equal(t, "PerAggregateOrder", claim.PerAggregateOrder, asked == 0)
		}
	}
}

func claimsTokens(t *test) {
	t.saveAll(newEvents(9))
	seen := map[uuid.UUID]bool{uuid.Nil: true}
	for range 3 {
		claims := t.take(3)
		token := claims[0].Token
		for _, claim := range claims {
			equal(t, "token", claim.Token, token)
		}
		if seen[token] {
			t.Errorf("the token %s is the zero one, or of another call", token)
		}
		seen[token] = true
	}
}

func claimsAttempts(t *test) {
	saved, other := t.save(newEvent()), t.save(newEvent())
	for attempt := 1; attempt < 6; attempt++ {
		claim := t.takeOne()
		equal(t, "event claimed", claim.Event.ID, saved.ID)
		equal(t, "Attempt", claim.Attempt, attempt)
		t.giveBack(claim, 0)
	}
	claims := t.take(0)
	t.wantClaimed(claims, saved, other)
	equalList(t, "attempts", attemptNumbers(claims), []int{6, 1})
}

func claimsLimits(t *test) {
	t.saveAll(newEvents(driver.DefaultLimit + 5))
	equal(t, "claimed without a limit", len(t.take(0)), driver.DefaultLimit)
	equal(t, "claimed with the limit 1", len(t.take(1)), 1)
	equal(t, "claimed with the highest limit", len(t.take(driver.MaxLimit)), 4)
}

// claimsRefuse has a context that has ended: who looks at it first has not looked at the options.
func claimsRefuse(t *test) {
	t.save(newEvent())
	for field, invalid := range map[string][]driver.ClaimOptions{
		"limit": {{Limit: -1}, {Limit: math.MinInt}, {Limit: driver.MaxLimit + 1}, {Limit: math.MaxInt}},
		"lease": {
			{Lease: -1},
			{Lease: -time.Hour},
			{Lease: 1},
			{Lease: time.Millisecond - 1},
			{Lease: driver.MaxLease + 1},
			{Lease: math.MaxInt64},
			{Lease: math.MinInt64},
		},
		"max_attempts":   {{MaxAttempts: -1}, {MaxAttempts: math.MinInt}, {MaxAttempts: driver.MaxMaxAttempts + 1}, {MaxAttempts: math.MaxInt}},
		"event_types[0]": {{EventTypes: []string{""}}, {EventTypes: []string{"user.*", "user"}}, {EventTypes: []string{"*"}}},
		"event_types[1]": {{EventTypes: []string{"user", "user.\x00"}}, {EventTypes: []string{"user", strings.Repeat("x", driver.MaxEventType+1)}}},
	} {
		for _, opts := range invalid {
			claims, err := t.events.Claim(t.endedContext(), opts)
			t.wantInvalid(err, "Events.Claim", field)
			equal(t, "claims beside an error", len(claims), 0)
		}
	}
	t.wantWork(1, 0, 0)
	claims := t.claimWith(driver.ClaimOptions{Limit: driver.MaxLimit, MaxAttempts: driver.MaxMaxAttempts})
	equal(t, "claimed with the highest of all", len(claims), 1)
}

func claimsLeaveOut(t *test) {
	saved := t.saveAll(newEvents(4))
	t.clock() // saves an event that is processed
	t.mark(saved[0].ID, saved[2].ID)
	t.wantClaimed(t.take(0), saved[1], saved[3])
}

func claimsNothing(t *test) {
	t.wantNothingToClaim()
	t.clock()
	t.wantNothingToClaim()
}

func claimsLeaveOptions(t *test) {
	t.save(newEvent())
	opts := driver.ClaimOptions{
		EventTypes: []string{"user.created", "order.placed", "a"},
		Columns:    []driver.EventColumn{driver.EventColumnName, driver.EventColumnName, driver.EventColumnID, driver.EventColumnType},
	}
	types, columns := slices.Clone(opts.EventTypes), slices.Clone(opts.Columns)
	equal(t, "events claimed", len(t.claimWith(opts)), 1)
	equalList(t, "event types given", opts.EventTypes, types)
	equalList(t, "columns given", opts.Columns, columns)
}

func claimsNeverShare(t *test) {
	const claimers = 8
	saved := t.saveAll(newEvents(scale(300, 80)))
	t.wantClaimedOnce(claimers, idsOf(saved), func(i int) ([]uuid.UUID, error) {
		claims, err := t.events.Claim(t.ctx, driver.ClaimOptions{Limit: 1 + i, Lease: driver.MaxLease, PerAggregateOrder: i%2 == 0})
		return claimedIDs(claims), err
	})
	t.wantWork(0, len(saved), 0)
}
