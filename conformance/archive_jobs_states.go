package conformance

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveJobStates = area{name: "ArchiveJobs/States", behaviours: []behaviour{
	{"MakeLegalStepsOnly", jobSteps},
	{"RefusedTellWhatTheJobIs", jobRefusals},
	{"BeginWithStart", jobStarts},
	{"EndWithFinish", jobEnds},
	{"KeepWhatFinishWasTold", jobMessages},
	{"RunAgainAfterRetry", jobRetries},
	{"StartWithRetryIfTheyNeverDid", jobRetryStarts},
	{"FailForGoodAfterMaxRetries", jobRetriesEnd},
	{"RefuseAnEndThatIsNone", jobEndInvalid},
	{"OfAnUnknownJobAreNotFound", jobUnknown},
	{"ChangedAtOnceChangeOnce", jobRaces},
}}

var archiveJobProgress = area{name: "ArchiveJobs/Progress", behaviours: []behaviour{
	{"CountsWhatWasSkipped", progressCounts},
	{"LosesNothingWhenManyCount", progressTogether},
	{"RefusesANumberThatIsNone", progressInvalid},
	{"CountsArchivesWhateverTheJobIsByThen", progressArchives},
}}

// jobStep is a method that changes a job, and from which statuses to which.
type jobStep struct {
	op   string
	from []driver.ArchiveJobStatus
	to   driver.ArchiveJobStatus // "": it stays
	run  func(ctx context.Context, jobs driver.ArchiveJobRepository, id uuid.UUID) (driver.ArchiveJob, error)
}

var jobStepsThereAre = []jobStep{
	{"ArchiveJobs.Start", []driver.ArchiveJobStatus{driver.JobPending}, driver.JobRunning, start},
	{"ArchiveJobs.Retry", []driver.ArchiveJobStatus{driver.JobFailed}, driver.JobRunning, retry},
	{"ArchiveJobs.AddProgress", []driver.ArchiveJobStatus{driver.JobRunning}, "", skip(7)},
	{"ArchiveJobs.Finish", []driver.ArchiveJobStatus{driver.JobPending, driver.JobRunning}, driver.JobCompleted, finish(driver.JobCompleted)},
	{"ArchiveJobs.Finish", []driver.ArchiveJobStatus{driver.JobPending, driver.JobRunning}, driver.JobFailed, finish(driver.JobFailed)},
	{"ArchiveJobs.Finish", []driver.ArchiveJobStatus{driver.JobPending, driver.JobRunning}, driver.JobCancelled, finish(driver.JobCancelled)},
}

func start(ctx context.Context, jobs driver.ArchiveJobRepository, id uuid.UUID) (driver.ArchiveJob, error) {
	return jobs.Start(ctx, id)
}

func retry(ctx context.Context, jobs driver.ArchiveJobRepository, id uuid.UUID) (driver.ArchiveJob, error) {
	return jobs.Retry(ctx, id)
}

func skip(n int64) func(context.Context, driver.ArchiveJobRepository, uuid.UUID) (driver.ArchiveJob, error) {
	return func(ctx context.Context, jobs driver.ArchiveJobRepository, id uuid.UUID) (driver.ArchiveJob, error) {
		return jobs.AddProgress(ctx, id, n)
	}
}

func finish(status driver.ArchiveJobStatus) func(context.Context, driver.ArchiveJobRepository, uuid.UUID) (driver.ArchiveJob, error) {
	return func(ctx context.Context, jobs driver.ArchiveJobRepository, id uuid.UUID) (driver.ArchiveJob, error) {
		return jobs.Finish(ctx, id, status, canary)
	}
}

