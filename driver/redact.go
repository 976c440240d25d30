package driver

import "strings"

// plainRequestHeaders are headers of a request whose values are no credentials. An endpoint's
// custom headers can be anything, so what is not here is taken for one.
var plainRequestHeaders = map[string]bool{
	"accept": true, "accept-encoding": true, "accept-language": true, "cache-control": true, "content-encoding": true,
	"content-length": true, "content-type": true, "date": true, "host": true, "idempotency-key": true, "traceparent": true,
	"user-agent": true, "webhook-id": true, "webhook-signature": true, "webhook-timestamp": true, "x-correlation-id": true,
	"x-request-id": true, "x-webhook-signature": true,
}

// RedactRequestHeaders returns headers as they may be stored: the values of all but some well-known
// names are replaced by [Redacted]. Known are what HTTP and Standard Webhooks define and what
// carries no credentials, such as Content-Type, User-Agent, X-Request-Id, webhook-signature.
func RedactRequestHeaders(headers map[string][]string) map[string][]string {
	return redact(headers, func(name string) bool { return !plainRequestHeaders[name] })
}

// RedactResponseHeaders returns headers as they may be stored: the values of those whose names
// speak of cookies, authentication, authorization, tokens, secrets, passwords, keys or sessions are
// replaced by [Redacted].
func RedactResponseHeaders(headers map[string][]string) map[string][]string {
	return redact(headers, func(name string) bool {
		for _, word := range []string{"cookie", "auth", "token", "secret", "password", "key", "session", "credential"} {
			if strings.Contains(name, word) {
				return true
			}
		}
		return false
	})
}

func redact(headers map[string][]string, secret func(name string) bool) map[string][]string {
	if headers == nil {
		return nil
	}
	redacted := make(map[string][]string, len(headers))
	for name, values := range headers {
		if secret(strings.ToLower(name)) {
			hidden := make([]string, len(values))
			for i := range hidden {
				hidden[i] = Redacted
			}
			values = hidden
		}
		redacted[name] = values
	}
	return redacted
}
