package query

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// endpointRow is an endpoint and what is stored of its secrets: sealed with the key of that id.
type endpointRow struct {
	driver.Endpoint
	keyID          string
	sealedToken    string
	sealedPrevious *string
	sealedHeaders  string
}

// sealedArgs is what is stored of the secrets, in the order of the columns.
func (row *endpointRow) sealedArgs() []any {
	return []any{row.keyID, row.sealedToken, row.sealedPrevious, row.sealedHeaders}
}

var endpointMapping = &mapping[endpointRow]{
	table:      endpointsTable,
	repository: "Endpoints",
	entity:     "endpoint",
	columns: []column[endpointRow]{
		{name: "id", at: func(e *endpointRow) any { return &e.ID }, set: bySave},
		{name: "name", at: func(e *endpointRow) any { return &e.Name }, set: byBoth},
		{name: "description", at: func(e *endpointRow) any { return &e.Description }, set: byBoth},
		{name: "endpoint_url", at: func(e *endpointRow) any { return &e.EndpointURL }, set: byBoth},
		{name: "http_method", at: func(e *endpointRow) any { return &e.HTTPMethod }, set: byBoth},
		{name: "key_id", at: func(e *endpointRow) any { return &e.keyID }, set: byBoth},
		{name: "secret_token", at: func(e *endpointRow) any { return &e.sealedToken }, set: byBoth},
		{name: "previous_secret_token", at: func(e *endpointRow) any { return &e.sealedPrevious }, set: byBoth},
		{name: "previous_secret_until", at: func(e *endpointRow) any { return &e.PreviousSecretUntil }},
		{name: "custom_headers", at: func(e *endpointRow) any { return &e.sealedHeaders }, set: byBoth},
		{name: "signature_header", at: func(e *endpointRow) any { return &e.SignatureHeader }, set: byBoth},
		{name: "timeout_seconds", at: func(e *endpointRow) any { return &e.TimeoutSeconds }, set: byBoth},
		{name: "follow_redirects", at: func(e *endpointRow) any { return &e.FollowRedirects }, set: byBoth},
		{name: "verify_ssl", at: func(e *endpointRow) any { return &e.VerifySSL }, set: byBoth},
		{name: "max_retry_attempts", at: func(e *endpointRow) any { return &e.MaxRetryAttempts }, set: byBoth},
		{name: "retry_backoff_seconds", at: func(e *endpointRow) any { return &e.RetryBackoffSeconds }, set: byBoth},
		{name: "retry_backoff_multiplier", at: func(e *endpointRow) any { return &e.RetryBackoffMultiplier }, set: byBoth},
		{name: "retry_jitter", at: func(e *endpointRow) any { return &e.RetryJitter }, set: byBoth},
		{name: "disable_after_failures", at: func(e *endpointRow) any { return &e.DisableAfterFailures }, set: byBoth},
		{name: "disable_after_days", at: func(e *endpointRow) any { return &e.DisableAfterDays }, set: byBoth},
		{name: "is_active", at: func(e *endpointRow) any { return &e.IsActive }, set: byBoth},
		{name: "is_verified", at: func(e *endpointRow) any { return &e.IsVerified }},
		{name: "verified_at", at: func(e *endpointRow) any { return &e.VerifiedAt }},
		{name: "last_used_at", at: func(e *endpointRow) any { return &e.LastUsedAt }},
		{name: "consecutive_failures", at: func(e *endpointRow) any { return &e.ConsecutiveFailures }},
		{name: "failing_since", at: func(e *endpointRow) any { return &e.FailingSince }},
		{name: "disabled_at", at: func(e *endpointRow) any { return &e.DisabledAt }},
		{name: "disabled_reason", at: func(e *endpointRow) any { return &e.DisabledReason }},
		{name: "created_by_user_id", at: func(e *endpointRow) any { return &e.CreatedByUserID }, set: byBoth},
		{name: "context_id", at: func(e *endpointRow) any { return &e.ContextID }, set: byBoth},
		{name: "created_at", at: func(e *endpointRow) any { return &e.CreatedAt }},
		{name: "updated_at", at: func(e *endpointRow) any { return &e.UpdatedAt }},
		{name: "revision", at: func(e *endpointRow) any { return &e.Revision }},
	},
	derived: []column[endpointRow]{
		onNewURL("is_verified", "is_verified AND endpoint_url = ?"),
		onNewURL("verified_at", "CASE WHEN endpoint_url = ? THEN verified_at END"),
		onActivation("consecutive_failures", "CASE WHEN ? AND NOT is_active THEN 0 ELSE consecutive_failures END"),
		onActivation("failing_since", "CASE WHEN ? AND NOT is_active THEN NULL ELSE failing_since END"),
		onActivation("disabled_at", "CASE WHEN ? AND NOT is_active THEN NULL ELSE disabled_at END"),
		onActivation("disabled_reason", "CASE WHEN ? AND NOT is_active THEN '' ELSE disabled_reason END"),
	},
	opened: func(s *shared, row *endpointRow) error { return s.open(row) },
}

// onNewURL is a column that changes with the address.
func onNewURL(name, sql string) column[endpointRow] {
	return column[endpointRow]{name: name, expression: expression(sql), args: func(e *endpointRow) []any { return []any{e.EndpointURL} }}
}

// onActivation is a column that changes when an endpoint becomes active.
func onActivation(name, sql string) column[endpointRow] {
	return column[endpointRow]{name: name, expression: expression(sql), args: func(e *endpointRow) []any { return []any{e.IsActive} }}
}

// place is what a secret is bound to: it opens in this schema, row and column only.
func (s *shared) place(id uuid.UUID, column string) string {
	return s.schema + "\x00" + id.String() + "\x00" + column
}

// seal makes of an endpoint's secrets what is stored.
func (s *shared) seal(row *endpointRow) error {
	headers := make(map[string]string, len(row.CustomHeaders))
	for name, value := range row.CustomHeaders {
		headers[name] = value.Reveal()
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return err
	}
	keys := s.config.Keys
	s.config.WarnPlainSecrets(s.schema)
	row.keyID = keys.Current()
	row.sealedToken = keys.Seal(row.SecretToken.Reveal(), s.place(row.ID, "secret_token"))
	row.sealedPrevious = nil
	if !row.PreviousSecretToken.IsZero() {
		sealed := keys.Seal(row.PreviousSecretToken.Reveal(), s.place(row.ID, "previous_secret_token"))
		row.sealedPrevious = &sealed
	}
	row.sealedHeaders = keys.Seal(string(text), s.place(row.ID, "custom_headers"))
	return nil
}

// open makes of what is stored an endpoint's secrets.
func (s *shared) open(row *endpointRow) error {
	keys := s.config.Keys
	token, err := keys.Open(row.sealedToken, s.place(row.ID, "secret_token"))
	if err != nil {
		return err
	}
	row.SecretToken = driver.NewSecret(token)
	if row.sealedPrevious != nil {
		previous, err := keys.Open(*row.sealedPrevious, s.place(row.ID, "previous_secret_token"))
		if err != nil {
			return err
		}
		row.PreviousSecretToken = driver.NewSecret(previous)
	}
	text, err := keys.Open(row.sealedHeaders, s.place(row.ID, "custom_headers"))
	if err != nil {
		return err
	}
	headers := map[string]string{}
	if err := json.Unmarshal([]byte(text), &headers); err != nil {
		return &driver.Error{Kind: driver.ErrInternal, Err: errHeaders}
	}
	row.CustomHeaders = make(map[string]driver.Secret, len(headers))
	for name, value := range headers {
		row.CustomHeaders[name] = driver.NewSecret(value)
	}
	return nil
}
