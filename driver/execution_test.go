package driver_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionStatuses = []driver.ExecutionStatus{
	driver.ExecutionPending, driver.ExecutionRunning, driver.ExecutionSuccess, driver.ExecutionFailed, driver.ExecutionTimeout, driver.ExecutionCancelled,
}

func TestWhatAnExecutionCanBecome(t *testing.T) {
	const yes = "pending>pending pending>running pending>success pending>failed pending>timeout pending>cancelled " +
		"running>running running>success running>failed running>timeout running>cancelled"
	legal := map[string]bool{}
	for _, pair := range strings.Fields(yes) {
		legal[pair] = true
	}
	for _, from := range append(executionStatuses, "", "Pending", "done") {
		for _, to := range append(executionStatuses, "", "Pending", "done") {
			pair := string(from) + ">" + string(to)
			if got := from.CanBecome(to); got != legal[pair] {
				t.Errorf("%s: got %t, want %t", pair, got, legal[pair])
			}
		}
	}
}

func TestTheFinalStatusesOfAnExecution(t *testing.T) {
	final := driver.FinalExecutionStatuses()
	for _, status := range executionStatuses {
		want := status != driver.ExecutionPending && status != driver.ExecutionRunning
		listed := false
		for _, f := range final {
			listed = listed || f == status
		}
		if status.Final() != want || listed != want {
			t.Errorf("%s: Final is %t, and it is listed: %t, want %t", status, status.Final(), listed, want)
		}
		if err := status.Validate(); err != nil {
			t.Errorf("%s: got error %v, want none", status, err)
		}
	}
	for _, status := range []driver.ExecutionStatus{"", "SUCCESS", "done"} {
		wantInvalid(t, string(status), status.Validate(), "status")
	}
	final[0] = "changed"
	if driver.FinalExecutionStatuses()[0] != driver.ExecutionSuccess {
		t.Error("a change of what was returned changed the statuses")
	}
}

func TestTheRetryDelayOfAnAction(t *testing.T) {
	for _, test := range []struct {
		seconds, retries int
		want             time.Duration
	}{
		{5, 0, 5 * time.Second},
		{5, 1, 10 * time.Second},
		{5, 3, 40 * time.Second},
		{1, 16, 65536 * time.Second},
		{1, 17, 24 * time.Hour},
		{3600, 50, 24 * time.Hour},
		{5, -1, 5 * time.Second},
		{5, math.MinInt, 5 * time.Second},
		{5, math.MaxInt, 24 * time.Hour},
		{math.MaxInt, math.MaxInt, 24 * time.Hour},
		{0, 0, 0},
		{0, math.MaxInt, 0},
		{-5, 3, 0},
		{math.MinInt, math.MaxInt, 0},
	} {
		action := driver.Action{RetryDelaySeconds: test.seconds}
		if got := action.RetryDelay(test.retries); got != test.want {
			t.Errorf("%d s after %d retries: got %s, want %s", test.seconds, test.retries, got, test.want)
		}
	}
	random := rand.New(rand.NewPCG(9, 10))
	for range 1000 {
		action := driver.Action{RetryDelaySeconds: 1 + random.IntN(3600)}
		last := time.Duration(0)
		for retries := range 51 {
			got := action.RetryDelay(retries)
			if got < last || got > 24*time.Hour || retries > 0 && got != min(2*last, 24*time.Hour) {
				t.Fatalf("%d s after %d retries: got %s after %s, want twice as long, a day at most", action.RetryDelaySeconds, retries, got, last)
			}
			last = got
		}
	}
}

