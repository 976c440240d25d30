package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Claim is an event in the hands of one worker, until its lease ends.
type Claim struct {
	// Event has the columns that were asked for.
	Event Event
	// Token fences: what a worker does with a claim takes effect only while the event is still
	// under this token. All claims of one call of Claim have the same one.
	Token uuid.UUID
	// Attempt counts how often the event was handed out, from 1. Release takes its attempt back.
	Attempt int
	// LeaseUntil is when the lease ends, by the database's clock, unless Extend moves it.
	LeaseUntil time.Time
	// MaxAttempts and PerAggregateOrder are what Claim was asked for: Retry and the others go by
	// them.
	MaxAttempts       int
	PerAggregateOrder bool
}

// DefaultMaxAttempts is how often an event is handed out unless ClaimOptions say otherwise.
const DefaultMaxAttempts = 25

// ClaimOptions says what Claim takes. The zero value is the default.
type ClaimOptions struct {
	// Limit is how many events at the most, as of every list.
	Limit int
	// Lease is how long nobody else gets them: 0 for DefaultLease, at most MaxLease.
	Lease time.Duration
	// EventTypes: only events of exactly these types. Empty: all.
	EventTypes []string
	// Columns are read of each event, besides the id and, with PerAggregateOrder, the aggregate and
	// the version. Nil: all.
	Columns []EventColumn
	// MaxAttempts is how often an event is handed out, and then becomes a dead letter: 0 for
	// DefaultMaxAttempts.
	MaxAttempts int
	// PerAggregateOrder hands out the events of an aggregate by version, to one worker at a time: no
	// event while an earlier one of its aggregate waits, is leased to somebody else, or is a dead
	// letter. One call may return a run of them. Events of other types than EventTypes are waited
	// for, too.
	//
	// All who claim in a schema must ask for it: who does not takes events out of order. An event
	// that is saved with an AggregateVersion below ones that were handed out comes after them.
	PerAggregateOrder bool
}

// Prepare validates the options and sets what they leave to the default. For backends.
func (o *ClaimOptions) Prepare() error {
	var err error
	if o.Limit, err = CheckLimit(o.Limit); err != nil {
		return err
	}
	if o.Lease, err = CheckLease(o.Lease); err != nil {
		return err
	}
	setDefault(&o.MaxAttempts, DefaultMaxAttempts)
	if err := checkRange("max_attempts", o.MaxAttempts, 1, MaxMaxAttempts); err != nil {
		return err
	}
	return checkEventTypes(o.EventTypes)
}

// MaxMaxAttempts is the highest MaxAttempts that can be asked for.
const MaxMaxAttempts = 1_000_000

func checkEventTypes(types []string) error {
	for i, eventType := range types {
		if err := checkWords(element("event_types", i), eventType, MaxEventType); err != nil {
			return err
		}
	}
	return nil
}

// Validate reports what a claim that is given back lacks, as an [InvalidError].
func (c *Claim) Validate() error {
	switch {
	case c.Event.ID == uuid.Nil:
		return &InvalidError{"event.id", "is required; give the claim as Claim returned it"}
	case c.Token == uuid.Nil:
		return &InvalidError{"token", "is required; give the claim as Claim returned it"}
	}
	return nil
}

// CheckClaims validates claims as they are given back. For backends.
func CheckClaims(claims []Claim) error {
	for i := range claims {
		if err := claims[i].Validate(); err != nil {
			return inElement("claims", i, err)
		}
	}
	return nil
}

// MaxRetryDelay is how far in the future a Retry can be: a year.
const MaxRetryDelay = 365 * 24 * time.Hour

// CheckRetryDelay reports a delay that Retry can't have, as an [InvalidError]. For backends.
func CheckRetryDelay(after time.Duration) error {
	if after < 0 || after > MaxRetryDelay {
		return &InvalidError{"after", fmt.Sprintf("must be 0 to %s", MaxRetryDelay)}
	}
	return nil
}

