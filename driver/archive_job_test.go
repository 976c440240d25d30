package driver_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var jobStatuses = []driver.ArchiveJobStatus{
	driver.JobPending, driver.JobRunning, driver.JobCompleted, driver.JobFailed, driver.JobCancelled,
}

func TestTheStatusesOfAnArchiveJob(t *testing.T) {
	for _, status := range jobStatuses {
		if err := status.Validate(); err != nil {
			t.Errorf("%s: got error %v, want none", status, err)
		}
		ends := status != driver.JobPending && status != driver.JobRunning
		if status.Ended() != ends {
			t.Errorf("%s: Ended is %t, want %t", status, status.Ended(), ends)
		}
		if err := driver.CheckJobEnd(status); !ends {
			wantInvalid(t, string(status), err, "status")
		} else if err != nil {
			t.Errorf("a job can't end %s: %v", status, err)
		}
	}
	for _, status := range []driver.ArchiveJobStatus{"", "Pending", "done", "failed "} {
		wantInvalid(t, string(status), status.Validate(), "status")
		wantInvalid(t, string(status), driver.CheckJobEnd(status), "status")
		if status.Ended() {
			t.Errorf("%q: Ended is true, want false", status)
		}
	}
}

func TestPrepareOfAnArchiveJobKeepsWhatIsTheCallers(t *testing.T) {
	at, rule := time.Now(), uuid.New()
	given := driver.ArchiveJob{
		ID: uuid.New(), RuleID: &rule, Status: driver.JobFailed, Archives: 1, EventsArchived: 2, RawBytes: 3, SizeBytes: 4, EventsSkipped: 5,
		ErrorMessage: "why", RetryCount: 6, MaxRetries: driver.MaxJobRetries, StartedAt: &at, CompletedAt: &at, CreatedAt: at, UpdatedAt: at, Revision: 7,
	}
	job := given
	want := driver.ArchiveJob{ID: given.ID, RuleID: &rule, Status: driver.JobPending, MaxRetries: driver.MaxJobRetries}
	if err := job.Prepare(); err != nil || !reflect.DeepEqual(job, want) {
		t.Errorf("got %+v (%v), want %+v", job, err, want)
	}
	bare := driver.ArchiveJob{}
	if err := bare.Prepare(); err != nil || bare.ID.Version() != 7 || bare.Status != driver.JobPending {
		t.Errorf("of nothing: got %+v (%v), want an id, and it pending", bare, err)
	}
}

func TestTheFieldsOfAnArchiveJob(t *testing.T) {
	for name, test := range map[string]struct {
		job   driver.ArchiveJob
		field string
	}{
		"nothing":          {driver.ArchiveJob{}, ""},
		"the most retries": {driver.ArchiveJob{MaxRetries: driver.MaxJobRetries}, ""},
		"more retries":     {driver.ArchiveJob{MaxRetries: driver.MaxJobRetries + 1}, "max_retries"},
		"fewer retries":    {driver.ArchiveJob{MaxRetries: -1}, "max_retries"},
		"the zero rule":    {driver.ArchiveJob{RuleID: &uuid.Nil}, "rule_id"},
	} {
		err := test.job.Validate()
		given := test.job
		if prepared := test.job.Prepare(); (prepared == nil) != (err == nil) {
			t.Errorf("%s: Validate returned %v, and Prepare %v", name, err, prepared)
		}
		if test.field == "" {
			if err != nil {
				t.Errorf("%s: got error %v, want none", name, err)
			}
			continue
		}
		wantInvalid(t, name, err, test.field)
		if !reflect.DeepEqual(test.job, given) {
			t.Errorf("%s: Prepare changed what it refused", name)
		}
	}
}

func TestTheProgressOfAnArchiveJob(t *testing.T) {
	for skipped, valid := range map[int64]bool{
		0: true, 1: true, driver.MaxJobProgress: true, -1: false, driver.MaxJobProgress + 1: false, math.MaxInt64: false, math.MinInt64: false,
	} {
		if err := driver.CheckJobProgress(skipped); !valid {
			wantInvalid(t, brief(skipped), err, "skipped")
		} else if err != nil {
			t.Errorf("%d: got error %v, want none", skipped, err)
		}
	}
	job := driver.ArchiveJob{EventsArchived: 3, EventsSkipped: 4}
	if got := job.EventsProcessed(); got != 7 {
		t.Errorf("EventsProcessed: got %d, want 7", got)
	}
}

func TestTheThroughputOfAnArchiveJob(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := func(d time.Duration) *time.Time {
		at := start.Add(d)
		return &at
	}
	for name, test := range map[string]struct {
		job  driver.ArchiveJob
		want float64
	}{
		"not started":          {driver.ArchiveJob{EventsArchived: 9, CreatedAt: start, UpdatedAt: *in(time.Second)}, 0},
		"just started":         {driver.ArchiveJob{EventsArchived: 9, StartedAt: &start, UpdatedAt: start}, 0},
		"running":              {driver.ArchiveJob{EventsArchived: 9, StartedAt: &start, UpdatedAt: *in(2 * time.Second)}, 4.5},
		"ended":                {driver.ArchiveJob{EventsArchived: 9, StartedAt: &start, CompletedAt: in(500 * time.Millisecond), UpdatedAt: *in(time.Hour)}, 18},
		"ended, not started":   {driver.ArchiveJob{CompletedAt: &start, UpdatedAt: start}, 0},
		"ended at once":        {driver.ArchiveJob{EventsArchived: 9, StartedAt: &start, CompletedAt: &start}, 0},
		"a clock that rewound": {driver.ArchiveJob{EventsArchived: 9, StartedAt: &start, CompletedAt: in(-time.Second)}, 0},
		"without events":       {driver.ArchiveJob{StartedAt: &start, CompletedAt: in(time.Second), EventsSkipped: 5}, 0},
	} {
		if got := test.job.Throughput(); got != test.want {
			t.Errorf("%s: got %g events a second, want %g", name, got, test.want)
		}
	}
}
