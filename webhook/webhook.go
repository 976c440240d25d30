// Package webhook signs webhook requests, and verifies those that arrive, as the Standard Webhooks
// specification 1.0.0 says, with its symmetric signature, v1 (HMAC-SHA256):
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//
// A sender adds what [Sign] returns to its request; a receiver calls [Verify] with the header and
// the body as they came, before it parses anything. The bytes that are signed must be the bytes
// that are sent: JSON that was decoded and encoded again no longer verifies.
//
// # Secrets
//
// A secret in the form of the specification, which [NewSecret] makes, is "whsec_" and the base64
// (standard alphabet, padded) of 24 to 64 bytes; the key is those bytes.
//
// A text without that prefix is the key itself, byte for byte, for apps that had secrets before;
// only an empty one is refused, and in FIPS 140-only mode one of fewer than 14 bytes. The reference
// libraries take such a text for base64 instead: a receiver that uses one of them gives it "whsec_"
// and the base64 of the text. A "whsec_" secret of fewer than 24 bytes, which some services hand
// out, can be used by giving the bytes that its base64 stands for.
//
// Every secret that is given must be usable, or the call fails: a mistyped one shows at once, and
// not when it is the only one left. No error holds a secret, a signature, an id or a body.
//
// Everything here is safe for concurrent use.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a webhook, spelled as net/http has the keys of an [http.Header].
const (
	// HeaderID names the webhook, and stays the same when it is sent again: receivers recognize by
	// it what they have processed already.
	HeaderID = "Webhook-Id"
	// HeaderTimestamp is when this attempt was made, in seconds since 1970.
	HeaderTimestamp = "Webhook-Timestamp"
	// HeaderSignature is the signatures, separated by spaces: one for each secret.
	HeaderSignature = "Webhook-Signature"
)

// The kinds of errors, for errors.Is.
var (
	// ErrMissingHeader: one of the three headers is not there, or is empty.
	ErrMissingHeader = errors.New("webhook: missing header")
	// ErrID: the id is not one that can be signed: see Sign.
	ErrID = errors.New("webhook: unusable id")
	// ErrTimestamp: the timestamp is too old, too new, or unreadable.
	ErrTimestamp = errors.New("webhook: unacceptable timestamp")
	// ErrSignature: no signature matches. The request was changed, or signed with another secret.
	ErrSignature = errors.New("webhook: no signature matches")
	// ErrSecret: a secret is unusable, or there are none or too many. The fault of the caller, not
	// of the request.
	ErrSecret = errors.New("webhook: unusable secret")
)

// MaxSecrets is how many secrets a call takes, and how many signatures of a request [Verify] looks
// at.
const MaxSecrets = 32

// Sign returns the three headers of a request with this body, under the keys HeaderID,
// HeaderTimestamp and HeaderSignature. The caller owns them and adds them to its request, with
// [maps.Copy] for instance.
//
// The id belongs to the webhook and not to the attempt. It is visible ASCII without ".": the signed
// text is id.timestamp.body, and with dots in the id one signature would fit several requests. The
// time is that of the attempt, in the years 1970 to 9999, and is sent in whole seconds. An empty
// body is fine.
//
// The signatures have the order of the secrets, 1 to MaxSecrets of them. Give the current one first
// and, for as long as receivers change over, the one before it second: a receiver that has either
// verifies the request.
//
// A sender whose receivers look for the signatures under another name copies them there:
//
//	request.Header.Set("X-Webhook-Signature", header.Get(webhook.HeaderSignature))
//
// It sends them under both names: libraries for Standard Webhooks, and Verify, know HeaderSignature
// only.
//
// Errors: ErrID, ErrTimestamp, ErrSecret.
func Sign(id string, at time.Time, body []byte, secrets ...string) (http.Header, error) {
	keys, err := keysOf(secrets)
	if err != nil {
		return nil, err
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	seconds := at.Unix()
	if seconds < 0 || seconds > maxTimestamp {
		return nil, fmt.Errorf("%w: it must be in the years 1970 to 9999", ErrTimestamp)
	}
	timestamp := strconv.FormatInt(seconds, 10)
	return http.Header{
		HeaderID:        {id},
		HeaderTimestamp: {timestamp},
		HeaderSignature: {strings.Join(signatures(keys, id, timestamp, body), " ")},
	}, nil
}

// maxTimestamp is the last second of the year 9999.
const maxTimestamp = 253402300799

// signatures returns one signature for each key, as they stand in the header.
func signatures(keys [][]byte, id, timestamp string, body []byte) []string {
	texts := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		texts[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return texts
}

// checkID refuses a dot for what Sign says, and all that a header may lose or change on its way.
func checkID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: it is required", ErrID)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || c == '.' {
			return fmt.Errorf("%w: it must be visible ASCII characters other than a dot", ErrID)
		}
	}
	return nil
}
