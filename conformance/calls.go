package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// A call is one method of the event repository, called with input that is fine.
type call struct {
	op     string
	writes bool
	run    func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error
}

// calls are all methods that work outside a transaction.
var calls = []call{
	{"Events.Save", true, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.Save(ctx, newEvent())
		return err
	}},
	{"Events.SaveBatch", true, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.SaveBatch(ctx, newEvents(3))
		return err
	}},
	{"Events.Append", true, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.Append(ctx, waiting.Aggregate(), driver.AnyVersion, fillers(2))
		return err
	}},
	{"Events.NextVersion", false, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.NextVersion(ctx, waiting.Aggregate())
		return err
	}},
	{"Events.GetByID", false, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.GetByID(ctx, waiting.ID)
		return err
	}},
	{"Events.Exists", false, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.Exists(ctx, waiting.ID)
		return err
	}},
	{"Events.GetByAggregate", false, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.GetByAggregate(ctx, waiting.Aggregate(), driver.HistoryOptions{})
		return err
	}},
	{"Events.AllByAggregate", false, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		return lastError(events.AllByAggregate(ctx, waiting.Aggregate(), 0))
	}},
	{"Events.GetByCorrelationID", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.GetByCorrelationID(ctx, newID(), 0)
		return err
	}},
	{"Events.GetByContext", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.GetByContext(ctx, nil, 0)
		return err
	}},
	{"Events.GetByType", false, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.GetByType(ctx, waiting.EventType, 0)
		return err
	}},
	{"Events.GetUnprocessed", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.GetUnprocessed(ctx, 0)
		return err
	}},
	{"Events.GetUnprocessedPage", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.GetUnprocessedPage(ctx, 0, 0)
		return err
	}},
	{"Events.AllUnprocessed", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		return lastError(events.AllUnprocessed(ctx, 0))
	}},
	{"Events.ProcessUnprocessed", true, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.ProcessUnprocessed(ctx, driver.ProcessOptions{}, allDone)
		return err
	}},
	{"Events.MarkAsProcessed", true, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.MarkAsProcessed(ctx, waiting.ID)
		return err
	}},
	{"Events.MarkMultipleAsProcessed", true, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.MarkMultipleAsProcessed(ctx, []uuid.UUID{waiting.ID})
		return err
	}},
	{"Events.MarkMultipleAsProcessedBulk", true, func(ctx context.Context, events driver.EventRepository, waiting driver.Event) error {
		_, err := events.MarkMultipleAsProcessedBulk(ctx, []uuid.UUID{waiting.ID}, 1)
		return err
	}},
	{"Events.CountUnprocessed", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.CountUnprocessed(ctx)
		return err
	}},
	{"Events.CountProcessing", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.CountProcessing(ctx)
		return err
	}},
	{"Events.CountByType", false, func(ctx context.Context, events driver.EventRepository, _ driver.Event) error {
		_, err := events.CountByType(ctx, time.Time{})
		return err
	}},
}

func lastError(all func(yield func(driver.Event, error) bool)) (last error) {
	for _, err := range all {
		last = err
	}
	return last
}
