package archive_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
)

// house is a store, a storage and an Archiver of both.
type house struct {
	*testing.T
	store    driver.Store
	storage  archive.Storage
	archiver *archive.Archiver
	path     string // of the database

	undamaged map[string][]byte // objects as they were
}

// newHouse has archives of a hundred events at the most, unless change says otherwise.
func newHouse(t *testing.T, change func(h *house, opts *archive.Options)) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	store, err := driver.Open("sqlite:"+path, "tenant_test", driver.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := archive.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), dir.Close()); err != nil {
			t.Error(err)
		}
	})
	h := &house{T: t, store: store, storage: dir, path: path}
	opts := archive.Options{MaxEvents: 100}
	if change != nil {
		change(h, &opts)
	}
	h.archiver = h.open(opts)
	return h
}

func (h *house) open(opts archive.Options) *archive.Archiver {
	h.Helper()
	archiver, err := archive.New(h.store, archive.Storages{driver.StorageCold: h.storage}, opts)
	h.ok(err)
	return archiver
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatalf("unexpected error: %v", err)
	}
}

func (h *house) equal(what string, got, want any) {
	h.Helper()
	if !reflect.DeepEqual(got, want) {
		h.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func (h *house) wantErr(what string, err error, kinds ...error) {
	h.Helper()
	var failed *driver.Error
	if !errors.As(err, &failed) || failed.Op == "" || failed.Schema == "" {
		h.Fatalf("%s: got the error %v, want a complete *driver.Error", what, err)
	}
	for _, kind := range kinds {
		if !errors.Is(err, kind) {
			h.Fatalf("%s: got the error %v, want %v", what, err, kind)
		}
	}
}

// longAgo is when old events occurred and were processed.
var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 678_000, time.UTC)

// save saves old and processed events, of aggregates of ten events each, and returns them as they
// are read.
func (h *house) save(n int, change ...func(i int, e *driver.Event)) []driver.Event {
	h.Helper()
	events := make([]driver.Event, n)
	for i := range events {
		if i%10 == 0 {
			events[i].AggregateID = uuid.New()
		} else {
			events[i].AggregateID = events[i-1].AggregateID
		}
		processed, context := longAgo.Add(time.Hour), uuid.New()
		events[i] = driver.Event{
			EventType: "order.placed", EventName: "Order placed", AggregateType: "Order", AggregateID: events[i].AggregateID,
			EventData:     json.RawMessage(fmt.Sprintf("{ \"number\":%d,\n\t\"a\":1e2, \"a\":\"\\u0000é\" }", i)),
			EventMetadata: json.RawMessage(`{"b":1.0,  "a":0}`), ContextID: &context, OccurredAt: longAgo.Add(time.Duration(i) * time.Microsecond), ProcessedAt: &processed,
		}
		for _, fn := range change {
			fn(i, &events[i])
		}
	}
	saved, err := h.store.Events().SaveBatch(h.Context(), events)
	h.ok(err)
	for i := range saved {
		saved[i], err = h.store.Events().GetByID(h.Context(), saved[i].ID)
		h.ok(err)
	}
	return saved
}

// run archives what occurred more than a day ago.
func (h *house) run() archive.Report {
	h.Helper()
	report, err := h.archiver.Run(h.Context(), driver.NewArchiveRule("old", 1))
	h.ok(err)
	return report
}

// stored returns the events that are in the store, by position.
func (h *house) stored() []driver.Event {
	h.Helper()
	ctx := h.Context()
	var all []driver.Event
	for name := "reader"; ; {
		page, err := h.store.Consumers().Read(ctx, name, driver.MaxLimit)
		h.ok(err)
		if len(page) == 0 {
			_, err := h.store.Consumers().Delete(ctx, name)
			h.ok(err)
			return all
		}
		all = append(all, page...)
		h.ok(h.store.Consumers().Commit(ctx, name, page[len(page)-1].Position))
	}
}

// archived returns the events in completed archives that were not restored, by position.
func (h *house) archived() []driver.Event {
	h.Helper()
	var all []driver.Event
	for _, a := range h.archives(driver.ArchiveCompleted) {
		h.ok(h.archiver.Verify(h.Context(), a.ID))
	}
	inStore := map[uuid.UUID]bool{}
	for _, e := range h.stored() {
		inStore[e.ID] = true
	}
	for event, err := range h.archiver.All(h.Context(), 0) {
		h.ok(err)
		if !inStore[event.ID] {
			all = append(all, event)
		}
	}
	return all
}

func (h *house) archives(status driver.ArchiveStatus) []driver.Archive {
	h.Helper()
	archives, err := h.store.Archives().GetByStatus(h.Context(), status, driver.MaxLimit)
	h.ok(err)
	return archives
}

// files returns the names of the objects in the storage.
func (h *house) files() []string {
	h.Helper()
	names := []string{}
	for object, err := range h.storage.List(h.Context(), "") {
		h.ok(err)
		names = append(names, object.Name)
	}
	return names
}

// wantPlaces fails the test unless these events are in the store, and those in archives.
func (h *house) wantPlaces(stored, archived []driver.Event) {
	h.Helper()
	for what, pair := range map[string][2][]driver.Event{"in the store": {h.stored(), stored}, "in archives": {h.archived(), archived}} {
		got, want := pair[0], slices.Clone(pair[1])
		slices.SortFunc(want, func(a, b driver.Event) int { return int(a.Position - b.Position) })
		if len(got) != len(want) {
			h.Fatalf("%s: got %d events, want %d", what, len(got), len(want))
		}
		for i := range got {
			h.equal("event "+what, got[i], want[i])
		}
	}
}

func TestRunMovesEventsToFilesAndRestoreBringsThemBackAsTheyWere(t *testing.T) {
	h := newHouse(t, nil)
	events := h.save(250)
	report := h.run()
	h.equal("archives", report.Archives, 3)
	h.equal("events", report.Events, int64(250))
	h.wantPlaces(nil, events)
	h.equal("files", len(h.files()), 6)
	for _, a := range h.archives(driver.ArchiveCompleted) {
		n, err := h.archiver.Restore(t.Context(), a.ID, nil)
		h.ok(err)
		h.equal("restored", int64(n), a.EventCount)
		n, err = h.archiver.Restore(t.Context(), a.ID, nil)
		h.ok(err)
		h.equal("restored by the same call again", n, 0)
	}
	h.wantPlaces(events, nil)
	h.equal("archives that are restored", len(h.archives(driver.ArchiveRestored)), 3)
}

func TestRunKeepsARecordOfTheJobAndOfEachArchive(t *testing.T) {
	h := newHouse(t, nil)
	events := h.save(120)
	report := h.run()
	job, err := h.store.ArchiveJobs().GetByID(t.Context(), report.JobID)
	h.ok(err)
	h.equal("status", job.Status, driver.JobCompleted)
	h.equal("counts", []int64{job.Archives, job.EventsArchived, job.EventsSkipped, job.RawBytes, job.SizeBytes},
		[]int64{2, 120, 0, report.RawBytes, report.SizeBytes})
	archives := h.archives(driver.ArchiveCompleted)
	last := archives[0] // the newest
	h.equal("name", last.Name, "old")
	h.equal("policy", last.Policy, driver.PolicyAge)
	h.equal("positions", []int64{last.FirstPosition, last.LastPosition}, []int64{events[100].Position, events[119].Position})
	h.equal("times", []time.Time{*last.EventsFrom, *last.EventsTo}, []time.Time{events[100].OccurredAt, events[119].OccurredAt})
	h.equal("types", last.EventTypes, []string{"order.placed"})
	h.equal("contexts", len(last.ContextIDs), 20)
	h.equal("location", last.StorageLocation, h.storage.Location())
	h.equal("job", *last.JobID, report.JobID)
	if last.LeaseToken != nil || last.ArchivedAt == nil || last.Checksum == "" || last.CompressionRatio() <= 1 {
		t.Errorf("got %+v", last)
	}
}

func TestRunLeavesWhatIsStillNeeded(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	old := h.save(30)
	waiting := h.save(3, func(_ int, e *driver.Event) { e.ProcessedAt = nil })
	recent := h.save(3, func(_ int, e *driver.Event) { e.OccurredAt = time.Now() })
	claims, err := h.store.Events().Claim(ctx, driver.ClaimOptions{Limit: 1})
	h.ok(err)
	h.ok(h.store.Events().DeadLetter(ctx, claims[0], "no"))
	endpoint, err := h.store.Endpoints().Save(ctx, driver.NewEndpoint("hook", "https://example.com"))
	h.ok(err)
	_, err = h.store.Deliveries().Save(ctx, driver.Delivery{EndpointID: endpoint.ID, EventID: old[4].ID})
	h.ok(err)
	h.ok(h.store.Consumers().Reset(ctx, "projection", old[19].Position))

	h.run()
	want := slices.Concat(old[4:5], old[20:], waiting, recent)
	h.wantPlaces(want, slices.Concat(old[:4], old[5:20]))
}

func TestRunPastConsumersTakesWhatTheyHaveNotRead(t *testing.T) {
	h := newHouse(t, nil)
	events := h.save(10)
	h.ok(h.store.Consumers().Reset(t.Context(), "projection", 0))
	h.equal("archived", h.run().Events, int64(0))
	rule := driver.NewArchiveRule("all", 1)
	rule.PastConsumers = true
	_, err := h.archiver.Run(t.Context(), rule)
	h.ok(err)
	h.ok(func() error { _, err := h.store.Consumers().Delete(t.Context(), "projection"); return err }())
	h.wantPlaces(nil, events)
}

func TestRunBySizeLeavesAsMuchAsTheRuleSays(t *testing.T) {
	size := func(events ...driver.Event) (bytes int64) {
		for _, e := range events {
			bytes += int64(len(e.EventData) + len(e.EventMetadata))
		}
		return bytes
	}
	for _, test := range []struct {
		name string
		rule func(events []driver.Event) driver.ArchiveRule
		left int
	}{
		{"ByCount", func([]driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicySize, MaxEventCount: 30}
		}, 30},
		{"ByBytes", func(events []driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicySize, MaxTableBytes: size(events[190:]...)}
		}, 60},
		{"ByBytesInTheMiddleOfAnEvent", func(events []driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicySize, MaxTableBytes: size(events[190:]...) - 1}
		}, 59},
		{"ByBoth", func(events []driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicySize, MaxEventCount: 100, MaxTableBytes: size(events[190:]...)}
		}, 60},
		{"WithNothingToDo", func([]driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicySize, MaxEventCount: 250}
		}, 250},
		{"Hybrid", func([]driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicyHybrid, ArchiveAfterDays: 1, MaxEventCount: 30}
		}, 30},
		{"HybridByAgeAlone", func([]driver.Event) driver.ArchiveRule {
			return driver.ArchiveRule{Policy: driver.PolicyHybrid, ArchiveAfterDays: 1, MaxEventCount: 245}
		}, 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, nil)
			events := h.save(250, func(i int, e *driver.Event) {
				if i >= 200 {
					e.OccurredAt = time.Now()
				}
			})
			rule := test.rule(events)
			rule.Name = "size"
			report, err := h.archiver.Run(t.Context(), rule)
			h.ok(err)
			h.wantPlaces(events[250-test.left:], events[:250-test.left])
			h.equal("events of the report", report.Events, int64(250-test.left))
		})
	}
}

