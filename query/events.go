package query

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// events implements driver.EventRepository.
type events struct {
	*shared
	sql   *eventSQL
	exec  Executor
	store *Store
}

func (r *events) fail(op string, err error) error {
	return driver.Fail("Events."+op, r.schema, "event", "", err)
}

func (r *events) failID(op string, id uuid.UUID, err error) error {
	if err == nil {
		return nil
	}
	return driver.Fail("Events."+op, r.schema, "event", id.String(), err)
}

func (r *events) GetByID(ctx context.Context, id uuid.UUID) (driver.Event, error) {
	found, err := r.read(ctx, r.sql.byID, allColumns, upTo(1), id)
	if err == nil && len(found) == 0 {
		err = r.missing(ctx, id)
	}
	if err != nil {
		return driver.Event{}, r.failID("GetByID", id, err)
	}
	return found[0], nil
}

// missing is the error of an event that is not there: which archive it is in, if it is.
func (r *events) missing(ctx context.Context, id uuid.UUID) error {
	var archive *uuid.UUID
	err := r.exec.Query(ctx, r.sql.archivedIn, []any{id}, []any{&archive}, nil)
	switch {
	case err != nil:
		return err
	case archive == nil:
		return driver.ErrNotFound
	}
	return &driver.Error{Kind: driver.ErrNotFound, Err: &driver.ArchivedError{ArchiveID: *archive}}
}

func (r *events) Exists(ctx context.Context, id uuid.UUID) (bool, error) {
	exists := false
	err := r.exec.Query(ctx, r.sql.exists, []any{id}, []any{&exists}, nil)
	return exists, r.failID("Exists", id, err)
}

func (r *events) NextVersion(ctx context.Context, aggregate driver.Aggregate) (int64, error) {
	if err := aggregate.Validate(); err != nil {
		return 0, r.fail("NextVersion", err)
	}
	last, err := r.lastVersion(ctx, aggregate)
	if err == nil {
		err = checkRoom(last, 1)
	}
	if err != nil {
		return 0, r.fail("NextVersion", err)
	}
	return last + 1, nil
}

func (r *events) GetByAggregate(ctx context.Context, aggregate driver.Aggregate, opts driver.HistoryOptions) ([]driver.Event, error) {
	return r.aggregatePage(ctx, "GetByAggregate", aggregate, opts.FromVersion, upTo(opts.Limit))
}

// historyPage is how many events AllByAggregate reads at a time, at the most.
const historyPage = 1000

func (r *events) AllByAggregate(ctx context.Context, aggregate driver.Aggregate, fromVersion int64) iter.Seq2[driver.Event, error] {
	return pages(historyPage, func(last *driver.Event, p *page) ([]driver.Event, error) {
		from := fromVersion
		switch {
		case last == nil:
		case last.AggregateVersion == math.MaxInt64:
			return nil, nil
		default:
			from = last.AggregateVersion + 1
		}
		return r.aggregatePage(ctx, "AllByAggregate", aggregate, from, p)
	})
}

func (r *events) aggregatePage(ctx context.Context, op string, aggregate driver.Aggregate, fromVersion int64, p *page) ([]driver.Event, error) {
	if err := aggregate.Validate(); err != nil {
		return nil, r.fail(op, err)
	}
	return r.list(ctx, op, r.sql.byAggregate, allColumns, p, aggregate.Type, aggregate.ID, fromVersion)
}

func (r *events) GetByCorrelationID(ctx context.Context, correlationID uuid.UUID, limit int) ([]driver.Event, error) {
	return r.list(ctx, "GetByCorrelationID", r.sql.byCorrelation, allColumns, upTo(limit), correlationID)
}

func (r *events) GetByContext(ctx context.Context, contextID *uuid.UUID, limit int) ([]driver.Event, error) {
	if contextID == nil {
		return r.list(ctx, "GetByContext", r.sql.withoutContext, allColumns, upTo(limit))
	}
	return r.list(ctx, "GetByContext", r.sql.byContext, allColumns, upTo(limit), *contextID)
}

func (r *events) GetByType(ctx context.Context, eventType string, limit int) ([]driver.Event, error) {
	if err := driver.ValidateEventType(eventType); err != nil {
		return nil, r.fail("GetByType", err)
	}
	return r.list(ctx, "GetByType", r.sql.byType, allColumns, upTo(limit), eventType)
}

func (r *events) GetUnprocessed(ctx context.Context, limit int) ([]driver.Event, error) {
	return r.queuePage(ctx, "GetUnprocessed", 0, upTo(limit))
}

