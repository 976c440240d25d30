package driver_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

func TestRedactRequestHeaders(t *testing.T) {
	for name, hidden := range map[string]bool{
		"Content-Type": false, "content-type": false, "CONTENT-LENGTH": false, "User-Agent": false, "Accept": false, "X-Request-Id": false,
		"webhook-id": false, "Webhook-Timestamp": false, "webhook-signature": false, "X-Webhook-Signature": false, "Traceparent": false,
		"Authorization": true, "authorization": true, "Cookie": true, "X-Api-Key": true, "X-Token": true, "Proxy-Authorization": true,
		"X-Anything-Else": true, "Content-Type ": true, "": true, "Tracestate": true,
	} {
		want := "value"
		if hidden {
			want = driver.Redacted
		}
		got := driver.RedactRequestHeaders(map[string][]string{name: {"value", "value"}})
		if !reflect.DeepEqual(got, map[string][]string{name: {want, want}}) {
			t.Errorf("%q: got %v, want values %q", name, got, want)
		}
	}
}

func TestRedactResponseHeaders(t *testing.T) {
	for name, hidden := range map[string]bool{
		"Content-Type": false, "Date": false, "Server": false, "Retry-After": false, "X-Request-Id": false, "Location": false, "": false,
		"Set-Cookie": true, "set-cookie": true, "SET-COOKIE2": true, "WWW-Authenticate": true, "Proxy-Authenticate": true, "X-Csrf-Token": true,
		"X-Amz-Security-Token": true, "X-Api-Key": true, "Apikey": true, "X-Client-Secret": true, "X-Password": true, "X-Session-Id": true,
		"Authorization": true, "X-Auth": true, "X-Credentials": true,
	} {
		want := "value"
		if hidden {
			want = driver.Redacted
		}
		got := driver.RedactResponseHeaders(map[string][]string{name: {"value"}})
		if !reflect.DeepEqual(got, map[string][]string{name: {want}}) {
			t.Errorf("%q: got %v, want the value %q", name, got, want)
		}
	}
}

func TestRedactingLeavesTheCallersHeadersAsTheyAre(t *testing.T) {
	for name, redact := range map[string]func(map[string][]string) map[string][]string{
		"requests": driver.RedactRequestHeaders, "responses": driver.RedactResponseHeaders,
	} {
		headers := http.Header{"Authorization": {"a", "b"}, "Content-Type": {"c"}, "Cookie": nil}
		got := redact(headers)
		if want := (http.Header{"Authorization": {"a", "b"}, "Content-Type": {"c"}, "Cookie": nil}); !reflect.DeepEqual(headers, want) {
			t.Errorf("%s: the caller's headers are %v now, want %v", name, headers, want)
		}
		if len(got) != 3 || len(got["Authorization"]) != 2 || got["Authorization"][1] != driver.Redacted || got["Content-Type"][0] != "c" {
			t.Errorf("%s: got %v, want all names, with the credentials hidden", name, got)
		}
		if got := redact(nil); got != nil {
			t.Errorf("%s: got %v of nil, want nil", name, got)
		}
		if got := redact(map[string][]string{}); got == nil || len(got) != 0 {
			t.Errorf("%s: got %v of no headers, want no headers", name, got)
		}
	}
}