func TestRestoreByAFilterLeavesTheOthersInTheArchive(t *testing.T) {
	h := newHouse(t, nil)
	events := h.save(20)
	h.run()
	id := h.archives(driver.ArchiveCompleted)[0].ID
	first := func(e driver.Event) bool { return e.AggregateID == events[0].AggregateID }
	for _, want := range []int{10, 0} {
		n, err := h.archiver.Restore(t.Context(), id, first)
		h.ok(err)
		h.equal("restored", n, want)
	}
	h.wantPlaces(events[:10], events[10:])

	// What came back is archived again elsewhere, and each archive gives back what is its own.
	h.run()
	h.wantPlaces(nil, events)
	for i, want := range []int{10, 10} {
		archives := h.archives(driver.ArchiveCompleted)
		h.equal("archives", len(archives), 2-i)
		n, err := h.archiver.Restore(t.Context(), archives[len(archives)-1].ID, nil)
		h.ok(err)
		h.equal("restored", n, want)
	}
	h.wantPlaces(events, nil)
}

func TestVersionsAndIDsOfArchivedEventsStayTaken(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	events := h.save(10)
	order := events[0].Aggregate()
	h.run()
	version, err := h.store.Events().NextVersion(ctx, order)
	h.ok(err)
	h.equal("next version", version, int64(11))
	next := driver.Event{EventType: "order.paid", AggregateType: order.Type, AggregateID: order.ID, EventData: json.RawMessage(`{}`)}

	sameID, sameVersion := next, next
	sameID.ID, sameVersion.AggregateVersion = events[3].ID, 4
	for _, save := range []func(driver.Event) error{
		func(e driver.Event) error { _, err := h.store.Events().Save(ctx, e); return err },
		func(e driver.Event) error { _, err := h.store.Events().SaveBatch(ctx, []driver.Event{e}); return err },
	} {
		h.wantErr("an id that is archived", save(sameID), driver.ErrAlreadyExists)
		h.wantErr("a version that is archived", save(sameVersion), driver.ErrVersionConflict)
	}
	_, err = h.store.Events().Append(ctx, order, driver.NoEvents, []driver.Event{next})
	var conflict *driver.VersionConflictError
	if !errors.As(err, &conflict) || conflict.Actual != 10 {
		t.Fatalf("Append to an archived history: got %v, want a version conflict at 10", err)
	}
	saved, err := h.store.Events().Save(ctx, next)
	h.ok(err)
	h.equal("version", saved.AggregateVersion, int64(11))
	batch, err := h.store.Events().SaveBatch(ctx, []driver.Event{next, next})
	h.ok(err)
	h.equal("version", batch[1].AggregateVersion, int64(13))
}