func (r *events) GetUnprocessedPage(ctx context.Context, after int64, limit int) ([]driver.Event, error) {
	return r.queuePage(ctx, "GetUnprocessedPage", after, upTo(limit))
}

func (r *events) queuePage(ctx context.Context, op string, after int64, p *page) ([]driver.Event, error) {
	n, err := driver.CheckLimit(p.limit)
	if err != nil {
		return nil, r.fail(op, err)
	}
	p.order = byPosition // the statement leaves it open
	found, err := r.list(ctx, op, r.sql.queuePage, waitingColumns, p, after, int64(n), after, int64(n))
	slices.SortFunc(found, byPosition)
	return found, err
}

func (r *events) AllUnprocessed(ctx context.Context, pageSize int) iter.Seq2[driver.Event, error] {
	size, err := driver.CheckLimit(pageSize)
	return pages(size, func(last *driver.Event, p *page) ([]driver.Event, error) {
		after := int64(0)
		switch {
		case err != nil:
			return nil, r.fail("AllUnprocessed", err)
		case last != nil:
			after = last.Position
		}
		return r.queuePage(ctx, "AllUnprocessed", after, p)
	})
}

func (r *events) CountUnprocessed(ctx context.Context) (int64, error) {
	return r.count(ctx, "CountUnprocessed", r.sql.countUnprocessed)
}

func (r *events) CountProcessing(ctx context.Context) (int64, error) {
	return r.count(ctx, "CountProcessing", r.sql.countProcessing)
}

func (r *events) count(ctx context.Context, op, sql string) (int64, error) {
	n := int64(0)
	err := r.exec.Query(ctx, sql, nil, []any{&n}, nil)
	return n, r.fail(op, err)
}

func (r *events) CountByType(ctx context.Context, since time.Time) (map[string]int64, error) {
	if err := driver.CheckTime("since", since); err != nil {
		return nil, r.fail("CountByType", err)
	}
	counts := map[string]int64{}
	var eventType string
	var n int64
	err := r.exec.Query(ctx, r.sql.countByType, []any{since}, []any{&eventType, &n}, func() {
		if n > 0 {
			counts[eventType] = n
		}
	})
	if err != nil {
		return nil, r.fail("CountByType", err)
	}
	return counts, nil
}

func byPosition(a, b driver.Event) int { return cmp.Compare(a.Position, b.Position) }

// sortable returns the columns that are asked for of events in the queue, and those to read: they have the
// position, to sort by, and more.
func sortable(asked []driver.EventColumn, more ...driver.EventColumn) (selected, read []driver.EventColumn, err error) {
	if selected, err = driver.SelectEventColumns(asked); err != nil {
		return nil, nil, err
	}
	read, err = driver.SelectEventColumns(append(append(more, driver.EventColumnPosition), selected...))
	return selected, queuedColumns(read), err
}

// eventTargets returns where in e the columns go.
func eventTargets(e *driver.Event, columns []driver.EventColumn) []any {
	targets := make([]any, len(columns))
	for i, column := range columns {
		switch column {
		case driver.EventColumnID:
			targets[i] = &e.ID
		case driver.EventColumnPosition:
			targets[i] = &e.Position
		case driver.EventColumnType:
			targets[i] = &e.EventType
		case driver.EventColumnName:
			targets[i] = &e.EventName
		case driver.EventColumnAggregateType:
			targets[i] = &e.AggregateType
		case driver.EventColumnAggregateID:
			targets[i] = &e.AggregateID
		case driver.EventColumnAggregateVersion:
			targets[i] = &e.AggregateVersion
		case driver.EventColumnData:
			targets[i] = &e.EventData
		case driver.EventColumnMetadata:
			targets[i] = &e.EventMetadata
		case driver.EventColumnCorrelationID:
			targets[i] = &e.CorrelationID
		case driver.EventColumnCausationID:
			targets[i] = &e.CausationID
		case driver.EventColumnTriggeredByUserID:
			targets[i] = &e.TriggeredByUserID
		case driver.EventColumnContextID:
			targets[i] = &e.ContextID
		case driver.EventColumnOccurredAt:
			targets[i] = &e.OccurredAt
		case driver.EventColumnCreatedAt:
			targets[i] = &e.CreatedAt
		case driver.EventColumnProcessedAt:
			targets[i] = &e.ProcessedAt
		}
	}
	return targets
}
