package differential

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// value is a random one of a type, for a field of that name. Most are such that the backends take them.
func (w *twins) value(owner, name string, typ reflect.Type) reflect.Value {
	value := reflect.New(typ).Elem()
	w.fill(value, owner, name)
	if typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]() && w.oneIn(4, "spoil") {
		w.spoil(value)
	}
	return value
}

// fill sets a value. owner is the type of which it is a field, or the repository whose argument it is.
func (w *twins) fill(value reflect.Value, owner, name string) {
	switch v := value.Addr().Interface().(type) {
	case *uuid.UUID:
		*v = w.fieldID(owner, name)
	case **uuid.UUID:
		if kind := idFields[name]; kind != "" && w.oneIn(2, name+" set") {
			*v = new(w.id(kind))
		} else if name != "ReplayOf" && kind == "" && w.oneIn(2, name+" set") {
			*v = new(w.id("context"))
		}
	case *time.Time:
		if name == "OccurredBefore" {
			*v = pick(w, name, time.Time{}, givenTimes[1])
		} else {
			*v = pick(w, name, givenTimes...)
		}
	case **time.Time:
		if w.oneIn(3, name+" set") {
			*v = new(pick(w, name, givenTimes...))
		}
	case *json.RawMessage:
		if text := w.text(pick(w, name, jsonFields(owner, name)...)); text != "" {
			*v = json.RawMessage(text)
		}
	case *driver.Secret:
		*v = driver.NewSecret(pick(w, name, "whsec_"+strings.Repeat("QUFB", 8), "s3cret", "ü"))
	case *map[string]driver.Secret:
		if w.oneIn(3, name) {
			*v = map[string]driver.Secret{"X-Key": driver.NewSecret("ä"), "x-empty": {}}
		}
	case *map[string]string:
		*v = pick(w, name, nil, map[string]string{}, map[string]string{"a": "1", "A": "", "ä\u2028": `"<&>`})
	case *map[string][]string:
		*v = pick(w, name, nil, map[string][]string{}, map[string][]string{"Content-Type": {"a", "b"}, "Set-Cookie": {"c"}, "x": {}})
	case *[]driver.Condition:
		*v = pick(w, name, nil, []driver.Condition{}, []driver.Condition{{Field: "data.a", Operator: driver.OpGreaterThan, Value: json.RawMessage(`1e400`)}, {Field: "event_name", Operator: driver.OpExists}})
	case *time.Duration:
		*v = pick(w, name, durations(name)...)
	case *int:
		*v = pick(w, name, numbers(name)...)
	case *int64:
		*v = pick(w, name, bigNumbers(name)...)
	case **int64:
		if w.oneIn(2, name) || owner == "ExecutionOutcome" {
			*v = new(pick(w, name, int64(0), 1, 1000, driver.MaxDurationMS))
		}
	case **int:
		if w.oneIn(2, name) {
			*v = new(pick(w, name, 200, 0, 999))
		}
	case *float64:
		*v = pick(w, name, 0, 1, 2.5, 10, 1.1)
	case *bool:
		switch name {
		case "RetryJitter": // is random
		case "PerAggregateOrder":
			*v = w.ordered
		default:
			*v = pick(w, name, usually(name), !usually(name))
		}
	case *[]byte:
		*v = pick(w, name, []byte("a"), []byte{0, 0xff}, []byte{}, nil)
	case **driver.Aggregate:
		if w.oneIn(3, name) {
			aggregate := reflect.New(reflect.TypeFor[driver.Aggregate]())
			w.fill(aggregate.Elem(), "Aggregate", name)
			*v = aggregate.Interface().(*driver.Aggregate)
		}
	default:
		w.fillKind(value, owner, name)
	}
}

func (w *twins) fillKind(value reflect.Value, owner, name string) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(w.text(owner + "." + name))
	case reflect.Struct:
		for i := range value.NumField() {
			w.fill(value.Field(i), value.Type().Name(), value.Type().Field(i).Name)
		}
		w.settle(value)
	case reflect.Slice:
		n := w.number(name+" has", elementsOf(owner, name)...)
		if n < 0 {
			return // nil
		}
		value.Set(reflect.MakeSlice(value.Type(), n, n))
		for i := range n {
			w.fill(value.Index(i), owner, strings.TrimSuffix(name, "s"))
			if value.Index(i).Kind() == reflect.Struct && name == "SaveBatch" {
				w.newOrTaken(value.Index(i))
			}
		}
	}
}

func elementsOf(owner, name string) []int {
	switch {
	case name == "EventTypes" && owner == "Action":
		return []int{1, 2}
	case name == "Attempts", strings.HasPrefix(name, "Include"), strings.HasPrefix(name, "Exclude"):
		return []int{-1, -1, 0, 1}
	case name == "Columns", name == "EventTypes":
		return []int{-1, -1, 1, 2}
	}
	return []int{1, 2, 3, 0, -1}
}