func TestArchivedEventsAreFoundThroughTheArchiver(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	events := h.save(250)
	h.run()
	_, err := h.store.Events().GetByID(ctx, events[120].ID)
	h.wantErr("GetByID", err, driver.ErrNotFound)
	var archived *driver.ArchivedError
	if !errors.As(err, &archived) {
		t.Fatalf("GetByID: got %v, want an ArchivedError", err)
	}
	found, err := h.archiver.GetByID(ctx, events[120].ID)
	h.ok(err)
	h.equal("event", found, events[120])
	_, err = h.archiver.GetByID(ctx, uuid.New())
	h.wantErr("GetByID of an unknown event", err, driver.ErrNotFound)

	order := events[240].Aggregate()
	more, err := h.store.Events().Append(ctx, order, 10, []driver.Event{{EventType: "order.paid", EventData: json.RawMessage(`{}`)}})
	h.ok(err)
	_, err = h.archiver.Restore(ctx, h.archives(driver.ArchiveCompleted)[0].ID, func(e driver.Event) bool { return e.ID == events[245].ID })
	h.ok(err)
	var versions []int64
	for event, err := range h.archiver.AllByAggregate(ctx, order, 3) {
		h.ok(err)
		versions = append(versions, event.AggregateVersion)
		if event.ID != more[0].ID {
			h.equal("event", event, events[239+event.AggregateVersion])
		}
	}
	h.equal("versions", versions, []int64{3, 4, 5, 6, 7, 8, 9, 10, 11})

	var positions []int64
	for event, err := range h.archiver.All(ctx, events[99].Position) {
		h.ok(err)
		positions = append(positions, event.Position)
	}
	h.equal("first position", positions[0], events[100].Position)
	h.equal("positions", len(positions), 150)
}