// jobSteps takes every step from every status.
func jobSteps(t *test) {
	for _, status := range jobStatuses {
		for _, step := range jobStepsThereAre {
			stored := t.jobIn(status)
			before := t.clock()
			got, err := step.run(t.ctx, t.store.ArchiveJobs(), stored.ID)
			if !slices.Contains(step.from, status) {
				t.wantErrOn(err, driver.ErrState, step.op, "archive job", stored.ID.String())
				sameEntity(t, "job beside the error", got, driver.ArchiveJob{})
				sameEntity(t, "job after a refusal", t.job(stored.ID), stored)
				continue
			}
			t.ok(err)
			t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.clock())
			sameEntity(t, "job read back", t.job(stored.ID), got)
			want := stored
			want.UpdatedAt = got.UpdatedAt
			if step.to != "" {
				want.Status, want.Revision = step.to, stored.Revision+1
			}
			switch {
			case step.to == driver.JobRunning:
				want.StartedAt, want.CompletedAt = got.StartedAt, nil
			case step.to.Ended():
				want.CompletedAt, want.ErrorMessage = &got.UpdatedAt, canary
			default:
				want.EventsSkipped += 7
			}
			if status == driver.JobFailed {
				want.RetryCount++
			}
			sameEntity(t, step.op+" of one that is "+string(status), got, want)
		}
	}
}

func jobRefusals(t *test) {
	for _, status := range jobStatuses {
		stored := t.jobIn(status)
		for _, step := range jobStepsThereAre {
			if slices.Contains(step.from, status) {
				continue
			}
			_, err := step.run(t.ctx, t.store.ArchiveJobs(), stored.ID)
			if err == nil || !strings.Contains(err.Error(), string(status)) {
				t.Errorf("%s of one that is %s: the error is %v, want it to tell that", step.op, status, err)
			}
		}
	}
}

func jobStarts(t *test) {
	stored := t.saveJob()
	before := t.clock()
	started := must(t, t.store.ArchiveJobs().Start, stored.ID)
	t.wantBetween("StartedAt", started.StartedAt, before, t.clock())
	equal(t, "CompletedAt", instant(started.CompletedAt), "nil")
	ended := t.finishJob(t.store, stored.ID, driver.JobCompleted, "")
	equal(t, "StartedAt of one that ended", instant(ended.StartedAt), instant(started.StartedAt))
}

func jobEnds(t *test) {
	for _, from := range []driver.ArchiveJobStatus{driver.JobPending, driver.JobRunning} {
		for _, to := range []driver.ArchiveJobStatus{driver.JobCompleted, driver.JobFailed, driver.JobCancelled} {
			stored := t.jobIn(from)
			before := t.clock()
			ended := t.finishJob(t.store, stored.ID, to, "")
			equal(t, "Status", ended.Status, to)
			t.wantBetween("CompletedAt", ended.CompletedAt, before, t.clock())
			equal(t, "StartedAt", instant(ended.StartedAt), instant(stored.StartedAt)) // nil if it never ran
		}
	}
}

func jobMessages(t *test) {
	for given, want := range map[string]string{
		"":                "",
		"disk full\n«ä»'": "disk full\n«ä»'",
		strings.Repeat("x", driver.MaxErrorMessage):              strings.Repeat("x", driver.MaxErrorMessage),
		strings.Repeat("x", driver.MaxErrorMessage-1) + "éé":     strings.Repeat("x", driver.MaxErrorMessage-1),
		strings.Repeat("x", driver.MaxErrorMessage) + "\xff\x00": strings.Repeat("x", driver.MaxErrorMessage),
		"a\x00b\xffc": "a\ufffdb\ufffdc",
	} {
		for _, status := range []driver.ArchiveJobStatus{driver.JobCompleted, driver.JobFailed, driver.JobCancelled} {
			ended := t.finishJob(t.store, t.saveJob().ID, status, given)
			if ended.ErrorMessage != want {
				from := firstDifference(ended.ErrorMessage, want)
				t.Errorf("error message of one %s: got %s, want %s", status, excerpt(ended.ErrorMessage, from), excerpt(want, from))
			}
			sameEntity(t, "job read back", t.job(ended.ID), ended)
		}
	}
}

