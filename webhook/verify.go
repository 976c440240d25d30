package webhook

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far the timestamp of a request may be from now, in either direction, for
// [Verify].
const Tolerance = 5 * time.Minute

// Verify returns nil if one of the secrets signed the request, and its timestamp is at most
// Tolerance before or after now, both in whole seconds. Give the receiver's clock as now, or, for a
// request that was kept, the time it arrived; and more than one secret while they change.
//
// The header has its keys as net/http has them, which is how they arrive in [http.Request]; of a
// header that is there more than once the first one counts, as for [http.Header.Get]. Signatures of
// other versions, such as v1a, are passed over, and so are those after the first MaxSecrets. The
// comparison takes the same time whatever a signature of the right length holds.
//
// The same request verifies again until its timestamp is too old: a receiver that must not process
// it twice remembers its HeaderID, for twice the tolerance or longer.
//
// Errors: ErrSecret, which is the receiver's own fault (500 Internal Server Error);
// ErrMissingHeader, ErrID, ErrTimestamp and ErrSignature, which are the request's (401
// Unauthorized).
func Verify(header http.Header, body []byte, now time.Time, secrets ...string) error {
	keys, err := keysOf(secrets)
	if err != nil {
		return err
	}
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		if header.Get(name) == "" {
			return fmt.Errorf("%w: %s", ErrMissingHeader, name)
		}
	}
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	if err := checkID(id); err != nil {
		return err
	}
	if err := checkTimestamp(timestamp, now); err != nil {
		return err
	}
	if !anyMatches(header.Get(HeaderSignature), signatures(keys, id, timestamp, body)) {
		return ErrSignature
	}
	return nil
}

func checkTimestamp(text string, now time.Time) error {
	seconds, err := strconv.ParseUint(text, 10, 63) // takes digits only: no sign, no fraction
	if err != nil || seconds > maxTimestamp {
		return fmt.Errorf("%w: it must be whole seconds since 1970", ErrTimestamp)
	}
	// Sub stops at the longest Duration, where a difference of two numbers would turn its sign.
	age := time.Unix(now.Unix(), 0).Sub(time.Unix(int64(seconds), 0))
	switch {
	case age > Tolerance:
		return fmt.Errorf("%w: it is too old", ErrTimestamp)
	case age < -Tolerance:
		return fmt.Errorf("%w: it is too new", ErrTimestamp)
	}
	return nil
}

// anyMatches reports whether one of the signatures in the header is one that is wanted. The version
// is part of what is compared: a signature of another version matches none.
func anyMatches(header string, wanted []string) bool {
	looked := 0
	for given := range strings.FieldsSeq(header) {
		if looked++; looked > MaxSecrets {
			return false
		}
		for _, want := range wanted {
			if hmac.Equal([]byte(given), []byte(want)) {
				return true
			}
		}
	}
	return false
}
