package driver

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/internal/schedule"
)

// ArchiveRule says which events are archived, and when.
type ArchiveRule struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// Name is required, at most 255 bytes, and unique in its schema: names that differ in a byte differ.
	Name string `json:"name"`
	// Description has at most 4,096 bytes; may be empty.
	Description string `json:"description"`
	// Policy is required. A rule by age has ArchiveAfterDays, one by size MaxEventCount or MaxTableBytes
	// or both, a hybrid one all that: it archives what either asks for. A custom one archives what its
	// types and contexts choose, and ArchiveAfterDays if there is one, and is never due: the app runs it.
	Policy ArchivePolicy `json:"policy"`
	// IncludeTypes, ExcludeTypes, IncludeContexts and ExcludeContexts are as in [ArchiveCriteria].
	IncludeTypes    []string    `json:"include_types"`
	ExcludeTypes    []string    `json:"exclude_types"`
	IncludeContexts []uuid.UUID `json:"include_contexts"`
	ExcludeContexts []uuid.UUID `json:"exclude_contexts"`
	// ArchiveAfterDays: events that occurred longer ago are archived, 1 to 36,500. 0: age is not asked.
	ArchiveAfterDays int `json:"archive_after_days"`
	// MaxEventCount: the oldest are archived until so many events are left in the store. 0: not asked.
	MaxEventCount int64 `json:"max_event_count"`
	// MaxTableBytes: the oldest are archived until so many bytes of EventData and EventMetadata are
	// left in the store. 0: not asked.
	MaxTableBytes int64 `json:"max_table_bytes"`
	// PastConsumers is as in [ArchiveCriteria].
	PastConsumers bool `json:"past_consumers"`
	// Schedule is when it runs by itself, in UTC: five fields as of cron (minute, hour, day of month,
	// month, day of week) with spaces or tabs between them, or @hourly, @daily, @weekly, @monthly, @yearly. Empty: never; so must it be
	// for a custom rule.
	Schedule string `json:"schedule"`
	// StorageType is as an Archive's. Empty on save: cold_storage.
	StorageType ArchiveStorageType `json:"storage_type"`
	// LocationTemplate is the names of the files, at most 512 bytes: see LocationName. Empty on save:
	// DefaultLocation.
	LocationTemplate string `json:"location_template"`
	// Encrypt: the files are encrypted with the key ring.
	Encrypt bool `json:"encrypt"`
	// RetentionDays and AutoDeleteAfterDays are those of its archives: see [Archive].
	RetentionDays       int `json:"retention_days"`
	AutoDeleteAfterDays int `json:"auto_delete_after_days"`
	// IsEnabled: it can become due.
	IsEnabled bool `json:"is_enabled"`
	// CreatedByUserID may be nil.
	CreatedByUserID *uuid.UUID `json:"created_by_user_id"`
	// NextRunAt is when it is due next, by its Schedule; nil for one that is never due: without a
	// Schedule, custom, or not enabled. LastRunAt is when a run of it ended last; nil: none has.
	NextRunAt *time.Time `json:"next_run_at"`
	LastRunAt *time.Time `json:"last_run_at"`
	// LeaseToken and LeaseUntil tell that somebody runs it, or did when the lease ended: see ClaimDue.
	LeaseToken *uuid.UUID `json:"lease_token"`
	LeaseUntil *time.Time `json:"lease_until"`
	// CreatedAt and UpdatedAt are when it was saved and updated last, by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes that Update makes, from 1. Update works on the latest one only. To
	// run is no change: ClaimDue, Extend and Ran leave Revision and UpdatedAt alone.
	Revision int64 `json:"revision"`
}

// NewArchiveRule returns an enabled rule that archives events of any type and context that occurred
// longer ago than days, to files, without a schedule.
func NewArchiveRule(name string, days int) ArchiveRule {
	return ArchiveRule{Name: name, Policy: PolicyAge, ArchiveAfterDays: days, StorageType: StorageCold, IsEnabled: true}
}

