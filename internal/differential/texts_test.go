package differential

import (
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// text is one for a field, whose name may say of which type.
func (w *twins) text(field string) string {
	_, name, found := strings.Cut(field, ".")
	if !found {
		name = field
	}
	texts := textsOf[field]
	if texts == nil {
		texts = textsOf[name]
	}
	if texts == nil {
		texts = textsOf["Name"]
	}
	return pick(w, name, texts...)
}

func jsonFields(owner, name string) []string {
	switch name {
	case "EventFilters", "ContextFilters", "Configuration", "PayloadSchema", "EventData":
		return []string{name}
	case "Result", "ExamplePayload":
		return []string{"any JSON"}
	case "Context":
		return []string{"EventData", "no JSON"}
	}
	return []string{"EventData", "no JSON"}
}

var eventTypes = []string{"order.placed", "order.paid", "Order.placed", "order.line.added", "order", "a-b_c.D"}

// textsOf are texts by field; those of Name are for all others. Some look alike, or are alike to those who
// fold case, normalise, or take them for a pattern.
var textsOf = map[string][]string{
	"EventType":              eventTypes,
	"Subscription.EventType": {"order.placed", "order.*", "*", "Order.*", "order.line.*", "order"},
	"Action.EventType":       {"order.placed", "order.*", "*", "Order.*", "order.line.added"},
	"EventType.EventType":    eventTypes,
	"IncludeType":            {"order.*", "order.placed", "Order.*"},
	"ExcludeType":            {"order.paid", "order.line.*", "order"},
	"Category":               {"order", "Order", "a-b_c", "none", "order.line", ""},
	"AggregateType":          {"Order", "order"},
	"Aggregate.Type":         {"Order", "order"},
	"EndpointURL":            {"https://a.example/hooks", "http://b.example:8080/?q=%C3%A9", "https://ü.example/é"},
	"RequestURL":             {"", "https://a.example/hooks"},
	"HTTPMethod":             {"", "POST", "PUT", "PATCH"},
	"RequestMethod":          {"", "POST", "PUT"},
	"SignatureHeader":        {"", "X-Signature"},
	"LocationTemplate":       {"", "{schema}/{id}"},
	"Schedule":               {"", "@yearly", "59 23 31 12 *"}, // seldom, lest one comes between two calls
	"HandlerType":            {string(driver.HandlerCustom), string(driver.HandlerWebhook), string(driver.HandlerEmail), string(driver.HandlerWorkflow)},
	"ExecutionMode":          {"", "sync", "queued"},
	"Priority":               {"", "low", "normal", "high", "critical"},
	"Policy":                 {"age_based", "size_based", "hybrid", "custom"},
	"StorageType":            {"", "cold_storage", "compressed_archive", "database_partition"},
	"Action.Status":          {"", "active", "paused"},
	"Attempt.Status":         {"failed", "success", "timeout"},
	"Delivery.Status":        {"", "", "pending", "failed"},
	"ExecutionOutcome.Status": {
		"success", "failed", "timeout", "cancelled",
	},
	"Execution.Status": {"", "pending", "running", "success", "failed", "timeout", "cancelled"},
	"Executions.":      {"pending", "running", "success", "failed", "timeout", "cancelled", ""},
	"Executions":       {"pending", "running", "success", "failed", "timeout", "cancelled", ""},
	"Executions.GetByStatus": {
		"pending", "running", "success", "failed", "timeout", "cancelled", "none",
	},
	"ArchiveJobs.GetByStatus": {"pending", "running", "completed", "failed", "cancelled", "none"},
	"ArchiveJobs.Finish":      {"completed", "failed", "cancelled", "running"},
	"Archives.GetByStatus":    {"pending", "in_progress", "completed", "failed", "restored", "deleted", "none"},
	"Actions.GetByHandlerType": {
		string(driver.HandlerCustom), string(driver.HandlerWebhook), "none",
	},
	"LockOptions.Column":    columns(driver.EventColumns()),
	"ProcessOptions.Column": columns(driver.EventColumns()),
	"ClaimOptions.Column":   columns(driver.EventColumns()),
	"MatchOptions.Column":   columns(driver.SubscriptionColumns()),

	"Name": {
		"a", "A", "ä", "a\u0308", "Ä", "i", "İ", "ı", "I", "K", "\u212a", "ß", "ẞ", "ss", " a", "a ", "a\u00a0", "b_c", "b%c", "bxc", `b\_c`, "'", `"`, "'; DROP TABLE events; --",
		"\ufeff", "\U0001f600", "\U0010ffff", "\ue000", "\u200d", "10", "9", strings.Repeat("x", 255), strings.Repeat("ü", 127),
	},
	"bad": {
		"", " ", "\x00", "a\x00b", "\xff", "a\xed\xa0\x80", "\u00a0", "\t", "\u2003", "\v", strings.Repeat("x", 256), strings.Repeat("ü", 128), strings.Repeat("x", 2049),
		strings.Repeat("x", 70_000), "*", "a..b", "none", "\x7f", "\u2028",
	},
	"EventData": {
		`{}`, `{"a": 1}`, `{"a":1,"a":2}`, " {\n\t\"a\" : 1e400 , \"b\":-0.0 } ", `{"n":123456789012345678901234567890.1234567890}`, `{"s":"\u0000\ud800","":null}`,
		`{"deep":[[[[{}]]]],"é":"\u00e9"}`, `{"a":"b"}`, `{"a":9007199254740993}`, `{"a":1.0}`,
	},
	"no JSON":        {""},
	"any JSON":       {"", "null", `"\u0000"`, "1e999999", "[]", ` {"a":[1,2]} `, "-0"},
	"EventFilters":   {"", `{}`, `{"a":1}`, `{"a": {"$gt": 0, "$lte": 1e400}}`, `{"a":["b",2]}`, `{"b":{"$exists":false}}`, `{"n":{"$gte":123456789012345678901234567890}}`},
	"ContextFilters": {"", `{}`, `{"a":1}`, `{"a":["b",1]}`, `{"s":"\u0000\ud800"}`},
	"Configuration":  {`{"url":"u","template":"t","function":"f","steps":[1]}`, ` {"url":"u","url":"\u0000","template":"t","steps":[1e400]} `},
	"PayloadSchema":  {"", `{}`, "true", ` {"type":"object"} `},
	"bad JSON": {
		"", "{", "null", "[]", `{"a":1}}`, "{\"a\":\"\x00\"}", "{\"a\":\"\xff\"}", `{"a":1,}`, `{"$or":1}`, `{"a":{"$gt":null}}`, `{"a":{"b":1,"b":2}}`,
		strings.Repeat(`{"a":`, 1025) + "1" + strings.Repeat("}", 1025), strings.Repeat(`{"a":`, 1023) + "{}" + strings.Repeat("}", 1023),
		`{"a":"` + strings.Repeat("x", 100_000) + `"}`, `{"a":"` + strings.Repeat("x", 99_992) + `"}`, "{\"a\":\"\u2028\"}", `{"a":"\ud83d"}`, "\ufeff{}",
	},
}

func columns[C ~string](all []C) []string {
	names := []string{}
	for _, c := range all {
		names = append(names, string(c))
	}
	return append(names, "none", "id; --", "ID", "")
}
