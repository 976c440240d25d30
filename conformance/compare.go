package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// ok ends the test if err is not nil.
func (t *test) ok(err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// equal fails the test if got is not want.
func equal[T comparable](t *test, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// equalList fails the test if got is not want, in that order.
func equalList[T comparable](t *test, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, brief(got), brief(want))
	}
}

// brief is a list for a person to read.
func brief[T any](list []T) string {
	const most = 20
	text := fmt.Sprint(list[:min(len(list), most)])
	if len(list) > most {
		text += fmt.Sprintf(" and %d more", len(list)-most)
	}
	return text
}

// sameEvent fails the test for each field in which got is not want.
func (t *test) sameEvent(what string, got, want driver.Event) {
	t.Helper()
	if diff := differences(got, want); diff != "" {
		t.Errorf("%s:%s", what, diff)
	}
}

// sameEvents fails the test if got is not want, in that order.
func (t *test) sameEvents(what string, got, want []driver.Event) {
	t.Helper()
	equalList(t, "ids of "+what, idsOf(got), idsOf(want))
	if t.Failed() {
		return
	}
	for i := range got {
		t.sameEvent(fmt.Sprintf("%s, event %d", what, i), got[i], want[i])
	}
}

// differences lists the fields in which got is not want, "" if there are none.
func differences(got, want driver.Event) string {
	var diff strings.Builder
	wanted := fieldsOf(want)
	for i, field := range fieldsOf(got) {
		if field != wanted[i] {
			from := firstDifference(field.value, wanted[i].value)
			fmt.Fprintf(&diff, "\n\t%s: got %s, want %s", field.name, excerpt(field.value, from), excerpt(wanted[i].value, from))
		}
	}
	return diff.String()
}

type field struct{ name, value string }

func fieldsOf(e driver.Event) []field {
	return []field{
		{"id", e.ID.String()},
		{"position", fmt.Sprint(e.Position)},
		{"event_type", e.EventType},
		{"event_name", e.EventName},
		{"aggregate_type", e.AggregateType},
		{"aggregate_id", e.AggregateID.String()},
		{"aggregate_version", fmt.Sprint(e.AggregateVersion)},
		{"event_data", string(e.EventData)},
		{"event_metadata", string(e.EventMetadata)},
		{"correlation_id", optional(e.CorrelationID)},
		{"causation_id", optional(e.CausationID)},
		{"triggered_by_user_id", optional(e.TriggeredByUserID)},
		{"context_id", optional(e.ContextID)},
		{"occurred_at", instant(&e.OccurredAt)},
		{"created_at", instant(&e.CreatedAt)},
		{"processed_at", instant(e.ProcessedAt)},
	}
}

func optional(id *uuid.UUID) string {
	if id == nil {
		return "nil"
	}
	return id.String()
}

// instant tells times apart that differ in their moment or in their location.
func instant(at *time.Time) string {
	if at == nil {
		return "nil"
	}
	return at.Format(time.RFC3339Nano) + " " + at.Location().String()
}

func firstDifference(a, b string) int {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return i
}

// excerpt is the part of a long text around a place.
func excerpt(text string, around int) string {
	const before, most = 30, 160
	from := max(0, min(around, len(text))-before)
	if len(text)-from <= most {
		return fmt.Sprintf("%q (from byte %d)", text[from:], from)
	}
	return fmt.Sprintf("%q… (from byte %d of %d)", text[from:from+most], from, len(text))
}

// wantErr fails the test unless err is of the kind, was reported by the method op
// ("": by any), and follows the rules for every error.
func (t *test) wantErr(err error, kind error, op string) {
	t.Helper()
	if fault := faultOf(err, kind, op); fault != "" {
		t.Errorf("%s", fault)
	}
}

// faultOf says what is wrong with an error, "" if nothing is.
func faultOf(err error, kind error, op string) string {
	if err == nil {
		return fmt.Sprintf("%s: no error, want one that matches %q", op, kind)
	}
	if !errors.Is(err, kind) {
		return fmt.Sprintf("%s: got error %q, want one that matches %q", op, err, kind)
	}
	var failed *driver.Error
	switch {
	case !errors.As(err, &failed):
		return fmt.Sprintf("%s: the error %q is no *driver.Error", op, err)
	case failed.Op == "", op != "" && failed.Op != op:
		return fmt.Sprintf("the error %q has the Op %q, want %q", err, failed.Op, op)
	case !strings.Contains(err.Error(), failed.Op):
		return fmt.Sprintf("the error %q doesn't tell its Op %q", err, failed.Op)
	case strings.Contains(err.Error(), canary):
		return fmt.Sprintf("the error %q tells what is in the payload", err)
	case driver.IsRetryable(err) && kind != driver.ErrUnavailable:
		return fmt.Sprintf("the error %q is retryable, want it not to be", err)
	}
	return ""
}

// wantInvalid fails the test unless err is the refusal of a field by the method op.
func (t *test) wantInvalid(err error, op, field string) {
	t.Helper()
	t.wantErr(err, driver.ErrInvalid, op)
	var invalid *driver.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("%s: the error %v has no *driver.InvalidError", op, err)
		return
	}
	equal(t, "field that "+op+" refused", invalid.Field, field)
	if invalid.Reason == "" {
		t.Errorf("%s: the refusal of %s gives no reason", op, field)
	}
}

// wantTaken fails the test unless err is the refusal of an id by the method op, and names it.
func (t *test) wantTaken(err error, op string, id uuid.UUID) {
	t.Helper()
	t.wantErr(err, driver.ErrAlreadyExists, op)
	if err == nil {
		return
	}
	for _, part := range []string{"event", id.String()} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error %q doesn't name %q", op, err, part)
		}
	}
}

// wantConflict fails the test unless err is a version conflict with these details.
func (t *test) wantConflict(err error, op string, want driver.VersionConflictError) {
	t.Helper()
	t.wantErr(err, driver.ErrVersionConflict, op)
	var conflict *driver.VersionConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("%s: the error %v has no *driver.VersionConflictError", op, err)
		return
	}
	equal(t, "details of the conflict in "+op, *conflict, want)
}
