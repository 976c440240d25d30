package driver

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Archive is a file of events that are no longer in the store, or the plan of one. Package archive
// makes the files; what is here is what the database knows of them.
type Archive struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// Name is required, at most 255 bytes.
	Name string `json:"name"`
	// Description has at most 4,096 bytes; may be empty.
	Description string `json:"description"`
	// Policy says what its events were chosen by. Empty on save: custom.
	Policy ArchivePolicy `json:"policy"`
	// StorageType is the kind of storage. Empty on save: cold_storage.
	StorageType ArchiveStorageType `json:"storage_type"`
	// StorageLocation is where that storage is, at most 2,048 bytes; ObjectName is the name of the
	// file in it, without its ending, at most 1,024. Neither holds a credential.
	StorageLocation string `json:"storage_location"`
	ObjectName      string `json:"object_name"`
	// Status is how far it is; a new one is pending. Only the methods of ArchiveWork change it.
	Status ArchiveStatus `json:"status"`
	// RuleID and JobID are what it was made for; may be nil, and what they name may be gone.
	RuleID *uuid.UUID `json:"rule_id"`
	JobID  *uuid.UUID `json:"job_id"`
	// EventCount is how many events are in the file, RestoredCount how many of them are back in the
	// store.
	EventCount    int64 `json:"event_count"`
	RestoredCount int64 `json:"restored_count"`
	// FirstPosition and LastPosition, EventsFrom and EventsTo span the events: their Position and
	// their OccurredAt. Zero and nil without events.
	FirstPosition int64      `json:"first_position"`
	LastPosition  int64      `json:"last_position"`
	EventsFrom    *time.Time `json:"events_from"`
	EventsTo      *time.Time `json:"events_to"`
	// EventTypes and ContextIDs are those that occur, in order, at most MaxArchiveLabels of each.
	EventTypes []string    `json:"event_types"`
	ContextIDs []uuid.UUID `json:"context_ids"`
	// RawBytes is the size of the events as text, SizeBytes that of the file.
	RawBytes  int64 `json:"raw_bytes"`
	SizeBytes int64 `json:"size_bytes"`
	// Checksum is the SHA-256 of the file, in hexadecimal.
	Checksum string `json:"checksum"`
	// KeyID names the key of the key ring that the file is encrypted with; "": it is not.
	KeyID string `json:"key_id"`
	// RetentionDays is how many days it must be kept after ArchivedAt, AutoDeleteAfterDays after how
	// many it is expired, 0 to 36,500; 0: it need not be kept, and never expires. It can't expire before it may go.
	RetentionDays       int `json:"retention_days"`
	AutoDeleteAfterDays int `json:"auto_delete_after_days"`
	// CreatedByUserID may be nil.
	CreatedByUserID *uuid.UUID `json:"created_by_user_id"`
	// Tags are for the app, as an Action's.
	Tags map[string]string `json:"tags"`
	// ErrorMessage says why it failed.
	ErrorMessage string `json:"error_message"`
	// LeaseToken and LeaseUntil tell that somebody fills it: see ArchiveWork.
	LeaseToken *uuid.UUID `json:"lease_token"`
	LeaseUntil *time.Time `json:"lease_until"`
	// ArchivedAt, RestoredAt and DeletedAt are when it was completed, when the last of its events
	// came back, and when it was purged.
	ArchivedAt *time.Time `json:"archived_at"`
	RestoredAt *time.Time `json:"restored_at"`
	DeletedAt  *time.Time `json:"deleted_at"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes, from 1. Update works on the latest one only.
	Revision int64 `json:"revision"`
}

// ArchivePolicy is what events are chosen by.
type ArchivePolicy string

// The policies: by their age, so that not more than so many or so much stays, by both, or by the
// app.
const (
	PolicyAge    ArchivePolicy = "age_based"
	PolicySize   ArchivePolicy = "size_based"
	PolicyHybrid ArchivePolicy = "hybrid"
	PolicyCustom ArchivePolicy = "custom"
)

// ArchiveStorageType is a kind of storage.
type ArchiveStorageType string

// The kinds of storage: a partition of the events that was detached, the database itself, files or a
// bucket, and another system that the app writes to.
const (
	StoragePartition  ArchiveStorageType = "database_partition"
	StorageCompressed ArchiveStorageType = "compressed_archive"
	StorageCold       ArchiveStorageType = "cold_storage"
	StorageWarehouse  ArchiveStorageType = "data_warehouse"
)

// ArchiveStatus is how far an archive is.
type ArchiveStatus string

// The statuses: pending, in_progress while it is filled, and then completed or failed; completed
// becomes restored when all its events are back, and each of these deleted.
const (
	ArchivePending    ArchiveStatus = "pending"
	ArchiveInProgress ArchiveStatus = "in_progress"
	ArchiveCompleted  ArchiveStatus = "completed"
	ArchiveFailed     ArchiveStatus = "failed"
	ArchiveRestored   ArchiveStatus = "restored"
	ArchiveDeleted    ArchiveStatus = "deleted"
)

// Limits of archives.
const (
	MaxArchiveLabels = 1000
	MaxObjectName    = 1024
	MaxArchiveDays   = 36_500
)

// Validate reports a policy that there is not, as an [InvalidError].
func (p ArchivePolicy) Validate() error {
	return checkOneOf("policy", p, PolicyAge, PolicySize, PolicyHybrid, PolicyCustom)
}

// Validate reports a kind of storage that there is not, as an [InvalidError].
func (s ArchiveStorageType) Validate() error {
	return checkOneOf("storage_type", s, StoragePartition, StorageCompressed, StorageCold, StorageWarehouse)
}

// Validate reports a status that there is not, as an [InvalidError].
func (s ArchiveStatus) Validate() error {
	return checkOneOf("status", s, ArchivePending, ArchiveInProgress, ArchiveCompleted, ArchiveFailed, ArchiveRestored, ArchiveDeleted)
}

// CompressionRatio is RawBytes / SizeBytes; 0 without a file.
func (a *Archive) CompressionRatio() float64 { return Rate(a.RawBytes, a.SizeBytes) }

// Validate reports the first field that breaks a rule, as an [InvalidError]. What Save fills in may
// be zero.
func (a *Archive) Validate() error {
	filled := *a
	filled.fill()
	return filled.validate()
}

// fill sets the defaults.
func (a *Archive) fill() {
	setDefault(&a.Policy, PolicyCustom)
	setDefault(&a.StorageType, StorageCold)
}

func (a *Archive) validate() error {
	return firstError(
		checkRequired("name", a.Name, MaxName),
		checkText("description", a.Description, MaxDescription),
		a.Policy.Validate(),
		a.StorageType.Validate(),
		checkText("storage_location", a.StorageLocation, MaxURL),
		checkText("object_name", a.ObjectName, MaxObjectName),
		checkOptionalID("rule_id", a.RuleID),
		checkOptionalID("job_id", a.JobID),
		checkRetention(a.RetentionDays, a.AutoDeleteAfterDays),
		checkOptionalID("created_by_user_id", a.CreatedByUserID),
		checkTags("tags", a.Tags),
	)
}

func checkRetention(retention, autoDelete int) error {
	switch err := firstError(
		checkRange("retention_days", retention, 0, MaxArchiveDays),
		checkRange("auto_delete_after_days", autoDelete, 0, MaxArchiveDays),
	); {
	case err != nil:
		return err
	case autoDelete > 0 && autoDelete < retention:
		return &InvalidError{"auto_delete_after_days", "must be 0 for never, or retention_days at least"}
	}
	return nil
}

// CheckDateRange reports a time that no event can have occurred in, as an [InvalidError]: one of which
// to is not after from. For backends.
func CheckDateRange(from, to time.Time) error {
	if err := firstError(checkTime("from", from), checkTime("to", to)); err != nil {
		return err
	}
	if !to.After(from) {
		return &InvalidError{"to", "must be after from"}
	}
	return nil
}

// Prepare makes an archive ready to be stored for the first time: it fills in what has a default,
// validates, and clears what is not the caller's to set. For backends.
func (a *Archive) Prepare() error {
	a.fill()
	if err := a.validate(); err != nil {
		return err
	}
	*a = Archive{
		ID: a.ID, Name: a.Name, Description: a.Description, Policy: a.Policy, StorageType: a.StorageType,
		StorageLocation: a.StorageLocation, ObjectName: a.ObjectName, Status: ArchivePending, RuleID: a.RuleID, JobID: a.JobID,
		EventTypes: []string{}, ContextIDs: []uuid.UUID{}, RetentionDays: a.RetentionDays, AutoDeleteAfterDays: a.AutoDeleteAfterDays,
		CreatedByUserID: a.CreatedByUserID, Tags: a.Tags, Revision: a.Revision,
	}
	return newID(&a.ID)
}

// ArchiveStats adds up the archives of a schema.
type ArchiveStats struct {
	// Archives counts all, ByStatus those of each status that occurs.
	Archives int64                   `json:"archives"`
	ByStatus map[ArchiveStatus]int64 `json:"by_status"`
	// The rest is about completed ones, ByStorage for each kind of storage that occurs.
	ArchiveSizes
	ByStorage map[ArchiveStorageType]ArchiveSizes `json:"by_storage"`
	// OldestEvent and NewestEvent are when the first and the last of their events occurred; nil
	// without any.
	OldestEvent *time.Time `json:"oldest_event"`
	NewestEvent *time.Time `json:"newest_event"`
}

// ArchiveSizes is how much completed archives hold.
type ArchiveSizes struct {
	Completed int64 `json:"completed"`  // archives
	Events    int64 `json:"events"`     // those in them that were not restored
	RawBytes  int64 `json:"raw_bytes"`  // of all their events, as text
	SizeBytes int64 `json:"size_bytes"` // of the files
}

// CompressionRatio is RawBytes / SizeBytes; 0 without files.
func (s ArchiveSizes) CompressionRatio() float64 { return Rate(s.RawBytes, s.SizeBytes) }

// ArchiveRepository keeps the archives of one schema. Every method is safe for concurrent use. Limits of
// lists, and the errors that every method may return, are as [EventRepository] says.
type ArchiveRepository interface {
	ArchiveWork

	// Save stores a new archive, which is pending, and returns it as a read would. Errors: ErrInvalid
	// before anything is sent; ErrAlreadyExists for an ID that is taken.
	Save(ctx context.Context, archive Archive) (Archive, error)

	// Update replaces Name, Description, RetentionDays, AutoDeleteAfterDays, CreatedByUserID and Tags
	// and returns the archive as it is then. Errors: ErrInvalid; ErrNotFound; ErrConflict if the
	// Revision is not the latest: read it again.
	Update(ctx context.Context, archive Archive) (Archive, error)

	// GetByID returns one archive, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Archive, error)

	// Exists reports whether there is an archive with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes the record of an archive that is pending, failed or deleted. False if there is
	// none; ErrState for another: its events would be forgotten.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)

	// GetByStatus returns those of one status, newest first: by CreatedAt, then ID, both descending.
	// ErrInvalid for a status that there is not.
	GetByStatus(ctx context.Context, status ArchiveStatus, limit int) ([]Archive, error)

	// GetByDateRange returns the completed archives with events that may have occurred at or after
	// from and before to: those whose EventsFrom to EventsTo meets that time. By EventsFrom, then ID.
	// ErrInvalid if to is not after from.
	GetByDateRange(ctx context.Context, from, to time.Time, limit int) ([]Archive, error)

	// GetByAggregate returns the completed archives that hold events of an aggregate, by
	// FirstPosition, then ID.
	GetByAggregate(ctx context.Context, aggregate Aggregate, limit int) ([]Archive, error)

	// GetByPosition returns the completed archives whose LastPosition is at or behind a position, by
	// FirstPosition, then ID: those to read for all archived events from there on.
	GetByPosition(ctx context.Context, position int64, limit int) ([]Archive, error)

	// GetExpired returns the completed and restored archives whose AutoDeleteAfterDays are over, by
	// ArchivedAt, then ID.
	GetExpired(ctx context.Context, limit int) ([]Archive, error)

	// GetStats adds up all archives.
	GetStats(ctx context.Context) (ArchiveStats, error)
}