func TestTwoRunsAtOnceNeverTakeTheSameEvent(t *testing.T) {
	h := newHouse(t, func(_ *house, opts *archive.Options) { opts.MaxEvents = 20 })
	events := h.save(400)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			_, err := h.archiver.Run(t.Context(), driver.NewArchiveRule("old", 1))
			done <- err
		}()
	}
	for range cap(done) {
		h.ok(<-done)
	}
	h.run() // what one of them had while the others came to the end
	h.wantPlaces(nil, events)
}

func TestPurgeKeepsToTheRetention(t *testing.T) {
	h := newHouse(t, nil)
	h.save(10)
	rule := driver.NewArchiveRule("old", 1)
	rule.RetentionDays = 1
	_, err := h.archiver.Run(t.Context(), rule)
	h.ok(err)
	kept := h.archives(driver.ArchiveCompleted)[0]
	h.wantErr("Purge", h.archiver.Purge(t.Context(), kept.ID), driver.ErrState)
	h.equal("files", len(h.files()), 2)

	events := h.save(10)
	h.run()
	gone := h.archives(driver.ArchiveCompleted)[0]
	h.ok(h.archiver.Purge(t.Context(), gone.ID))
	h.ok(h.archiver.Purge(t.Context(), gone.ID)) // again
	h.equal("files", len(h.files()), 2)
	_, err = h.archiver.Restore(t.Context(), gone.ID, nil)
	h.wantErr("Restore", err, driver.ErrState)
	version, err := h.store.Events().NextVersion(t.Context(), events[0].Aggregate())
	h.ok(err)
	h.equal("next version of what is gone", version, int64(11))
}

