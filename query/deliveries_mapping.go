package query

import "github.com/neomultitenant/neoevents/driver"

var deliveryMapping = &mapping[driver.Delivery]{
	table:      deliveriesTable,
	repository: "Deliveries",
	entity:     "delivery",
	columns: []column[driver.Delivery]{
		{name: "id", at: func(d *driver.Delivery) any { return &d.ID }, set: bySave},
		{name: "endpoint_id", at: func(d *driver.Delivery) any { return &d.EndpointID }, set: bySave},
		{name: "event_id", at: func(d *driver.Delivery) any { return &d.EventID }, set: bySave},
		{name: "status", at: func(d *driver.Delivery) any { return (*string)(&d.Status) }, set: bySave},
		{name: "attempt_count", at: func(d *driver.Delivery) any { return &d.AttemptCount }, set: bySave},
		{name: "max_attempts", at: func(d *driver.Delivery) any { return &d.MaxAttempts }, set: bySave},
		{name: "retry_backoff_seconds", at: func(d *driver.Delivery) any { return &d.RetryBackoffSeconds }, set: bySave},
		{name: "retry_backoff_multiplier", at: func(d *driver.Delivery) any { return &d.RetryBackoffMultiplier }, set: bySave},
		{name: "retry_jitter", at: func(d *driver.Delivery) any { return &d.RetryJitter }, set: bySave},
		{name: "next_retry_at", at: func(d *driver.Delivery) any { return &d.NextRetryAt }, set: bySave},
		{name: "max_attempts_reached", at: func(d *driver.Delivery) any { return &d.MaxAttemptsReached }, set: bySave},
		{name: "replay_of", at: func(d *driver.Delivery) any { return &d.ReplayOf }, set: bySave},
		{name: "cancel_reason", at: func(d *driver.Delivery) any { return &d.CancelReason }, set: bySave},
		{name: "lease_token", at: func(d *driver.Delivery) any { return &d.LeaseToken }},
		{name: "lease_until", at: func(d *driver.Delivery) any { return &d.LeaseUntil }},
		{name: "created_at", at: func(d *driver.Delivery) any { return &d.CreatedAt }},
		{name: "updated_at", at: func(d *driver.Delivery) any { return &d.UpdatedAt }},
		{name: "completed_at", at: func(d *driver.Delivery) any { return &d.CompletedAt }, set: bySave},
	},
	references: []reference{{"event_id", eventsTable, "event"}},
	unique:     []unique{{columns: []string{"endpoint_id", "event_id"}, where: "replay_of IS NULL"}},
}

// attemptColumns are the columns of an attempt, and what stands for each where there is none.
var attemptColumns = []struct{ name, none string }{
	{"number", "0"},
	{"status", "''"},
	{"request_url", "''"},
	{"request_method", "''"},
	{"request_headers", "'null'"},
	{"request_body", "''"},
	{"request_signature", "''"},
	{"response_status_code", ""},
	{"response_headers", "'null'"},
	{"response_body", "''"},
	{"response_body_truncated", "FALSE"},
	{"response_time_ms", ""},
	{"error_message", "''"},
	{"error_code", "''"},
	{"attempted_at", "d.created_at"},
	{"completed_at", "d.created_at"},
}

// attemptTargets returns where in a the attemptColumns go.
func attemptTargets(a *driver.Attempt) []any {
	return []any{
		&a.Number, (*string)(&a.Status), &a.RequestURL, &a.RequestMethod,
		encoded{&a.RequestHeaders},
		&a.RequestBody, &a.RequestSignature,
		&a.ResponseStatusCode,
		encoded{&a.ResponseHeaders},
		&a.ResponseBody, &a.ResponseBodyTruncated, &a.ResponseTimeMS,
		&a.ErrorMessage, &a.ErrorCode, &a.AttemptedAt, &a.CompletedAt,
	}
}

func attemptValues(a *driver.Attempt) []any {
	values := attemptTargets(a)
	for i, at := range values {
		values[i] = value(at)
	}
	return values
}
