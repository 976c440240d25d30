package driver

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Endpoint is a place that webhooks are sent to, and how: its address, its secrets, when to try
// again, and when to give it up.
type Endpoint struct {
	// ID is unique in its schema. Zero on save: a new UUIDv7.
	ID uuid.UUID `json:"id"`
	// Name is required, at most 255 bytes.
	Name string `json:"name"`
	// Description has at most 4,096 bytes; may be empty.
	Description string `json:"description"`
	// EndpointURL is required, at most 2,048 bytes: absolute, http or https, with a host, without
	// user information or a fragment.
	EndpointURL string `json:"endpoint_url"`
	// HTTPMethod is POST, PUT or PATCH. Empty on save: POST.
	HTTPMethod string `json:"http_method"`
	// SecretToken signs the requests (package webhook); at most 255 bytes, and if it begins with
	// "whsec_", the base64 of 24 to 64 bytes after it, as Standard Webhooks has it. Empty on save: a
	// new one of that form. RotateSecret changes it, Update does not.
	SecretToken Secret `json:"secret_token"`
	// PreviousSecretToken also signs until PreviousSecretUntil, so that receivers can change over.
	// RotateSecret sets both.
	PreviousSecretToken Secret     `json:"previous_secret_token"`
	PreviousSecretUntil *time.Time `json:"previous_secret_until"`
	// SignatureHeader is the name of the header with the signature, not a hop-by-hop one, Host or
	// Content-Length. Empty on save: DefaultSignatureHeader.
	SignatureHeader string `json:"signature_header"`
	// CustomHeaders are sent with each request: at most 20, of valid names and values. They may
	// hold credentials and are treated as secrets are. Hop-by-hop headers, Host, Content-Length and
	// the SignatureHeader are refused, in any case of letters.
	CustomHeaders map[string]Secret `json:"custom_headers"`
	// TimeoutSeconds is how long an attempt may take, 1 to 300. Zero on save: 30.
	TimeoutSeconds int `json:"timeout_seconds"`
	// FollowRedirects lets the sender follow redirects.
	FollowRedirects bool `json:"follow_redirects"`
	// VerifySSL makes the sender check the certificate.
	VerifySSL bool `json:"verify_ssl"`
	// MaxRetryAttempts is how many attempts may follow the first one, 0 to 50.
	MaxRetryAttempts int `json:"max_retry_attempts"`
	// RetryBackoffSeconds is the pause before the first retry, 1 to 3,600. Zero on save: 5.
	RetryBackoffSeconds int `json:"retry_backoff_seconds"`
	// RetryBackoffMultiplier lengthens the pause from one retry to the next, 1 to 10. Zero on save: 2.
	RetryBackoffMultiplier float64 `json:"retry_backoff_multiplier"`
	// RetryJitter makes each pause a random part of what it would be: see FullJitter.
	RetryJitter bool `json:"retry_jitter"`
	// DisableAfterFailures deactivates the endpoint after so many deliveries in a row that failed
	// for good; 0: never. At most 1,000,000.
	DisableAfterFailures int `json:"disable_after_failures"`
	// DisableAfterDays deactivates it when a delivery fails for good so many days after the first
	// one of an unbroken row of failures; 0: never. At most 365.
	DisableAfterDays int `json:"disable_after_days"`
	// IsActive: it gets deliveries.
	IsActive bool `json:"is_active"`
	// IsVerified: its owner has shown that it wants them. Only MarkVerified sets it; an Update that
	// changes the EndpointURL clears it.
	IsVerified bool       `json:"is_verified"`
	VerifiedAt *time.Time `json:"verified_at"`
	// LastUsedAt is when UpdateLastUsed was last called, nil at first.
	LastUsedAt *time.Time `json:"last_used_at"`
	// ConsecutiveFailures is how many deliveries in a row failed for good, up to now, and
	// FailingSince when the first of them did. A success sets both back.
	ConsecutiveFailures int        `json:"consecutive_failures"`
	FailingSince        *time.Time `json:"failing_since"`
	// DisabledAt and DisabledReason tell when and why DisableAfterFailures or DisableAfterDays
	// deactivated it. An Update with IsActive sets them, and the failures, back.
	DisabledAt     *time.Time `json:"disabled_at"`
	DisabledReason string     `json:"disabled_reason"`
	// CreatedByUserID may be nil.
	CreatedByUserID *uuid.UUID `json:"created_by_user_id"`
	// ContextID is the part of the tenant that it belongs to; nil: to no part in particular.
	ContextID *uuid.UUID `json:"context_id"`
	// CreatedAt and UpdatedAt are by the database's clock.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Revision counts the changes, from 1. Update works on the latest one only.
	Revision int64 `json:"revision"`
}

