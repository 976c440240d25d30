package driver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Bad input, generated from the types of the entities, so that a new field is covered on the day it
// is added. Each bad value in each field must be refused by Validate, or be on the list of what is
// allowed, with a reason.

// entities returns a valid one of each, with something in every list and map.
func entities() []any {
	event := newEvent()

	endpoint := validEndpoint()

	eventType := driver.NewEventType("order.placed")

	subscription := driver.NewSubscription(uuid.New(), "order.*")

	attempt := driver.Attempt{
		Number: 1, Status: driver.AttemptFailed, RequestURL: "https://example.com/",
		RequestHeaders: map[string][]string{"X-A": {"a"}}, ResponseHeaders: map[string][]string{"X-A": {"a"}},
	}

	delivery := driver.NewDelivery(uuid.New(), uuid.New())
	delivery.Attempts = []driver.Attempt{attempt}

	action := driver.NewAction("mail", driver.HandlerEmail, json.RawMessage(`{"template": "placed"}`), "order.placed")
	action.Conditions = []driver.Condition{{Field: "data.a", Operator: driver.OpEquals, Value: json.RawMessage(`1`)}}
	action.Tags = map[string]string{"a": "b"}

	execution := driver.NewExecution(uuid.New(), driver.Event{ID: uuid.New(), EventType: "order.placed"})
	execution.Status = driver.ExecutionFailed

	archive := validArchive()

	archiveRule := validArchiveRule()

	archiveJob := driver.ArchiveJob{MaxRetries: 3}

	return []any{&event, &endpoint, &eventType, &subscription, &attempt, &delivery, &action, &execution, &archive, &archiveRule, &archiveJob}
}

// prepare does what a backend does before it stores an entity.
func prepare(t *testing.T, entity any) {
	t.Helper()
	var err error
	switch e := entity.(type) {
	case *driver.Delivery:
		err = e.Prepare(driver.DefaultMaxPayload)
		e.Begin(driver.NewEndpoint("", ""), firstMoment)
	case interface{ Prepare(maxPayload int) error }:
		err = e.Prepare(driver.DefaultMaxPayload)
	case interface{ Prepare() error }:
		err = e.Prepare()
	default:
		t.Errorf("a %T has no Prepare", entity)
	}
	if err != nil {
		t.Errorf("Prepare: got error %v, want none after Validate had none", err)
	}
}

// allowance is bad input that is allowed.
type allowance struct {
	owner  string // the type that has the fields
	fields string // their names in JSON
	whats  string // the values, separated by a comma; "": all
	then   check
	why    string
}

// check says what must hold after Prepare: given a field as it is then, and what it is in a valid
// entity that was prepared.
type check func(prepared, valid reflect.Value) bool

var (
	// replaced: as if it had not been given.
	replaced check = func(prepared, valid reflect.Value) bool {
		return reflect.DeepEqual(prepared.Interface(), valid.Interface())
	}
	// filled: a new value.
	filled check = func(prepared, _ reflect.Value) bool { return !prepared.IsZero() }
	// fine: there is nothing to check, for the reason.
	fine check = func(_, _ reflect.Value) bool { return true }
	// storable: text of at most so many bytes that can be stored.
	storable = func(limit int) check {
		return func(prepared, _ reflect.Value) bool {
			size := 0
			ok := eachText(prepared, func(text string) bool {
				size += len(text)
				return utf8.ValidString(text) && !strings.Contains(text, "\x00")
			})
			return ok && size <= limit
		}
	}
)