func jobRetries(t *test) {
	failed := t.jobIn(driver.JobFailed)
	t.later(*failed.CompletedAt)
	again := must(t, t.store.ArchiveJobs().Retry, failed.ID)
	want := failed // the message of the failure, too
	want.Status, want.CompletedAt, want.RetryCount = driver.JobRunning, nil, 1
	want.UpdatedAt, want.Revision = again.UpdatedAt, failed.Revision+1
	sameEntity(t, "job that runs again", again, want)

	t.later(again.UpdatedAt)
	ended := t.finishJob(t.store, failed.ID, driver.JobCompleted, "")
	want.Status, want.CompletedAt, want.ErrorMessage = driver.JobCompleted, &ended.UpdatedAt, ""
	want.UpdatedAt, want.Revision = ended.UpdatedAt, again.Revision+1
	sameEntity(t, "job that ended", ended, want)
	if !ended.CompletedAt.After(*failed.CompletedAt) {
		t.Errorf("CompletedAt: got %s, want it after %s", ended.CompletedAt, failed.CompletedAt)
	}
}

func jobRetryStarts(t *test) {
	failed := t.finishJob(t.store, t.saveJob().ID, driver.JobFailed, "no space")
	equal(t, "StartedAt", instant(failed.StartedAt), "nil")
	before := t.clock()
	again := must(t, t.store.ArchiveJobs().Retry, failed.ID)
	t.wantBetween("StartedAt", again.StartedAt, before, t.clock())
}

func jobRetriesEnd(t *test) {
	for _, most := range []int{0, 1, 3, driver.MaxJobRetries} {
		job := t.jobIn(driver.JobFailed, func(j *driver.ArchiveJob) { j.MaxRetries = most })
		for i := range most {
			again := must(t, t.store.ArchiveJobs().Retry, job.ID)
			equal(t, "RetryCount", again.RetryCount, i+1)
			job = t.finishJob(t.store, job.ID, driver.JobFailed, "")
		}
		got, err := t.store.ArchiveJobs().Retry(t.ctx, job.ID)
		t.wantErrOn(err, driver.ErrState, "ArchiveJobs.Retry", "archive job", job.ID.String())
		sameEntity(t, "job beside the error", got, driver.ArchiveJob{})
		sameEntity(t, "job after a refusal", t.job(job.ID), job)
	}
}

// jobEndInvalid has a context that ended: what is refused is refused before anything is sent.
func jobEndInvalid(t *test) {
	stored := t.jobIn(driver.JobRunning)
	for _, status := range []driver.ArchiveJobStatus{"", driver.JobPending, driver.JobRunning, "Failed", canary} {
		_, err := t.store.ArchiveJobs().Finish(t.endedContext(), stored.ID, status, canary)
		t.wantInvalid(err, "ArchiveJobs.Finish", "status")
	}
	sameEntity(t, "job", t.job(stored.ID), stored)
}

func jobUnknown(t *test) {
	t.saveJob()
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		for _, step := range jobStepsThereAre {
			got, err := step.run(t.ctx, t.store.ArchiveJobs(), id)
			t.wantErrOn(err, driver.ErrNotFound, step.op, "archive job", id.String())
			sameEntity(t, "job beside the error", got, driver.ArchiveJob{})
		}
	}
}