func TestPurgeLeavesArchivesThatAreElsewhere(t *testing.T) {
	h := newHouse(t, nil)
	events := h.save(10)
	h.run()
	archived := h.archives(driver.ArchiveCompleted)[0]
	other := newHouse(t, nil)
	h.storage = other.storage
	h.wantErr("Purge", h.open(archive.Options{}).Purge(t.Context(), archived.ID), driver.ErrInvalid)
	h.equal("archives", len(h.archives(driver.ArchiveCompleted)), 1)

	h.ok(h.archiver.Purge(t.Context(), archived.ID))
	_, err := h.archiver.GetByID(t.Context(), events[0].ID)
	h.wantErr("GetByID of what was purged", err, driver.ErrNotFound)
}

func TestAJobThatOthersEndIsGoneOnWithOnlyByRetry(t *testing.T) {
	var h *house
	ended := false
	h = newHouse(t, func(h *house, opts *archive.Options) {
		opts.MaxRetries = 1
		opts.Progress = func(ctx context.Context, p archive.Progress) error {
			if !ended {
				ended = true
				_, err := h.store.ArchiveJobs().Finish(ctx, p.Report.JobID, driver.JobFailed, "by others")
				return err
			}
			return nil
		}
	})
	ctx := t.Context()
	events := h.save(150)
	rule, err := h.store.ArchiveRules().Save(ctx, driver.NewArchiveRule("old", 1))
	h.ok(err)
	report, err := h.archiver.Run(ctx, rule)
	h.wantErr("Run", err, driver.ErrState)
	h.equal("archived", report.Events, int64(100))
	h.wantPlaces(events[100:], events[:100])

	again, err := h.archiver.Retry(ctx, report.JobID)
	h.ok(err)
	h.equal("archived", []any{again.JobID, again.Events}, []any{report.JobID, int64(50)})
	h.wantPlaces(nil, events)
	job, err := h.store.ArchiveJobs().GetByID(ctx, report.JobID)
	h.ok(err)
	h.equal("job", []any{job.Status, job.RetryCount, job.EventsArchived}, []any{driver.JobCompleted, 1, int64(150)})
	_, err = h.archiver.Retry(ctx, report.JobID)
	h.wantErr("Retry of a job that is completed", err, driver.ErrState)
}

