package query

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// executions implements driver.ExecutionRepository.
type executions struct {
	repository[executionRow]
	sql *executionSQL
}

func (r *executions) Save(ctx context.Context, execution driver.Execution) (driver.Execution, error) {
	row := executionRow{Execution: execution}
	saved, err := r.write(ctx, "Save", r.store, &row, row.Prepare(r.config.MaxPayload))
	return saved.Execution, err
}

// store stores a new execution. What it is the retry of is no longer to be tried again.
func (r *executions) store(ctx context.Context, row *executionRow) error {
	if row.RetryOf == nil {
		return r.insert(ctx, row)
	}
	return r.retried(ctx, func(x Executor) error {
		if err := r.on(x).insert(ctx, row); err != nil {
			return err
		}
		_, err := x.Exec(ctx, r.sql.retried, []any{*row.RetryOf})
		return err
	})
}

func (r *executions) Update(ctx context.Context, execution driver.Execution) (driver.Execution, error) {
	row := executionRow{Execution: execution}
	updated, err := r.write(ctx, "Update", func(ctx context.Context, row *executionRow) error {
		stored, err := r.get(ctx, r.table.byID, row.ID)
		switch {
		case err != nil:
			return err
		case stored.Revision != row.Revision:
			return errStale
		case !stored.Status.CanBecome(row.Status):
			return stateError("execution is " + string(stored.Status) + " and can't become " + string(row.Status))
		}
		row.ActionID, row.RetryCount = stored.ActionID, stored.RetryCount // Update leaves them, and retry_at depends on them
		return r.replace(ctx, row)
	}, &row, row.Prepare(r.config.MaxPayload))
	return updated.Execution, err
}

func (r *executions) GetByID(ctx context.Context, id uuid.UUID) (driver.Execution, error) {
	row, err := r.get(ctx, r.table.byID, id)
	return row.Execution, r.failID("GetByID", id, err)
}

func (r *executions) Complete(ctx context.Context, id uuid.UUID, outcome driver.ExecutionOutcome) (driver.Execution, error) {
	if err := outcome.Prepare(r.config.MaxPayload); err != nil {
		return driver.Execution{}, r.failID("Complete", id, err)
	}
	var completed executionRow
	err := r.retried(ctx, func(x Executor) error {
		tx := r.on(x)
		e, now, err := tx.lock(ctx, r.sql.forUpdate, id)
		switch {
		case err != nil:
			return err
		case e.Status.Final():
			return stateError("execution is " + string(e.Status) + " already")
		}
		if err := checkLeased(e.LeaseToken, e.LeaseUntil, outcome.LeaseToken, now); err != nil {
			return err
		}
		duration := outcome.DurationMS
		if duration == nil && e.StartedAt != nil {
			ms := min(max(now.Sub(*e.StartedAt).Milliseconds(), 0), driver.MaxDurationMS)
			duration = &ms
		}
		completed, err = tx.get(ctx, r.sql.finish, append(append(
			[]any{string(outcome.Status), duration, outcome.Result, outcome.ErrorMessage}, retryArgs(&e, outcome.Status, nil)...), id)...)
		if err != nil {
			return err
		}
		var add driver.ActionStatistics
		switch outcome.Status {
		case driver.ExecutionSuccess:
			add.Triggered, add.Succeeded = 1, 1
		case driver.ExecutionFailed, driver.ExecutionTimeout:
			add.Triggered, add.Failed = 1, 1
		default:
			return nil
		}
		_, err = x.Exec(ctx, r.actionSQL().addStatistics, statisticsArgs(e.ActionID, add)) // no row if the action is gone
		return err
	})
	if err != nil {
		return driver.Execution{}, r.failID("Complete", id, err)
	}
	return completed.Execution, nil
}