var allowances = []allowance{
	{"Event", "id", "the zero id", filled, "a new id"},
	{"Event", "position created_at", "", replaced, "the database's to say"},
	{"Event", "correlation_id causation_id triggered_by_user_id context_id", "the zero id", fine, "an id like any other, since the first version"},
	{"Event", "aggregate_version", "zero", fine, "the next version"},
	{"Event", "aggregate_version", "huge", fine, "any version up to the largest number there is"},

	{"Endpoint", "id", "the zero id", filled, "a new id"},
	{"Endpoint", "previous_secret_token previous_secret_until", "", replaced, "RotateSecret sets them"},
	{"Endpoint", "timeout_seconds retry_backoff_seconds retry_backoff_multiplier", "zero", replaced, "the default"},
	{"Endpoint", "max_retry_attempts", "zero", fine, "no retries"},
	{"Endpoint", "disable_after_failures disable_after_days", "zero", fine, "never"},
	{"Endpoint", "verified_at last_used_at consecutive_failures failing_since disabled_at disabled_reason", "", replaced, "other methods set them"},
	{"Endpoint", "created_at updated_at revision", "", fine, "the database sets them, Save and Update don't; another revision is a conflict"},

	{"EventType", "id", "the zero id", filled, "a new id"},
	{"EventType", "category", "", replaced, "the first word of the type, whatever is given"},
	{"EventType", "example_payload", "a list,a number,a string,null", fine, "any JSON"},
	{"EventType", "created_at updated_at revision", "", fine, "the database sets them, Save and Update don't; another revision is a conflict"},

	{"Subscription", "id", "the zero id", filled, "a new id"},
	{"Subscription", "last_triggered_at", "", replaced, "UpdateLastTriggered sets it"},
	{"Subscription", "created_at updated_at revision", "", fine, "the database sets them, Save and Update don't; another revision is a conflict"},

	{"Attempt", "number", "zero", fine, "the next number"},
	{"Attempt", "response_status_code", "zero", fine, "what the other side sent, whatever it is"},
	{"Attempt", "response_headers", "", storable(driver.MaxResponseHeaders), "what the other side sent is cut, not refused"},
	{"Attempt", "response_body", "", storable(driver.MaxResponseBody), "what the other side sent is cut, not refused"},
	{"Attempt", "error_message", "", storable(driver.MaxErrorMessage), "what the other side sent is cut, not refused"},
	{"Attempt", "response_time_ms", "zero", fine, "less than a millisecond"},

	{"Delivery", "id", "the zero id", filled, "a new id"},
	{"Delivery", "attempt_count", "zero", fine, "the attempts are counted"},
	{"Delivery", "max_attempts retry_backoff_seconds retry_backoff_multiplier", "", replaced, "copied from the endpoint"},
	{"Delivery", "next_retry_at completed_at cancel_reason lease_token lease_until", "", replaced, "the attempts, Cancel and ClaimDue set them"},
	{"Delivery", "created_at updated_at", "", fine, "the database sets them"},

	{"Action", "id", "the zero id", filled, "a new id"},
	{"Action", "timeout_seconds retry_delay_seconds", "zero", replaced, "the default"},
	{"Action", "max_retries", "zero", fine, "no retries"},
	{"Action", "last_triggered_at trigger_count success_count failure_count", "", replaced, "UpdateStatistics sets them"},
	{"Action", "created_at updated_at revision", "", fine, "the database sets them, Save and Update don't; another revision is a conflict"},
	{"Condition", "value", "a list,a number,a string,null", fine, "any JSON, if the operator takes it"},

	{"Execution", "id", "the zero id", filled, "a new id"},
	{"Execution", "duration_ms", "zero", fine, "less than a millisecond"},
	{"Execution", "result", "a list,a number,a string,null", fine, "any JSON"},
	{"Execution", "error_message", "", storable(driver.MaxErrorMessage), "what a handler said is cut, not refused"},
	{"Execution", "retry_count", "zero", fine, "no retry"},
	{"Execution", "lease_token lease_until", "", replaced, "ClaimPending sets them"},
	{"Execution", "created_at updated_at revision", "", fine, "the database sets them, Save and Update don't; another revision is a conflict"},

	{"Archive", "id", "the zero id", filled, "a new id"},
	{"Archive", "status", "", replaced, "a new one is pending"},
	{"Archive", "event_count restored_count first_position last_position events_from events_to", "", replaced, "the methods of ArchiveWork set them"},
	{"Archive", "event_types context_ids raw_bytes size_bytes checksum key_id", "", replaced, "ArchiveWork.Complete sets them"},
	{"Archive", "error_message lease_token lease_until archived_at restored_at deleted_at", "", replaced, "the methods of ArchiveWork set them"},
	{"Archive", "retention_days auto_delete_after_days", "zero", fine, "it need not be kept, and never expires"},
	{"Archive", "created_at updated_at", "", replaced, "the database sets them"},
	{"Archive", "revision", "", fine, "Save doesn't set it, and for Update another one is a conflict"},

	{"ArchiveRule", "id", "the zero id", filled, "a new id"},
	{"ArchiveRule", "max_event_count max_table_bytes", "zero", fine, "not asked, while the other one is"},
	{"ArchiveRule", "max_event_count max_table_bytes", "huge", fine, "a limit that nobody comes to"},
	{"ArchiveRule", "retention_days auto_delete_after_days", "zero", fine, "it need not be kept, and never expires"},
	{"ArchiveRule", "next_run_at last_run_at lease_token lease_until", "", replaced, "the Schedule, ClaimDue and Ran set them"},
	{"ArchiveRule", "created_at updated_at revision", "", fine, "the database sets them, Save and Update don't; another revision is a conflict"},

	{"ArchiveJob", "id", "the zero id", filled, "a new id"},
	{"ArchiveJob", "max_retries", "zero", fine, "no retries"},
	{"ArchiveJob", "status error_message retry_count started_at completed_at", "", replaced, "Start, Finish and Retry set them"},
	{"ArchiveJob", "archives events_archived raw_bytes size_bytes events_skipped", "", replaced, "ArchiveWork.Complete and AddProgress count"},
	{"ArchiveJob", "created_at updated_at revision", "", replaced, "the database sets them"},
}

