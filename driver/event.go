package driver

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Event is something that happened to an aggregate. Events are facts: once saved, only their
// ProcessedAt changes.
type Event struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// Position is the event's place in the order of its schema, from 1 upwards with gaps, assigned
	// on save whatever is given.
	Position int64 `json:"position"`
	// EventType is required, at most 255 bytes: letters, digits, "_" and "-" in words separated by
	// single dots, such as "user.created". Case matters.
	EventType string `json:"event_type"`
	// EventName is for people, at most 255 bytes; may be empty.
	EventName string `json:"event_name"`
	// AggregateType is required, at most 100 bytes, spelled as an EventType is. Case matters and is
	// kept.
	AggregateType string `json:"aggregate_type"`
	// AggregateID is required.
	AggregateID uuid.UUID `json:"aggregate_id"`
	// AggregateVersion counts the aggregate's events from 1 and is unique in it. Zero on save: the
	// version after the last one.
	AggregateVersion int64 `json:"aggregate_version"`
	// EventData is the payload, required: a JSON object, kept byte for byte, of at most the bytes
	// that WithMaxPayload sets, nested at most 1,024 levels.
	EventData json.RawMessage `json:"event_data"`
	// EventMetadata is a JSON object under the same rules. Nil on save: {}.
	EventMetadata json.RawMessage `json:"event_metadata"`
	// CorrelationID groups the events of one business operation; may be nil.
	CorrelationID *uuid.UUID `json:"correlation_id"`
	// CausationID is the event or command that led to this one; may be nil.
	CausationID *uuid.UUID `json:"causation_id"`
	// TriggeredByUserID may be nil.
	TriggeredByUserID *uuid.UUID `json:"triggered_by_user_id"`
	// ContextID is the part of the tenant (an organization, a team) that the event belongs to; nil:
	// to no part in particular.
	ContextID *uuid.UUID `json:"context_id"`
	// OccurredAt is when it happened, in the years 1 to 9999. Zero on save: now.
	OccurredAt time.Time `json:"occurred_at"`
	// CreatedAt is when it was saved, by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	// ProcessedAt is when it was marked as processed, nil while it waits. Set on save (an import):
	// stored, and never handed out as work.
	ProcessedAt *time.Time `json:"processed_at"`
}

// Limits of an Event's text, in bytes.
const (
	MaxEventType     = 255
	MaxEventName     = 255
	MaxAggregateType = 100
)

// Aggregate returns the aggregate that the event belongs to.
func (e *Event) Aggregate() Aggregate { return Aggregate{e.AggregateType, e.AggregateID} }

// Validate reports the first field that breaks a rule, as an [InvalidError], with DefaultMaxPayload
// as the limit of JSON. A zero ID, AggregateVersion, OccurredAt and a nil EventMetadata are fine:
// Save fills them in.
func (e *Event) Validate() error { return e.validate(DefaultMaxPayload) }

func (e *Event) validate(maxPayload int) error {
	if err := ValidateEventType(e.EventType); err != nil {
		return err
	}
	if err := checkText("event_name", e.EventName, MaxEventName); err != nil {
		return err
	}
	if err := e.Aggregate().Validate(); err != nil {
		return err
	}
	if e.AggregateVersion < 0 {
		return &InvalidError{"aggregate_version", "must be 1 or more, or 0 for the next one"}
	}
	if e.EventData == nil {
		return &InvalidError{"event_data", "is required; use {} for an event without data"}
	}
	if err := checkJSONObject("event_data", e.EventData, maxPayload); err != nil {
		return err
	}
	if e.EventMetadata != nil {
		if err := checkJSONObject("event_metadata", e.EventMetadata, maxPayload); err != nil {
			return err
		}
	}
	if err := checkTime("occurred_at", e.OccurredAt); err != nil {
		return err
	}
	if e.ProcessedAt != nil {
		return checkTime("processed_at", *e.ProcessedAt)
	}
	return nil
}

// Prepare makes an event ready to be stored: it validates it and fills in the id, the metadata and
// the precision of times. What only the database knows stays zero. For backends.
func (e *Event) Prepare(maxPayload int) error {
	if err := e.validate(maxPayload); err != nil {
		return err
	}
	if err := newID(&e.ID); err != nil {
		return err
	}
	if e.EventMetadata == nil {
		e.EventMetadata = json.RawMessage("{}")
	}
	if !e.OccurredAt.IsZero() {
		e.OccurredAt = storedTime(e.OccurredAt)
	}
	e.ProcessedAt = storedOptionalTime(e.ProcessedAt)
	e.Position, e.CreatedAt = 0, time.Time{}
	return nil
}

