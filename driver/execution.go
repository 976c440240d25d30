package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

// Execution is one run of an action.
type Execution struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// ActionID is required; the action must exist when the execution is saved, and may be gone later:
	// executions stay as history.
	ActionID uuid.UUID `json:"action_id"`
	// EventID is the event that led to it, which must exist when the execution is saved, unless that
	// is a retry; may be nil.
	EventID *uuid.UUID `json:"event_id"`
	// EventType is required, as an Event's.
	EventType string `json:"event_type"`
	// EventData is a JSON object, kept byte for byte. Nil on save: {}.
	EventData json.RawMessage `json:"event_data"`
	// Status only moves forward: pending, running, and then one of the others for good. Empty on
	// save: pending.
	Status ExecutionStatus `json:"status"`
	// StartedAt is when it was first claimed, or what Save or Update were given.
	StartedAt *time.Time `json:"started_at"`
	// CompletedAt is when it came to its end. Where the Status is final and it is nil: now, by the
	// database's clock.
	CompletedAt *time.Time `json:"completed_at"`
	// DurationMS is how long it took, in milliseconds, 0 to MaxDurationMS; may be nil.
	DurationMS *int64 `json:"duration_ms"`
	// Result is any JSON, kept byte for byte; may be nil.
	Result json.RawMessage `json:"result"`
	// ErrorMessage: the first 64 KiB are kept; bytes that are not valid UTF-8, or NUL, become U+FFFD.
	ErrorMessage string `json:"error_message"`
	// RetryCount is how many executions it is the retry of, one after the other, 0 to
	// MaxExecutionRetries.
	RetryCount int `json:"retry_count"`
	// RetryOf is the execution that it is the retry of: see Retry. Nil: of none.
	RetryOf *uuid.UUID `json:"retry_of"`
	// ExecutionContext is a JSON object for the handler, kept byte for byte. Nil on save: {}.
	ExecutionContext json.RawMessage `json:"execution_context"`
	// LeaseToken and LeaseUntil tell that a worker holds it: see ClaimPending.
	LeaseToken *uuid.UUID `json:"lease_token"`
	LeaseUntil *time.Time `json:"lease_until"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes, from 1. Update works on the latest one only.
	Revision int64 `json:"revision"`
}

// ExecutionStatus is how far an execution is.
type ExecutionStatus string

// The statuses of an execution. The last four are final.
const (
	ExecutionPending   ExecutionStatus = "pending"
	ExecutionRunning   ExecutionStatus = "running"
	ExecutionSuccess   ExecutionStatus = "success"
	ExecutionFailed    ExecutionStatus = "failed"
	ExecutionTimeout   ExecutionStatus = "timeout"
	ExecutionCancelled ExecutionStatus = "cancelled"
)

// MaxExecutionRetries is how many executions may follow one, each the retry of the one before.
const MaxExecutionRetries = 50

// FinalExecutionStatuses are those after which an execution never changes again.
func FinalExecutionStatuses() []ExecutionStatus {
	return []ExecutionStatus{ExecutionSuccess, ExecutionFailed, ExecutionTimeout, ExecutionCancelled}
}

// Final reports whether an execution of this status never changes again.
func (s ExecutionStatus) Final() bool {
	return s == ExecutionSuccess || s == ExecutionFailed || s == ExecutionTimeout || s == ExecutionCancelled
}

// Validate reports a status that there is not, as an [InvalidError].
func (s ExecutionStatus) Validate() error {
	return checkOneOf("status", s, ExecutionPending, ExecutionRunning, ExecutionSuccess, ExecutionFailed, ExecutionTimeout, ExecutionCancelled)
}

// CanBecome reports whether an execution of status s may get status next: the same, or one further
// on.
func (s ExecutionStatus) CanBecome(next ExecutionStatus) bool {
	known := s.Validate() == nil && next.Validate() == nil
	return known && !s.Final() && !(s == ExecutionRunning && next == ExecutionPending)
}

// NewExecution returns a pending execution of an action for an event.
func NewExecution(actionID uuid.UUID, event Event) Execution {
	return Execution{
		ActionID: actionID, EventID: &event.ID, EventType: event.EventType, EventData: event.EventData, Status: ExecutionPending,
	}
}

// Validate reports the first field that breaks a rule, as an [InvalidError], with DefaultMaxPayload
// as the limit of JSON. What Save fills in may be zero.
func (e *Execution) Validate() error {
	filled := *e
	filled.fill()
	return filled.validate(DefaultMaxPayload)
}

// fill sets the defaults.
func (e *Execution) fill() {
	setDefault(&e.Status, ExecutionPending)
	if e.EventData == nil {
		e.EventData = json.RawMessage("{}")
	}
	if e.ExecutionContext == nil {
		e.ExecutionContext = json.RawMessage("{}")
	}
}

func (e *Execution) validate(maxPayload int) error {
	err := firstError(
		checkID("action_id", e.ActionID),
		checkOptionalID("event_id", e.EventID),
		ValidateEventType(e.EventType),
		checkJSONObject("event_data", e.EventData, maxPayload),
		e.Status.Validate(),
		checkOptionalTime("started_at", e.StartedAt),
		checkOptionalTime("completed_at", e.CompletedAt),
		checkDuration("duration_ms", e.DurationMS),
		checkOptionalJSON("result", e.Result, maxPayload),
		checkRange("retry_count", e.RetryCount, 0, MaxExecutionRetries),
		checkOptionalID("retry_of", e.RetryOf),
		checkJSONObject("execution_context", e.ExecutionContext, maxPayload),
	)
	switch {
	case err != nil:
		return err
	case e.CompletedAt != nil && !e.Status.Final():
		return &InvalidError{"completed_at", "must be nil for an execution that has not ended"}
	case e.StartedAt != nil && e.CompletedAt != nil && e.CompletedAt.Before(*e.StartedAt):
		return &InvalidError{"completed_at", "must not be before started_at"}
	}
	return nil
}

func checkDuration(field string, milliseconds *int64) error {
	if milliseconds == nil {
		return nil
	}
	if *milliseconds < 0 || *milliseconds > MaxDurationMS {
		return &InvalidError{field, fmt.Sprintf("must be 0 to %d, or nil", int64(MaxDurationMS))}
	}
	return nil
}

// Prepare makes an execution ready to be stored. For backends.
func (e *Execution) Prepare(maxPayload int) error {
	e.fill()
	if err := e.validate(maxPayload); err != nil {
		return err
	}
	e.StartedAt, e.CompletedAt = storedOptionalTime(e.StartedAt), storedOptionalTime(e.CompletedAt)
	e.ErrorMessage, _ = storable(e.ErrorMessage, MaxErrorMessage)
	e.LeaseToken, e.LeaseUntil = nil, nil
	return newID(&e.ID)
}

// RetryDelay is the pause before an execution that is the retry of retries others, one after the
// other, is tried once more: RetryDelaySeconds × 2^retries, at most a day.
func (a *Action) RetryDelay(retries int) time.Duration {
	const most = 86_400
	return pause(float64(a.RetryDelaySeconds)*math.Exp2(float64(max(retries, 0))), most)
}

// ExecutionOutcome is how an execution ended, for Complete.
type ExecutionOutcome struct {
	// Status is required, a final one.
	Status ExecutionStatus
	// Result, ErrorMessage and DurationMS are as in Execution. Without a DurationMS it is the time
	// since StartedAt, if that is set.
	Result       json.RawMessage
	ErrorMessage string
	DurationMS   *int64
	// LeaseToken is the one that ClaimPending gave the execution; nil if it was not claimed.
	LeaseToken *uuid.UUID
}

// Prepare validates an outcome and cuts its message to its limit. For backends.
func (o *ExecutionOutcome) Prepare(maxPayload int) error {
	err := firstError(
		checkOneOf("status", o.Status, FinalExecutionStatuses()...),
		checkOptionalJSON("result", o.Result, maxPayload),
		checkDuration("duration_ms", o.DurationMS),
		checkOptionalID("lease_token", o.LeaseToken),
	)
	o.ErrorMessage, _ = storable(o.ErrorMessage, MaxErrorMessage)
	return err
}

// ExecutionRepository stores the executions of one schema's actions. Every method is safe for
// concurrent use. Limits of lists, and the errors that every method may return, are as
// [EventRepository] says. A moment to count or delete from is in the years 1 to 9999, else
// ErrInvalid.
type ExecutionRepository interface {
	// Save stores a new execution and returns it as a read would. It changes no counters. Errors:
	// ErrInvalid before anything is sent; ErrAlreadyExists for an ID that is taken, or a RetryOf that
	// has a retry; ErrMissingReference for an ActionID, RetryOf or, without a RetryOf, EventID that is
	// not there.
	Save(ctx context.Context, execution Execution) (Execution, error)

	// Update replaces Status, StartedAt, CompletedAt, DurationMS, Result, ErrorMessage and
	// ExecutionContext and returns the execution as it is then; a final Status ends the lease. It
	// changes no counters: see Complete. Errors: ErrInvalid; ErrNotFound; ErrConflict if the Revision
	// is not the latest: read it again; ErrState for an execution that has ended or a Status that
	// lies behind.
	Update(ctx context.Context, execution Execution) (Execution, error)

	// GetByID returns one execution, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Execution, error)

	// Exists reports whether there is an execution with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Complete ends an execution and counts it for its action, both in one step: a success as
	// triggered and succeeded, a failure or timeout as triggered and failed, a cancelled one not. It
	// returns the execution. Errors: ErrInvalid before anything is sent; ErrNotFound; ErrState for one
	// that has ended; ErrLeaseLost for a token that is not the current one, and for an outcome
	// without a token while the execution is leased.
	Complete(ctx context.Context, id uuid.UUID, outcome ExecutionOutcome) (Execution, error)

	// ClaimPending leases executions that are pending, or whose worker's lease ran out, to the
	// caller, and makes them running: until the lease (0: DefaultLease; at most MaxLease) has passed
	// or they are completed, nobody else gets them. Those of actions that are not active and enabled
	// wait until they are. Order: the action's Priority when the execution was saved, highest first,
	// then CreatedAt, then ID.
	ClaimPending(ctx context.Context, limit int, lease time.Duration) ([]Execution, error)

	// GetFailed returns the executions that failed or timed out and are to be tried again: that have
	// no retry yet, whose action had a higher MaxRetries than their RetryCount when they failed, and
	// whose pause, Action.RetryDelay, has passed since CompletedAt. By the end of the pause, then ID.
	GetFailed(ctx context.Context, limit int) ([]Execution, error)

	// Retry makes a new pending execution that repeats one that failed or timed out, with a
	// RetryCount one higher, and returns it. Whether retries are left by the action's MaxRetries,
	// and whether the pause has passed, is for GetFailed to say. Errors: ErrNotFound; ErrState for
	// one that did not fail or has a RetryCount of MaxExecutionRetries; ErrAlreadyExists if it has a
	// retry; ErrMissingReference if the action is gone. The event may be.
	Retry(ctx context.Context, id uuid.UUID) (Execution, error)

	// GetByAction returns the executions of one action, newest first: by CreatedAt, then ID, both
	// descending.
	GetByAction(ctx context.Context, actionID uuid.UUID, limit int) ([]Execution, error)

	// GetByStatus returns those of one status, oldest first: by CreatedAt, then ID; of one action if
	// actionID is not nil. ErrInvalid for a status that there is not.
	GetByStatus(ctx context.Context, status ExecutionStatus, actionID *uuid.UUID, limit int) ([]Execution, error)

	// GetRecent returns those made at or after since, newest first as GetByAction does.
	GetRecent(ctx context.Context, since time.Time, limit int) ([]Execution, error)

	// GetStats counts the executions of one action that were made in the last days (0:
	// DefaultStatsDays; at most MaxStatsDays), today included, in UTC by the database's clock.
	GetStats(ctx context.Context, actionID uuid.UUID, days int) (ExecutionStats, error)

	// Summary counts the executions of all actions that were made at or after since.
	Summary(ctx context.Context, since time.Time) (ExecutionStats, error)

	// DeleteOlderThan removes executions made before cutoff, of the statuses given (none: the final
	// ones), and returns how many. It works in batches; outside a transaction each commits by itself:
	// an error comes with the count of those that are gone. ErrInvalid for a status that there is
	// not.
	DeleteOlderThan(ctx context.Context, cutoff time.Time, statuses ...ExecutionStatus) (int, error)
}
