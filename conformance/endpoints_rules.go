package conformance

import (
	"maps"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// spoiled is a change that makes an entity invalid, and the field that is to blame.
type spoiled[E any] struct {
	field  string
	change func(*E)
}

func customHeaders(names ...string) map[string]driver.Secret {
	all := map[string]driver.Secret{}
	for _, name := range names {
		all[name] = driver.NewSecret(canary)
	}
	return all
}

func customHeader(value string) map[string]driver.Secret {
	return map[string]driver.Secret{"X-Token": driver.NewSecret(value)}
}

// spoiledEndpoints are what Save and Update refuse. Values have the canary, which errors must not
// tell.
func spoiledEndpoints() []spoiled[driver.Endpoint] {
	list := []spoiled[driver.Endpoint]{
		{"name", func(e *driver.Endpoint) { e.Name = "" }},
		{"name", func(e *driver.Endpoint) { e.Name = " \t" }},
		{"name", func(e *driver.Endpoint) { e.Name = strings.Repeat("x", driver.MaxName+1) }},
		{"name", func(e *driver.Endpoint) { e.Name = canary + "\xff" }},
		{"name", func(e *driver.Endpoint) { e.Name = canary + "\x00" }},
		{"description", func(e *driver.Endpoint) { e.Description = canary + strings.Repeat("x", driver.MaxDescription) }},
		{"description", func(e *driver.Endpoint) { e.Description = canary + "\x00" }},
		{"secret_token", func(e *driver.Endpoint) { e.SecretToken = driver.NewSecret("whsec_" + canary) }},
		{"secret_token", func(e *driver.Endpoint) { e.SecretToken = driver.NewSecret(canary + "\xff") }},
		{"secret_token", func(e *driver.Endpoint) { e.SecretToken = driver.NewSecret(canary + "\x00") }},
		{"secret_token", func(e *driver.Endpoint) {
			e.SecretToken = driver.NewSecret(canary + strings.Repeat("x", driver.MaxSecret))
		}},
		{"secret_token", func(e *driver.Endpoint) { e.SecretToken = driver.NewSecret(driver.Redacted) }},
		{"custom_headers[X-Token]", func(e *driver.Endpoint) { e.CustomHeaders = customHeader(canary + "\n") }},
		{"custom_headers[X-Token]", func(e *driver.Endpoint) { e.CustomHeaders = customHeader(canary + "\xff") }},
		{"custom_headers[X-Token]", func(e *driver.Endpoint) { e.CustomHeaders = customHeader(canary + "\x7f") }},
		{"custom_headers[X-Token]", func(e *driver.Endpoint) {
			e.CustomHeaders = customHeader(canary + strings.Repeat("x", driver.MaxHeaderValue))
		}},
		{"custom_headers[x-signature]", func(e *driver.Endpoint) {
			e.SignatureHeader, e.CustomHeaders = "X-Signature", customHeaders("x-signature")
		}},
		{"custom_headers[x-token]", func(e *driver.Endpoint) { e.CustomHeaders = customHeaders("X-Token", "x-token") }},
		{"custom_headers", func(e *driver.Endpoint) {
			e.CustomHeaders = map[string]driver.Secret{}
			for i := range driver.MaxCustomHeaders + 1 {
				maps.Copy(e.CustomHeaders, customHeaders("X-"+strings.Repeat("x", i+1)))
			}
		}},
		{"timeout_seconds", func(e *driver.Endpoint) { e.TimeoutSeconds = -1 }},
		{"timeout_seconds", func(e *driver.Endpoint) { e.TimeoutSeconds = 301 }},
		{"max_retry_attempts", func(e *driver.Endpoint) { e.MaxRetryAttempts = -1 }},
		{"max_retry_attempts", func(e *driver.Endpoint) { e.MaxRetryAttempts = 51 }},
		{"retry_backoff_seconds", func(e *driver.Endpoint) { e.RetryBackoffSeconds = -1 }},
		{"retry_backoff_seconds", func(e *driver.Endpoint) { e.RetryBackoffSeconds = 3601 }},
		{"retry_backoff_multiplier", func(e *driver.Endpoint) { e.RetryBackoffMultiplier = 0.5 }},
		{"retry_backoff_multiplier", func(e *driver.Endpoint) { e.RetryBackoffMultiplier = 10.01 }},
		{"retry_backoff_multiplier", func(e *driver.Endpoint) { e.RetryBackoffMultiplier = math.NaN() }},
		{"retry_backoff_multiplier", func(e *driver.Endpoint) { e.RetryBackoffMultiplier = math.Inf(1) }},
		{"disable_after_failures", func(e *driver.Endpoint) { e.DisableAfterFailures = -1 }},
		{"disable_after_failures", func(e *driver.Endpoint) { e.DisableAfterFailures = 1_000_001 }},
		{"disable_after_days", func(e *driver.Endpoint) { e.DisableAfterDays = -1 }},
		{"disable_after_days", func(e *driver.Endpoint) { e.DisableAfterDays = 366 }},
		{"created_by_user_id", func(e *driver.Endpoint) { e.CreatedByUserID = ptr(uuid.Nil) }},
		{"context_id", func(e *driver.Endpoint) { e.ContextID = ptr(uuid.Nil) }},
	}
	for _, url := range []string{
		"", canary, "ftp://example.com/" + canary, "//example.com/" + canary, "https:///" + canary, "https://:443/" + canary,
		"https://user:" + canary + "@example.com", "https://example.com/#" + canary, "https://example.com/#",
		"https://example.com/a b" + canary, "https://example.com:0/" + canary, "https://example.com:65536/" + canary,
		"https://example.com/%zz" + canary, "https://example.com/\x00" + canary, "https://example.com/" + canary + strings.Repeat("x", driver.MaxURL),
	} {
		list = append(list, spoiled[driver.Endpoint]{"endpoint_url", func(e *driver.Endpoint) { e.EndpointURL = url }})
	}
	for _, method := range []string{"GET", "DELETE", "post", " POST", canary} {
		list = append(list, spoiled[driver.Endpoint]{"http_method", func(e *driver.Endpoint) { e.HTTPMethod = method }})
	}
	for _, name := range []string{"Host", "content-length", "Connection", "TE", "Content-Type", canary + " a", canary + ":", "Größe"} {
		list = append(list, spoiled[driver.Endpoint]{"signature_header", func(e *driver.Endpoint) { e.SignatureHeader = name }})
	}
	for _, name := range []string{"", "X Token", "X:Token", "Größe", strings.Repeat("x", driver.MaxName+1)} {
		list = append(list, spoiled[driver.Endpoint]{"custom_headers", func(e *driver.Endpoint) { e.CustomHeaders = customHeaders(name) }})
	}
	for _, name := range []string{
		"Host", "CONTENT-LENGTH", "Connection", "Keep-Alive", "Proxy-Authorization", "Transfer-Encoding", "Upgrade",
		driver.DefaultSignatureHeader, "Webhook-Id", "webhook-timestamp", "webhook-signature",
	} {
		list = append(list, spoiled[driver.Endpoint]{"custom_headers[" + name + "]", func(e *driver.Endpoint) { e.CustomHeaders = customHeaders(name) }})
	}
	return list
}

func endpointSaveRefuses(t *test) {
	for _, spoil := range spoiledEndpoints() {
		_, err := t.store.Endpoints().Save(t.ctx, changed(newEndpoint(), spoil.change))
		t.wantInvalid(err, "Endpoints.Save", spoil.field)
	}
	equal(t, "endpoints stored", len(must(t, t.store.Endpoints().GetActive, 0)), 0)
}

func endpointSaveTakes(t *test) {
	for _, change := range []func(*driver.Endpoint){
		func(e *driver.Endpoint) { e.Name = strings.Repeat("ä", driver.MaxName/2) },
		func(e *driver.Endpoint) { e.Description = strings.Repeat("x", driver.MaxDescription) },
		func(e *driver.Endpoint) {
			const start = "https://example.com/"
			e.EndpointURL = start + strings.Repeat("x", driver.MaxURL-len(start))
		},
		func(e *driver.Endpoint) { e.HTTPMethod, e.TimeoutSeconds = "PUT", 1 },
		func(e *driver.Endpoint) { e.TimeoutSeconds, e.MaxRetryAttempts = 300, 50 },
		func(e *driver.Endpoint) { e.RetryBackoffSeconds, e.RetryBackoffMultiplier = 1, 1 },
		func(e *driver.Endpoint) { e.RetryBackoffSeconds, e.RetryBackoffMultiplier = 3600, 10 },
		func(e *driver.Endpoint) { e.RetryBackoffMultiplier = math.Nextafter(1, 2) },
		func(e *driver.Endpoint) { e.DisableAfterFailures, e.DisableAfterDays = 1_000_000, 365 },
		func(e *driver.Endpoint) { e.CustomHeaders = customHeader(strings.Repeat("x", driver.MaxHeaderValue)) },
		func(e *driver.Endpoint) {
			e.CustomHeaders = map[string]driver.Secret{}
			for i := range driver.MaxCustomHeaders {
				maps.Copy(e.CustomHeaders, customHeaders("X-"+strings.Repeat("x", i+1)))
			}
		},
	} {
		given := changed(newEndpoint(), change)
		saved := must(t, t.store.Endpoints().Save, given)
		sameEntity(t, "endpoint saved", saved, endpointAsStored(given, saved))
		sameEntity(t, "endpoint read back", must(t, t.store.Endpoints().GetByID, saved.ID), saved)
	}
}
