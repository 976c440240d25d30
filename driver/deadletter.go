package driver

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// DeadLetter is an event that could not be handled and is out of the queue until somebody decides
// about it. An event is in the queue, or a dead letter, or processed.
type DeadLetter struct {
	Event    Event     `json:"event"`
	Attempts int       `json:"attempts"` // how often it was handed out
	Reason   string    `json:"reason"`   // of the DeadLetter, or of the last Retry; may be empty
	DeadAt   time.Time `json:"dead_at"`  // by the database's clock
}

// DeadLetterFilter selects dead letters: those for which all hold that is set.
type DeadLetterFilter struct {
	EventTypes []string   // of exactly one of these types
	Aggregate  *Aggregate // of this aggregate
	Since      time.Time  // DeadAt is at or after
	Before     time.Time  // DeadAt is before
}

// Validate reports the first field that breaks a rule, as an [InvalidError].
func (f *DeadLetterFilter) Validate() error {
	if err := checkEventTypes(f.EventTypes); err != nil {
		return err
	}
	if f.Aggregate != nil {
		if err := f.Aggregate.Validate(); err != nil {
			return err
		}
	}
	return firstError(checkTime("since", f.Since), checkTime("before", f.Before))
}

// DeadLetterRepository is the dead letters of one schema. Every method is safe for concurrent use.
// Methods may also return ErrUnavailable, ErrClosed, ErrInternal, and the context's error when it
// ends; those that write, ErrReadOnly.
//
// While an event is a dead letter, claims with PerAggregateOrder hand out no later event of its
// aggregate. Requeue, Purge and Events.MarkAsProcessed let the aggregate go on, the latter two
// without it.
type DeadLetterRepository interface {
	// Get returns the dead letter that an event is, or ErrNotFound.
	Get(ctx context.Context, eventID uuid.UUID) (DeadLetter, error)

	// List returns dead letters, newest first: by DeadAt, then Position, both descending.
	List(ctx context.Context, filter DeadLetterFilter, limit int) ([]DeadLetter, error)

	// Count counts dead letters.
	Count(ctx context.Context, filter DeadLetterFilter) (int64, error)

	// Requeue puts an event back in the queue, with its attempts counted anew. False if it is no
	// dead letter.
	Requeue(ctx context.Context, eventID uuid.UUID) (bool, error)

	// RequeueAll is Requeue for all that the filter selects, in one transaction; how many.
	RequeueAll(ctx context.Context, filter DeadLetterFilter) (int, error)

	// Purge gives up all that the filter selects, in one transaction: they stay stored, and their
	// ProcessedAt becomes now, as if they had been marked as processed. It returns how many.
	Purge(ctx context.Context, filter DeadLetterFilter) (int, error)
}

// HoldInterval is how often an event that was found behind an earlier one of its aggregate is looked
// at again, if nothing else brings it back before: one minute. That is how long claims with
// PerAggregateOrder may not notice that an aggregate can go on, where its event was not acknowledged but
// marked by a process that makes no such claims, or in a transaction of the app's own.
const HoldInterval = time.Minute
