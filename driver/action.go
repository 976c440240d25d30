package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Action is something to be done when an event of certain types happens.
type Action struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// Name is required, at most 255 bytes.
	Name string `json:"name"`
	// Description has at most 4,096 bytes; may be empty.
	Description string `json:"description"`
	// HandlerType is required: who does it.
	HandlerType HandlerType `json:"handler_type"`
	// Configuration is a JSON object for the handler, kept byte for byte. A webhook needs "url", an
	// email "template", a function "function", each a text, a workflow "steps", a list. Nil on save:
	// {}.
	Configuration json.RawMessage `json:"configuration"`
	// EventTypes are required, 1 to 100: types, "category.*", or "*", each at most once.
	EventTypes []string `json:"event_types"`
	// Conditions, at most 100, must all hold for the event: see Matches.
	Conditions []Condition `json:"conditions"`
	// ContextFilters is a JSON object of what must be in the context that GetActionsForEvent is
	// given. Nil on save: {}.
	ContextFilters json.RawMessage `json:"context_filters"`
	// ExecutionMode says how it is run. Empty on save: async.
	ExecutionMode ExecutionMode `json:"execution_mode"`
	// Priority orders actions. Empty on save: normal.
	Priority Priority `json:"priority"`
	// TimeoutSeconds is how long an execution may take, 1 to 86,400. Zero on save: 30.
	TimeoutSeconds int `json:"timeout_seconds"`
	// MaxRetries is how many executions may follow one that failed, 0 to MaxExecutionRetries.
	MaxRetries int `json:"max_retries"`
	// RetryDelaySeconds is the pause before the first retry, 1 to 3,600; it doubles with each. Zero
	// on save: 5.
	RetryDelaySeconds int `json:"retry_delay_seconds"`
	// Status is empty on save for active.
	Status ActionStatus `json:"status"`
	// IsEnabled: it is run, if its Status is active.
	IsEnabled bool `json:"is_enabled"`
	// Tags are for the app: at most 50, names and values of at most 255 bytes.
	Tags map[string]string `json:"tags"`
	// TenantID restricts it to the events of one tenant; nil: to none.
	TenantID *uuid.UUID `json:"tenant_id"`
	// CreatedByUserID may be nil.
	CreatedByUserID *uuid.UUID `json:"created_by_user_id"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// LastTriggeredAt, and the counters, are what UpdateStatistics and Executions.Complete make of
	// them; nil and 0 at first. SuccessCount and FailureCount together are at most TriggerCount.
	LastTriggeredAt *time.Time `json:"last_triggered_at"`
	TriggerCount    int64      `json:"trigger_count"`
	SuccessCount    int64      `json:"success_count"`
	FailureCount    int64      `json:"failure_count"`
	// Revision counts the changes, from 1. Update works on the latest one only.
	Revision int64 `json:"revision"`
}

// HandlerType is who runs an action.
type HandlerType string

// The types of handlers.
const (
	HandlerWebhook  HandlerType = "webhook"
	HandlerEmail    HandlerType = "email"
	HandlerFunction HandlerType = "function"
	HandlerWorkflow HandlerType = "workflow"
	HandlerSMS      HandlerType = "sms"
	HandlerSlack    HandlerType = "slack"
	HandlerTeams    HandlerType = "teams"
	HandlerCustom   HandlerType = "custom"
)

// Validate reports a type that there is not, as an [InvalidError].
func (h HandlerType) Validate() error {
	return checkOneOf("handler_type", h, HandlerWebhook, HandlerEmail, HandlerFunction, HandlerWorkflow,
		HandlerSMS, HandlerSlack, HandlerTeams, HandlerCustom)
}

// ExecutionMode is how an action is run.
type ExecutionMode string

// The modes: while the event is handled, beside it, or by a worker that claims executions.
const (
	ModeSync   ExecutionMode = "sync"
	ModeAsync  ExecutionMode = "async"
	ModeQueued ExecutionMode = "queued"
)

// Priority orders actions.
type Priority string

// The priorities, from the last to the first.
const (
	PriorityLow      Priority = "low"
	PriorityNormal   Priority = "normal"
	PriorityHigh     Priority = "high"
	PriorityCritical Priority = "critical"
)

var priorities = []Priority{PriorityLow, PriorityNormal, PriorityHigh, PriorityCritical}

// Rank is the priority as a number, from 1 for low to 4 for critical; 0 for one that there is not.
func (p Priority) Rank() int {
	for i, priority := range priorities {
		if p == priority {
			return i + 1
		}
	}
	return 0
}

// PriorityOfRank is the priority of a rank; empty if there is none. For backends.
func PriorityOfRank(rank int) Priority {
	if rank < 1 || rank > len(priorities) {
		return ""
	}
	return priorities[rank-1]
}

// ActionStatus is whether an action is in use.
type ActionStatus string

// The statuses of an action. Any may follow any.
const (
	ActionActive   ActionStatus = "active"
	ActionInactive ActionStatus = "inactive"
	ActionPaused   ActionStatus = "paused"
	ActionArchived ActionStatus = "archived"
)

// Limits of an Action's lists.
const (
	MaxActionEventTypes = 100
	MaxConditions       = 100
	MaxTags             = 50
)

// NewAction returns an action with the defaults that are not zero: active and enabled, async, of
// normal priority, 30 seconds for an execution, 3 retries after 5, 10 and 20 seconds.
func NewAction(name string, handler HandlerType, configuration json.RawMessage, eventTypes ...string) Action {
	return Action{
		Name: name, HandlerType: handler, Configuration: configuration, EventTypes: eventTypes,
		ExecutionMode: ModeAsync, Priority: PriorityNormal, TimeoutSeconds: 30, MaxRetries: 3, RetryDelaySeconds: 5,
		Status: ActionActive, IsEnabled: true,
	}
}

// Validate reports the first field that breaks a rule, as an [InvalidError], with DefaultMaxPayload
// as the limit of JSON. What Save fills in may be zero.
func (a *Action) Validate() error {
	filled := *a
	filled.fill()
	return filled.validate(DefaultMaxPayload)
}

// fill sets the defaults.
func (a *Action) fill() {
	setDefault(&a.ExecutionMode, ModeAsync)
	setDefault(&a.Priority, PriorityNormal)
	setDefault(&a.TimeoutSeconds, 30)
	setDefault(&a.RetryDelaySeconds, 5)
	setDefault(&a.Status, ActionActive)
	if a.Configuration == nil {
		a.Configuration = json.RawMessage("{}")
	}
	if a.ContextFilters == nil {
		a.ContextFilters = json.RawMessage("{}")
	}
}

func (a *Action) validate(maxPayload int) error {
	return firstError(
		checkRequired("name", a.Name, MaxName),
		checkText("description", a.Description, MaxDescription),
		a.HandlerType.Validate(),
		checkConfiguration(a.HandlerType, a.Configuration, maxPayload),
		checkPatterns("event_types", a.EventTypes),
		a.checkConditions(),
		checkContextFilters("context_filters", a.ContextFilters, MaxFilters),
		checkOneOf("execution_mode", a.ExecutionMode, ModeSync, ModeAsync, ModeQueued),
		checkOneOf("priority", a.Priority, priorities...),
		checkRange("timeout_seconds", a.TimeoutSeconds, 1, 86_400),
		checkRange("max_retries", a.MaxRetries, 0, MaxExecutionRetries),
		checkRange("retry_delay_seconds", a.RetryDelaySeconds, 1, maxRetrySeconds),
		checkOneOf("status", a.Status, ActionActive, ActionInactive, ActionPaused, ActionArchived),
		checkTags("tags", a.Tags),
		checkOptionalID("tenant_id", a.TenantID),
		checkOptionalID("created_by_user_id", a.CreatedByUserID),
	)
}

// checkConfiguration checks that a handler finds what it can't do without.
func checkConfiguration(handler HandlerType, configuration json.RawMessage, maxPayload int) error {
	const field = "configuration"
	if err := checkJSONObject(field, configuration, maxPayload); err != nil {
		return err
	}
	has := func(key string, kind byte) bool {
		value := trimValue(configuration).find([]string{key})
		return value.kind() == kind && skipSpace(value, 1) < len(value)-1 // something in it but spaces
	}
	switch {
	case handler == HandlerWebhook && !has("url", kindString):
		return &InvalidError{field, `needs a text "url" for a webhook`}
	case handler == HandlerEmail && !has("template", kindString):
		return &InvalidError{field, `needs a text "template" for an email`}
	case handler == HandlerFunction && !has("function", kindString):
		return &InvalidError{field, `needs a text "function" for a function`}
	case handler == HandlerWorkflow && !has("steps", kindList):
		return &InvalidError{field, `needs a list "steps" for a workflow`}
	}
	return nil
}

func checkPatterns(field string, patterns []string) error {
	if len(patterns) == 0 || len(patterns) > MaxActionEventTypes {
		return &InvalidError{field, fmt.Sprintf("must be 1 to %d", MaxActionEventTypes)}
	}
	seen := map[string]bool{}
	for i, pattern := range patterns {
		if err := checkPattern(element(field, i), pattern); err != nil {
			return err
		}
		if seen[pattern] {
			return &InvalidError{element(field, i), "is given twice"}
		}
		seen[pattern] = true
	}
	return nil
}

func (a *Action) checkConditions() error {
	if len(a.Conditions) > MaxConditions {
		return &InvalidError{"conditions", fmt.Sprintf("are %d, at most %d are allowed", len(a.Conditions), MaxConditions)}
	}
	for i, condition := range a.Conditions {
		if err := condition.check(element("conditions", i), MaxFilters); err != nil {
			return err
		}
	}
	return nil
}

func checkTags(field string, tags map[string]string) error {
	if len(tags) > MaxTags {
		return &InvalidError{field, fmt.Sprintf("are %d, at most %d are allowed", len(tags), MaxTags)}
	}
	for name, value := range sorted(tags) {
		if err := checkRequired(field, name, MaxName); err != nil {
			return err
		}
		if err := checkText(field+"["+strconv.Quote(name)+"]", value, MaxName); err != nil {
			return err
		}
	}
	return nil
}

func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// Prepare makes an action ready to be stored for the first time: it fills in what has a default,
// validates, and clears what is not the caller's to set. For backends.
func (a *Action) Prepare(maxPayload int) error {
	a.fill()
	if err := a.validate(maxPayload); err != nil {
		return err
	}
	a.LastTriggeredAt, a.TriggerCount, a.SuccessCount, a.FailureCount = nil, 0, 0, 0
	return newID(&a.ID)
}

// Matches reports whether the action is for the event: one of its EventTypes covers the event's,
// and all its Conditions hold: see [Condition]. It does not look at Status, IsEnabled, TenantID or
// ContextFilters. It is a pure function. An error is an [InvalidError]: conditions that are not what
// Save accepts.
func (a *Action) Matches(event *Event) (bool, error) {
	for _, pattern := range a.EventTypes {
		if MatchEventType(pattern, event.EventType) {
			return matchConditions(a.Conditions, event)
		}
	}
	return false, nil
}

// MatchesContext reports whether the action's ContextFilters are satisfied by a context, which is a
// JSON object: each of their keys is in it, with the same value, or with one of the values where the
// filter has a list. It is a pure function. An error is an [InvalidError].
func (a *Action) MatchesContext(context json.RawMessage) (bool, error) {
	return matchContext(a.ContextFilters, context)
}

// ActionRepository stores the actions of one schema. Every method is safe for concurrent use. Lists
// are in the order of Priority, highest first, then CreatedAt, then ID, unless they say otherwise;
// their limits, and the errors that every method may return, are as [EventRepository] says.
type ActionRepository interface {
	// Save stores a new action and returns it as a read would. Errors: ErrInvalid before anything is
	// sent; ErrAlreadyExists for an ID that is taken.
	Save(ctx context.Context, action Action) (Action, error)

	// Update replaces what Save takes and returns the action as it is then. Errors: ErrInvalid;
	// ErrNotFound; ErrConflict if the Revision is not the latest: read it again.
	Update(ctx context.Context, action Action) (Action, error)

	// GetByID returns one action, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Action, error)

	// Exists reports whether there is an action with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes an action. Its executions stay as history; those that have not ended become
	// cancelled. False if there is none.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)

	// GetActionsForEvent returns all actions, without a limit, that an event of the type can be for:
	// those that are active and enabled and of whose EventTypes one covers it. ErrInvalid for a type
	// that no event can be of, and for a context that is no JSON object. Whether the Conditions hold
	// is for Matches to say.
	GetActionsForEvent(ctx context.Context, eventType string, opts ActionOptions) ([]Action, error)

	// GetActive returns the active and enabled actions of every tenant.
	GetActive(ctx context.Context, limit int) ([]Action, error)

	// GetByHandlerType returns those of one handler type, of every tenant. ErrInvalid for a type that
	// there is not.
	GetByHandlerType(ctx context.Context, handler HandlerType, opts ListOptions) ([]Action, error)

	// GetByTenant returns those of one tenant. Nil: those without one, not those of all.
	GetByTenant(ctx context.Context, tenantID *uuid.UUID, opts ListOptions) ([]Action, error)

	// UpdateStatistics adds to an action's counters, and moves LastTriggeredAt to now if Triggered
	// is not 0. It loses nothing when many do it at once. False if there is no such action. Errors:
	// ErrInvalid for a negative number; ErrState if successes and failures would exceed triggers.
	UpdateStatistics(ctx context.Context, id uuid.UUID, add ActionStatistics) (bool, error)
}

// ActionOptions says what GetActionsForEvent returns.
type ActionOptions struct {
	// Context is a JSON object: only actions whose ContextFilters are satisfied by it (see
	// MatchesContext) are returned. Nil: whatever their ContextFilters.
	Context json.RawMessage
	// TenantID: the actions of this tenant and those without one; nil: only those without one.
	TenantID *uuid.UUID
}

// Validate reports a field that breaks a rule, as an [InvalidError].
func (o ActionOptions) Validate() error {
	if o.Context == nil {
		return nil
	}
	return checkJSONObject("context", o.Context, DefaultMaxPayload)
}

// ActionStatistics are increments of an action's counters, each 0 to 1,000,000,000.
type ActionStatistics struct {
	Triggered int64
	Succeeded int64
	Failed    int64
}

// Validate reports the first field that breaks a rule, as an [InvalidError].
func (s ActionStatistics) Validate() error {
	const most = 1_000_000_000
	return firstError(
		checkRange("triggered", s.Triggered, 0, most),
		checkRange("succeeded", s.Succeeded, 0, most),
		checkRange("failed", s.Failed, 0, most),
	)
}
