package archive_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const partitionSize = 50

// partitioned is a house whose events are partitioned, with an archiver that has no storage.
func partitioned(t *testing.T) *house {
	t.Helper()
	store, err := driver.Open(pgtest.DSN(t), "tenant_test", driver.WithLogger(nil), func(c *driver.Config) { c.EventPartitions = partitionSize })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	archiver, err := archive.New(store, archive.Storages{driver.StoragePartition: nil}, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &house{T: t, store: store, archiver: archiver}
}

var ofOrders = driver.Aggregate{Type: "Order", ID: uuid.MustParse("0197a000-0000-7000-8000-000000000001")}

// fillOrders appends n processed events, of a year ago, to an aggregate.
func (h *house) fillOrders(n int) []driver.Event {
	h.Helper()
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = driver.Event{EventType: "order.placed", EventData: json.RawMessage(`{"n": 1}`), OccurredAt: time.Now().AddDate(-1, 0, 0)}
	}
	saved, err := h.store.Events().Append(h.Context(), ofOrders, driver.AnyVersion, events)
	h.ok(err)
	ids := make([]uuid.UUID, n)
	for i := range saved {
		ids[i] = saved[i].ID
	}
	_, err = h.store.Events().MarkMultipleAsProcessed(h.Context(), ids)
	h.ok(err)
	saved, err = h.store.Events().GetByAggregate(h.Context(), ofOrders, driver.HistoryOptions{Limit: driver.MaxLimit})
	h.ok(err)
	return saved
}

func (h *house) rule() driver.ArchiveRule {
	rule := driver.NewArchiveRule("old orders", 30)
	rule.StorageType = driver.StoragePartition
	return rule
}

// sameEvents compares events without writing them all out.
func (h *house) sameEvents(what string, got, want []driver.Event) {
	h.Helper()
	h.equal("number of events of "+what, len(got), len(want))
	for i := range got {
		h.equal(what, got[i], want[i])
	}
}

func (h *house) collect(events func(yield func(driver.Event, error) bool)) (all []driver.Event) {
	h.Helper()
	for event, err := range events {
		h.ok(err)
		all = append(all, event)
	}
	return all
}

func TestPartitionsAreArchivedReadAndRestoredWithoutAStorage(t *testing.T) {
	h, ctx := partitioned(t), t.Context()
	events := h.fillOrders(2*partitionSize + 10)
	report, err := h.archiver.Run(ctx, h.rule())
	h.ok(err)
	h.equal("archives of the run", report.Archives, 2)
	h.equal("events of the run", report.Events, int64(2*partitionSize-1)) // there is no position 0
	job, err := h.store.ArchiveJobs().GetByID(ctx, report.JobID)
	h.ok(err)
	h.equal("events that the job counts", job.EventsArchived, report.Events)

	archives, err := h.store.Archives().GetByPosition(ctx, 1, 0)
	h.ok(err)
	h.sameEvents("events of the first", h.collect(h.archiver.Read(ctx, archives[0].ID)), events[:partitionSize-1])
	h.ok(h.archiver.Verify(ctx, archives[0].ID))
	event, err := h.archiver.GetByID(ctx, events[3].ID)
	h.ok(err)
	h.equal("archived event", event, events[3])
	h.sameEvents("history", h.collect(h.archiver.AllByAggregate(ctx, ofOrders, 0)), events)
	h.sameEvents("all archived", h.collect(h.archiver.All(ctx, 0)), events[:2*partitionSize-1])

	again, err := h.archiver.Run(ctx, h.rule())
	h.ok(err)
	h.equal("archives of another run", again.Archives, 0)
	pending, err := h.store.Archives().GetByStatus(ctx, driver.ArchivePending, 0)
	h.ok(err)
	h.equal("records that were not used", len(pending), 0)

	_, err = h.archiver.Restore(ctx, archives[0].ID, func(driver.Event) bool { return true })
	h.wantErr("Restore by a filter", err, driver.ErrInvalid)
	for range 2 { // the second time it does nothing
		n, err := h.archiver.Restore(ctx, archives[0].ID, nil)
		h.ok(err)
		if n != partitionSize-1 && n != 0 {
			t.Errorf("restored %d events, want %d and then 0", n, partitionSize-1)
		}
	}
	h.sameEvents("history with a part of it restored", h.collect(h.archiver.AllByAggregate(ctx, ofOrders, 0)), events)
	h.wantErr("Verify of a restored one", h.archiver.Verify(ctx, archives[0].ID), driver.ErrState)

	h.ok(h.archiver.Purge(ctx, archives[1].ID))
	h.sameEvents("history without what was purged", h.collect(h.archiver.AllByAggregate(ctx, ofOrders, 0)),
		slices.Concat(events[:partitionSize-1], events[2*partitionSize-1:]))
	_, err = h.archiver.Sweep(ctx)
	h.ok(err)
}

func TestPartitionsGoBySizeAsWholes(t *testing.T) {
	h, ctx := partitioned(t), t.Context()
	h.fillOrders(4*partitionSize + 1)
	rule := driver.NewArchiveRule("too many", 0)
	rule.Policy, rule.StorageType, rule.ArchiveAfterDays, rule.MaxEventCount = driver.PolicySize, driver.StoragePartition, 0, 3*partitionSize-10
	report, err := h.archiver.Run(ctx, rule)
	h.ok(err)
	h.equal("archives", report.Archives, 2)
	measure, err := h.store.Archives().Measure(ctx)
	h.ok(err)
	h.equal("events left", measure.Events, int64(2*partitionSize+2))
}

func TestRulesThatNoPartitionCanFollow(t *testing.T) {
	h := partitioned(t)
	for field, change := range map[string]func(*driver.ArchiveRule){
		"encrypt":       func(r *driver.ArchiveRule) { r.Encrypt = true },
		"include_types": func(r *driver.ArchiveRule) { r.IncludeTypes = []string{"order.*"} },
	} {
		rule := h.rule()
		change(&rule)
		_, err := h.archiver.Run(t.Context(), rule)
		var invalid *driver.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: got %v, want it refused", field, err)
		}
	}
	_, err := archive.New(h.store, archive.Storages{driver.StoragePartition: newHouse(t, nil).storage}, archive.Options{})
	h.wantErr("a storage for partitions", err, driver.ErrInvalid)
}

func TestPartitionsAreRefusedWhereThereAreNone(t *testing.T) {
	h := newHouse(t, nil)
	rule := driver.NewArchiveRule("old", 30)
	rule.StorageType = driver.StoragePartition
	_, err := h.archiver.Run(t.Context(), rule)
	h.wantErr("Run", err, driver.ErrState)
	pending, err := h.store.Archives().GetByStatus(t.Context(), driver.ArchivePending, 0)
	h.ok(err)
	h.equal("records that were not used", len(pending), 0)
}