// DefaultSignatureHeader is where the signature goes unless the endpoint says otherwise.
const DefaultSignatureHeader = "X-Webhook-Signature"

// NewEndpoint returns an endpoint with the defaults that are not zero: active, certificates
// checked, 3 retries after 5, 10 and 20 seconds, 30 seconds for each attempt.
func NewEndpoint(name, url string) Endpoint {
	return Endpoint{
		Name: name, EndpointURL: url, HTTPMethod: "POST", SignatureHeader: DefaultSignatureHeader,
		TimeoutSeconds: 30, VerifySSL: true, IsActive: true,
		MaxRetryAttempts: 3, RetryBackoffSeconds: 5, RetryBackoffMultiplier: 2,
	}
}

// Validate reports the first field that breaks a rule, as an [InvalidError]. What Save fills in may
// be zero.
func (e *Endpoint) Validate() error {
	filled := *e
	filled.fill()
	return filled.validate()
}

// fill sets the defaults.
func (e *Endpoint) fill() {
	setDefault(&e.HTTPMethod, "POST")
	setDefault(&e.SignatureHeader, DefaultSignatureHeader)
	setDefault(&e.TimeoutSeconds, 30)
	setDefault(&e.RetryBackoffSeconds, 5)
	setDefault(&e.RetryBackoffMultiplier, 2)
}

func (e *Endpoint) validate() error {
	return firstError(
		checkRequired("name", e.Name, MaxName),
		checkText("description", e.Description, MaxDescription),
		checkURL("endpoint_url", e.EndpointURL),
		checkOneOf("http_method", e.HTTPMethod, "POST", "PUT", "PATCH"),
		checkSecret("secret_token", e.SecretToken),
		checkSignatureHeader("signature_header", e.SignatureHeader),
		e.checkCustomHeaders(),
		checkRange("timeout_seconds", e.TimeoutSeconds, 1, 300),
		checkRange("max_retry_attempts", e.MaxRetryAttempts, 0, 50),
		checkRange("retry_backoff_seconds", e.RetryBackoffSeconds, 1, maxRetrySeconds),
		checkMultiplier("retry_backoff_multiplier", e.RetryBackoffMultiplier),
		checkRange("disable_after_failures", e.DisableAfterFailures, 0, 1_000_000),
		checkRange("disable_after_days", e.DisableAfterDays, 0, 365),
		checkOptionalID("created_by_user_id", e.CreatedByUserID),
		checkOptionalID("context_id", e.ContextID),
	)
}

// senderHeaders are the headers that the sender sets: hop-by-hop headers (RFC 9110, section 7.6.1),
// those that frame the request, and those of Standard Webhooks but for the signature.
var senderHeaders = map[string]bool{
	"connection": true, "content-length": true, "host": true, "keep-alive": true, "proxy-authenticate": true,
	"proxy-authorization": true, "proxy-connection": true, "te": true, "trailer": true, "transfer-encoding": true,
	"upgrade": true, "webhook-id": true, "webhook-timestamp": true,
}

func checkSignatureHeader(field, name string) error {
	if err := checkHeaderName(field, name); err != nil {
		return err
	}
	if senderHeaders[strings.ToLower(name)] || strings.EqualFold(name, "Content-Type") {
		return &InvalidError{field, "is a header with another meaning; use " + DefaultSignatureHeader}
	}
	return nil
}

// checkSecret checks a secret that signs: one that begins as those of Standard Webhooks do must be
// one, or it would fail when it is first used.
func checkSecret(field string, secret Secret) error {
	if err := secret.check(field, MaxSecret); err != nil {
		return err
	}
	encoded, standard := strings.CutPrefix(secret.Reveal(), "whsec_")
	if !standard {
		return nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return &InvalidError{field, "must be whsec_ and the base64 of 24 to 64 bytes, or not begin with whsec_"}
	}
	return nil
}

// MaxCustomHeaders is how many headers an endpoint can add to its requests.
const MaxCustomHeaders = 20

func (e *Endpoint) checkCustomHeaders() error {
	if len(e.CustomHeaders) > MaxCustomHeaders {
		return &InvalidError{"custom_headers", fmt.Sprintf("are %d, at most %d are allowed", len(e.CustomHeaders), MaxCustomHeaders)}
	}
	seen := map[string]bool{strings.ToLower(e.SignatureHeader): true, "webhook-signature": true}
	for name, value := range sorted(e.CustomHeaders) {
		if err := checkHeaderName("custom_headers", name); err != nil {
			return err
		}
		field := "custom_headers[" + name + "]"
		if seen[strings.ToLower(name)] || senderHeaders[strings.ToLower(name)] {
			return &InvalidError{field, "is set by the sender, or given twice; leave it out"}
		}
		seen[strings.ToLower(name)] = true
		if err := checkHeaderValue(field, value); err != nil {
			return err
		}
	}
	return nil
}