// CheckArchiveRuleName reports a name that no rule can have, as an [InvalidError]. For backends.
func CheckArchiveRuleName(name string) error { return checkRequired("name", name, MaxName) }

// Validate reports the first field that breaks a rule, as an [InvalidError]. What Save fills in may
// be zero.
func (r *ArchiveRule) Validate() error {
	filled := *r
	filled.fill()
	return filled.validate()
}

// fill sets the defaults.
func (r *ArchiveRule) fill() {
	setDefault(&r.StorageType, StorageCold)
	setDefault(&r.LocationTemplate, DefaultLocation)
}

func (r *ArchiveRule) validate() error {
	return firstError(
		CheckArchiveRuleName(r.Name),
		checkText("description", r.Description, MaxDescription),
		r.Policy.Validate(),
		checkChoice("include_types", r.IncludeTypes),
		checkChoice("exclude_types", r.ExcludeTypes),
		checkIDs("include_contexts", r.IncludeContexts),
		checkIDs("exclude_contexts", r.ExcludeContexts),
		checkRange("archive_after_days", r.ArchiveAfterDays, 0, MaxArchiveDays),
		checkNotNegative("max_event_count", r.MaxEventCount),
		checkNotNegative("max_table_bytes", r.MaxTableBytes),
		r.checkPolicy(),
		r.checkSchedule(),
		r.StorageType.Validate(),
		checkLocationTemplate(r.LocationTemplate),
		checkRetention(r.RetentionDays, r.AutoDeleteAfterDays),
		checkOptionalID("created_by_user_id", r.CreatedByUserID),
	)
}

func checkNotNegative(field string, value int64) error {
	if value < 0 {
		return &InvalidError{field, "must be 0 for none, or more"}
	}
	return nil
}

// checkPolicy checks that a policy has what it goes by, and nothing that it would pass over.
func (r *ArchiveRule) checkPolicy() error {
	byAge, bySize := r.Policy == PolicyAge || r.Policy == PolicyHybrid, r.Policy == PolicySize || r.Policy == PolicyHybrid
	sized := r.MaxEventCount > 0 || r.MaxTableBytes > 0
	switch {
	case byAge && r.ArchiveAfterDays == 0:
		return &InvalidError{"archive_after_days", "is required for a rule by age, 1 at least"}
	case bySize && !sized:
		return &InvalidError{"max_event_count", "or max_table_bytes is required for a rule by size"}
	case r.Policy == PolicySize && r.ArchiveAfterDays > 0:
		return &InvalidError{"archive_after_days", "must be 0 for a rule by size; one by both is hybrid"}
	case !bySize && sized:
		return &InvalidError{"max_event_count", "and max_table_bytes must be 0, but for a rule by size or a hybrid one"}
	}
	return nil
}

func (r *ArchiveRule) checkSchedule() error {
	const field = "schedule"
	if r.Schedule == "" {
		return nil
	}
	if err := checkText(field, r.Schedule, MaxName); err != nil {
		return err
	}
	if r.Policy == PolicyCustom {
		return &InvalidError{field, "must be empty for a custom rule, which the app runs"}
	}
	if err := schedule.Check(r.Schedule); err != nil {
		return &InvalidError{field, "must be five fields as of cron, such as 30 3 * * *, or @hourly, @daily, @weekly, @monthly, @yearly"}
	}
	return nil
}

// Prepare makes a rule ready to be stored: it fills in what has a default, validates, and clears what
// is not the caller's to set. For backends.
func (r *ArchiveRule) Prepare() error {
	r.fill()
	if err := r.validate(); err != nil {
		return err
	}
	r.NextRunAt, r.LastRunAt, r.LeaseToken, r.LeaseUntil = nil, nil, nil, nil
	return newID(&r.ID)
}

// Next is the first moment after another one at which the rule is due by its Schedule, a whole minute
// in UTC; nil if it is never due. It is a pure function.
func (r *ArchiveRule) Next(after time.Time) *time.Time {
	if r.Schedule == "" || r.Policy == PolicyCustom || !r.IsEnabled {
		return nil
	}
	next, ok := schedule.Next(r.Schedule, after.UTC())
	if !ok {
		return nil
	}
	return &next
}