func (a *allowance) covers(b bad) bool {
	return a.owner == b.owner && slices.Contains(strings.Fields(a.fields), b.field) &&
		(a.whats == "" || slices.Contains(strings.Split(a.whats, ","), b.what))
}

func TestBadInputIsRefusedOrAllowedForAReason(t *testing.T) {
	used := map[int]bool{}
	for _, valid := range entities() {
		typ := reflect.TypeOf(valid).Elem()
		t.Run(typ.Name(), func(t *testing.T) {
			if err := validate(valid); err != nil {
				t.Fatalf("the valid one: got error %v, want none", err)
			}
			original := reflect.ValueOf(valid).Elem().Interface()
			prepare(t, valid)
			for i := range typ.NumField() {
				field := typ.Field(i)
				for _, b := range badValues(t, typ.Name(), jsonName(field), field.Type, reflect.ValueOf(original).Field(i)) {
					entity := reflect.New(typ)
					entity.Elem().Set(reflect.ValueOf(original))
					entity.Elem().Field(i).Set(b.value)
					n := slices.IndexFunc(allowances, func(a allowance) bool { return a.covers(b) })
					if n < 0 {
						wantRefused(t, b, jsonName(field), validate(entity.Interface()))
						continue
					}
					used[n] = true
					if err := validate(entity.Interface()); err != nil {
						t.Errorf("%s: got error %v, and it is on the list of what is allowed: %s", b, err, allowances[n].why)
						continue
					}
					prepare(t, entity.Interface())
					if !allowances[n].then(entity.Elem().Field(i), reflect.ValueOf(valid).Elem().Field(i)) {
						t.Errorf("%s: after Prepare it is %s, want something else: %s", b, brief(entity.Elem().Field(i).Interface()), allowances[n].why)
					}
				}
			}
		})
	}
	for n, a := range allowances {
		if !used[n] {
			t.Errorf("nothing needs this on the list of what is allowed: %s %s %s: %s", a.owner, a.fields, a.whats, a.why)
		}
	}
}

func validate(entity any) error { return entity.(interface{ Validate() error }).Validate() }

func wantRefused(t *testing.T, b bad, field string, err error) {
	t.Helper()
	var invalid *driver.InvalidError
	switch {
	case err == nil:
		t.Errorf("%s: got no error, want it refused, or on the list of what is allowed", b)
	case !errors.As(err, &invalid) || !errors.Is(err, driver.ErrInvalid):
		t.Errorf("%s: got error %v, want an InvalidError", b, err)
	case !strings.HasPrefix(invalid.Field, field):
		t.Errorf("%s: the field is %.80q, want it to begin with %s", b, invalid.Field, field)
	case invalid.Reason == "" || strings.Contains(invalid.Reason, canary) || len(invalid.Reason) > 300:
		t.Errorf("%s: the reason is %.400q, want one that does not repeat the value", b, invalid.Reason)
	}
}

// bad is a value that a field should not have.
type bad struct {
	owner, field string // the innermost type and its field
	what         string
	value        reflect.Value // of the field of the entity
}

func (b bad) String() string { return b.owner + "." + b.field + ", " + b.what }

const farTooLong = 17 << 20

var (
	longText  = canary + strings.Repeat("a", farTooLong)
	badTexts  = map[string]any{"too long": longText, "invalid UTF-8": canary + "\xff", "NUL": canary + "\x00"}
	badByType = map[reflect.Type]map[string]any{
		reflect.TypeFor[json.RawMessage](): {
			"no JSON": json.RawMessage(`{"` + canary + `": ` + canary), "empty": json.RawMessage{}, "spaces": json.RawMessage("  "),
			"invalid UTF-8": json.RawMessage(`{"` + canary + "\xff\": 1}"), "NUL": json.RawMessage(`{"` + canary + "\x00\": 1}"),
			"a list": json.RawMessage(`["` + canary + `"]`), "a number": json.RawMessage(`1`), "a string": json.RawMessage(`"` + canary + `"`), "null": json.RawMessage(`null`),
			"two objects": json.RawMessage(`{} {}`), "true with another space": json.RawMessage("\u00a0true"),
			"too deep": nested(1025), "far too deep": nested(100_000), "too long": object(farTooLong),
		},
		reflect.TypeFor[uuid.UUID](): {"the zero id": uuid.Nil},
		reflect.TypeFor[time.Time](): {"year 0": before, "year 10000": after},
		reflect.TypeFor[driver.Secret](): {
			"too long": driver.NewSecret(longText), "invalid UTF-8": driver.NewSecret(canary + "\xff"), "NUL": driver.NewSecret(canary + "\x00"),
			"hidden": driver.NewSecret(driver.Redacted),
		},
	}
	badByKind = map[reflect.Kind]map[string]any{
		reflect.String:  badTexts,
		reflect.Int:     {"negative": -1, "zero": 0, "huge": math.MaxInt},
		reflect.Int64:   {"negative": int64(-1), "zero": int64(0), "huge": int64(math.MaxInt64)},
		reflect.Float64: {"negative": -1.0, "zero": 0.0, "huge": math.MaxFloat64, "NaN": math.NaN(), "infinite": math.Inf(1), "minus infinite": math.Inf(-1)},
		reflect.Bool:    {}, // both are fine
	}
)