// StorableReason returns a reason as it is stored: valid UTF-8 without NUL, cut to MaxErrorMessage
// bytes. For backends.
func StorableReason(reason string) string {
	kept, _ := storable(reason, MaxErrorMessage)
	return kept
}

// EventClaims is the part of [EventRepository] that hands events to workers without a transaction
// that stays open: a worker claims events for the time of a lease, handles them, and acknowledges
// them. A worker that dies just lets its leases end, and others get its events. So an event is
// handled at least once, and by one worker at a time that keeps to its lease.
//
// Every claim is fenced by its token. Once its event was handed to somebody else, or left the queue,
// nothing can be done with a claim any more: ErrLeaseLost, with the events in [LeaseLostError].
// Among several claims the others take effect. An event whose lease has ended but which nobody else
// took is still the worker's; with PerAggregateOrder only if nobody took an earlier one of its
// aggregate either. No claims: no I/O.
//
// All of this also works inside a transaction, and commits with it: a handler that writes to the
// same database and acknowledges in one transaction has its effect exactly once.
type EventClaims interface {
	// Claim leases events to the caller: those whose retry is due first, then the oldest. It passes
	// over those that others lease or lock, and returns them by Position, with PerAggregateOrder
	// those of one aggregate by version among themselves. There may be more than it returns, with
	// PerAggregateOrder even if it returns none: Wait tells. Events that were handed out MaxAttempts
	// times become dead letters instead.
	Claim(ctx context.Context, opts ClaimOptions) ([]Claim, error)

	// Ack takes events out of the queue and sets their ProcessedAt to now: they were handled.
	Ack(ctx context.Context, claims []Claim) error

	// Retry gives an event back that could not be handled, to be handed out again once after (0 to
	// MaxRetryDelay; see Backoff) has passed, by the database's clock. After its MaxAttempts-th
	// attempt it becomes a dead letter at once. The reason is kept; it is cut to MaxErrorMessage
	// bytes.
	//
	// Of a claim with PerAggregateOrder the later events of its aggregate under the same token are
	// given back, too, as by Release.
	Retry(ctx context.Context, claim Claim, after time.Duration, reason string) error

	// Extend makes leases end lease (0: DefaultLease; at most MaxLease) from now. With
	// PerAggregateOrder extend all claims of an aggregate that are still to be handled, or the first
	// of them at least.
	Extend(ctx context.Context, claims []Claim, lease time.Duration) error

	// Release gives events back as if they had not been claimed: at once, and without counting the
	// attempt. With PerAggregateOrder see Retry.
	Release(ctx context.Context, claims []Claim) error

	// DeadLetter takes an event out of the queue that no retry can help: see DeadLetterRepository.
	// With PerAggregateOrder see Retry.
	DeadLetter(ctx context.Context, claim Claim, reason string) error

	// Wait returns nil when there is an event to claim, at once or as soon as one is saved, given
	// back, due for its retry, or its lease ends. It may return early: Claim tells. The context's
	// end is the only error that it waits for; the database being away is returned at once.
	//
	// A save in this process wakes it right away, one in another process by the database's
	// notifications where there are any (Capabilities), and else within PollInterval, which is also
	// how long a lost notification is missed. ErrState inside a transaction.
	Wait(ctx context.Context) error
}

// LeaseLostError is the detail of ErrLeaseLost.
type LeaseLostError struct {
	EventIDs []uuid.UUID // in the order in which the claims were given
}

// Is makes a LeaseLostError match ErrLeaseLost by itself, too.
func (e *LeaseLostError) Is(target error) bool { return target == ErrLeaseLost }

func (e *LeaseLostError) Error() string {
	const most = 3
	text := ""
	for i, id := range e.EventIDs[:min(most, len(e.EventIDs))] {
		if i > 0 {
			text += ", "
		}
		text += id.String()
	}
	if more := len(e.EventIDs) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + ": handed to another worker, or no longer in the queue"
}
