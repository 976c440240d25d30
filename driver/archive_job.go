package driver

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ArchiveJob is one run of a rule, or of criteria of the app.
type ArchiveJob struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// RuleID is the rule that it runs, which must exist when the job is saved, and may be gone later;
	// nil: none.
	RuleID *uuid.UUID `json:"rule_id"`
	// Status only moves forward: pending, running, and then one of the others, of which failed
	// becomes running once more by Retry. A new job is pending, whatever is given.
	Status ArchiveJobStatus `json:"status"`
	// Archives, EventsArchived, RawBytes and SizeBytes add up the archives that were completed for it.
	// ArchiveWork.Complete counts them, whatever the Status is by then: their events have left the store.
	Archives       int64 `json:"archives"`
	EventsArchived int64 `json:"events_archived"`
	RawBytes       int64 `json:"raw_bytes"`
	SizeBytes      int64 `json:"size_bytes"`
	// EventsSkipped is how many of the events that it had begun with it left, as AddProgress was told.
	EventsSkipped int64 `json:"events_skipped"`
	// ErrorMessage is what Finish was told last; while it is tried again, why it had failed. The first
	// 64 KiB are kept; bytes that are not valid UTF-8, or NUL, become U+FFFD.
	ErrorMessage string `json:"error_message"`
	// RetryCount is how often it was tried again, MaxRetries how often it may be, 0 to MaxJobRetries.
	RetryCount int `json:"retry_count"`
	MaxRetries int `json:"max_retries"`
	// StartedAt is when it ran first, CompletedAt when it came to its end; nil before that, CompletedAt
	// also while it is tried again.
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes of its Status, from 1.
	Revision int64 `json:"revision"`
}

// ArchiveJobStatus is how far a job is.
type ArchiveJobStatus string

// The statuses of a job.
const (
	JobPending   ArchiveJobStatus = "pending"
	JobRunning   ArchiveJobStatus = "running"
	JobCompleted ArchiveJobStatus = "completed"
	JobFailed    ArchiveJobStatus = "failed"
	JobCancelled ArchiveJobStatus = "cancelled"
)

// MaxJobRetries is how often a job may be tried again.
const MaxJobRetries = 50

// Ended reports whether a job of this status does nothing any more.
func (s ArchiveJobStatus) Ended() bool {
	return s == JobCompleted || s == JobFailed || s == JobCancelled
}

// Validate reports a status that there is not, as an [InvalidError].
func (s ArchiveJobStatus) Validate() error {
	return checkOneOf("status", s, JobPending, JobRunning, JobCompleted, JobFailed, JobCancelled)
}

// EventsProcessed is EventsArchived + EventsSkipped.
func (j *ArchiveJob) EventsProcessed() int64 { return j.EventsArchived + j.EventsSkipped }

// Throughput is how many events it archived a second, from StartedAt to CompletedAt, or to UpdatedAt
// while it runs; 0 before that. The time between a failure and Retry counts.
func (j *ArchiveJob) Throughput() float64 {
	if j.StartedAt == nil {
		return 0
	}
	end := j.UpdatedAt
	if j.CompletedAt != nil {
		end = *j.CompletedAt
	}
	seconds := end.Sub(*j.StartedAt).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(j.EventsArchived) / seconds
}

// Validate reports the first field that breaks a rule, as an [InvalidError].
func (j *ArchiveJob) Validate() error {
	return firstError(
		checkOptionalID("rule_id", j.RuleID),
		checkRange("max_retries", j.MaxRetries, 0, MaxJobRetries),
	)
}

// CheckJobEnd reports a status that Finish can't give a job, as an [InvalidError]. For backends.
func CheckJobEnd(status ArchiveJobStatus) error {
	return checkOneOf("status", status, JobCompleted, JobFailed, JobCancelled)
}

// MaxJobProgress is how many events AddProgress can count at a time.
const MaxJobProgress = 1_000_000_000

// CheckJobProgress reports a number that AddProgress can't count, as an [InvalidError]. For backends.
func CheckJobProgress(skipped int64) error {
	return checkRange("skipped", skipped, 0, MaxJobProgress)
}

// Prepare makes a job ready to be stored for the first time: it validates it and clears what is not
// the caller's to set. For backends.
func (j *ArchiveJob) Prepare() error {
	if err := j.Validate(); err != nil {
		return err
	}
	*j = ArchiveJob{ID: j.ID, RuleID: j.RuleID, Status: JobPending, MaxRetries: j.MaxRetries}
	return newID(&j.ID)
}

// ArchiveJobRepository stores the archive jobs of one schema. Every method is safe for concurrent use.
// Lists are newest first, by CreatedAt, then ID, both descending, unless they say otherwise; their limits,
// and the errors that every method may return, are as [EventRepository] says.
//
// Of several calls that change the Status of one job at the same time one succeeds, and the others get
// ErrState where that leaves nothing for them to do.
type ArchiveJobRepository interface {
	// Save stores a new job, which is pending, and returns it as a read would. Errors: ErrInvalid before
	// anything is sent; ErrAlreadyExists for an ID that is taken; ErrMissingReference for a RuleID that is
	// not there.
	Save(ctx context.Context, job ArchiveJob) (ArchiveJob, error)

	// Start makes a pending job run. Errors: ErrNotFound; ErrState for one that is not pending.
	Start(ctx context.Context, id uuid.UUID) (ArchiveJob, error)

	// AddProgress counts events that a running job left, 0 to MaxJobProgress at a time. It loses nothing
	// when many do it at once, and leaves the Revision alone. Errors: ErrInvalid for another number;
	// ErrNotFound; ErrState for one that does not run.
	AddProgress(ctx context.Context, id uuid.UUID, skipped int64) (ArchiveJob, error)

	// Finish ends a pending or running job: completed, failed or cancelled, with a message, which may be
	// empty. Errors: ErrInvalid for another status; ErrNotFound; ErrState for one that has ended.
	Finish(ctx context.Context, id uuid.UUID, status ArchiveJobStatus, message string) (ArchiveJob, error)

	// Retry makes a failed job run again, and counts that. Errors: ErrNotFound; ErrState for one that
	// did not fail, or was tried again MaxRetries times.
	Retry(ctx context.Context, id uuid.UUID) (ArchiveJob, error)

	// GetByID returns one job, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (ArchiveJob, error)

	// Exists reports whether there is a job with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes a job that has ended. Its archives stay. False if there is none; ErrState for one
	// that has not.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)

	// GetByStatus returns the jobs of one status. ErrInvalid for a status that there is not.
	GetByStatus(ctx context.Context, status ArchiveJobStatus, limit int) ([]ArchiveJob, error)

	// GetByRule returns the jobs of one rule, which may be gone.
	GetByRule(ctx context.Context, ruleID uuid.UUID, limit int) ([]ArchiveJob, error)

	// GetFailed returns the failed jobs that may be tried again, by CompletedAt, then ID.
	GetFailed(ctx context.Context, limit int) ([]ArchiveJob, error)

	// DeleteOlderThan removes jobs that ended before cutoff, in batches, and returns how many. Outside a
	// transaction each batch commits by itself: an error comes with the count of those that are gone.
	// ErrInvalid for a cutoff outside the years 1 to 9999.
	DeleteOlderThan(ctx context.Context, cutoff time.Time) (int, error)
}