// ValidateEventType reports whether an event can be of the type, as an [InvalidError].
func ValidateEventType(eventType string) error {
	return checkWords("event_type", eventType, MaxEventType)
}

// Validate reports a type or an id that can't be an aggregate's, as an [InvalidError].
func (a Aggregate) Validate() error {
	if err := checkWords("aggregate_type", a.Type, MaxAggregateType); err != nil {
		return err
	}
	if a.ID == uuid.Nil {
		return &InvalidError{"aggregate_id", "is required"}
	}
	return nil
}

// AnyVersion, given to Append, takes the aggregate at whatever version it is.
const AnyVersion int64 = -1

// NoEvents, given to Append, takes an aggregate that has no events yet.
const NoEvents int64 = 0

// EventRepository stores the events of one schema, and the queue of those that wait to be
// processed. Every method is safe for concurrent use.
//
// A list's limit is 0 for DefaultLimit, and at most MaxLimit. Every method may also return
// ErrUnavailable, ErrClosed, ErrInternal, and the context's error when it ends; a method that
// writes, ErrReadOnly.
type EventRepository interface {
	EventClaims

	// Save stores an event and puts it in the queue, in one step. It returns the event as a read
	// would. AggregateVersion 0 becomes the next version of its aggregate: savers of one aggregate
	// wait for each other and none fails. An event with ProcessedAt is stored but never queued.
	//
	// Errors: ErrInvalid before anything is sent; ErrAlreadyExists for an id that is taken;
	// ErrVersionConflict for an AggregateVersion that is taken. Inside a transaction these leave it
	// usable.
	Save(ctx context.Context, event Event) (Event, error)

	// SaveBatch saves events, all or none, in the order given: the fast way to save more than a
	// few. Positions rise in that order. Events of one aggregate with AggregateVersion 0 are
	// numbered in that order. No events: no I/O. Errors are Save's; a field is named
	// events[i].field.
	SaveBatch(ctx context.Context, events []Event) ([]Event, error)

	// Append saves events to one aggregate, all or none, if its last version is expectedVersion
	// (NoEvents: if it has none; AnyVersion: in any case), and numbers them from there. The events'
	// AggregateType and AggregateID may be empty, else they are the aggregate's; AggregateVersion
	// may be 0, else it is the one that the event gets, which AnyVersion leaves open. Errors:
	// SaveBatch's; ErrVersionConflict, with the version the aggregate is at, if it is not
	// expectedVersion. The same call again, with the same ids, is ErrAlreadyExists. No events: no
	// I/O, and no look at the version.
	Append(ctx context.Context, aggregate Aggregate, expectedVersion int64, events []Event) ([]Event, error)

	// NextVersion is the version after the aggregate's last one, 1 for a new aggregate. By the time
	// it returns somebody may have used it: to save without that race leave AggregateVersion zero,
	// or use Append. ErrState if the last one is the largest there is.
	NextVersion(ctx context.Context, aggregate Aggregate) (int64, error)

	// GetByID returns one event, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Event, error)

	// Exists reports whether there is an event with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// GetByAggregate returns events of one aggregate, by version. It stops at the limit: to be sure
	// to have the whole history, use AllByAggregate.
	GetByAggregate(ctx context.Context, aggregate Aggregate, opts HistoryOptions) ([]Event, error)

	// AllByAggregate yields the events of one aggregate from version fromVersion on, by version,
	// reading them a page at a time, which is of some 4 MiB or of one event. After an error it ends.
	AllByAggregate(ctx context.Context, aggregate Aggregate, fromVersion int64) iter.Seq2[Event, error]

	// GetByCorrelationID returns the events of one correlation, by OccurredAt, then Position.
	GetByCorrelationID(ctx context.Context, correlationID uuid.UUID, limit int) ([]Event, error)

	// GetByContext returns the events of one context, newest first: by OccurredAt, then Position,
	// both descending. Nil: the events that belong to no context, not those of all.
	GetByContext(ctx context.Context, contextID *uuid.UUID, limit int) ([]Event, error)

	// GetByType returns the events of exactly one type, newest first as GetByContext does.
	// ErrInvalid for a type that no event can be of.
	GetByType(ctx context.Context, eventType string, limit int) ([]Event, error)

	// GetUnprocessed returns the events in the queue, oldest Position first, including those that
	// are leased or wait for a retry, not the dead letters.
	// It locks nothing: two callers get the same events.
	GetUnprocessed(ctx context.Context, limit int) ([]Event, error)

	// GetUnprocessedPage returns the events in the queue behind a position (0 or less: from the start),
	// oldest first. Going on from the last Position of each page visits every event that is there
	// throughout exactly once, whatever others save and process meanwhile.
	GetUnprocessedPage(ctx context.Context, after int64, limit int) ([]Event, error)

	// AllUnprocessed yields the events in the queue, oldest first, reading pageSize (a limit) at a
	// time as GetUnprocessedPage does, or fewer if they have more than some 4 MiB. After an error it ends.
	AllUnprocessed(ctx context.Context, pageSize int) iter.Seq2[Event, error]

	// GetUnprocessedForUpdate returns events in the queue that nobody leases, those whose retry is
	// due first, then the oldest, by Position, and locks them until the transaction ends. With SkipLocked, events that another transaction holds are
	// passed over, so that two never have the same one; without, it waits for them. On SQLite the
	// transaction holds the one write lock, which gives the same guarantee. ErrTxRequired outside
	// InTx.
	GetUnprocessedForUpdate(ctx context.Context, opts LockOptions) ([]Event, error)

	// ProcessUnprocessed does one round of work in one transaction: it locks the oldest events,
	// passing over those that others hold, gives them to fn, and marks those whose ids fn returns.
	// It returns how many it marked; 0 and no call of fn when nothing waits. Events that fn leaves
	// out wait for the next round. An error or a panic of fn undoes everything, what fn did through
	// tx included.
	//
	// A transaction stays open while fn runs: fn should be quick and do its writing through tx.
	ProcessUnprocessed(ctx context.Context, opts ProcessOptions, fn func(tx Store, events []Event) (done []uuid.UUID, err error)) (int, error)

	// MarkAsProcessed takes an event out of the queue, or from the dead letters, and sets its
	// ProcessedAt to now, whether or not it is leased. True the first time only; false for one that
	// is processed or unknown.
	MarkAsProcessed(ctx context.Context, id uuid.UUID) (bool, error)

	// MarkMultipleAsProcessed marks events as MarkAsProcessed does, all of them or none, and
	// returns how many it marked. Duplicates count once, unknown ids are ignored. No ids: no I/O.
	MarkMultipleAsProcessed(ctx context.Context, ids []uuid.UUID) (int, error)

	// MarkMultipleAsProcessedBulk marks any number of events, batchSize (0: DefaultMarkBatch) at a
	// time. Outside a transaction each batch commits by itself: an error comes with the count of
	// those that are marked and stay so.
	MarkMultipleAsProcessedBulk(ctx context.Context, ids []uuid.UUID, batchSize int) (int, error)

	// CountUnprocessed counts the events in the queue that nobody leases, those that wait for a
	// retry included.
	CountUnprocessed(ctx context.Context) (int64, error)

	// CountProcessing counts the events in the queue that are leased now.
	CountProcessing(ctx context.Context) (int64, error)

	// CountByType counts the events that occurred at or after since, per type. Types without any
	// are not in the map.
	CountByType(ctx context.Context, since time.Time) (map[string]int64, error)
}

// DefaultMarkBatch is how many ids MarkMultipleAsProcessedBulk marks at a time; docs/benchmarks.md
// has the measurement.
const DefaultMarkBatch = 1000

// HistoryOptions says what GetByAggregate returns.
type HistoryOptions struct {
	FromVersion int64 // the first version; 0 and 1: from the start
	Limit       int   // as of every list
}

// LockOptions says what GetUnprocessedForUpdate returns.
type LockOptions struct {
	Limit      int           // as of every list
	SkipLocked bool          // pass over events that others hold, do not wait for them
	Columns    []EventColumn // nil: all; else these and the id, the rest stays zero
}

// ProcessOptions says what ProcessUnprocessed works on.
type ProcessOptions struct {
	Limit   int           // how many events at the most, as of every list
	Columns []EventColumn // as in LockOptions
}
