package postgres_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// trips counts what is sent to the server and waited for: statements, and the ends of transactions. It
// leaves out what is sent beside, every few milliseconds at the most: notifications, and looks for the
// floor of claims.
type trips struct {
	n    atomic.Int64
	pool *pgxpool.Pool
}

var sentBeside = []string{"pg_notify", "pg_locks", "LISTEN", "pg_advisory_lock_shared", "idle_session_timeout"}

func (c *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !slices.ContainsFunc(sentBeside, func(word string) bool { return strings.Contains(data.SQL, word) }) {
		c.n.Add(1)
	}
	return ctx
}

func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *trips) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *trips) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

func countedStore(t *testing.T, more string) (driver.Store, *trips) {
	t.Helper()
	settings, err := pgxpool.ParseConfig(pgtest.DSN(t) + more)
	if err != nil {
		t.Fatal(err)
	}
	counter := new(trips)
	settings.ConnConfig.Tracer = counter
	pool, err := pgxpool.NewWithConfig(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	counter.pool = pool
	db, err := postgres.New(pool, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	return storeOf(t, db, tenant), counter
}

// As many rows as this are there for each method to find: a statement for each would show.
const rowsToFind = 20

// crowd fills a store so that every list has rowsToFind rows.
type crowd struct {
	event     driver.Event
	other     driver.Event
	eventType driver.EventType
	endpoint  driver.Endpoint
	sub       driver.Subscription
	subs      []driver.Subscription
	delivery  driver.Delivery
	action    driver.Action
	execution driver.Execution
	context   uuid.UUID
	rule      driver.ArchiveRule
	job       driver.ArchiveJob
}

func newCrowd(t *testing.T, store driver.Store) *crowd {
	t.Helper()
	ctx := t.Context()
	c := &crowd{context: uuid.New()}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range rowsToFind {
		c.event = newEvent()
		c.event.ContextID, c.event.CorrelationID = &c.context, &c.context
		c.event, err = store.Events().Save(ctx, c.event)
		check(err)
		endpoint := driver.NewEndpoint("one of many", "https://example.com/hook")
		endpoint.ContextID = &c.context
		c.endpoint, err = store.Endpoints().Save(ctx, endpoint)
		check(err)
		sub := driver.NewSubscription(c.endpoint.ID, c.event.EventType)
		sub.ContextID = &c.context
		c.sub, err = store.Subscriptions().Save(ctx, sub)
		check(err)
		c.subs = append(c.subs, c.sub)
		c.action, err = store.Actions().Save(ctx, driver.NewAction("one of many", driver.HandlerCustom, nil, c.event.EventType))
		check(err)
		rule := driver.NewArchiveRule("one of many "+uuid.NewString(), 30)
		rule.Schedule = "@yearly"
		c.rule, err = store.ArchiveRules().Save(ctx, rule)
		check(err)
	}
	for range rowsToFind {
		c.job, err = store.ArchiveJobs().Save(ctx, driver.ArchiveJob{RuleID: &c.rule.ID, MaxRetries: 1})
		check(err)
		_, err = store.ArchiveJobs().Finish(ctx, c.job.ID, driver.JobFailed, "")
		check(err)
	}
	c.other, err = store.Events().Save(ctx, newEvent())
	check(err)
	c.eventType, err = store.EventTypes().Save(ctx, driver.NewEventType(c.event.EventType))
	check(err)
	deliveries, err := store.Deliveries().SaveForEvent(ctx, c.event, c.subs)
	check(err)
	c.delivery = deliveries[0]
	for range 3 {
		_, err = store.Deliveries().RecordAttempt(ctx, c.delivery.ID, driver.Attempt{Status: driver.AttemptFailed})
		check(err)
	}
	for range rowsToFind {
		c.execution, err = store.Executions().Save(ctx, driver.NewExecution(c.action.ID, c.event))
		check(err)
	}
	return c
}

func newEvents(n int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = newEvent()
	}
	return events
}

// Every method sends a number of statements that does not depend on how many rows there are. A
// method that isn't here, or sends more, fails the test. BEGIN and COMMIT count.
func TestRoundTrips(t *testing.T) { testRoundTrips(t, "") }

func TestRoundTripsUnprepared(t *testing.T) { testRoundTrips(t, "&default_query_exec_mode=exec") }

func testRoundTrips(t *testing.T, settings string) {
	store, counter := countedStore(t, settings)
	c := newCrowd(t, store)
	ctx := t.Context()
	events, endpoints, eventTypes, subs := store.Events(), store.Endpoints(), store.EventTypes(), store.Subscriptions()
	deliveries, actions, executions := store.Deliveries(), store.Actions(), store.Executions()
	consumers, deadLetters := store.Consumers(), store.DeadLetters()
	rules, jobs := store.ArchiveRules(), store.ArchiveJobs()
	archives, objects := store.Archives(), store.ArchiveObjects()
	type method = struct {
		name  string
		trips int64
		call  func() error
	}
	err := func(_ any, err error) error { return err }
	all := driver.ListOptions{IncludeInactive: true}
	var claimed []driver.Delivery
	var claims, ordered []driver.Claim
	if _, err := counter.pool.Exec(ctx, "UPDATE "+pgx.Identifier{tenant, "event_archive_rules"}.Sanitize()+" SET next_run_at = now()"); err != nil {
		t.Fatal(err)
	}
	var leased []driver.ArchiveRule
	var job driver.ArchiveJob
	var archive driver.Archive
	saved := newEvents(rowsToFind)
	for i := range saved {
		saved[i].ProcessedAt = &c.event.CreatedAt
	}
	saved, failed := events.SaveBatch(ctx, saved)
	if failed != nil {
		t.Fatal(failed)
	}
	ofSaved := driver.ArchiveCriteria{AfterPosition: saved[0].Position - 1, MaxEvents: rowsToFind}
	plans := make([]driver.Archive, 2)
	for i := range plans {
		if plans[i], failed = archives.Save(ctx, driver.Archive{Name: "a plan"}); failed != nil {
			t.Fatal(failed)
		}
	}
	methods := []method{
		{"Events.GetByID", 1, func() error { return err(events.GetByID(ctx, c.event.ID)) }},
		{"Events.Exists", 1, func() error { return err(events.Exists(ctx, c.event.ID)) }},
		{"Events.NextVersion", 1, func() error { return err(events.NextVersion(ctx, c.event.Aggregate())) }},
		{"Events.GetByAggregate", 1, func() error { return err(events.GetByAggregate(ctx, c.event.Aggregate(), driver.HistoryOptions{})) }},
		{"Events.AllByAggregate", 1, func() error {
			for range events.AllByAggregate(ctx, c.event.Aggregate(), 0) {
			}
			return nil
		}},
		{"Events.GetByCorrelationID", 1, func() error { return err(events.GetByCorrelationID(ctx, c.context, 0)) }},
		{"Events.GetByContext", 1, func() error { return err(events.GetByContext(ctx, &c.context, 0)) }},
		{"Events.GetByType", 1, func() error { return err(events.GetByType(ctx, c.event.EventType, 0)) }},
		{"Events.GetUnprocessed", 1, func() error { return err(events.GetUnprocessed(ctx, 0)) }},
		{"Events.GetUnprocessedPage", 1, func() error { return err(events.GetUnprocessedPage(ctx, 0, 0)) }},
		{"Events.AllUnprocessed", 1, func() error {
			for range events.AllUnprocessed(ctx, 0) {
			}
			return nil
		}},
		{"Events.GetUnprocessedForUpdate", 3, func() error {
			return store.InTx(ctx, func(tx driver.Store) error {
				return err(tx.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{}))
			})
		}},
		{"Events.CountUnprocessed", 1, func() error { return err(events.CountUnprocessed(ctx)) }},
		{"Events.CountProcessing", 1, func() error { return err(events.CountProcessing(ctx)) }},
		{"Events.CountByType", 1, func() error { return err(events.CountByType(ctx, time.Time{})) }},
		{"Events.Save", 1, func() error { return err(events.Save(ctx, newEvent())) }},
		{"Events.SaveBatch", 6, func() error { return err(events.SaveBatch(ctx, newEvents(500))) }},
		{"Events.Append", 6, func() error {
			filler := driver.Event{EventType: "order.placed", EventData: json.RawMessage(`{}`)}
			return err(events.Append(ctx, driver.Aggregate{Type: "Order", ID: uuid.New()}, driver.NoEvents, slices.Repeat([]driver.Event{filler}, 500)))
		}},
		{"Events.MarkAsProcessed", 1, func() error { return err(events.MarkAsProcessed(ctx, c.event.ID)) }},
		// What is not in the queue may be a dead letter: one more.
		{"Events.MarkMultipleAsProcessed", 2, func() error { return err(events.MarkMultipleAsProcessed(ctx, make([]uuid.UUID, 500))) }},
		{"Events.MarkMultipleAsProcessedBulk", 2, func() error { return err(events.MarkMultipleAsProcessedBulk(ctx, make([]uuid.UUID, 500), 0)) }},
		{"Events.Wait", 1, func() error { return events.Wait(ctx) }},
		{"Events.Claim", 1, func() (err error) {
			claims, err = events.Claim(ctx, driver.ClaimOptions{Limit: 10})
			return err
		}},
		{"Events.Extend", 1, func() error { return events.Extend(ctx, claims, 0) }},
		{"Events.Release", 1, func() error { return events.Release(ctx, claims[:2]) }},
		{"Events.Retry", 1, func() error { return events.Retry(ctx, claims[2], 0, "") }},
		{"Events.DeadLetter", 1, func() error { return events.DeadLetter(ctx, claims[3], "") }},
		{"Events.Ack", 1, func() error { return events.Ack(ctx, claims[4:]) }},

		{"DeadLetters.Get", 1, func() error { return err(deadLetters.Get(ctx, claims[3].Event.ID)) }},
		{"DeadLetters.List", 1, func() error { return err(deadLetters.List(ctx, driver.DeadLetterFilter{}, 0)) }},
		{"DeadLetters.Count", 1, func() error { return err(deadLetters.Count(ctx, driver.DeadLetterFilter{})) }},
		{"DeadLetters.Requeue", 1, func() error { return err(deadLetters.Requeue(ctx, claims[3].Event.ID)) }},
		{"DeadLetters.RequeueAll", 3, func() error { return err(deadLetters.RequeueAll(ctx, driver.DeadLetterFilter{})) }},
		{"DeadLetters.Purge", 3, func() error { return err(deadLetters.Purge(ctx, driver.DeadLetterFilter{})) }},

		{"Consumers.Read", 2, func() error { return err(consumers.Read(ctx, "one", 0)) }},
		{"Consumers.Commit", 1, func() error { return consumers.Commit(ctx, "one", 1) }},
		{"Consumers.Reset", 1, func() error { return consumers.Reset(ctx, "one", 0) }},
		{"Consumers.Lag", 2, func() error { return err(consumers.Lag(ctx, "one")) }},
		{"Consumers.Get", 1, func() error { return err(consumers.Get(ctx, "one")) }},
		{"Consumers.List", 1, func() error { return err(consumers.List(ctx)) }},
		{"Consumers.Delete", 1, func() error { return err(consumers.Delete(ctx, "one")) }},
		{"Events.ProcessUnprocessed", 4, func() error {
			return err(events.ProcessUnprocessed(ctx, driver.ProcessOptions{}, func(_ driver.Store, found []driver.Event) (done []uuid.UUID, _ error) {
				for _, event := range found {
					done = append(done, event.ID)
				}
				return done, nil
			}))
		}},

		{"Endpoints.GetByID", 1, func() error { return err(endpoints.GetByID(ctx, c.endpoint.ID)) }},
		{"Endpoints.Exists", 1, func() error { return err(endpoints.Exists(ctx, c.endpoint.ID)) }},
		{"Endpoints.GetByContext", 1, func() error { return err(endpoints.GetByContext(ctx, &c.context, all)) }},
		{"Endpoints.GetActive", 1, func() error { return err(endpoints.GetActive(ctx, 0)) }},
		{"Endpoints.Save", 1, func() error { return err(endpoints.Save(ctx, driver.NewEndpoint("new", "https://example.com"))) }},
		{"Endpoints.Update", 2, func() error { return err(endpoints.Update(ctx, c.endpoint)) }}, // the secrets are sealed anew
		{"Endpoints.UpdateLastUsed", 1, func() error { return err(endpoints.UpdateLastUsed(ctx, c.endpoint.ID)) }},
		{"Endpoints.MarkVerified", 1, func() error { return err(endpoints.MarkVerified(ctx, c.endpoint.ID, c.endpoint.EndpointURL)) }},
		{"Endpoints.RotateSecret", 2, func() error { return err(endpoints.RotateSecret(ctx, c.endpoint.ID, driver.RotateOptions{})) }},

		{"EventTypes.GetByID", 1, func() error { return err(eventTypes.GetByID(ctx, c.eventType.ID)) }},
		{"EventTypes.GetByEventType", 1, func() error { return err(eventTypes.GetByEventType(ctx, c.eventType.EventType)) }},
		{"EventTypes.GetByCategory", 1, func() error { return err(eventTypes.GetByCategory(ctx, c.eventType.Category, all)) }},
		{"EventTypes.GetEnabled", 1, func() error { return err(eventTypes.GetEnabled(ctx, 0)) }},
		{"EventTypes.Exists", 1, func() error { return err(eventTypes.Exists(ctx, c.eventType.ID)) }},
		{"EventTypes.Save", 1, func() error { return err(eventTypes.Save(ctx, driver.NewEventType("user.created"))) }},
		{"EventTypes.Update", 1, func() error { return err(eventTypes.Update(ctx, c.eventType)) }},
		{"EventTypes.Delete", 1, func() error { return err(eventTypes.Delete(ctx, c.eventType.ID)) }},

		{"Subscriptions.GetByID", 1, func() error { return err(subs.GetByID(ctx, c.sub.ID)) }},
		{"Subscriptions.Exists", 1, func() error { return err(subs.Exists(ctx, c.sub.ID)) }},
		{"Subscriptions.GetByEndpoint", 1, func() error { return err(subs.GetByEndpoint(ctx, c.endpoint.ID, all)) }},
		{"Subscriptions.GetByEventType", 1, func() error { return err(subs.GetByEventType(ctx, c.sub.EventType, all)) }},
		{"Subscriptions.GetByContext", 1, func() error { return err(subs.GetByContext(ctx, &c.context, all)) }},
		{"Subscriptions.GetActive", 1, func() error { return err(subs.GetActive(ctx, 0)) }},
		{"Subscriptions.GetMatching", 1, func() error { return err(subs.GetMatching(ctx, c.sub.EventType, &c.context, driver.MatchOptions{})) }},
		{"Subscriptions.Save", 1, func() error { return err(subs.Save(ctx, driver.NewSubscription(c.endpoint.ID, "user.*"))) }},
		{"Subscriptions.Update", 1, func() error { return err(subs.Update(ctx, c.sub)) }},
		{"Subscriptions.UpdateLastTriggered", 1, func() error {
			ids := make([]uuid.UUID, len(c.subs))
			for i := range c.subs {
				ids[i] = c.subs[i].ID
			}
			return err(subs.UpdateLastTriggered(ctx, ids))
		}},
		{"Subscriptions.Delete", 1, func() error { return err(subs.Delete(ctx, c.sub.ID)) }},

		{"Deliveries.GetByID", 1, func() error { return err(deliveries.GetByID(ctx, c.delivery.ID)) }},
		{"Deliveries.GetByEndpoint", 1, func() error { return err(deliveries.GetByEndpoint(ctx, c.endpoint.ID, 0)) }},
		{"Deliveries.GetByEvent", 1, func() error { return err(deliveries.GetByEvent(ctx, c.event.ID, 0)) }},
		{"Deliveries.GetPendingRetries", 1, func() error { return err(deliveries.GetPendingRetries(ctx, 0)) }},
		{"Deliveries.SaveForEvent", 4, func() error { return err(deliveries.SaveForEvent(ctx, c.event, c.subs)) }},
		{"Deliveries.ClaimDue", 1, func() (failed error) {
			claimed, failed = deliveries.ClaimDue(ctx, 0, 0)
			return failed
		}},
		{"Deliveries.Release", 1, func() error { return err(deliveries.Release(ctx, claimed)) }},
		{"Deliveries.RecordAttempt", 6, func() error {
			return err(deliveries.RecordAttempt(ctx, c.delivery.ID, driver.Attempt{Status: driver.AttemptSuccess}))
		}},
		{"Deliveries.Cancel", 4, func() error { return err(deliveries.Cancel(ctx, claimed[1].ID, "")) }},
		{"Deliveries.Replay", 5, func() error { return err(deliveries.Replay(ctx, c.delivery.ID)) }},
		{"Deliveries.Save", 5, func() error {
			d := driver.NewDelivery(c.endpoint.ID, c.other.ID)
			d.Attempts = []driver.Attempt{{Status: driver.AttemptFailed}}
			return err(deliveries.Save(ctx, d))
		}},
		{"Deliveries.GetStats", 4, func() error { return err(deliveries.GetStats(ctx, c.endpoint.ID, 0)) }},
		{"Deliveries.Recover", 4, func() error { return err(deliveries.Recover(ctx, c.endpoint.ID, time.Time{})) }},

		{"Actions.GetByID", 1, func() error { return err(actions.GetByID(ctx, c.action.ID)) }},
		{"Actions.Exists", 1, func() error { return err(actions.Exists(ctx, c.action.ID)) }},
		{"Actions.GetActionsForEvent", 1, func() error { return err(actions.GetActionsForEvent(ctx, c.event.EventType, driver.ActionOptions{})) }},
		{"Actions.GetActive", 1, func() error { return err(actions.GetActive(ctx, 0)) }},
		{"Actions.GetByHandlerType", 1, func() error { return err(actions.GetByHandlerType(ctx, driver.HandlerCustom, all)) }},
		{"Actions.GetByTenant", 1, func() error { return err(actions.GetByTenant(ctx, nil, all)) }},
		{"Actions.Save", 4, func() error {
			return err(actions.Save(ctx, driver.NewAction("new", driver.HandlerCustom, nil, "a.b", "c.*")))
		}},
		{"Actions.Update", 5, func() error { return err(actions.Update(ctx, c.action)) }},
		{"Actions.UpdateStatistics", 1, func() error {
			return err(actions.UpdateStatistics(ctx, c.action.ID, driver.ActionStatistics{Triggered: 1}))
		}},

		{"Executions.GetByID", 1, func() error { return err(executions.GetByID(ctx, c.execution.ID)) }},
		{"Executions.Exists", 1, func() error { return err(executions.Exists(ctx, c.execution.ID)) }},
		{"Executions.GetByAction", 1, func() error { return err(executions.GetByAction(ctx, c.action.ID, 0)) }},
		{"Executions.GetByStatus", 1, func() error { return err(executions.GetByStatus(ctx, driver.ExecutionPending, &c.action.ID, 0)) }},
		{"Executions.GetRecent", 1, func() error { return err(executions.GetRecent(ctx, time.Time{}, 0)) }},
		{"Executions.GetFailed", 1, func() error { return err(executions.GetFailed(ctx, 0)) }},
		{"Executions.Save", 1, func() error { return err(executions.Save(ctx, driver.NewExecution(c.action.ID, c.event))) }},
		{"Executions.Update", 2, func() error { return err(executions.Update(ctx, c.execution)) }},
		{"Executions.Complete", 5, func() error {
			return err(executions.Complete(ctx, c.execution.ID, driver.ExecutionOutcome{Status: driver.ExecutionFailed}))
		}},
		{"Executions.Retry", 5, func() error { return err(executions.Retry(ctx, c.execution.ID)) }},
		{"Executions.ClaimPending", 1, func() error { return err(executions.ClaimPending(ctx, 0, 0)) }},
		{"Executions.GetStats", 3, func() error { return err(executions.GetStats(ctx, c.action.ID, 0)) }},
		{"Executions.Summary", 2, func() error { return err(executions.Summary(ctx, time.Time{})) }},
		{"Executions.DeleteOlderThan", 1, func() error { return err(executions.DeleteOlderThan(ctx, time.Now())) }},

		{"ArchiveRules.GetByID", 1, func() error { return err(rules.GetByID(ctx, c.rule.ID)) }},
		{"ArchiveRules.GetByName", 1, func() error { return err(rules.GetByName(ctx, c.rule.Name)) }},
		{"ArchiveRules.Exists", 1, func() error { return err(rules.Exists(ctx, c.rule.ID)) }},
		{"ArchiveRules.GetAll", 1, func() error { return err(rules.GetAll(ctx, 0)) }},
		{"ArchiveRules.GetEnabled", 1, func() error { return err(rules.GetEnabled(ctx, 0)) }},
		{"ArchiveRules.GetDue", 1, func() error { return err(rules.GetDue(ctx, 0)) }},
		{"ArchiveRules.ClaimDue", 1, func() (err error) {
			leased, err = rules.ClaimDue(ctx, 0, 0)
			return err
		}},
		{"ArchiveRules.Extend", 1, func() error { return rules.Extend(ctx, leased[0].ID, *leased[0].LeaseToken, 0) }},
		{"ArchiveRules.Ran", 4, func() error { return err(rules.Ran(ctx, leased[0].ID, *leased[0].LeaseToken)) }},
		{"ArchiveRules.Save", 2, func() error { return err(rules.Save(ctx, driver.NewArchiveRule("new", 1))) }}, // the clock is asked first
		{"ArchiveRules.Update", 2, func() error { return err(rules.Update(ctx, c.rule)) }},

		{"ArchiveJobs.GetByID", 1, func() error { return err(jobs.GetByID(ctx, c.job.ID)) }},
		{"ArchiveJobs.Exists", 1, func() error { return err(jobs.Exists(ctx, c.job.ID)) }},
		{"ArchiveJobs.GetByStatus", 1, func() error { return err(jobs.GetByStatus(ctx, driver.JobFailed, 0)) }},
		{"ArchiveJobs.GetByRule", 1, func() error { return err(jobs.GetByRule(ctx, c.rule.ID, 0)) }},
		{"ArchiveJobs.GetFailed", 1, func() error { return err(jobs.GetFailed(ctx, 0)) }},
		{"ArchiveJobs.Save", 1, func() (err error) {
			job, err = jobs.Save(ctx, driver.ArchiveJob{RuleID: &c.rule.ID})
			return err
		}},
		{"ArchiveJobs.Start", 1, func() error { return err(jobs.Start(ctx, job.ID)) }},
		{"ArchiveJobs.AddProgress", 1, func() error { return err(jobs.AddProgress(ctx, job.ID, 1)) }},
		{"ArchiveJobs.Finish", 1, func() error { return err(jobs.Finish(ctx, job.ID, driver.JobCompleted, "")) }},
		{"ArchiveJobs.Retry", 1, func() error { return err(jobs.Retry(ctx, c.job.ID)) }},
		{"ArchiveJobs.Delete", 1, func() error { return err(jobs.Delete(ctx, job.ID)) }},
		{"ArchiveJobs.DeleteOlderThan", 1, func() error { return err(jobs.DeleteOlderThan(ctx, time.Now().Add(time.Hour))) }},
		{"ArchiveRules.Delete", 1, func() error { return err(rules.Delete(ctx, c.rule.ID)) }},

		{"Archives.Save", 1, func() (err error) {
			archive, err = archives.Save(ctx, driver.Archive{Name: "one of many"})
			return err
		}},
		{"Archives.Update", 1, func() error { return err(archives.Update(ctx, archive)) }},
		{"Archives.GetByID", 1, func() error { return err(archives.GetByID(ctx, archive.ID)) }},
		{"Archives.Exists", 1, func() error { return err(archives.Exists(ctx, archive.ID)) }},
		{"Archives.GetByStatus", 1, func() error { return err(archives.GetByStatus(ctx, driver.ArchivePending, 0)) }},
		{"Archives.GetByDateRange", 1, func() error { return err(archives.GetByDateRange(ctx, time.Time{}, time.Now(), 0)) }},
		{"Archives.GetByAggregate", 1, func() error { return err(archives.GetByAggregate(ctx, c.event.Aggregate(), 0)) }},
		{"Archives.GetByPosition", 1, func() error { return err(archives.GetByPosition(ctx, 0, 0)) }},
		{"Archives.GetExpired", 1, func() error { return err(archives.GetExpired(ctx, 0)) }},
		{"Archives.GetStats", 1, func() error { return err(archives.GetStats(ctx)) }},
		{"Archives.Delete", 1, func() error { return err(archives.Delete(ctx, archive.ID)) }},

		{"Archives.Begin", 6, func() (err error) {
			plans[0], err = archives.Begin(ctx, plans[0].ID, ofSaved, 0)
			return err
		}},
		{"Archives.Extend", 1, func() error { return archives.Extend(ctx, plans[0].ID, *plans[0].LeaseToken, 0) }},
		{"Archives.AllEvents", 1, func() error {
			for range archives.AllEvents(ctx, plans[0].ID) {
			}
			return nil
		}},
		{"Archives.Fail", 4, func() error { return err(archives.Fail(ctx, plans[0].ID, *plans[0].LeaseToken, "")) }},
		{"Archives.Begin", 6, func() (err error) {
			plans[1], err = archives.Begin(ctx, plans[1].ID, ofSaved, 0)
			return err
		}},
		{"Archives.Complete", 9, func() error {
			return err(archives.Complete(ctx, plans[1].ID, *plans[1].LeaseToken, driver.ArchiveFile{
				ObjectName: "a", EventCount: rowsToFind, Checksum: strings.Repeat("0", 64), EventsFrom: saved[0].OccurredAt, EventsTo: time.Now(),
			}))
		}},
		{"Archives.Restore", 7, func() error {
			return err(archives.Restore(ctx, plans[1].ID, func(yield func(driver.Event, error) bool) {
				for _, event := range saved {
					if !yield(event, nil) {
						return
					}
				}
			}))
		}},
		{"Archives.Recover", 3, func() error { return err(archives.Recover(ctx, 0)) }},
		{"Archives.Purge", 4, func() error { return err(archives.Purge(ctx, plans[1].ID)) }},
		{"Archives.Measure", 1, func() error { return err(archives.Measure(ctx)) }},

		{"ArchiveObjects.Create", 1, func() error { return err(objects.Create(ctx, ".unfinished")) }},
		{"ArchiveObjects.Append", 1, func() error { return objects.Append(ctx, ".unfinished", 0, []byte("some")) }},
		{"ArchiveObjects.Commit", 1, func() error { return err(objects.Commit(ctx, ".unfinished", "finished")) }},
		{"ArchiveObjects.Get", 1, func() error { return err(objects.Get(ctx, "finished")) }},
		{"ArchiveObjects.ReadChunk", 1, func() error { return err(objects.ReadChunk(ctx, "finished", 0)) }},
		{"ArchiveObjects.List", 1, func() error { return err(objects.List(ctx, "f", "", 0)) }},
		{"ArchiveObjects.Delete", 1, func() error { return err(objects.Delete(ctx, "finished")) }},

		{"Actions.Delete", 5, func() error { return err(actions.Delete(ctx, c.action.ID)) }},
		{"Endpoints.Delete", 4, func() error { return err(endpoints.Delete(ctx, c.endpoint.ID)) }},

		{"Events.Claim", 1, func() (err error) {
			ordered, err = events.Claim(ctx, driver.ClaimOptions{Limit: 2, PerAggregateOrder: true})
			return err
		}},
		{"Events.Ack", 2, func() error { return events.Ack(ctx, ordered) }},
	}
	covered := map[string]bool{}
	for _, m := range methods {
		covered[m.name] = true
		before := counter.n.Load()
		if err := m.call(); err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if sent := counter.n.Load() - before; sent != m.trips {
			t.Errorf("%s sent %d statements, want %d", m.name, sent, m.trips)
		}
	}
	for _, name := range repositoryMethods() {
		if !covered[name] && !slices.Contains(uncounted, name) {
			t.Errorf("%s has no entry in this test", name)
		}
	}
}

// uncounted are methods that send statements in batches in the background, or as many as there are partitions.
var uncounted = []string{"Endpoints.ReencryptSecrets", "Archives.Detach", "Archives.Attach"}

// repositoryMethods are the methods of all repositories of a Store, as in the Op of errors.
func repositoryMethods() []string {
	var names []string
	store := reflect.TypeFor[driver.Store]()
	for i := range store.NumMethod() {
		repository := store.Method(i)
		if repository.Type.NumIn() != 0 || repository.Type.NumOut() != 1 || !strings.HasSuffix(repository.Type.Out(0).Name(), "Repository") {
			continue
		}
		for j := range repository.Type.Out(0).NumMethod() {
			names = append(names, repository.Name+"."+repository.Type.Out(0).Method(j).Name)
		}
	}
	return names
}
