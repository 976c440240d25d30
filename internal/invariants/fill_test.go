package invariants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// filled is a schema with something of everything that the library stores, in each of its states.
type filled struct {
	*testing.T
	ctx   context.Context
	store driver.Store
}

func (f *filled) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// must is what a call returned without an error.
func must[R any](result R, err error) func(f *filled) R {
	return func(f *filled) R {
		f.Helper()
		f.ok(err)
		return result
	}
}

// fill does what apps do.
func fill(t *testing.T, store driver.Store) {
	f := &filled{t, t.Context(), store}
	f.events()
	f.webhooks()
	f.actions()
	f.archives()
}

var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

// save saves events of one aggregate; old ones are processed.
func (f *filled) save(n int, old bool) []driver.Event {
	f.Helper()
	events := make([]driver.Event, n)
	aggregate := uuid.New()
	for i := range events {
		events[i] = driver.Event{
			EventType: "order.placed", AggregateType: "Order", AggregateID: aggregate, EventData: json.RawMessage(fmt.Sprintf(` {"n": %d}`, i)),
		}
		if old {
			processed := longAgo.Add(time.Hour)
			events[i].OccurredAt, events[i].ProcessedAt = longAgo, &processed
		}
	}
	return must(f.store.Events().SaveBatch(f.ctx, events))(f)
}

// claim claims the next event in the order of aggregates.
func (f *filled) claim() driver.Claim {
	f.Helper()
	claims := must(f.store.Events().Claim(f.ctx, driver.ClaimOptions{Limit: 1, Lease: time.Hour, PerAggregateOrder: true}))(f)
	if len(claims) != 1 {
		f.Fatalf("got %d claims, want 1", len(claims))
	}
	return claims[0]
}

func (f *filled) events() {
	events := f.store.Events()
	for range 6 {
		f.save(3, false)
	}
	f.ok(events.Ack(f.ctx, []driver.Claim{f.claim()}))
	f.ok(events.Retry(f.ctx, f.claim(), time.Hour, "tried in vain"))
	f.ok(events.DeadLetter(f.ctx, f.claim(), "given up"))
	requeued := f.claim()
	f.ok(events.DeadLetter(f.ctx, requeued, "given up, too"))
	if !must(f.store.DeadLetters().Requeue(f.ctx, requeued.Event.ID))(f) {
		f.Fatal("a dead letter was not requeued")
	}
	leased := must(events.Claim(f.ctx, driver.ClaimOptions{Limit: 100, Lease: time.Hour, PerAggregateOrder: true}))(f)
	f.ok(events.Release(f.ctx, leased[len(leased)-1:])) // behind those that are leased
	// There is nothing but what is behind others: it is held.
	must(events.Claim(f.ctx, driver.ClaimOptions{PerAggregateOrder: true}))(f)
	f.save(2, false) // fresh

	read := must(f.store.Consumers().Read(f.ctx, "projection", 5))(f)
	f.ok(f.store.Consumers().Commit(f.ctx, "projection", read[len(read)-1].Position))
}

// endpoint saves an endpoint that takes one attempt, and its subscription.
func (f *filled) endpoint(change func(e *driver.Endpoint)) (driver.Endpoint, []driver.Subscription) {
	f.Helper()
	endpoint := driver.NewEndpoint("Acme", "https://acme.example/hooks")
	endpoint.CustomHeaders = map[string]driver.Secret{"X-Key": driver.NewSecret("value")}
	change(&endpoint)
	endpoint = must(f.store.Endpoints().Save(f.ctx, endpoint))(f)
	return endpoint, []driver.Subscription{must(f.store.Subscriptions().Save(f.ctx, driver.NewSubscription(endpoint.ID, "order.*")))(f)}
}

// deliver makes a delivery to the endpoint of subscriptions, with some attempts.
func (f *filled) deliver(to []driver.Subscription, attempts ...driver.AttemptStatus) driver.Delivery {
	f.Helper()
	delivery := must(f.store.Deliveries().SaveForEvent(f.ctx, f.save(1, true)[0], to))(f)[0]
	for _, status := range attempts {
		delivery = must(f.store.Deliveries().RecordAttempt(f.ctx, delivery.ID, driver.Attempt{Status: status, ResponseHeaders: map[string][]string{"A": {"b"}}}))(f)
	}
	return delivery
}

