package driver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var kinds = []error{
	driver.ErrNotFound, driver.ErrAlreadyExists, driver.ErrConflict, driver.ErrVersionConflict, driver.ErrState, driver.ErrInvalid,
	driver.ErrReferenced, driver.ErrMissingReference, driver.ErrLeaseLost, driver.ErrTxRequired, driver.ErrNotMigrated,
	driver.ErrSchemaTooNew, driver.ErrDirty, driver.ErrMissingKey, driver.ErrClosed, driver.ErrReadOnly, driver.ErrUnavailable, driver.ErrCorrupt, driver.ErrInternal,
}

func TestEachKindIsItselfOnly(t *testing.T) {
	texts := map[string]bool{}
	for _, kind := range kinds {
		err := fmt.Errorf("around: %w", driver.Fail("Events.Save", "tenant", "event", "", &driver.Error{Kind: kind, Err: io.ErrUnexpectedEOF}))
		for _, other := range kinds {
			if got, want := errors.Is(err, other), other == kind; got != want {
				t.Errorf("errors.Is of %v and %v: got %t, want %t", kind, other, got, want)
			}
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v: the cause is out of reach", kind)
		}
		if texts[kind.Error()] {
			t.Errorf("two kinds are called %q", kind)
		}
		texts[kind.Error()] = true
	}
}

func TestFailOfNilIsNil(t *testing.T) {
	if err := driver.Fail("Events.Save", "tenant", "event", "", nil); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestFailLeavesACompleteErrorAsItIs(t *testing.T) {
	complete := &driver.Error{Op: "Events.Save", Schema: "tenant", Entity: "event", Key: "1", Kind: driver.ErrNotFound}
	for name, err := range map[string]error{
		"complete":         complete,
		"wrapped":          fmt.Errorf("fn: %w", complete),
		"joined":           errors.Join(io.EOF, complete),
		"without a schema": &driver.Error{Op: "Connect", Kind: driver.ErrInvalid},
	} {
		if got := driver.Fail("InTx", "other", "transaction", "2", err); got != err {
			t.Errorf("%s: got %v, want %v itself", name, got, err)
		}
	}
}

func TestFailFillsIn(t *testing.T) {
	version := &driver.VersionConflictError{Aggregate: driver.Aggregate{Type: "Order", ID: uuid.New()}, Expected: 1, Actual: 2}
	invalid := &driver.InvalidError{Field: "event_type", Reason: "is required"}
	unavailable := &driver.UnavailableError{CommitUnknown: true, Err: io.ErrUnexpectedEOF}
	tests := []struct {
		name      string
		err       error
		kind      error
		cause     error
		unchanged bool // the cause is err itself
	}{
		{name: "a partial Error", err: &driver.Error{Kind: driver.ErrReadOnly, Err: io.EOF}, kind: driver.ErrReadOnly, cause: io.EOF},
		{name: "a partial Error without a cause", err: &driver.Error{Kind: driver.ErrClosed}, kind: driver.ErrClosed},
		{name: "a partial Error without a kind", err: &driver.Error{Err: context.Canceled}, cause: context.Canceled},
		{name: "a partial Error with a detail", err: &driver.Error{Kind: driver.ErrUnavailable, Err: unavailable}, kind: driver.ErrUnavailable, cause: unavailable},
		{name: "not found", err: driver.ErrNotFound, kind: driver.ErrNotFound},
		{name: "already exists", err: driver.ErrAlreadyExists, kind: driver.ErrAlreadyExists},
		{name: "transaction required", err: driver.ErrTxRequired, kind: driver.ErrTxRequired},
		{name: "closed", err: driver.ErrClosed, kind: driver.ErrClosed},
		{name: "InvalidError", err: invalid, kind: driver.ErrInvalid, cause: invalid},
		{name: "InvalidError, wrapped", err: fmt.Errorf("x: %w", invalid), kind: driver.ErrInvalid, unchanged: true},
		{name: "VersionConflictError", err: version, kind: driver.ErrVersionConflict, cause: version},
		{name: "UnavailableError", err: unavailable, kind: driver.ErrUnavailable, cause: unavailable},
		{name: "another error", err: io.EOF, cause: io.EOF},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.unchanged {
				test.cause = test.err
			}
			got, ok := driver.Fail("Events.Save", "tenant", "event", "1", test.err).(*driver.Error)
			want := driver.Error{Op: "Events.Save", Schema: "tenant", Entity: "event", Key: "1", Kind: test.kind, Err: test.cause}
			if !ok || *got != want {
				t.Errorf("got %#v, want %#v", got, want)
			}
			if test.kind != nil && !errors.Is(got, test.kind) || test.cause != nil && !errors.Is(got, test.cause) {
				t.Errorf("%v matches not both kind %v and cause %v", got, test.kind, test.cause)
			}
		})
	}
}