// Prepare makes an endpoint ready to be stored for the first time: it fills in what has a default
// but the secret, validates, and clears what is not the caller's to set. For backends.
func (e *Endpoint) Prepare() error {
	e.fill()
	if err := e.validate(); err != nil {
		return err
	}
	e.PreviousSecretToken, e.PreviousSecretUntil = Secret{}, nil
	e.IsVerified, e.VerifiedAt, e.LastUsedAt = false, nil, nil
	e.ConsecutiveFailures, e.FailingSince, e.DisabledAt, e.DisabledReason = 0, nil, nil, ""
	return newID(&e.ID)
}

// SigningSecrets returns the secrets that a request sent at now is signed with: the current one,
// and the previous one while it is valid.
func (e *Endpoint) SigningSecrets(now time.Time) []Secret {
	secrets := []Secret{e.SecretToken}
	if e.PreviousSecretUntil != nil && now.Before(*e.PreviousSecretUntil) && !e.PreviousSecretToken.IsZero() {
		secrets = append(secrets, e.PreviousSecretToken)
	}
	return secrets
}

// RetryDelay is the pause after attempt number attempt, from 1, has failed: RetryBackoffSeconds ×
// RetryBackoffMultiplier^(attempt−1), at most an hour.
func (e *Endpoint) RetryDelay(attempt int) time.Duration {
	return retryDelay(e.RetryBackoffSeconds, e.RetryBackoffMultiplier, attempt)
}

// maxRetrySeconds is the longest pause between two attempts.
const maxRetrySeconds = 3600

func retryDelay(backoffSeconds int, multiplier float64, attempt int) time.Duration {
	seconds := float64(backoffSeconds) * math.Pow(multiplier, float64(max(attempt, 1)-1))
	return pause(seconds, maxRetrySeconds)
}

// pause is a number of seconds, 0 to most, in whole microseconds. What is no number is 0.
func pause(seconds, most float64) time.Duration {
	if !(seconds > 0) { // true for NaN, too
		return 0
	}
	return time.Duration(math.Round(min(seconds, most)*1e6)) * time.Microsecond
}

// FullJitter returns a random pause from 0 to delay, evenly spread: retries that would all come at
// once come apart. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func FullJitter(delay time.Duration) time.Duration {
	if delay <= 0 {
		return 0
	}
	return time.Duration(rand.Uint64N(uint64(delay) + 1))
}

// checkURL checks the address of an endpoint.
func checkURL(field, text string) error {
	if err := checkRequired(field, text, MaxURL); err != nil {
		return err
	}
	address, err := url.Parse(text)
	switch {
	case err != nil:
		return &InvalidError{field, "is no URL; use the form https://example.com/path"} // the cause repeats the value
	case address.Scheme != "http" && address.Scheme != "https", address.Hostname() == "":
		return &InvalidError{field, "must be absolute, such as https://example.com/path"}
	case address.User != nil:
		return &InvalidError{field, "must not hold a user or a password; use custom_headers"}
	case strings.Contains(text, "#"):
		return &InvalidError{field, "must not have a fragment (#…)"}
	case strings.Contains(text, " "):
		return &InvalidError{field, "must not contain spaces; write %20 for one that is meant"}
	case !isPort(address.Port()):
		return &InvalidError{field, "must have a port of 1 to 65535, or none"}
	}
	return nil
}

func isPort(digits string) bool {
	port, err := strconv.ParseUint(digits, 10, 16)
	return digits == "" || err == nil && port > 0
}

func checkMultiplier(field string, value float64) error {
	if !(value >= 1 && value <= 10) { // false for NaN, too
		return &InvalidError{field, "must be 1 to 10"}
	}
	return nil
}

// checkHeaderName checks the name of an HTTP header: a token of RFC 9110, section 5.6.2.
func checkHeaderName(field, name string) error {
	if name == "" {
		return &InvalidError{field, "must have a name"}
	}
	if len(name) > MaxName {
		return checkText(field, name, MaxName)
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return &InvalidError{field, "has a name that no HTTP header can have; use letters, digits and -"}
		}
	}
	return nil
}

// MaxHeaderValue is how many bytes the value of a custom header may have.
const MaxHeaderValue = 4096