func (f *filled) webhooks() {
	deliveries := f.store.Deliveries()
	eventType := driver.NewEventType("order.placed")
	eventType.PayloadSchema = json.RawMessage(`{"a": 1}`)
	eventType = must(f.store.EventTypes().Save(f.ctx, eventType))(f)

	retries, to := f.endpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts = 1 })
	described := driver.NewSubscription(retries.ID, "order.placed")
	described.EventTypeID, described.EventFilters = &eventType.ID, json.RawMessage(`{"n": 1}`)
	must(f.store.Subscriptions().Save(f.ctx, described))(f)
	f.deliver(to, driver.AttemptFailed, driver.AttemptSuccess)
	f.deliver(to, driver.AttemptTimeout)
	failed := f.deliver(to, driver.AttemptFailed, driver.AttemptTimeout)
	must(deliveries.Replay(f.ctx, failed.ID))(f)
	must(deliveries.Cancel(f.ctx, f.deliver(to).ID, "no longer wanted"))(f)
	f.deliver(to)
	must(deliveries.ClaimDue(f.ctx, 1, time.Hour))(f)
	must(f.store.Endpoints().MarkVerified(f.ctx, retries.ID, retries.EndpointURL))(f)
	must(f.store.Endpoints().RotateSecret(f.ctx, retries.ID, driver.RotateOptions{}))(f)

	_, failing := f.endpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts = 0 })
	f.deliver(failing, driver.AttemptFailed)
	f.deliver(failing, driver.AttemptFailed)
	_, disabled := f.endpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts, e.DisableAfterFailures = 0, 1 })
	f.deliver(disabled) // parked when the next one fails
	f.deliver(disabled, driver.AttemptFailed)
	gone, ofGone := f.endpoint(func(*driver.Endpoint) {})
	f.deliver(ofGone)
	must(f.store.Endpoints().Delete(f.ctx, gone.ID))(f)
}

func (f *filled) actions() {
	executions := f.store.Executions()
	action := driver.NewAction("Tell the warehouse", driver.HandlerCustom, json.RawMessage(`{}`), "order.placed", "user.*")
	action.MaxRetries = 1
	action = must(f.store.Actions().Save(f.ctx, action))(f)
	event := f.save(1, true)[0]
	complete := func(status driver.ExecutionStatus) driver.Execution {
		f.Helper()
		saved := must(executions.Save(f.ctx, driver.NewExecution(action.ID, event)))(f)
		return must(executions.Complete(f.ctx, saved.ID, driver.ExecutionOutcome{Status: status, Result: json.RawMessage(`1`)}))(f)
	}
	complete(driver.ExecutionSuccess)
	complete(driver.ExecutionTimeout)
	complete(driver.ExecutionCancelled)
	must(executions.Retry(f.ctx, complete(driver.ExecutionFailed).ID))(f)
	must(executions.ClaimPending(f.ctx, 1, time.Hour))(f)
	must(executions.Save(f.ctx, driver.NewExecution(action.ID, event)))(f)

	gone := must(f.store.Actions().Save(f.ctx, driver.NewAction("Gone", driver.HandlerCustom, nil, "*")))(f)
	must(executions.Save(f.ctx, driver.NewExecution(gone.ID, event)))(f)
	must(f.store.Actions().Delete(f.ctx, gone.ID))(f)
}

func (f *filled) archives() {
	archives := f.store.Archives()
	archiver, err := archive.New(f.store, archive.Storages{driver.StorageCompressed: archive.InDatabase(f.store)}, archive.Options{MaxEvents: 5})
	f.ok(err)
	rule := driver.NewArchiveRule("old", 30)
	rule.StorageType, rule.PastConsumers, rule.Schedule = driver.StorageCompressed, true, "@daily"
	rule = must(f.store.ArchiveRules().Save(f.ctx, rule))(f)
	var last driver.Event
	for range 5 {
		last = f.save(5, true)[4]
	}
	if report := must(archiver.Run(f.ctx, rule))(f); report.Archives < 4 {
		f.Fatalf("there are %d archives, want 4 at least", report.Archives)
	}
	made := must(archives.GetByStatus(f.ctx, driver.ArchiveCompleted, 100))(f)
	must(archiver.Restore(f.ctx, made[0].ID, nil))(f)
	must(archiver.Restore(f.ctx, made[1].ID, func(e driver.Event) bool { return e.Position%2 == 0 }))(f)
	f.ok(archiver.Purge(f.ctx, made[2].ID))
	if _, err := f.store.Events().GetByID(f.ctx, last.ID); err != nil && !errors.Is(err, driver.ErrNotFound) {
		f.Fatal(err)
	}

	f.save(4, true)
	begin := func() driver.Archive {
		f.Helper()
		plan := must(archives.Save(f.ctx, driver.Archive{Name: "by hand", Tags: map[string]string{"a": "b"}}))(f)
		return must(archives.Begin(f.ctx, plan.ID, driver.ArchiveCriteria{PastConsumers: true, MaxEvents: 2}, time.Hour))(f)
	}
	failed := begin()
	must(archives.Fail(f.ctx, failed.ID, *failed.LeaseToken, "the disk is full"))(f)
	begin()
	must(archives.Save(f.ctx, driver.Archive{Name: "planned"}))(f)
	must(f.store.ArchiveJobs().Save(f.ctx, driver.ArchiveJob{RuleID: &rule.ID}))(f)
	must(f.store.ArchiveObjects().Create(f.ctx, "begun"))(f)
	f.ok(f.store.ArchiveObjects().Append(f.ctx, "begun", 0, []byte("some bytes")))
}