func TestDetailsAreWithinReach(t *testing.T) {
	cause := errors.New("connection reset")
	aggregate := driver.Aggregate{Type: "Order", ID: uuid.New()}
	wrap := func(err error) error {
		return fmt.Errorf("placing the order: %w", driver.Fail("Events.Save", "tenant", "event", "", err))
	}
	var invalid *driver.InvalidError
	if err := wrap(&driver.InvalidError{Field: "limit", Reason: "is wrong"}); !errors.As(err, &invalid) || invalid.Field != "limit" {
		t.Errorf("InvalidError: got %v, want it in %v", invalid, err)
	}
	var version *driver.VersionConflictError
	if err := wrap(&driver.VersionConflictError{Aggregate: aggregate, Actual: 3}); !errors.As(err, &version) || version.Actual != 3 || version.Aggregate != aggregate {
		t.Errorf("VersionConflictError: got %v, want it in %v", version, err)
	}
	var unavailable *driver.UnavailableError
	err := wrap(&driver.UnavailableError{Err: cause})
	if !errors.As(err, &unavailable) || !errors.Is(err, cause) {
		t.Errorf("UnavailableError: got %v, want it and its cause in %v", unavailable, err)
	}
	var failed *driver.Error
	if !errors.As(err, &failed) || failed.Op != "Events.Save" {
		t.Errorf("Error: got %v, want it in %v", failed, err)
	}
}

func TestAnInvalidErrorIsErrInvalidByItself(t *testing.T) {
	err := error(&driver.InvalidError{Field: "limit", Reason: "is wrong"})
	if !errors.Is(err, driver.ErrInvalid) || errors.Is(err, driver.ErrNotFound) {
		t.Errorf("%v: want it to match %v only", err, driver.ErrInvalid)
	}
}

func TestErrorsInOneLine(t *testing.T) {
	id := uuid.MustParse("01890f6e-0000-7000-8000-000000000001")
	for want, err := range map[string]error{
		"neoevents: Events.GetByID event 42 (schema tenant): not found": &driver.Error{
			Op: "Events.GetByID", Schema: "tenant", Entity: "event", Key: "42", Kind: driver.ErrNotFound,
		},
		"neoevents: Events.Save event (schema tenant): invalid: event_type is required": driver.Fail(
			"Events.Save", "tenant", "event", "", &driver.InvalidError{Field: "event_type", Reason: "is required"}),
		"neoevents: Ping database: unavailable: EOF": driver.Fail(
			"Ping", "", "database", "", &driver.UnavailableError{Err: io.EOF}),
		"neoevents: InTx transaction (schema tenant): unavailable: whether it was committed is unknown: EOF": driver.Fail(
			"InTx", "tenant", "transaction", "", &driver.UnavailableError{CommitUnknown: true, Err: io.EOF}),
		"neoevents: Events.Append event: version conflict: Order 01890f6e-0000-7000-8000-000000000001 is at version 3, not 2": driver.Fail(
			"Events.Append", "", "event", "", &driver.VersionConflictError{Aggregate: driver.Aggregate{Type: "Order", ID: id}, Expected: 2, Actual: 3}),
		"neoevents: Events.Exists event: context canceled": driver.Fail("Events.Exists", "", "event", "", context.Canceled),
		"neoevents: Close": &driver.Error{Op: "Close"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIsRetryable(t *testing.T) {
	known := &driver.UnavailableError{Err: io.EOF}
	unknown := &driver.UnavailableError{CommitUnknown: true, Err: io.EOF}
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"nil", nil, false},
		{"nothing committed", known, true},
		{"nothing committed, in an Error", driver.Fail("InTx", "", "", "", known), true},
		{"nothing committed, wrapped", fmt.Errorf("x: %w", driver.Fail("InTx", "", "", "", known)), true},
		{"commit unknown", unknown, false},
		{"commit unknown, in an Error", driver.Fail("InTx", "", "", "", unknown), false},
		{"unavailable without a detail", driver.ErrUnavailable, true},
		{"an Error without a detail", &driver.Error{Kind: driver.ErrUnavailable}, true},
		{"the context ended", driver.Fail("InTx", "", "", "", context.DeadlineExceeded), false},
		{"another error", io.EOF, false},
	}
	for _, kind := range kinds {
		tests = append(tests, struct {
			name string
			err  error
			want bool
		}{kind.Error(), &driver.Error{Op: "Events.Save", Kind: kind}, kind == driver.ErrUnavailable})
	}
	for _, test := range tests {
		if got := driver.IsRetryable(test.err); got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, got, test.want)
		}
	}
}
