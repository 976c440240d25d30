package driver

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EventType describes a type of events that subscribers can ask for.
type EventType struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// EventType is required and unique in its schema; spelled as an Event's.
	EventType string `json:"event_type"`
	// Category is the part of EventType before the first dot, whatever is given.
	Category string `json:"category"`
	// DisplayName has at most 255 bytes; may be empty.
	DisplayName string `json:"display_name"`
	// Description has at most 4,096 bytes; may be empty.
	Description string `json:"description"`
	// IsEnabled: subscribers get events of the type.
	IsEnabled bool `json:"is_enabled"`
	// RequiresVerification: only verified endpoints get them.
	RequiresVerification bool `json:"requires_verification"`
	// PayloadSchema is a JSON Schema (an object, or true or false), kept byte for byte and not
	// checked against anything; may be nil.
	PayloadSchema json.RawMessage `json:"payload_schema"`
	// ExamplePayload is any JSON, kept byte for byte; may be nil.
	ExamplePayload json.RawMessage `json:"example_payload"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes, from 1. Update works on the latest one only.
	Revision int64 `json:"revision"`
}

// NewEventType returns an event type that is enabled.
func NewEventType(eventType string) EventType {
	return EventType{EventType: eventType, IsEnabled: true}
}

// Validate reports the first field that breaks a rule, as an [InvalidError], with DefaultMaxPayload
// as the limit of JSON.
func (t *EventType) Validate() error { return t.validate(DefaultMaxPayload) }

func (t *EventType) validate(maxPayload int) error {
	return firstError(
		ValidateEventType(t.EventType),
		checkText("display_name", t.DisplayName, MaxName),
		checkText("description", t.Description, MaxDescription),
		checkJSONSchema("payload_schema", t.PayloadSchema, maxPayload),
		checkOptionalJSON("example_payload", t.ExamplePayload, maxPayload),
	)
}

// Prepare makes an event type ready to be stored. For backends.
func (t *EventType) Prepare(maxPayload int) error {
	if err := t.validate(maxPayload); err != nil {
		return err
	}
	t.Category, _, _ = strings.Cut(t.EventType, ".")
	return newID(&t.ID)
}

func checkJSONSchema(field string, value json.RawMessage, maxBytes int) error {
	if err := checkOptionalJSON(field, value, maxBytes); value == nil || err != nil {
		return err
	}
	switch trimValue(value).kind() {
	case kindObject, kindTrue, kindFalse:
		return nil
	}
	return &InvalidError{field, "must be a JSON object, true or false"}
}

// ValidateCategory reports whether an event type can be of the category, as an [InvalidError].
func ValidateCategory(category string) error {
	if strings.Contains(category, ".") {
		return &InvalidError{"category", "must be the one word before the first dot of an event type"}
	}
	return checkWords("category", category, MaxEventType)
}

// EventTypeRepository stores the event types of one schema. Every method is safe for concurrent
// use. Limits of lists, and the errors that every method may return, are as [EventRepository] says.
type EventTypeRepository interface {
	// Save stores a new event type and returns it as a read would. Errors: ErrInvalid before
	// anything is sent; ErrAlreadyExists for an ID or an EventType that is taken.
	Save(ctx context.Context, eventType EventType) (EventType, error)

	// Update replaces what Save takes and returns the event type as it is then. Errors: ErrInvalid;
	// ErrNotFound; ErrConflict if the Revision is not the latest: read it again; ErrAlreadyExists
	// for an EventType that is taken. Subscriptions keep the name they have.
	Update(ctx context.Context, eventType EventType) (EventType, error)

	// GetByID returns one event type, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (EventType, error)

	// GetByEventType returns the one of that name, or ErrNotFound. ErrInvalid for a name that none
	// can have.
	GetByEventType(ctx context.Context, eventType string) (EventType, error)

	// GetByCategory returns those of one category, by EventType (as bytes). ErrInvalid for a
	// category that no event type can be of.
	GetByCategory(ctx context.Context, category string, opts ListOptions) ([]EventType, error)

	// GetEnabled returns the enabled ones, by Category, then EventType (as bytes).
	GetEnabled(ctx context.Context, limit int) ([]EventType, error)

	// Exists reports whether there is an event type with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes an event type. False if there is none; ErrReferenced while subscriptions refer
	// to it by EventTypeID.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)
}