// jobRaces has several take the same step, or ends that exclude each other: one succeeds.
func jobRaces(t *test) {
	const workers = 6
	ends := []driver.ArchiveJobStatus{driver.JobCompleted, driver.JobFailed, driver.JobCancelled}
	for _, race := range []struct {
		op   string
		from driver.ArchiveJobStatus
		run  func(id uuid.UUID, i int) (driver.ArchiveJob, error)
	}{
		{"ArchiveJobs.Start", driver.JobPending, func(id uuid.UUID, _ int) (driver.ArchiveJob, error) { return t.store.ArchiveJobs().Start(t.ctx, id) }},
		{"ArchiveJobs.Retry", driver.JobFailed, func(id uuid.UUID, _ int) (driver.ArchiveJob, error) { return t.store.ArchiveJobs().Retry(t.ctx, id) }},
		{"ArchiveJobs.Finish", driver.JobRunning, func(id uuid.UUID, i int) (driver.ArchiveJob, error) {
			return t.store.ArchiveJobs().Finish(t.ctx, id, ends[i%len(ends)], "")
		}},
	} {
		stored := t.jobIn(race.from)
		var won [workers]driver.ArchiveJob
		t.together(workers, func(i int) (err error) {
			won[i], err = race.run(stored.ID, i)
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrState, race.op))
		})
		winners := slices.DeleteFunc(won[:], func(j driver.ArchiveJob) bool { return j.ID == uuid.Nil })
		sameEntities(t, race.op+": what the one call that succeeded returned", winners, []driver.ArchiveJob{t.job(stored.ID)})
		equal(t, "Revision", winners[0].Revision, stored.Revision+1)
	}
}

func progressCounts(t *test) {
	job := t.jobIn(driver.JobRunning)
	var sum int64
	for _, skipped := range []int64{0, 1, 41, driver.MaxJobProgress, driver.MaxJobProgress} {
		t.later(job.UpdatedAt)
		got := must2(t, t.store.ArchiveJobs().AddProgress, job.ID, skipped)
		sum += skipped
		want := job // Revision, too
		want.EventsSkipped, want.UpdatedAt = sum, got.UpdatedAt
		sameEntity(t, "job", got, want)
		if !got.UpdatedAt.After(job.UpdatedAt) {
			t.Errorf("UpdatedAt: got %s, want it after %s", got.UpdatedAt, job.UpdatedAt)
		}
		job = got
	}
	equal(t, "EventsProcessed", job.EventsProcessed(), sum)
	again := must(t, t.store.ArchiveJobs().Retry, t.finishJob(t.store, job.ID, driver.JobFailed, "").ID)
	equal(t, "EventsSkipped of one that runs again", again.EventsSkipped, sum)
}

func progressTogether(t *test) {
	const workers, each = 6, 10
	job := t.jobIn(driver.JobRunning)
	t.together(workers, func(i int) error {
		for range each {
			if _, err := t.store.ArchiveJobs().AddProgress(t.ctx, job.ID, int64(i)); err != nil {
				return err
			}
		}
		return nil
	})
	equal(t, "EventsSkipped", t.job(job.ID).EventsSkipped, each*workers*(workers-1)/2)
}

// progressInvalid has a context that ended: what is refused is refused before anything is sent.
func progressInvalid(t *test) {
	stored := t.jobIn(driver.JobRunning)
	for _, skipped := range []int64{-1, driver.MaxJobProgress + 1, math.MaxInt64, math.MinInt64} {
		_, err := t.store.ArchiveJobs().AddProgress(t.endedContext(), stored.ID, skipped)
		t.wantInvalid(err, "ArchiveJobs.AddProgress", "skipped")
	}
	sameEntity(t, "job", t.job(stored.ID), stored)
}

// progressArchives completes archives of jobs that run, and of others: their events have left the store.
func progressArchives(t *test) {
	for _, status := range jobStatuses {
		job := t.jobIn(status)
		file := fileOf(t.saveProcessed(newEvents(2)))
		t.later(job.UpdatedAt)
		t.completeArchive(t.begin(driver.ArchiveCriteria{}, func(a *driver.Archive) { a.JobID = &job.ID }))
		got := t.job(job.ID)
		want := job // Status and Revision, too
		want.Archives, want.EventsArchived, want.RawBytes, want.SizeBytes, want.UpdatedAt = 1, 2, file.RawBytes, file.SizeBytes, got.UpdatedAt
		sameEntity(t, "job that is "+string(status), got, want)
		if !got.UpdatedAt.After(job.UpdatedAt) {
			t.Errorf("UpdatedAt: got %s, want it after %s", got.UpdatedAt, job.UpdatedAt)
		}
	}
}