// Criteria is what the rule chooses by its types, contexts and age, at a moment: a day of age is 24
// hours. How many more go because there are too many is for Excess to say. It is a pure function.
func (r *ArchiveRule) Criteria(now time.Time) ArchiveCriteria {
	c := ArchiveCriteria{
		IncludeTypes: r.IncludeTypes, ExcludeTypes: r.ExcludeTypes,
		IncludeContexts: r.IncludeContexts, ExcludeContexts: r.ExcludeContexts, PastConsumers: r.PastConsumers,
	}
	if r.ArchiveAfterDays > 0 {
		c.OccurredBefore = storedTime(now.UTC().AddDate(0, 0, -r.ArchiveAfterDays))
	}
	return c
}

// Excess is how many events, and how many bytes of them, are above the limits of a rule by size; each
// is 0 where there is no such limit, or nothing above it. It is a pure function.
func (r *ArchiveRule) Excess(m ArchiveMeasure) (events, bytes int64) {
	if r.MaxEventCount > 0 {
		events = max(m.Events-r.MaxEventCount, 0)
	}
	if r.MaxTableBytes > 0 {
		bytes = max(m.Bytes-r.MaxTableBytes, 0)
	}
	return events, bytes
}

// ArchiveRuleRepository stores the archive rules of one schema. Every method is safe for concurrent use.
// Lists are by Name, bytewise, unless they say otherwise; their limits, and the errors that every method
// may return, are as [EventRepository] says.
type ArchiveRuleRepository interface {
	// Save stores a new rule, due as its Schedule says from now on, and returns it as a read would.
	// Errors: ErrInvalid before anything is sent; ErrAlreadyExists for an ID or a Name that is taken.
	Save(ctx context.Context, rule ArchiveRule) (ArchiveRule, error)

	// Update replaces what Save takes and returns the rule as it is then. If its Schedule, Policy or
	// IsEnabled changed, it is due as they say from now on; else when it was. A lease stays. Errors:
	// Save's; ErrNotFound; ErrConflict if the Revision is not the latest: read it again.
	Update(ctx context.Context, rule ArchiveRule) (ArchiveRule, error)

	// GetByID returns one rule, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (ArchiveRule, error)

	// GetByName returns the rule of exactly that name, or ErrNotFound. ErrInvalid for one that no rule
	// can have.
	GetByName(ctx context.Context, name string) (ArchiveRule, error)

	// Exists reports whether there is a rule with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes a rule, leased or not. Its archives and jobs stay. False if there is none.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)

	// GetAll returns all rules.
	GetAll(ctx context.Context, limit int) ([]ArchiveRule, error)

	// GetEnabled returns the enabled rules.
	GetEnabled(ctx context.Context, limit int) ([]ArchiveRule, error)

	// GetDue returns the rules that ClaimDue would lease now, by NextRunAt, then ID.
	GetDue(ctx context.Context, limit int) ([]ArchiveRule, error)

	// ClaimDue leases rules to the caller that are due and that nobody leases: until the lease (0:
	// DefaultLease; at most MaxLease) has passed or Ran is called, nobody else gets them. All of one
	// call have the same token. It passes over those that others lock. By NextRunAt, then ID.
	ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]ArchiveRule, error)

	// Extend makes the lease of a rule end so long (0: DefaultLease; at most MaxLease) from now. It
	// works until somebody else has claimed the rule, even if the lease has ended. ErrLeaseLost after
	// that, and once the rule has run or is gone.
	Extend(ctx context.Context, id, token uuid.UUID, lease time.Duration) error

	// Ran ends the lease, sets LastRunAt to now, and NextRunAt to the next moment of the Schedule
	// after now: what was missed meanwhile is not made up for. It returns the rule. As Extend, it
	// works until somebody else has claimed it. Errors: ErrNotFound; ErrLeaseLost.
	Ran(ctx context.Context, id, token uuid.UUID) (ArchiveRule, error)
}
