package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Delivery is one event on its way to one endpoint. It is pending until its first attempt has
// ended, retrying between attempts, and then for good a success, failed or cancelled.
type Delivery struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// EndpointID and EventID are required; both must exist when the delivery is saved, and may be
	// gone later: deliveries stay as history. There is one delivery of an event to an endpoint,
	// replays apart.
	EndpointID uuid.UUID `json:"endpoint_id"`
	EventID    uuid.UUID `json:"event_id"`
	// Status is what the attempts make of it. Save takes an empty one, or the one that they lead
	// to.
	Status DeliveryStatus `json:"status"`
	// AttemptCount is how many attempts there were.
	AttemptCount int `json:"attempt_count"`
	// MaxAttempts is how many there can be, and the other three say when; all as [Endpoint] has
	// them, and copied from it when the delivery is made.
	MaxAttempts            int     `json:"max_attempts"`
	RetryBackoffSeconds    int     `json:"retry_backoff_seconds"`
	RetryBackoffMultiplier float64 `json:"retry_backoff_multiplier"`
	RetryJitter            bool    `json:"retry_jitter"`
	// NextRetryAt is when the next attempt is due; nil when there is none.
	NextRetryAt *time.Time `json:"next_retry_at"`
	// MaxAttemptsReached tells that it failed because no attempt is left.
	MaxAttemptsReached bool `json:"max_attempts_reached"`
	// ReplayOf is the delivery that this one repeats, nil for an original.
	ReplayOf *uuid.UUID `json:"replay_of"`
	// CancelReason is what Cancel was told.
	CancelReason string `json:"cancel_reason"`
	// LeaseToken and LeaseUntil tell that a worker holds it: see ClaimDue.
	LeaseToken *uuid.UUID `json:"lease_token"`
	LeaseUntil *time.Time `json:"lease_until"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// CompletedAt is when it came to its end, nil before.
	CompletedAt *time.Time `json:"completed_at"`
	// Attempts are in order. Only Save, GetByID and RecordAttempt (the new one) return them.
	Attempts []Attempt `json:"attempts"`
}

// DeliveryStatus is how far a delivery is.
type DeliveryStatus string

// The statuses of a delivery. The last three are final.
const (
	DeliveryPending   DeliveryStatus = "pending"
	DeliveryRetrying  DeliveryStatus = "retrying"
	DeliverySuccess   DeliveryStatus = "success"
	DeliveryFailed    DeliveryStatus = "failed"
	DeliveryCancelled DeliveryStatus = "cancelled"
)

// Final reports whether a delivery of this status never changes again.
func (s DeliveryStatus) Final() bool {
	return s == DeliverySuccess || s == DeliveryFailed || s == DeliveryCancelled
}

// NewDelivery returns a delivery without attempts.
func NewDelivery(endpointID, eventID uuid.UUID) Delivery {
	return Delivery{EndpointID: endpointID, EventID: eventID}
}

// Validate reports the first field that breaks a rule, as an [InvalidError], with DefaultMaxPayload
// as the limit of request bodies.
func (d *Delivery) Validate() error { return d.validate(DefaultMaxPayload) }

func (d *Delivery) validate(maxPayload int) error {
	err := firstError(
		checkID("endpoint_id", d.EndpointID),
		checkID("event_id", d.EventID),
	)
	if err != nil {
		return err
	}
	if d.Status != "" {
		err := checkOneOf("status", d.Status, DeliveryPending, DeliveryRetrying, DeliverySuccess, DeliveryFailed)
		if err != nil {
			return err
		}
	}
	if d.ReplayOf != nil {
		return &InvalidError{"replay_of", "is set by Replay only"}
	}
	if d.AttemptCount != 0 && d.AttemptCount != len(d.Attempts) {
		return &InvalidError{"attempt_count", "must be 0, or the number of attempts"}
	}
	if len(d.Attempts) > maxAttempts {
		return &InvalidError{"attempts", fmt.Sprintf("are %d, at most %d are allowed", len(d.Attempts), maxAttempts)}
	}
	for i := range d.Attempts {
		if err := d.Attempts[i].validate(maxPayload); err != nil {
			return inElement("attempts", i, err)
		}
		if number := d.Attempts[i].Number; number != 0 && number != i+1 {
			return inElement("attempts", i, &InvalidError{"number", "must be 0, or the attempt's place in the list, from 1"})
		}
	}
	return nil
}

// Prepare makes a delivery ready to be stored, and its attempts, as their Prepare does: they are
// copies then. What the endpoint and the attempts decide is left for Begin and Record. For backends.
func (d *Delivery) Prepare(maxPayload int) error {
	if err := d.validate(maxPayload); err != nil {
		return err
	}
	d.Attempts = append([]Attempt(nil), d.Attempts...) // nil if there are none, as a read returns them
	for i := range d.Attempts {
		d.Attempts[i].clean()
	}
	return newID(&d.ID)
}

// Begin makes a delivery the pending one to an endpoint, due now. For backends.
func (d *Delivery) Begin(policy Endpoint, now time.Time) {
	d.MaxAttempts = policy.MaxRetryAttempts + 1
	d.RetryBackoffSeconds, d.RetryBackoffMultiplier, d.RetryJitter = policy.RetryBackoffSeconds, policy.RetryBackoffMultiplier, policy.RetryJitter
	d.Status, d.AttemptCount, d.NextRetryAt, d.CompletedAt = DeliveryPending, 0, &now, nil
	d.MaxAttemptsReached, d.CancelReason = false, ""
	d.LeaseToken, d.LeaseUntil = nil, nil
}

// Record makes of a delivery what an attempt that ended makes of it: the one place where its states
// change by attempts. It numbers the attempt, ends the lease, and sets the attempt's times where
// they are zero. ErrState on a final one, ErrConflict for an attempt with another number than the
// next. For backends.
func (d *Delivery) Record(attempt *Attempt, now time.Time) error {
	if d.Status.Final() {
		return stateError("delivery is " + string(d.Status) + " already")
	}
	if attempt.Number != 0 && attempt.Number != d.AttemptCount+1 {
		return conflictError("the attempt of this number is recorded already, or one before it is not")
	}
	d.AttemptCount++
	attempt.Number = d.AttemptCount
	if attempt.CompletedAt.IsZero() {
		attempt.CompletedAt = latest(now, attempt.AttemptedAt)
	}
	if attempt.AttemptedAt.IsZero() {
		attempt.AttemptedAt = attempt.CompletedAt
	}
	d.LeaseToken, d.LeaseUntil, d.NextRetryAt = nil, nil, nil
	switch {
	case attempt.Status == AttemptSuccess:
		d.Status = DeliverySuccess
	case d.AttemptCount >= d.MaxAttempts:
		d.Status, d.MaxAttemptsReached = DeliveryFailed, true
	default:
		d.Status = DeliveryRetrying
		delay := retryDelay(d.RetryBackoffSeconds, d.RetryBackoffMultiplier, d.AttemptCount)
		if d.RetryJitter {
			delay = FullJitter(delay)
		}
		next := storedTime(now.Add(delay)) // not from the attempt's times: a worker's clock may be wrong
		d.NextRetryAt = &next
		return nil
	}
	completed := attempt.CompletedAt
	d.CompletedAt = &completed
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// DeliveryRepository stores the deliveries of one schema and their attempts. Every method is safe
// for concurrent use. Limits of lists, and the errors that every method may return, are as
// [EventRepository] says.
type DeliveryRepository interface {
	// Save stores a new delivery with the attempts that it has, all or nothing, and returns it as a
	// read would. Attempts count as those that RecordAttempt records, in their order, but that the
	// pause after the last one begins at its CompletedAt, or now if that lies ahead. Errors:
	// ErrInvalid before anything is sent; ErrAlreadyExists for an ID that is taken, or an event that
	// has a delivery to this endpoint; ErrMissingReference for an EndpointID or EventID that is not
	// there; ErrState for attempts after one that ended it, or a Status that they don't lead to.
	Save(ctx context.Context, delivery Delivery) (Delivery, error)

	// SaveForEvent stores a delivery of the event for the endpoint of each subscription that Matches
	// it, one for each endpoint, all in one step, and returns them, by ID. Those that are there
	// already stay as they are and are returned, too: twice is the same as once. Endpoints that are
	// gone or not active get none. No subscription that matches: no I/O. Errors: ErrInvalid for
	// subscriptions that can't be matched (read with too few columns); ErrMissingReference for an
	// event that is not saved.
	SaveForEvent(ctx context.Context, event Event, subscriptions []Subscription) ([]Delivery, error)

	// GetByID returns one delivery with its attempts, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Delivery, error)

	// RecordAttempt adds the attempt that comes next, with its outcome, and returns the delivery as
	// it is then. A success ends it. After a failure or a timeout the next attempt is due when the
	// endpoint's pause has passed, from now on by the database's clock; when none is left it fails for
	// good. The endpoint's health changes with deliveries that end: see Endpoint.
	//
	// An attempt with a Number is recorded only as that one: of two workers that made the same
	// attempt one gets ErrConflict. While a worker leases the delivery, only an attempt with its
	// LeaseToken is recorded. Errors: ErrInvalid before anything is sent; ErrNotFound; ErrState for a
	// delivery that has ended; ErrConflict; ErrLeaseLost for a token that is not the current one, and
	// for an attempt without a token while the delivery is leased.
	RecordAttempt(ctx context.Context, id uuid.UUID, attempt Attempt) (Delivery, error)

	// GetPendingRetries returns the deliveries that are due, by NextRetryAt, then ID: new ones,
	// those whose pause has passed, and those whose worker's lease ran out. Those to endpoints that
	// are not active wait until they are. It leases nothing: two callers get the same.
	GetPendingRetries(ctx context.Context, limit int) ([]Delivery, error)

	// ClaimDue leases what GetPendingRetries would return, in its order, to the caller: until the
	// lease (0: DefaultLease; at most MaxLease) has passed or its attempt is recorded, nobody else
	// gets it. The attempt must carry the delivery's LeaseToken.
	ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]Delivery, error)

	// Release gives up the leases of claimed deliveries, which are due again at once, and returns how
	// many it still held. None: no I/O.
	Release(ctx context.Context, claimed []Delivery) (int, error)

	// Cancel ends a delivery that has not ended, whoever leases it, with a reason of at most 255
	// bytes, which may be empty. It returns the delivery. Errors: ErrInvalid; ErrNotFound; ErrState.
	Cancel(ctx context.Context, id uuid.UUID, reason string) (Delivery, error)

	// Replay makes a new delivery, due now, of the same event to the same endpoint, with the
	// endpoint's present policy, and returns it. Each call makes one. Errors: ErrNotFound; ErrState
	// for one that has not ended; ErrMissingReference if the endpoint or the event is gone.
	Replay(ctx context.Context, id uuid.UUID) (Delivery, error)

	// Recover replays an endpoint's deliveries that failed for good at or after since, and that no
	// replay stands for, in the order in which they were made, and returns how many: all in one step;
	// a second call finds nothing left to do. Those whose event is gone are left out. ErrNotFound for
	// an unknown endpoint.
	Recover(ctx context.Context, endpointID uuid.UUID, since time.Time) (int, error)

	// GetByEndpoint returns the deliveries to one endpoint, newest first: by CreatedAt, then ID,
	// both descending.
	GetByEndpoint(ctx context.Context, endpointID uuid.UUID, limit int) ([]Delivery, error)

	// GetByEvent returns the deliveries of one event, by CreatedAt, then ID.
	GetByEvent(ctx context.Context, eventID uuid.UUID, limit int) ([]Delivery, error)

	// GetStats counts the deliveries to one endpoint that were made in the last days (0:
	// DefaultStatsDays; at most MaxStatsDays), today included, in UTC by the database's clock.
	GetStats(ctx context.Context, endpointID uuid.UUID, days int) (DeliveryStats, error)
}

const (
	// DefaultLease is how long a claim lasts unless it is told: a minute.
	DefaultLease = time.Minute
	// MaxLease is how long it can last: a day.
	MaxLease = 24 * time.Hour
)

// CheckLease returns how long a lease asked for lasts: DefaultLease for 0, ErrInvalid for less than
// a millisecond or more than MaxLease. For backends.
func CheckLease(lease time.Duration) (time.Duration, error) {
	switch {
	case lease == 0:
		return DefaultLease, nil
	case lease < time.Millisecond || lease > MaxLease:
		return 0, &InvalidError{"lease", "must be 0 for a minute, or 1ms to 24h"}
	}
	return lease.Truncate(time.Microsecond), nil
}

// ValidateCancelReason reports a reason that Cancel can't take, as an [InvalidError].
func ValidateCancelReason(reason string) error { return checkText("reason", reason, MaxName) }
