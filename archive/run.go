package archive

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Run archives what a rule chooses, whether or not the rule is stored: [driver.NewArchiveRule] makes one. It
// is one job, of any number of archives, each a file and a transaction: the file is written, read back
// and compared, and then its events are removed from the store and the archive completed, all at once.
// Wherever it ends, by an error, because the job is finished by others, or by the end of the process, each event is
// in the store or in one completed archive. To go on, call it again: what was not complete is given up, by its lease, and its
// events are chosen anew.
//
// Only events are chosen that are processed, have no delivery that is pending or retrying, and that
// every consumer has read, unless the rule says PastConsumers. A rule by size goes by all events of the
// store, whatever its types and contexts.
//
// The Report is right also beside an error. Errors: ErrInvalid, for a rule, for a storage type that there
// is no storage for, and for Encrypt without keys.
func (a *Archiver) Run(ctx context.Context, rule driver.ArchiveRule) (Report, error) {
	run := &run{Archiver: a, rule: rule}
	err := run.prepare()
	if err == nil {
		err = run.inJob(ctx, run.start)
	}
	return run.report, a.fail("Run", uuid.Nil, err)
}

// Retry runs the rule of a failed job once more, as that job: [driver.ArchiveJobRepository] GetFailed has those that
// may be tried again. Its Report is of this try only. Errors are Run's; ErrNotFound; ErrState for a job that did not
// fail, was tried as often as it may, or has no stored rule.
func (a *Archiver) Retry(ctx context.Context, jobID uuid.UUID) (Report, error) {
	job, err := a.store.ArchiveJobs().GetByID(ctx, jobID)
	if err == nil && job.RuleID == nil {
		err = &driver.Error{Kind: driver.ErrState, Err: errors.New("the job has no stored rule; call Run with the rule it had")}
	}
	run := &run{Archiver: a}
	if err == nil {
		run.rule, err = a.store.ArchiveRules().GetByID(ctx, *job.RuleID)
	}
	if err == nil {
		err = run.prepare()
	}
	if err == nil {
		err = run.inJob(ctx, func(ctx context.Context) (driver.ArchiveJob, error) { return a.store.ArchiveJobs().Retry(ctx, jobID) })
	}
	return run.report, a.fail("Retry", uuid.Nil, err)
}

// run is one call of Run.
type run struct {
	*Archiver
	rule    driver.ArchiveRule
	storage Storage // nil for partitions
	report  Report
}

func (r *run) prepare() (err error) {
	if err := r.rule.Prepare(); err != nil {
		return err
	}
	if r.rule.StorageType == driver.StoragePartition {
		return r.preparePartitions()
	}
	if r.storage, err = r.Archiver.storage(r.rule.StorageType); err != nil {
		return err
	}
	if r.rule.Encrypt && r.opts.Keys.Current() == "" {
		return &driver.InvalidError{Field: "encrypt", Reason: "needs a key ring (Options.Keys)"}
	}
	return nil
}

// ruleID names the rule in records, if it is stored.
func (r *run) ruleID() *uuid.UUID {
	if r.rule.Revision == 0 {
		return nil
	}
	return &r.rule.ID
}

// start begins a job for the rule.
func (r *run) start(ctx context.Context) (driver.ArchiveJob, error) {
	job, err := r.store.ArchiveJobs().Save(ctx, driver.ArchiveJob{RuleID: r.ruleID(), MaxRetries: r.opts.MaxRetries})
	if err != nil {
		return job, err
	}
	return r.store.ArchiveJobs().Start(ctx, job.ID)
}