// checkHeaderValue checks the value of a header that is sent: RFC 9110, section 5.5, as UTF-8.
func checkHeaderValue(field string, value Secret) error {
	if err := value.check(field, MaxHeaderValue); err != nil {
		return err
	}
	for _, c := range []byte(value.Reveal()) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return &InvalidError{field, "must not contain control characters"}
		}
	}
	return nil
}

// EndpointRepository stores the webhook endpoints of one schema. Every method is safe for
// concurrent use. Lists are in the order of CreatedAt, then ID; their limits, and the errors that
// every method may return, are as [EventRepository] says.
type EndpointRepository interface {
	// Save stores a new endpoint and returns it as a read would. Errors: ErrInvalid before anything
	// is sent; ErrAlreadyExists for an ID that is taken.
	Save(ctx context.Context, endpoint Endpoint) (Endpoint, error)

	// Update replaces what Save takes, but for the secret, and returns the endpoint as it is then.
	// If the EndpointURL changes, IsVerified and VerifiedAt are cleared. IsActive on one that is not
	// active sets the failures and DisabledAt back. Errors: ErrInvalid; ErrNotFound; ErrConflict if
	// the Revision is not the latest: read it again.
	Update(ctx context.Context, endpoint Endpoint) (Endpoint, error)

	// GetByID returns one endpoint, or ErrNotFound.
	GetByID(ctx context.Context, id uuid.UUID) (Endpoint, error)

	// Exists reports whether there is an endpoint with this id.
	Exists(ctx context.Context, id uuid.UUID) (bool, error)

	// Delete removes an endpoint and its subscriptions. Its deliveries stay as history; those that
	// are pending or retrying become cancelled. False if there is none.
	Delete(ctx context.Context, id uuid.UUID) (bool, error)

	// GetByContext returns the endpoints of one context. Nil: those that belong to no context, not
	// those of all.
	GetByContext(ctx context.Context, contextID *uuid.UUID, opts ListOptions) ([]Endpoint, error)

	// GetActive returns the active endpoints of every context.
	GetActive(ctx context.Context, limit int) ([]Endpoint, error)

	// UpdateLastUsed moves LastUsedAt to now, never back. False if there is no such endpoint.
	UpdateLastUsed(ctx context.Context, id uuid.UUID) (bool, error)

	// MarkVerified sets IsVerified, and VerifiedAt to now unless it is set. endpointURL is the address
	// that was verified: false if it is no longer the endpoint's, or there is no such endpoint. It
	// counts as a change: the Revision rises.
	MarkVerified(ctx context.Context, id uuid.UUID, endpointURL string) (bool, error)

	// RotateSecret gives an endpoint a new secret. The one before stays valid for the grace period,
	// the one before that no longer: SigningSecrets has those that are. It returns the endpoint.
	// The same Secret again changes nothing.
	// Errors: ErrInvalid; ErrNotFound.
	RotateSecret(ctx context.Context, id uuid.UUID, opts RotateOptions) (Endpoint, error)

	// ReencryptSecrets encrypts the secrets of up to limit endpoints that are not under the key
	// ring's current key anew, and returns how many; 0 when all are. An old key may leave the ring
	// after that. To be called until it returns 0, in the background: each call is a transaction.
	// ErrInvalid without a key ring; ErrMissingKey if one can't be read.
	ReencryptSecrets(ctx context.Context, limit int) (int, error)
}

// RotateOptions says how RotateSecret works.
type RotateOptions struct {
	// Secret is the new one, as an endpoint's SecretToken. Zero: one is made.
	Secret Secret
	// Grace is how long the previous one stays valid: DefaultSecretGrace for 0, at most
	// MaxSecretGrace; less than 0: it ends at once.
	Grace time.Duration
}

const (
	// DefaultSecretGrace is how long a previous secret stays valid: a day.
	DefaultSecretGrace = 24 * time.Hour
	// MaxSecretGrace is how long it can stay valid: 30 days.
	MaxSecretGrace = 30 * 24 * time.Hour
)

// Validate reports a field that breaks a rule, as an [InvalidError].
func (o RotateOptions) Validate() error {
	if o.Grace > MaxSecretGrace {
		return &InvalidError{"grace", fmt.Sprintf("must be at most %s", MaxSecretGrace)}
	}
	return checkSecret("secret", o.Secret)
}

// ListOptions says what a list returns.
type ListOptions struct {
	// IncludeInactive returns those that are not active, or not enabled, as well.
	IncludeInactive bool
	// Limit is as of every list.
	Limit int
}