func (r *executions) ClaimPending(ctx context.Context, limit int, lease time.Duration) ([]driver.Execution, error) {
	rows, err := r.claim(ctx, r.sql.claim, limit, lease)
	if err != nil {
		return nil, r.fail("ClaimPending", err)
	}
	slices.SortFunc(rows, func(a, b executionRow) int { // RETURNING has no order
		return cmp.Or(cmp.Compare(b.priority, a.priority), a.CreatedAt.Compare(b.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return r.executions(rows, nil)
}

func (r *executions) GetFailed(ctx context.Context, limit int) ([]driver.Execution, error) {
	return r.executions(r.list(ctx, "GetFailed", r.sql.failed, limit))
}

func (r *executions) Retry(ctx context.Context, id uuid.UUID) (driver.Execution, error) {
	failed, err := r.get(ctx, r.table.byID, id)
	if err == nil && failed.Status != driver.ExecutionFailed && failed.Status != driver.ExecutionTimeout {
		err = stateError("execution is " + string(failed.Status) + "; only one that failed or timed out can be tried again")
	}
	if err == nil && failed.RetryCount == driver.MaxExecutionRetries {
		err = stateError(fmt.Sprintf("execution is a retry for the %dth time already, which is the last one", driver.MaxExecutionRetries))
	}
	if err != nil {
		return driver.Execution{}, r.failID("Retry", id, err)
	}
	retry := executionRow{Execution: driver.Execution{
		ActionID: failed.ActionID, EventID: failed.EventID, EventType: failed.EventType, EventData: failed.EventData,
		RetryCount: failed.RetryCount + 1, RetryOf: &failed.ID, ExecutionContext: failed.ExecutionContext,
	}}
	if err = retry.Prepare(r.config.MaxPayload); err == nil {
		err = r.store(ctx, &retry)
	}
	if err != nil {
		return driver.Execution{}, r.failID("Retry", id, err)
	}
	return retry.Execution, nil
}

func (r *executions) GetByAction(ctx context.Context, actionID uuid.UUID, limit int) ([]driver.Execution, error) {
	return r.executions(r.list(ctx, "GetByAction", r.sql.byAction, limit, actionID))
}

func (r *executions) GetByStatus(ctx context.Context, status driver.ExecutionStatus, actionID *uuid.UUID, limit int) ([]driver.Execution, error) {
	if err := status.Validate(); err != nil {
		return nil, r.fail("GetByStatus", err)
	}
	if actionID == nil {
		return r.executions(r.list(ctx, "GetByStatus", r.sql.byStatus, limit, string(status)))
	}
	return r.executions(r.list(ctx, "GetByStatus", r.sql.byStatusOfAction, limit, string(status), *actionID))
}

func (r *executions) GetRecent(ctx context.Context, since time.Time, limit int) ([]driver.Execution, error) {
	if err := driver.CheckTime("since", since); err != nil {
		return nil, r.fail("GetRecent", err)
	}
	return r.executions(r.list(ctx, "GetRecent", r.sql.recent, limit, since))
}

func (r *executions) executions(rows []executionRow, err error) ([]driver.Execution, error) {
	if err != nil {
		return nil, err
	}
	found := make([]driver.Execution, len(rows))
	for i := range rows {
		found[i] = rows[i].Execution
	}
	return found, nil
}

func (r *executions) GetStats(ctx context.Context, actionID uuid.UUID, days int) (driver.ExecutionStats, error) {
	since, _, err := r.since(ctx, days)
	var stats driver.ExecutionStats
	if err == nil {
		stats, err = r.count(ctx, r.sql.counts, r.sql.durations, since, since, actionID)
	}
	return stats, driver.Fail("Executions.GetStats", r.schema, "action", actionID.String(), err)
}

func (r *executions) Summary(ctx context.Context, since time.Time) (driver.ExecutionStats, error) {
	if err := driver.CheckTime("since", since); err != nil {
		return driver.ExecutionStats{}, r.fail("Summary", err)
	}
	since = since.UTC().Truncate(time.Microsecond)
	stats, err := r.count(ctx, r.sql.countsOfAll, r.sql.durationsOfAll, since, since)
	return stats, r.fail("Summary", err)
}

func (r *executions) count(ctx context.Context, counts, durations string, since time.Time, args ...any) (driver.ExecutionStats, error) {
	stats := driver.ExecutionStats{Since: since}
	var status string
	var n, retries, sum int64
	var first, last time.Time
	err := r.exec.Query(ctx, counts, args, []any{&status, &n, &retries, &first, &last}, func() {
		stats.Total += n
		stats.Retries += retries
		switch driver.ExecutionStatus(status) {
		case driver.ExecutionPending:
			stats.Pending = n
		case driver.ExecutionRunning:
			stats.Running = n
		case driver.ExecutionSuccess:
			stats.Success = n
		case driver.ExecutionFailed:
			stats.Failed = n
		case driver.ExecutionTimeout:
			stats.Timeout = n
		case driver.ExecutionCancelled:
			stats.Cancelled = n
		}
		if stats.First == nil || first.Before(*stats.First) {
			at := first
			stats.First = &at
		}
		if stats.Last == nil || last.After(*stats.Last) {
			at := last
			stats.Last = &at
		}
	})
	if err == nil {
		err = r.exec.Query(ctx, durations, args, scanSpread(&stats.Duration, &sum), nil)
	}
	if err != nil {
		return driver.ExecutionStats{}, err
	}
	stats.Duration.Average = driver.Rate(sum, stats.Duration.Count)
	stats.SuccessRate = driver.Rate(stats.Success, stats.Success+stats.Failed+stats.Timeout)
	return stats, nil
}

func (r *executions) DeleteOlderThan(ctx context.Context, cutoff time.Time, statuses ...driver.ExecutionStatus) (int, error) {
	if err := driver.CheckTime("cutoff", cutoff); err != nil {
		return 0, r.fail("DeleteOlderThan", err)
	}
	if len(statuses) == 0 {
		statuses = driver.FinalExecutionStatuses()
	}
	names := make([]string, len(statuses))
	for i, status := range statuses {
		if err := status.Validate(); err != nil {
			return 0, r.fail("DeleteOlderThan", err)
		}
		names[i] = string(status)
	}
	return r.deleteOld(ctx, "DeleteOlderThan", r.sql.deleteOld, cutoff, names)
}