// settle mends what can't be as it is, or would make an outcome hang on the time that passes.
func (w *twins) settle(value reflect.Value) {
	switch v := value.Addr().Interface().(type) {
	case *driver.Event:
		if w.oneIn(2, "next version") {
			v.AggregateVersion = 0
		}
	case *driver.Attempt:
		if !w.oneIn(6, "other lease") {
			v.LeaseToken = nil
			if delivery, known := w.subjectEntity().(driver.Delivery); known {
				v.LeaseToken = delivery.LeaseToken
			}
		}
	case *driver.ExecutionOutcome:
		if !w.oneIn(6, "other lease") {
			v.LeaseToken = nil
			if execution, known := w.subjectEntity().(driver.Execution); known {
				v.LeaseToken = execution.LeaseToken
			}
		}
	case *driver.ArchiveRule:
		if w.oneIn(3, "custom") {
			return
		}
		switch v.Policy { // as Validate wants it
		case driver.PolicyAge:
			v.ArchiveAfterDays, v.MaxEventCount, v.MaxTableBytes = 1, 0, 0
		case driver.PolicySize:
			v.ArchiveAfterDays, v.MaxEventCount = 0, 1
		case driver.PolicyHybrid:
			v.ArchiveAfterDays, v.MaxEventCount = 1, 1
		case driver.PolicyCustom:
			v.ArchiveAfterDays, v.MaxEventCount, v.MaxTableBytes, v.Schedule = 0, 0, 0, ""
		}
	}
}

// idFields says what an id in a field of that name is of.
var idFields = map[string]string{
	"EndpointID": "Endpoint", "EventID": "Event", "ActionID": "Action", "EventTypeID": "EventType", "RuleID": "ArchiveRule", "JobID": "ArchiveJob", "RetryOf": "Execution",
	"AggregateID": "aggregate",
}

func (w *twins) fieldID(owner, name string) uuid.UUID {
	switch {
	case owner == "Aggregate":
		return w.id("aggregate")
	case idFields[name] != "":
		return w.id(idFields[name])
	case name == "" || strings.HasPrefix(name, "Mark") || name == "UpdateLastTriggered":
		return w.id(kinds[owner])
	case owner == "Subscription" || owner == "Event" || owner == "Endpoint":
		return uuid.Nil
	}
	return w.id("context")
}

func usually(name string) bool { return strings.HasPrefix(name, "Is") || name == "VerifySSL" }

func durations(name string) []time.Duration {
	if name == "Retry" {
		return []time.Duration{0, time.Hour, driver.MaxRetryDelay, driver.MaxRetryDelay + 1, -1}
	}
	return []time.Duration{0, time.Hour, driver.MaxLease, driver.MaxLease + 1, -1, 1, math.MaxInt64, math.MinInt64}
}

func numbers(name string) []int {
	switch name {
	case "TimeoutSeconds":
		return []int{0, 1, 300}
	case "MaxRetryAttempts", "MaxRetries":
		return []int{0, 1, 3, 50}
	case "RetryBackoffSeconds", "RetryDelaySeconds":
		return []int{600, 3600} // longer than any sequence
	case "DisableAfterFailures", "DisableAfterDays", "MaxAttempts":
		return []int{0, 1, 2, 365}
	case "RetentionDays":
		return []int{0, 0, 1}
	case "AutoDeleteAfterDays":
		return []int{0, 1, 10}
	case "ArchiveAfterDays", "RetryCount", "Number", "AttemptCount", "Attempts", "MaxEvents":
		return []int{0, 0, 0, 1}
	case "FromVersion":
		return []int{0, 1, 2}
	}
	return []int{0, 1, 2, 3, driver.MaxLimit, 0, 1, 2, 3, driver.MaxLimit + 1, -1, math.MaxInt, math.MinInt}
}

func bigNumbers(name string) []int64 {
	switch name {
	case "AggregateVersion", "FromVersion":
		return []int64{0, 1, 2, 3, 7, math.MaxInt64}
	case "Append":
		return []int64{driver.AnyVersion, driver.NoEvents, 1, 2, 3}
	case "AfterPosition", "MaxBytes", "MaxTableBytes", "MaxEventCount":
		return []int64{0}
	}
	return []int64{0, 1, 2, 1_000_000_000}
}

// spoil puts something into a field that users should not, or hardly ever, put there.
func (w *twins) spoil(value reflect.Value) {
	field := w.number("field", upTo(value.NumField())...)
	name := value.Type().Field(field).Name
	v := value.Field(field)
	if slices.Contains([]string{"RetryJitter", "RetryBackoffSeconds", "RetryDelaySeconds", "Schedule", "ID", "Columns", "Revision"}, name) {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = pick(w, "bad time", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("west", -3600)))
		return
	case *json.RawMessage:
		if text := w.text("bad JSON"); text != "" {
			*p = json.RawMessage(text)
		} else {
			*p = json.RawMessage{}
		}
		return
	case *driver.Secret:
		*p = driver.NewSecret(w.text("bad"))
		return
	case *uuid.UUID:
		*p = uuid.Nil
		return
	case **uuid.UUID:
		*p = new(uuid.Nil)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(w.text("bad"))
	case reflect.Int, reflect.Int64:
		v.SetInt(pick(w, "bad number", int64(-1), math.MaxInt64, math.MinInt64, math.MaxInt32, math.MaxInt32+1, 1<<53+1))
	case reflect.Float64:
		v.SetFloat(pick(w, "bad number", math.NaN(), math.Inf(1), -1, 1e308, 5e-324, 1.0000000000000002))
	case reflect.Slice:
		v.SetZero()
	}
}
