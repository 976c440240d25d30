package driver

import (
	"errors"
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
	// RequestHeaders may be nil (an http.Header fits). Only values of headers that are known to
	// carry no credentials are stored: see RedactRequestHeaders.
	RequestHeaders map[string][]string `json:"request_headers"`
	// RequestBody has at most the bytes that WithMaxPayload sets; may be empty.
	RequestBody string `json:"request_body"`
	// RequestSignature has at most 4,096 bytes; may be empty.
	RequestSignature string `json:"request_signature"`
	// ResponseStatusCode is 100 to 599; nil: there was no response.
	ResponseStatusCode *int `json:"response_status_code"`
	// ResponseHeaders may be nil; at most 64 KiB are kept.
	ResponseHeaders map[string][]string `json:"response_headers"`
	// ResponseBody: the first MiB is kept, and ResponseBodyTruncated tells if there was more.
	ResponseBody          string `json:"response_body"`
	ResponseBodyTruncated bool   `json:"response_body_truncated"`
	// ResponseTimeMS is how long the response took, in milliseconds, 0 or more; nil: not measured.
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

// Limits of an Attempt's text, in bytes.
const (
	MaxSignature       = 4096
	MaxErrorMessage    = 64 << 10
	MaxResponseBody    = 1 << 20
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
		checkOneOf("request_method", a.RequestMethod, "", "POST", "PUT", "PATCH"),
		checkRequestHeaders("request_headers", a.RequestHeaders),
		checkText("request_body", a.RequestBody, maxPayload),
		checkText("request_signature", a.RequestSignature, MaxSignature),
		checkText("error_code", a.ErrorCode, MaxName),
		checkOptionalID("lease_token", a.LeaseToken),
		checkTime("attempted_at", a.AttemptedAt),
		checkTime("completed_at", a.CompletedAt),
	)
	switch {
	case err != nil:
		return err
	case a.ResponseStatusCode != nil && (*a.ResponseStatusCode < 100 || *a.ResponseStatusCode > 599):
		return &InvalidError{"response_status_code", "must be 100 to 599, or nil"}
	case a.ResponseTimeMS != nil && *a.ResponseTimeMS < 0:
		return &InvalidError{"response_time_ms", "must not be negative"}
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

func checkRequestHeaders(field string, headers map[string][]string) error {
	for name, values := range sorted(headers) {
		if err := checkHeaderName(field, name); err != nil {
			return err
		}
		for _, value := range values {
			if err := checkText(field+"["+name+"]", value, MaxHeaderValue); err != nil {
				return err
			}
		}
	}
	return nil
}

// Prepare makes an attempt ready to be stored: it validates it, cuts what the other side sent to
// its limits, and takes credentials out. For backends.
func (a *Attempt) Prepare(maxPayload int) error {
	if err := a.validate(maxPayload); err != nil {
		return err
	}
	a.RequestHeaders = RedactRequestHeaders(a.RequestHeaders)
	a.ResponseHeaders = keptHeaders(RedactResponseHeaders(a.ResponseHeaders))
	var cut bool
	a.ResponseBody, cut = storable(a.ResponseBody, MaxResponseBody)
	a.ResponseBodyTruncated = a.ResponseBodyTruncated || cut
	a.ErrorMessage, _ = storable(a.ErrorMessage, MaxErrorMessage)
	a.AttemptedAt, a.CompletedAt = storedTime(a.AttemptedAt), storedTime(a.CompletedAt)
	return nil
}

// storable returns text as it can be stored: valid UTF-8 without NUL, of at most maxBytes, and
// whether that cut it.
func storable(text string, maxBytes int) (kept string, cut bool) {
	if len(text) > maxBytes+utf8.UTFMax {
		text = text[:maxBytes+utf8.UTFMax] // what is cut off anyway need not be looked at
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	if len(text) <= maxBytes {
		return text, false
	}
	end := maxBytes
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end], true
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
		texts := make([]string, len(values))
		for i, value := range values {
			texts[i], _ = storable(value, MaxHeaderValue)
			room -= len(texts[i])
		}
		if room -= len(name); room < 0 {
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