func TestNewRefusesAStoreInsideATransaction(t *testing.T) {
	h := newHouse(t, nil)
	h.ok(h.store.InTx(t.Context(), func(tx driver.Store) error {
		_, err := archive.New(tx, archive.Storages{driver.StorageCold: h.storage}, archive.Options{})
		h.wantErr("New", err, driver.ErrState)
		return nil
	}))
}

// In memory there is one connection, which the transaction of Restore has.
func TestRestoreFromADatabaseInMemory(t *testing.T) {
	store, err := driver.Open("sqlite::memory:", "tenant_test", driver.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, store: store, storage: archive.InDatabase(store)}
	defer func() { h.ok(store.Close()) }()
	h.archiver = h.open(archive.Options{})
	events := h.save(10)
	h.run()
	n, err := h.archiver.Restore(t.Context(), h.archives(driver.ArchiveCompleted)[0].ID, nil)
	h.ok(err)
	h.equal("restored", n, 10)
	h.wantPlaces(events, nil)
}

// makeDue makes the rules due that have a schedule, as if a minute had passed.
func (h *house) makeDue() {
	h.Helper()
	db, err := sql.Open("sqlite", h.path)
	h.ok(err)
	_, err = db.ExecContext(h.Context(), "UPDATE tenant_test__event_archive_rules SET next_run_at = 0 WHERE next_run_at IS NOT NULL")
	h.ok(errors.Join(err, db.Close()))
}

func TestRunDueRunsEachRuleOnce(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	events := h.save(10)
	rule := driver.NewArchiveRule("old", 1)
	rule.Schedule = "@yearly" // a minute may end at any time
	_, err := h.store.ArchiveRules().Save(ctx, rule)
	h.ok(err)
	n, err := h.archiver.RunDue(ctx)
	h.ok(err)
	h.equal("rules run before they are due", n, 0)
	h.makeDue()
	for _, want := range []int{1, 0} {
		n, err = h.archiver.RunDue(ctx)
		h.ok(err)
		h.equal("rules run", n, want)
	}
	h.wantPlaces(nil, events)
	stored, err := h.store.ArchiveRules().GetByName(ctx, "old")
	h.ok(err)
	if stored.LastRunAt == nil || stored.LeaseToken != nil || !stored.NextRunAt.After(*stored.LastRunAt) {
		t.Errorf("got %+v", stored)
	}
	jobs, err := h.store.ArchiveJobs().GetByRule(ctx, stored.ID, 0)
	h.ok(err)
	h.equal("jobs", len(jobs), 1)
}

func TestRunDueLeavesWhatItCanNotRunToOthers(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	events := h.save(10)
	rule := driver.NewArchiveRule("elsewhere", 1)
	rule.Schedule, rule.StorageType = "@monthly", driver.StorageWarehouse
	saved, err := h.store.ArchiveRules().Save(ctx, rule)
	h.ok(err)
	h.makeDue()
	_, err = h.archiver.RunDue(ctx)
	h.wantErr("RunDue", err, driver.ErrInvalid)
	h.wantPlaces(events, nil)
	left, err := h.store.ArchiveRules().GetByID(ctx, saved.ID)
	h.ok(err)
	if left.LastRunAt != nil || left.NextRunAt.After(*left.LeaseUntil) {
		t.Errorf("got %+v, want the rule due when its lease ends", left)
	}
}
