package driver

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Attempt is one try of a delivery: what was sent and what came back. Attempts are facts: once
// recorded, they never change.
//
// What the other side sent (ResponseHeaders, ResponseBody, ErrorMessage) is never a reason to
// refuse an attempt: it is cut to its limit, and bytes that are not valid UTF-8, or NUL, become
// U+FFFD. The values of headers that can carry credentials are stored as "[redacted]".
type Attempt struct {
	// Number counts the delivery's attempts from 1. Zero: the next.
	Number int `json:"number"`
	// Status is required: how it ended.
	Status AttemptStatus `json:"status"`
	// RequestURL has at most 2,048 bytes, without a user or a password; may be empty.
	RequestURL string `json:"request_url"`
	// RequestMethod is POST, PUT, PATCH or empty.
	RequestMethod string `json:"request_method"`
	// RequestHeaders may be nil (an http.Header fits); at most 128 KiB, and 4,096 bytes for a value.
	// Only values of headers that are known to carry no credentials are stored: see
	// RedactRequestHeaders.
	RequestHeaders map[string][]string `json:"request_headers"`
	// RequestBody has at most the bytes that WithMaxPayload sets and MaxEnvelope more; may be empty.
	RequestBody string `json:"request_body"`
	// RequestSignature has at most 4,096 bytes; may be empty.
	RequestSignature string `json:"request_signature"`
	// ResponseStatusCode is what the other side sent, 0 to 999; nil: there was no response.
	ResponseStatusCode *int `json:"response_status_code"`
	// ResponseHeaders may be nil; at most 64 KiB are kept.
	ResponseHeaders map[string][]string `json:"response_headers"`
	// ResponseBody: the first MiB is kept, and ResponseBodyTruncated tells if there was more.
	ResponseBody          string `json:"response_body"`
	ResponseBodyTruncated bool   `json:"response_body_truncated"`
	// ResponseTimeMS is how long the response took, in milliseconds, 0 to MaxDurationMS;
	// nil: not measured.
	ResponseTimeMS *int64 `json:"response_time_ms"`
	// ErrorMessage: the first 64 KiB are kept; may be empty.
	ErrorMessage string `json:"error_message"`
	// ErrorCode is for programs, at most 255 bytes; may be empty.
	ErrorCode string `json:"error_code"`
	// AttemptedAt is when it began. Zero: as CompletedAt.
	AttemptedAt time.Time `json:"attempted_at"`
	// CompletedAt is when it ended; not before AttemptedAt. Zero: now, by the database's clock.
	CompletedAt time.Time `json:"completed_at"`
	// LeaseToken is the one that ClaimDue gave the delivery; nil if it was not claimed. It is not
	// stored.
	LeaseToken *uuid.UUID `json:"-"`
}

// AttemptStatus is how an attempt ended.
type AttemptStatus string

// The outcomes of an attempt.
const (
	AttemptSuccess AttemptStatus = "success"
	AttemptFailed  AttemptStatus = "failed"
	AttemptTimeout AttemptStatus = "timeout"
)

// MaxDurationMS is the longest time that is stored, in milliseconds: some 31 years, so that sums of
// them stay exact.
const MaxDurationMS = 1_000_000_000_000

// Limits of an Attempt's text, in bytes.
const (
	MaxSignature       = 4096
	MaxErrorMessage    = 64 << 10
	MaxResponseBody    = 1 << 20
	MaxEnvelope        = 1 << 20   // what a request body may have around the data of an event
	MaxRequestHeaders  = 128 << 10 // more than an endpoint can add; 3 more counted for each name and value
	MaxResponseHeaders = 64 << 10
)

// Validate reports the first field that breaks a rule, as an [InvalidError], with DefaultMaxPayload
// as the limit of the request's body.
func (a *Attempt) Validate() error { return a.validate(DefaultMaxPayload) }

