package conformance

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsRefusals = area{name: "Claims/Refusals", behaviours: []behaviour{
	{"OfAClaimWithoutAnIDOrATokenComeBeforeAnythingIsSent", claimRefusesIncomplete},
	{"OfOneClaimRefuseAll", claimRefusesAll},
	{"LeaveATransactionUsable", claimRefusalsUsable},
	{"OfDeadLettersComeBeforeAnythingIsSent", deadLetterRefusals},
	{"OfConsumersComeBeforeAnythingIsSent", consumerRefusals},
	{"NeverTellAReason", claimRefusalsTellNothing},
}}

// incomplete are claims that no Claim returned, by the field that they lack.
func incomplete() map[string]driver.Claim {
	return map[string]driver.Claim{
		"event.id": {Token: newID()},
		"token":    {Event: driver.Event{ID: newID()}},
	}
}

func claimRefusesIncomplete(t *test) {
	for field, claim := range incomplete() {
		ended := t.endedContext()
		t.wantInvalid(t.events.Retry(ended, claim, 0, ""), "Events.Retry", field)
		t.wantInvalid(t.events.DeadLetter(ended, claim, ""), "Events.DeadLetter", field)
		for _, use := range claimUses[:3] {
			t.wantInvalid(use.run(ended, t.events, claim), use.op, "claims[0]."+field)
		}
	}
}

func claimRefusesAll(t *test) {
	t.saveAll(newEvents(2))
	claims := t.take(0)
	for field, claim := range incomplete() {
		for _, use := range claimUses[:3] {
			t.wantInvalid(use.run(t.ctx, t.events, claims[0], claims[1], claim), use.op, "claims[2]."+field)
		}
	}
	t.wantWork(0, 2, 0)
	t.ack(claims...)
}

// claimRefusalsUsable has every refusal there is in a transaction that goes on and commits.
func claimRefusalsUsable(t *test) {
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		foreign := driver.Claim{Event: stored, Token: newID()}
		for _, use := range claimUses {
			t.wantLeaseLost(use.run(t.ctx, tx.Events(), foreign), use.op, stored.ID)
			t.wantErr(use.run(t.ctx, tx.Events(), driver.Claim{}), driver.ErrInvalid, use.op)
		}
		_, err := tx.Events().Claim(t.ctx, driver.ClaimOptions{Limit: -1})
		t.wantInvalid(err, "Events.Claim", "limit")
		_, err = tx.Events().Claim(t.ctx, driver.ClaimOptions{Columns: []driver.EventColumn{"no_column"}})
		t.wantInvalid(err, "Events.Claim", "columns[0]")
		t.wantErr(tx.Events().Wait(t.ctx), driver.ErrState, "Events.Wait")
		_, err = tx.DeadLetters().Get(t.ctx, stored.ID)
		t.wantErr(err, driver.ErrNotFound, "DeadLetters.Get")
		_, err = tx.DeadLetters().List(t.ctx, driver.DeadLetterFilter{}, -1)
		t.wantInvalid(err, "DeadLetters.List", "limit")
		_, err = tx.Consumers().Get(t.ctx, "nobody")
		t.wantErr(err, driver.ErrNotFound, "Consumers.Get")
		t.ok(tx.Consumers().Reset(t.ctx, "somebody", 5))
		t.wantErr(tx.Consumers().Commit(t.ctx, "somebody", 5), driver.ErrConflict, "Consumers.Commit")
		t.wantInvalid(tx.Consumers().Reset(t.ctx, "", 1), "Consumers.Reset", "name")
	})
}

func deadLetterRefusals(t *test) {
	letters, ended := t.store.DeadLetters(), t.endedContext()
	late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for field, filter := range map[string]driver.DeadLetterFilter{
		"event_types[0]": {EventTypes: []string{"no words"}},
		"event_types[1]": {EventTypes: []string{"user.created", ""}},
		"aggregate_type": {Aggregate: &driver.Aggregate{ID: newID()}},
		"aggregate_id":   {Aggregate: &driver.Aggregate{Type: "Order"}},
		"since":          {Since: late},
		"before":         {Before: late},
	} {
		_, err := letters.List(ended, filter, 0)
		t.wantInvalid(err, "DeadLetters.List", field)
		_, err = letters.Count(ended, filter)
		t.wantInvalid(err, "DeadLetters.Count", field)
		_, err = letters.RequeueAll(ended, filter)
		t.wantInvalid(err, "DeadLetters.RequeueAll", field)
		_, err = letters.Purge(ended, filter)
		t.wantInvalid(err, "DeadLetters.Purge", field)
	}
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := letters.List(ended, driver.DeadLetterFilter{}, limit)
		t.wantInvalid(err, "DeadLetters.List", "limit")
	}
}

// consumerCalls are all methods that take a consumer's name.
func consumerCalls(name string) []repositoryCall {
	return []repositoryCall{
		{"Consumers.Read", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Consumers().Read(ctx, name, 0))
		}},
		{"Consumers.Commit", true, func(ctx context.Context, store driver.Store) error {
			return store.Consumers().Commit(ctx, name, math.MaxInt64)
		}},
		{"Consumers.Reset", true, func(ctx context.Context, store driver.Store) error {
			return store.Consumers().Reset(ctx, name, 1)
		}},
		{"Consumers.Lag", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Consumers().Lag(ctx, name))
		}},
		{"Consumers.Get", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Consumers().Get(ctx, name))
		}},
		{"Consumers.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Consumers().Delete(ctx, name))
		}},
	}
}

func consumerRefusals(t *test) {
	tooLong := strings.Repeat("x", driver.MaxName+1)
	for _, name := range []string{"", " ", "\t\n", tooLong, "a\x00", "\xff", "é" + tooLong[1:]} {
		for _, call := range consumerCalls(name) {
			t.wantInvalid(call.run(t.endedContext(), t.store), call.op, "name")
		}
	}
	consumers, ended := t.store.Consumers(), t.endedContext()
	for _, position := range []int64{-1, math.MinInt64} {
		t.wantInvalid(consumers.Commit(ended, "reader", position), "Consumers.Commit", "position")
		t.wantInvalid(consumers.Reset(ended, "reader", position), "Consumers.Reset", "position")
	}
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := consumers.Read(ended, "reader", limit)
		t.wantInvalid(err, "Consumers.Read", "limit")
	}
	equal(t, "consumers", len(t.consumers()), 0)
}

// claimRefusalsTellNothing gives reasons, which may hold anything, to calls that fail. wantErr looks
// for what they say.
func claimRefusalsTellNothing(t *test) {
	claim := driver.Claim{Event: t.save(newEvent()), Token: newID()}
	for _, ctx := range []context.Context{t.ctx, t.endedContext()} {
		kind := driver.ErrLeaseLost
		if ctx.Err() != nil {
			kind = context.Canceled
		}
		t.wantErr(t.events.Retry(ctx, claim, 0, canary), kind, "Events.Retry")
		t.wantErr(t.events.DeadLetter(ctx, claim, canary), kind, "Events.DeadLetter")
	}
	equalList(t, "queue", t.queue(), []uuid.UUID{claim.Event.ID})
}
