package query

import (
	"context"
	"fmt"
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveJobMapping = &mapping[driver.ArchiveJob]{
	table:      archiveJobsTable,
	repository: "ArchiveJobs",
	entity:     "archive job",
	columns: []column[driver.ArchiveJob]{
		{name: "id", at: func(j *driver.ArchiveJob) any { return &j.ID }, set: bySave},
		{name: "rule_id", at: func(j *driver.ArchiveJob) any { return &j.RuleID }, set: bySave},
		{name: "status", at: func(j *driver.ArchiveJob) any { return (*string)(&j.Status) }, set: bySave},
		{name: "archives", at: func(j *driver.ArchiveJob) any { return &j.Archives }},
		{name: "events_archived", at: func(j *driver.ArchiveJob) any { return &j.EventsArchived }},
		{name: "raw_bytes", at: func(j *driver.ArchiveJob) any { return &j.RawBytes }},
		{name: "size_bytes", at: func(j *driver.ArchiveJob) any { return &j.SizeBytes }},
		{name: "events_skipped", at: func(j *driver.ArchiveJob) any { return &j.EventsSkipped }},
		{name: "error_message", at: func(j *driver.ArchiveJob) any { return &j.ErrorMessage }},
		{name: "retry_count", at: func(j *driver.ArchiveJob) any { return &j.RetryCount }},
		{name: "max_retries", at: func(j *driver.ArchiveJob) any { return &j.MaxRetries }, set: bySave},
		{name: "started_at", at: func(j *driver.ArchiveJob) any { return &j.StartedAt }},
		{name: "completed_at", at: func(j *driver.ArchiveJob) any { return &j.CompletedAt }},
		{name: "created_at", at: func(j *driver.ArchiveJob) any { return &j.CreatedAt }},
		{name: "updated_at", at: func(j *driver.ArchiveJob) any { return &j.UpdatedAt }},
		{name: "revision", at: func(j *driver.ArchiveJob) any { return &j.Revision }},
	},
	references: []reference{{"rule_id", archiveRulesTable, "archive rule"}},
}

// archiveJobSQL is the statements on archive jobs.
type archiveJobSQL struct {
	table *table[driver.ArchiveJob]

	start, progress, finish, retry string

	// Parameters: events, raw bytes, size bytes, id. An archive of the job was completed. It counts
	// whatever the job's status is by then: the events have left the store.
	count string

	byStatus, byRule, failed string
	deleteEnded, deleteOld   string
}

func newArchiveJobSQL(s *schemaSQL) *archiveJobSQL {
	t := newTable(s, archiveJobMapping)
	d, jobs := s.dialect, s.quote(archiveJobsTable)
	const newestFirst = "created_at DESC, id DESC"
	change := func() sq.UpdateBuilder { return sq.Update(jobs).Set("updated_at", sq.Expr(d.Now)) }
	to := func(status string) sq.UpdateBuilder {
		return change().Set("revision", sq.Expr("revision + 1")).Set("status", sq.Expr(status))
	}
	run := func() sq.UpdateBuilder {
		return to("'running'").Set("started_at", sq.Expr("coalesce(started_at, "+d.Now+")"))
	}
	one := func(update sq.UpdateBuilder, where string) string {
		return s.render(update.Where(where + " AND id = ?").Suffix(t.returning()))
	}
	retryable := d.Unindexed("status") + " = 'failed' AND retry_count < max_retries"
	return &archiveJobSQL{
		table: t,

		start:    one(run(), "status = 'pending'"),
		progress: one(change().Set("events_skipped", sq.Expr("events_skipped + ?")), "status = 'running'"),
		finish: one(to("?").Set("error_message", sq.Expr("?")).Set("completed_at", sq.Expr(d.Now)),
			"status IN ('pending', 'running')"),
		retry: one(run().Set("completed_at", sq.Expr("NULL")).Set("retry_count", sq.Expr("retry_count + 1")), retryable),
		count: s.render(change().Set("archives", sq.Expr("archives + 1")).Set("events_archived", sq.Expr("events_archived + ?")).
			Set("raw_bytes", sq.Expr("raw_bytes + ?")).Set("size_bytes", sq.Expr("size_bytes + ?")).Where("id = ?")),

		byStatus: s.list(t.read().Where("status = ?"), newestFirst),
		byRule:   s.list(t.read().Where("rule_id = ?"), newestFirst),
		failed:   s.list(t.read().Where(retryable), "completed_at, id"),

		deleteEnded: s.render(sq.Delete(jobs).Where("completed_at IS NOT NULL AND id = ?")),
		// Locked, they are those that still have ended when their turn comes.
		deleteOld: s.render(sq.Delete(jobs).Where("id IN (SELECT id FROM old)").
			PrefixExpr(sq.Expr("WITH old AS MATERIALIZED (?)", s.locking(sq.Select("id").From(jobs).
				Where("completed_at < ?").OrderBy("completed_at", "id").Suffix("LIMIT ?"), "FOR UPDATE")))),
	}
}

// archiveJobs implements driver.ArchiveJobRepository.
type archiveJobs struct {
	repository[driver.ArchiveJob]
	sql *archiveJobSQL
}

func (r *archiveJobs) Save(ctx context.Context, job driver.ArchiveJob) (driver.ArchiveJob, error) {
	return r.write(ctx, "Save", r.insert, &job, job.Prepare())
}

func (r *archiveJobs) Start(ctx context.Context, id uuid.UUID) (driver.ArchiveJob, error) {
	return r.step(ctx, "Start", id, r.sql.start, nil, func(job *driver.ArchiveJob) string {
		if job.Status == driver.JobPending {
			return ""
		}
		return "only a pending one can be started"
	})
}

func (r *archiveJobs) AddProgress(ctx context.Context, id uuid.UUID, skipped int64) (driver.ArchiveJob, error) {
	if err := driver.CheckJobProgress(skipped); err != nil {
		return driver.ArchiveJob{}, r.failID("AddProgress", id, err)
	}
	return r.step(ctx, "AddProgress", id, r.sql.progress, []any{skipped}, func(job *driver.ArchiveJob) string {
		if job.Status == driver.JobRunning {
			return ""
		}
		return "only a running one makes progress"
	})
}

func (r *archiveJobs) Finish(ctx context.Context, id uuid.UUID, status driver.ArchiveJobStatus, message string) (driver.ArchiveJob, error) {
	if err := driver.CheckJobEnd(status); err != nil {
		return driver.ArchiveJob{}, r.failID("Finish", id, err)
	}
	args := []any{string(status), driver.StorableReason(message)}
	return r.step(ctx, "Finish", id, r.sql.finish, args, func(job *driver.ArchiveJob) string {
		if !job.Status.Ended() {
			return ""
		}
		return "only one that has not ended can be finished"
	})
}

func (r *archiveJobs) Retry(ctx context.Context, id uuid.UUID) (driver.ArchiveJob, error) {
	return r.step(ctx, "Retry", id, r.sql.retry, nil, func(job *driver.ArchiveJob) string {
		switch {
		case job.Status != driver.JobFailed:
			return "only a failed one can be tried again"
		case job.RetryCount == job.MaxRetries:
			return fmt.Sprintf("and was tried again %d times already, which is its max_retries", job.RetryCount)
		}
		return ""
	})
}

// step changes a job by a statement that returns it, or nothing if the job is not in the right state:
// refused says why, or "" if that is no longer so.
func (r *archiveJobs) step(
	ctx context.Context, op string, id uuid.UUID, sql string, args []any, refused func(*driver.ArchiveJob) string,
) (driver.ArchiveJob, error) {
	for range saveAttempts {
		changed, err := r.returning(ctx, sql, append(args, id))
		if err == nil && len(changed) == 1 {
			return changed[0], nil
		}
		if err == nil {
			err = r.explainState(ctx, id, refused)
		}
		if err != nil {
			return driver.ArchiveJob{}, r.failID(op, id, err)
		}
	}
	return driver.ArchiveJob{}, r.failID(op, id, errContended)
}

// explainState tells why a job is in the way of what was to be done with it; nil if it is no longer.
func (r *archiveJobs) explainState(ctx context.Context, id uuid.UUID, refused func(*driver.ArchiveJob) string) error {
	job, err := r.get(ctx, r.table.byID, id)
	if err != nil {
		return err
	}
	if reason := refused(&job); reason != "" {
		return stateError("job is " + string(job.Status) + "; " + reason)
	}
	return nil
}

func (r *archiveJobs) GetByID(ctx context.Context, id uuid.UUID) (driver.ArchiveJob, error) {
	found, err := r.get(ctx, r.table.byID, id)
	return found, r.failID("GetByID", id, err)
}

func (r *archiveJobs) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	for range saveAttempts {
		n, err := r.exec.Exec(ctx, r.sql.deleteEnded, []any{id})
		if err == nil && n == 0 {
			err = r.explainState(ctx, id, func(job *driver.ArchiveJob) string {
				if job.Status.Ended() {
					return ""
				}
				return "only one that has ended can be deleted"
			})
		}
		switch {
		case n > 0:
			return true, nil
		case err == driver.ErrNotFound:
			return false, nil
		case err != nil:
			return false, r.failID("Delete", id, err)
		}
	}
	return false, r.failID("Delete", id, errContended)
}

func (r *archiveJobs) GetByStatus(ctx context.Context, status driver.ArchiveJobStatus, limit int) ([]driver.ArchiveJob, error) {
	if err := status.Validate(); err != nil {
		return nil, r.fail("GetByStatus", err)
	}
	return r.list(ctx, "GetByStatus", r.sql.byStatus, limit, string(status))
}

func (r *archiveJobs) GetByRule(ctx context.Context, ruleID uuid.UUID, limit int) ([]driver.ArchiveJob, error) {
	return r.list(ctx, "GetByRule", r.sql.byRule, limit, ruleID)
}

func (r *archiveJobs) GetFailed(ctx context.Context, limit int) ([]driver.ArchiveJob, error) {
	return r.list(ctx, "GetFailed", r.sql.failed, limit)
}

func (r *archiveJobs) DeleteOlderThan(ctx context.Context, cutoff time.Time) (int, error) {
	if err := driver.CheckTime("cutoff", cutoff); err != nil {
		return 0, r.fail("DeleteOlderThan", err)
	}
	return r.deleteOld(ctx, "DeleteOlderThan", r.sql.deleteOld, cutoff)
}