func (a *Attempt) validate(maxPayload int) error {
	err := firstError(
		checkRange("number", a.Number, 0, maxAttempts),
		checkOneOf("status", a.Status, AttemptSuccess, AttemptFailed, AttemptTimeout),
		checkRequestURL("request_url", a.RequestURL),
		checkRequestMethod("request_method", a.RequestMethod),
		checkRequestHeaders("request_headers", a.RequestHeaders),
		checkText("request_body", a.RequestBody, maxPayload+MaxEnvelope),
		checkText("request_signature", a.RequestSignature, MaxSignature),
		checkText("error_code", a.ErrorCode, MaxName),
		checkOptionalID("lease_token", a.LeaseToken),
		checkDuration("response_time_ms", a.ResponseTimeMS),
		checkTime("attempted_at", a.AttemptedAt),
		checkTime("completed_at", a.CompletedAt),
	)
	switch {
	case err != nil:
		return err
	case a.ResponseStatusCode != nil && (*a.ResponseStatusCode < 0 || *a.ResponseStatusCode > 999):
		return &InvalidError{"response_status_code", "must be 0 to 999, or nil"}
	case !a.AttemptedAt.IsZero() && !a.CompletedAt.IsZero() && a.CompletedAt.Before(a.AttemptedAt):
		return &InvalidError{"completed_at", "must not be before attempted_at"}
	}
	return nil
}

// maxAttempts is the first attempt and all retries that an endpoint can have.
const maxAttempts = 51

func checkRequestURL(field, text string) error {
	if text == "" {
		return nil
	}
	return checkURL(field, text)
}

func checkRequestMethod(field, method string) error {
	switch method {
	case "", "POST", "PUT", "PATCH":
		return nil
	}
	return &InvalidError{field, "must be POST, PUT or PATCH, or empty"}
}

func checkRequestHeaders(field string, headers map[string][]string) error {
	room := MaxRequestHeaders
	for name, values := range sorted(headers) {
		if err := checkHeaderName(field, name); err != nil {
			return err
		}
		room -= headerSize(name)
		for _, value := range values {
			if err := checkText(field+"["+name+"]", value, MaxHeaderValue); err != nil {
				return err
			}
			room -= headerSize(value)
		}
	}
	if room < 0 {
		return &InvalidError{field, fmt.Sprintf("must have at most %d bytes", MaxRequestHeaders)}
	}
	return nil
}

// headerSize is what a name or a value counts: its bytes, and those around it, so that empty ones
// count, too.
func headerSize(text string) int { return len(text) + len(`"":`) }

// Prepare makes an attempt ready to be stored: it validates it, cuts what the other side sent to
// its limits, and takes credentials out. For backends.
func (a *Attempt) Prepare(maxPayload int) error {
	if err := a.validate(maxPayload); err != nil {
		return err
	}
	a.clean()
	return nil
}

// clean makes what is valid storable. Twice is the same as once.
func (a *Attempt) clean() {
	a.RequestHeaders = RedactRequestHeaders(a.RequestHeaders)
	a.ResponseHeaders = keptHeaders(RedactResponseHeaders(a.ResponseHeaders))
	var cut bool
	a.ResponseBody, cut = storable(a.ResponseBody, MaxResponseBody)
	a.ResponseBodyTruncated = a.ResponseBodyTruncated || cut
	a.ErrorMessage, _ = storable(a.ErrorMessage, MaxErrorMessage)
	a.AttemptedAt, a.CompletedAt = storedTime(a.AttemptedAt), storedTime(a.CompletedAt)
}

// storable returns text as it can be stored: valid UTF-8 without NUL, of at most maxBytes, and
// whether that cut it.
func storable(text string, maxBytes int) (kept string, cut bool) {
	if len(text) <= maxBytes && utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text, false
	}
	var b strings.Builder
	for _, r := range text { // a byte that is not valid UTF-8 is U+FFFD
		if r == 0 {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > maxBytes {
			return b.String(), true
		}
		b.WriteRune(r)
	}
	return b.String(), false
}

// keptHeaders returns as many headers, by name, as fit in MaxResponseHeaders.
func keptHeaders(headers map[string][]string) map[string][]string {
	if headers == nil {
		return nil
	}
	room := MaxResponseHeaders
	kept := map[string][]string{}
	for name, values := range sorted(headers) {
		name, _ = storable(name, MaxName)
		room -= headerSize(name)
		texts := []string{}
		for _, value := range values {
			text, _ := storable(value, MaxHeaderValue)
			if room -= headerSize(text); room < 0 {
				break
			}
			texts = append(texts, text)
		}
		if room < 0 {
			break
		}
		kept[name] = texts
	}
	return kept
}

// inElement says of an InvalidError in which element of a list it is.
func inElement(list string, i int, err error) error {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	return &InvalidError{element(list, i) + "." + invalid.Field, invalid.Reason}
}