// badValues returns what a field of a type should not be, by what it is where it is valid.
func badValues(t *testing.T, owner, field string, typ reflect.Type, valid reflect.Value) (values []bad) {
	t.Helper()
	add := func(what string, value reflect.Value) {
		values = append(values, bad{owner, field, what, value})
	}
	// within puts bad values of a part of the field where it belongs.
	within := func(parts []bad, put func(part reflect.Value) reflect.Value) {
		for _, part := range parts {
			part.value = put(part.value)
			values = append(values, part)
		}
	}
	simple, known := badByType[typ]
	if !known {
		simple, known = badByKind[typ.Kind()]
	}
	switch {
	case known:
		for what, value := range simple {
			add(what, reflect.ValueOf(value).Convert(typ))
		}
		if typ.Kind() == reflect.String && typ != reflect.TypeFor[string]() {
			add("a wrong word", reflect.ValueOf(canary).Convert(typ))
		}
	case typ.Kind() == reflect.Pointer:
		within(badValues(t, owner, field, typ.Elem(), valid), func(part reflect.Value) reflect.Value {
			pointer := reflect.New(typ.Elem())
			pointer.Elem().Set(part)
			return pointer
		})
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			inner := typ.Field(i)
			within(badValues(t, typ.Name(), jsonName(inner), inner.Type, valid.Field(i)), func(part reflect.Value) reflect.Value {
				whole := reflect.New(typ).Elem()
				whole.Set(valid)
				whole.Field(i).Set(part)
				return whole
			})
		}
	case typ.Kind() == reflect.Slice:
		if valid.Len() == 0 {
			t.Fatalf("the valid entity needs an element in %s.%s", owner, field)
		}
		element := valid.Index(0)
		many := reflect.MakeSlice(typ, 100_000, 100_000)
		for i := range many.Len() {
			many.Index(i).Set(element)
		}
		add("too many", many)
		within(badValues(t, owner, field, typ.Elem(), element), func(part reflect.Value) reflect.Value {
			return reflect.Append(reflect.MakeSlice(typ, 0, 1), part)
		})
	case typ.Kind() == reflect.Map && typ.Key().Kind() == reflect.String:
		if valid.Len() == 0 {
			t.Fatalf("the valid entity needs an element in %s.%s", owner, field)
		}
		key := valid.MapKeys()[0]
		element := valid.MapIndex(key)
		with := func(key, element reflect.Value) reflect.Value {
			one := reflect.MakeMap(typ)
			one.SetMapIndex(key, element)
			return one
		}
		many := reflect.MakeMap(typ)
		for i := range 100_000 {
			many.SetMapIndex(reflect.ValueOf(fmt.Sprint("x", i)), element)
		}
		add("too many", many)
		add("an empty key", with(reflect.ValueOf(""), element))
		for what, text := range badTexts {
			add("a key: "+what, with(reflect.ValueOf(text), element))
		}
		within(badValues(t, owner, field, typ.Elem(), element), func(part reflect.Value) reflect.Value { return with(key, part) })
	default:
		t.Fatalf("%s.%s: there are no bad values of type %s yet", owner, field, typ)
	}
	return values
}

var wordStart = regexp.MustCompile(`([a-z])([A-Z])`)

// jsonName is what a field is called in errors: its name in JSON, also where JSON leaves it out.
func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "-" {
		return strings.ToLower(wordStart.ReplaceAllString(field.Name, "${1}_${2}"))
	}
	return name
}

// eachText calls fn for the texts in a value until it returns false, and reports whether it never did.
func eachText(value reflect.Value, fn func(string) bool) bool {
	switch value.Kind() {
	case reflect.String:
		return fn(value.String())
	case reflect.Slice:
		for _, element := range value.Seq2() {
			if !eachText(element, fn) {
				return false
			}
		}
	case reflect.Map:
		for key, element := range value.Seq2() {
			if !eachText(key, fn) || !eachText(element, fn) {
				return false
			}
		}
	}
	return true
}