func TestAnExecutionOutcome(t *testing.T) {
	ms := func(n int64) *int64 { return &n }
	const success = driver.ExecutionSuccess
	for name, test := range map[string]struct {
		outcome driver.ExecutionOutcome
		field   string
	}{
		"a success":           {driver.ExecutionOutcome{Status: success}, ""},
		"a timeout":           {driver.ExecutionOutcome{Status: driver.ExecutionTimeout}, ""},
		"all of it":           {driver.ExecutionOutcome{Status: driver.ExecutionFailed, Result: json.RawMessage(` [1] `), ErrorMessage: "a", DurationMS: ms(0), LeaseToken: &uuid.Max}, ""},
		"the longest time":    {driver.ExecutionOutcome{Status: success, DurationMS: ms(driver.MaxDurationMS)}, ""},
		"no status":           {driver.ExecutionOutcome{}, "status"},
		"pending":             {driver.ExecutionOutcome{Status: driver.ExecutionPending}, "status"},
		"running":             {driver.ExecutionOutcome{Status: driver.ExecutionRunning}, "status"},
		"an unknown status":   {driver.ExecutionOutcome{Status: "done"}, "status"},
		"no JSON":             {driver.ExecutionOutcome{Status: success, Result: json.RawMessage(`{`)}, "result"},
		"empty JSON":          {driver.ExecutionOutcome{Status: success, Result: json.RawMessage{}}, "result"},
		"long JSON":           {driver.ExecutionOutcome{Status: success, Result: object(1001)}, "result"},
		"a negative duration": {driver.ExecutionOutcome{Status: success, DurationMS: ms(-1)}, "duration_ms"},
		"a huge duration":     {driver.ExecutionOutcome{Status: success, DurationMS: ms(math.MaxInt64)}, "duration_ms"},
		"the zero token":      {driver.ExecutionOutcome{Status: success, LeaseToken: &uuid.Nil}, "lease_token"},
	} {
		err := test.outcome.Prepare(1000)
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
	outcome := driver.ExecutionOutcome{Status: driver.ExecutionFailed, ErrorMessage: "a\x00\xff" + strings.Repeat("ä", driver.MaxErrorMessage)}
	want := "a\uFFFD\uFFFD" + strings.Repeat("ä", (driver.MaxErrorMessage-7)/2)
	if err := outcome.Prepare(1000); err != nil || outcome.ErrorMessage != want {
		t.Errorf("a long message: got %d bytes (%v), want %d", len(outcome.ErrorMessage), err, len(want))
	}
}

func TestTheTimesOfAnExecution(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.FixedZone("", 3600))
	before, after := started.Add(-1), started.Add(time.Second)
	for name, test := range map[string]struct {
		status             driver.ExecutionStatus
		started, completed *time.Time
		field              string
	}{
		"pending":                {driver.ExecutionPending, nil, nil, ""},
		"running":                {driver.ExecutionRunning, &started, nil, ""},
		"running, and completed": {driver.ExecutionRunning, &started, &after, "completed_at"},
		"ended":                  {driver.ExecutionFailed, &started, &after, ""},
		"ended, no one saw when": {driver.ExecutionFailed, nil, nil, ""},
		"ended at once":          {driver.ExecutionSuccess, &started, &started, ""},
		"ended before it began":  {driver.ExecutionSuccess, &started, &before, "completed_at"},
	} {
		execution := driver.Execution{ActionID: uuid.New(), EventType: "a", Status: test.status, StartedAt: test.started, CompletedAt: test.completed}
		err := execution.Prepare(driver.DefaultMaxPayload)
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
			continue
		}
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
		for _, at := range []*time.Time{execution.StartedAt, execution.CompletedAt} {
			if at != nil && *at != at.UTC().Truncate(time.Microsecond) {
				t.Errorf("%s: got %s, want UTC in whole microseconds", name, at)
			}
		}
	}
	if started.Nanosecond() != 123_456_789 {
		t.Error("the caller's time was changed")
	}
}

func TestAnExecutionOfAnEvent(t *testing.T) {
	event := newEvent()
	if err := event.Prepare(driver.DefaultMaxPayload); err != nil {
		t.Fatal(err)
	}
	actionID := uuid.New()
	execution := driver.NewExecution(actionID, event)
	want := driver.Execution{
		ActionID: actionID, EventID: &event.ID, EventType: event.EventType, EventData: event.EventData, Status: driver.ExecutionPending,
	}
	if !reflect.DeepEqual(execution, want) {
		t.Errorf("got %+v, want %+v", execution, want)
	}
	if err := execution.Prepare(driver.DefaultMaxPayload); err != nil || execution.ID.Version() != 7 || string(execution.ExecutionContext) != "{}" {
		t.Errorf("got %+v (%v), want an id and a context", execution, err)
	}
}

func TestTheConfigurationOfAnAction(t *testing.T) {
	for configuration, takes := range map[string]string{
		`{"url": "https://example.com"}`: "webhook",
		`{"template": "welcome"}`:        "email",
		`{"function": "\u0066"}`:         "function",
		`{"steps": [{}]}`:                "workflow",
		`{"url": ""}`:                    "",
		`{"url": "  "}`:                  "",
		`{"url": null}`:                  "",
		`{"url": 1}`:                     "",
		`{"url": {"url": "a"}}`:          "",
		`{"URL": "a"}`:                   "",
		`{"url": "a", "url": ""}`:        "",
		`{"steps": []}`:                  "",
		`{"steps": [ ]}`:                 "",
		`{"steps": "a"}`:                 "",
		`{"a": {"template": "b"}}`:       "",
		`{}`:                             "",
	} {
		for _, handler := range []driver.HandlerType{driver.HandlerWebhook, driver.HandlerEmail, driver.HandlerFunction, driver.HandlerWorkflow, driver.HandlerSMS, driver.HandlerCustom} {
			action := driver.NewAction("a", handler, json.RawMessage(configuration), "*")
			free := handler == driver.HandlerSMS || handler == driver.HandlerCustom
			if err := action.Validate(); free || string(handler) == takes {
				if err != nil {
					t.Errorf("%s of a %s: got error %v, want none", configuration, handler, err)
				}
			} else {
				wantInvalid(t, configuration+" of a "+string(handler), err, "configuration")
			}
		}
	}
}

func TestActionStatistics(t *testing.T) {
	const most = 1_000_000_000
	for name, test := range map[string]struct {
		add   driver.ActionStatistics
		field string
	}{
		"nothing":    {driver.ActionStatistics{}, ""},
		"the most":   {driver.ActionStatistics{Triggered: most, Succeeded: most, Failed: most}, ""},
		"less":       {driver.ActionStatistics{Triggered: -1}, "triggered"},
		"more":       {driver.ActionStatistics{Succeeded: most + 1}, "succeeded"},
		"far more":   {driver.ActionStatistics{Failed: 1 << 32}, "failed"},
		"the utmost": {driver.ActionStatistics{Failed: math.MaxInt64}, "failed"},
		"the least":  {driver.ActionStatistics{Failed: math.MinInt64}, "failed"},
	} {
		err := test.add.Validate()
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}
