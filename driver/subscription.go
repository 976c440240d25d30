package driver

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Subscription asks for events of a type, or of a pattern of types, to be sent to an endpoint. An
// endpoint may hold several to the same type with different filters; it still gets one delivery
// for an event.
type Subscription struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// EndpointID is required; the endpoint must exist.
	EndpointID uuid.UUID `json:"endpoint_id"`
	// EventTypeID is the event type's description, which must exist; may be nil.
	EventTypeID *uuid.UUID `json:"event_type_id"`
	// EventType is required: a type, "category.*" for all types below a category, on as many levels
	// as there are, or "*" for all.
	EventType string `json:"event_type"`
	// EventFilters narrow it down by what is in the event's data: see Matches. A JSON object
	// of at most MaxFilters bytes and MaxFilterPaths paths. Nil on save: {}.
	EventFilters json.RawMessage `json:"event_filters"`
	// IsActive: it counts.
	IsActive bool `json:"is_active"`
	// ContextID is the part of the tenant whose events it is about; nil: those of all.
	ContextID *uuid.UUID `json:"context_id"`
	// SubscriptionName has at most 255 bytes; may be empty.
	SubscriptionName string `json:"subscription_name"`
	// Description has at most 4,096 bytes; may be empty.
	Description string `json:"description"`
	// LastTriggeredAt is when UpdateLastTriggered was last called, nil at first.
	LastTriggeredAt *time.Time `json:"last_triggered_at"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes, from 1. Update works on the latest one only.
	Revision int64 `json:"revision"`
}

// NewSubscription returns an active subscription without filters.
func NewSubscription(endpointID uuid.UUID, eventType string) Subscription {
	return Subscription{EndpointID: endpointID, EventType: eventType, EventFilters: json.RawMessage("{}"), IsActive: true}
}

// Validate reports the first field that breaks a rule, as an [InvalidError].
func (s *Subscription) Validate() error {
	filters := s.EventFilters
	if filters == nil {
		filters = json.RawMessage("{}")
	}
	return firstError(
		checkID("endpoint_id", s.EndpointID),
		checkOptionalID("event_type_id", s.EventTypeID),
		ValidateEventPattern(s.EventType),
		checkFilters("event_filters", filters, MaxFilters),
		checkOptionalID("context_id", s.ContextID),
		checkText("subscription_name", s.SubscriptionName, MaxName),
		checkText("description", s.Description, MaxDescription),
	)
}

// MaxFilters is how many bytes filters, or the value of a condition, may have: they are read for
// each event.
const MaxFilters = 64 << 10

// Prepare makes a subscription ready to be stored. For backends.
func (s *Subscription) Prepare() error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.EventFilters == nil {
		s.EventFilters = json.RawMessage("{}")
	}
	s.LastTriggeredAt = nil
	return newID(&s.ID)
}

// Matches reports whether the subscription is about the event: its EventType covers the event's,
// its ContextID, if any, is the event's, and all its EventFilters hold. It does not look at
// IsActive. It is a pure function.
//
// EventFilters is an object of paths and what must be there: a path is words separated by dots,
// from EventData inwards, through objects only. What must be there is
//
//   - a string, number, true, false or null: the same value;
//   - a list: one of these values;
//   - an object without operators: the same object;
//   - an object of operators, all of which must hold: $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin,
//     $exists (true or false), $contains (a list has the value, a string has the text), $prefix.
//
// Numbers are compared as exact decimals: 1 equals 1.0, and nothing is rounded. No other kinds are
// converted: 1 is not "1". Where nothing is at the path, only $exists: false, $ne and $nin hold.
//
// An error is an [InvalidError]: filters or data that are not what Save accepts, or a subscription
// that was read without its filters or its EventType.
func (s *Subscription) Matches(event *Event) (bool, error) {
	if s.EventType == "" { // it would match nothing, and nobody would notice
		return false, &InvalidError{"event_type", "is missing; read it, too"}
	}
	if !MatchEventType(s.EventType, event.EventType) || !inContext(s.ContextID, event.ContextID) {
		return false, nil
	}
	return matchFilters(s.EventFilters, event.EventData)
}

// inContext reports whether what is restricted to a context (nil: not) is about an event of one.
func inContext(restricted, of *uuid.UUID) bool {
	return restricted == nil || of != nil && *of == *restricted
}

// SubscriptionRepository stores the subscriptions of one schema. Every method is safe for
// concurrent use. Lists are in the order of CreatedAt, then ID; their limits, and the errors that
// every method may return, are as [EventRepository] says.
type SubscriptionRepository interface {
	// Save stores a new subscription and returns it as a read would. Errors: ErrInvalid before
	// anything is sent; ErrAlreadyExists for an ID that is taken; ErrMissingReference for an
	// EndpointID or EventTypeID that is not there.
	Save(ctx context.Context, subscription Subscription) (Subscription, error)

	// Update replaces what Save takes and returns the subscription as it is then. Errors:
	// ErrInvalid; ErrNotFound; ErrConflict if the Revision is not the latest: read it again;
	// ErrMissingReference.
	Update(ctx context.Context, subscription Subscription) (Subscription, error)

	// GetByID returns one subscription, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Subscription, error)

	// Exists reports whether there is a subscription with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes a subscription. False if there is none.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)

	// GetByEndpoint returns the subscriptions of one endpoint.
	GetByEndpoint(ctx context.Context, endpointID uuid.UUID, opts ListOptions) ([]Subscription, error)

	// GetByEventType returns those with exactly this EventType, which may be a pattern. ErrInvalid
	// for one that no subscription can have.
	GetByEventType(ctx context.Context, eventType string, opts ListOptions) ([]Subscription, error)

	// GetByContext returns those of one context. Nil: those without one, not those of all.
	GetByContext(ctx context.Context, contextID *uuid.UUID, opts ListOptions) ([]Subscription, error)

	// GetActive returns the active ones of every context.
	GetActive(ctx context.Context, limit int) ([]Subscription, error)

	// GetMatching returns all subscriptions, without a limit, that an event of the type can be for:
	// those that are active, whose EventType covers it, and whose endpoint is active. If the type,
	// or the one that EventTypeID names, is described as an EventType, that must be enabled, and
	// the endpoint verified where it asks for that. With a context: those of this context and those
	// without one; nil: only those without one.
	//
	// Whether the filters hold is for Matches to say. ErrInvalid for a type that no event can be of.
	GetMatching(ctx context.Context, eventType string, contextID *uuid.UUID, opts MatchOptions) ([]Subscription, error)

	// UpdateLastTriggered moves LastTriggeredAt to now, never back, and returns how many
	// subscriptions it found. Duplicates count once, unknown ids are ignored. No ids: no I/O.
	UpdateLastTriggered(ctx context.Context, ids []uuid.UUID) (int, error)
}

// MatchOptions says what GetMatching returns.
type MatchOptions struct {
	// Columns are what is read, besides the ID; nil: all. The rest stays zero; a subscription
	// without its EventFilters can't be matched. The columns id, endpoint_id, event_type and
	// context_id alone are read from the index.
	Columns []SubscriptionColumn
}