// inJob runs the rule and keeps a record of it in a job that start begins.
func (r *run) inJob(ctx context.Context, start func(context.Context) (driver.ArchiveJob, error)) error {
	if err := r.giveUpAbandoned(ctx); err != nil {
		return err
	}
	job, err := start(ctx)
	if err != nil {
		return err
	}
	r.report.JobID = job.ID
	err = r.all(ctx, job.UpdatedAt) // when it began, by the database's clock
	if errors.Is(err, errCancelled) {
		return err
	}
	status, message := driver.JobCompleted, ""
	switch {
	case err != nil && ctx.Err() != nil:
		status, message = driver.JobCancelled, context.Cause(ctx).Error()
	case err != nil:
		status, message = driver.JobFailed, err.Error()
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if _, failed := r.store.ArchiveJobs().Finish(ctx, job.ID, status, message); err == nil {
		err = failed
	}
	return err
}

// errCancelled ends a Run whose job was ended by others.
var errCancelled = &driver.Error{Kind: driver.ErrState, Err: errors.New("the job was cancelled")}

// goesOn reports whether nobody has ended the job.
func (r *run) goesOn(ctx context.Context) error {
	job, err := r.store.ArchiveJobs().GetByID(ctx, r.report.JobID)
	if err == nil && job.Status.Ended() {
		err = errCancelled
	}
	return err
}

// all archives by age and then by size, as the rule says.
func (r *run) all(ctx context.Context, now time.Time) error {
	criteria := r.rule.Criteria(now)
	criteria.MaxEvents, criteria.MaxBytes = r.opts.MaxEvents, r.opts.MaxBytes
	if r.rule.Policy != driver.PolicySize {
		if err := r.by(ctx, criteria, nil); err != nil {
			return err
		}
	}
	if r.rule.Policy != driver.PolicySize && r.rule.Policy != driver.PolicyHybrid {
		return nil
	}
	measure, err := r.store.Archives().Measure(ctx)
	if err != nil {
		return err
	}
	events, bytes := r.rule.Excess(measure)
	criteria.OccurredBefore = time.Time{}
	return r.by(ctx, criteria, &excess{events, bytes})
}

// excess is how much is still to go by size.
type excess struct{ events, bytes int64 }

// limit makes criteria choose no more than has to go.
func (e *excess) limit(c *driver.ArchiveCriteria) {
	switch {
	case e.events > 0: // so many have to go in any case
		c.MaxEvents = int(min(int64(c.MaxEvents), e.events))
	default:
		c.MaxBytes = min(c.MaxBytes, e.bytes)
	}
}

// mostConflicts is how often in a row an archive may be given up because its events got deliveries.
const mostConflicts = 10

// by makes archives of what criteria choose, until there is no more, or nothing in excess.
func (r *run) by(ctx context.Context, criteria driver.ArchiveCriteria, over *excess) error {
	for conflicts := 0; over == nil || over.events > 0 || over.bytes > 0; {
		some := criteria
		if over != nil {
			over.limit(&some)
		}
		if err := r.goesOn(ctx); err != nil {
			return err
		}
		archive, bytes, err := r.one(ctx, some)
		switch {
		case errors.Is(err, driver.ErrConflict) && conflicts < mostConflicts && ctx.Err() == nil:
			conflicts++
			r.report.Skipped += archive.EventCount
			if _, err := r.store.ArchiveJobs().AddProgress(ctx, r.report.JobID, archive.EventCount); err != nil {
				return err
			}
			continue // the next choice leaves out what is in the way
		case err != nil:
			return err
		case archive.EventCount == 0:
			return nil
		}
		conflicts = 0
		criteria.AfterPosition = archive.LastPosition
		if over != nil {
			over.events, over.bytes = over.events-archive.EventCount, over.bytes-bytes
		}
		r.report.Archives++
		r.report.Events += archive.EventCount
		r.report.RawBytes += archive.RawBytes
		r.report.SizeBytes += archive.SizeBytes
		if r.opts.Progress != nil {
			if err := r.opts.Progress(ctx, Progress{archive, r.report}); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveUpAbandoned deletes the files of processes that died.
func (a *Archiver) giveUpAbandoned(ctx context.Context) error {
	for {
		abandoned, err := a.store.Archives().Recover(ctx, driver.DefaultLimit)
		if err != nil {
			return err
		}
		for _, archive := range abandoned {
			if err := errors.Join(a.failJob(ctx, archive), a.discard(ctx, archive)); err != nil {
				return a.fail("Run", archive.ID, err)
			}
		}
		if len(abandoned) < driver.DefaultLimit {
			return nil
		}
	}
}

// discard deletes the files of an archive that holds nothing, if they are in a storage of this Archiver.
func (a *Archiver) discard(ctx context.Context, archive driver.Archive) error {
	storage := a.storages[archive.StorageType]
	if storage == nil || storage.Location() != archive.StorageLocation {
		return nil
	}
	return deleteFile(ctx, storage, archive.ObjectName)
}
