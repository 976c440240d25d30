package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The kinds of errors, for errors.Is.
var (
	// ErrNotFound: what was asked for by its id is not there.
	ErrNotFound = errors.New("not found")
	// ErrAlreadyExists: the id or another unique key is taken. Nothing changed.
	ErrAlreadyExists = errors.New("already exists")
	// ErrConflict: somebody else changed it since it was read.
	ErrConflict = errors.New("conflict")
	// ErrVersionConflict: the aggregate is at another version. Details: VersionConflictError.
	ErrVersionConflict = errors.New("version conflict")
	// ErrState: the transition is not a legal one.
	ErrState = errors.New("illegal state transition")
	// ErrInvalid: the input breaks a rule. Details: InvalidError. Nothing was sent.
	ErrInvalid = errors.New("invalid")
	// ErrReferenced: others refer to it, so it can't go.
	ErrReferenced = errors.New("still referenced")
	// ErrMissingReference: it refers to what is not there.
	ErrMissingReference = errors.New("missing reference")
	// ErrLeaseLost: the lease ended or went to somebody else. Details, of events: LeaseLostError.
	ErrLeaseLost = errors.New("lease lost")
	// ErrTxRequired: the method works inside a transaction only: call it on the Store that InTx
	// gives.
	ErrTxRequired = errors.New("transaction required")
	// ErrNotMigrated: the schema lacks tables or is older than this library.
	ErrNotMigrated = errors.New("not migrated")
	// ErrSchemaTooNew: a newer version of this library migrated the schema.
	ErrSchemaTooNew = errors.New("schema too new")
	// ErrDirty: a migration failed half-way and somebody has to look.
	ErrDirty = errors.New("schema dirty")
	// ErrMissingKey: secrets are encrypted with a key that the key ring lacks. Details:
	// MissingKeyError.
	ErrMissingKey = errors.New("missing key")
	// ErrClosed: the DB or the Store was closed.
	ErrClosed = errors.New("closed")
	// ErrReadOnly: the database or the transaction takes no writes.
	ErrReadOnly = errors.New("read-only")
	// ErrPermission: the role that the app is connected as lacks a privilege. Details: PermissionError.
	ErrPermission = errors.New("permission denied")
	// ErrUnavailable: lost connection, busy, deadlock or serialization failure. Trying again may
	// help. Details: UnavailableError.
	ErrUnavailable = errors.New("unavailable")
	// ErrCorrupt: what the database has stored is damaged. Look after the disk, and restore a backup: what can still
	// be read need not be what was written.
	ErrCorrupt = errors.New("corrupt")
	// ErrInternal: the database refused what it should have taken. A bug, or a changed table.
	ErrInternal = errors.New("internal error")
)

// Error is what every method returns on failure: which operation, on which entity, and why. It
// matches its Kind and its cause.
//
// Below the methods, in a backend, it may lack all but Kind and Err: see [Fail].
type Error struct {
	Op     string // the method: "Events.Save"
	Schema string // may be empty
	Entity string // "event", "schema", …
	Key    string // which one: an id, or a name and a value; may be empty
	Kind   error  // one of the kinds above; nil if only Err tells (a cancelled context)
	Err    error  // the cause: details, or the database driver's own error; may be nil
}

// Error says all there is in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("neoevents: ")
	b.WriteString(e.Op)
	for _, part := range []string{e.Entity, e.Key} {
		if part != "" {
			b.WriteByte(' ')
			b.WriteString(part)
		}
	}
	if e.Schema != "" {
		fmt.Fprintf(&b, " (schema %s)", e.Schema)
	}
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			b.WriteString(": ")
			b.WriteString(err.Error())
		}
	}
	return b.String()
}

// MarshalJSON gives what Error says. The cause is left out: PostgreSQL's own errors hold rows.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Op      string `json:"op"`
		Schema  string `json:"schema"`
		Entity  string `json:"entity"`
		Key     string `json:"key"`
		Message string `json:"message"`
	}{e.Op, e.Schema, e.Entity, e.Key, e.Error()})
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 2)
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Fail completes an error for the caller of a method: it says which operation failed, on what. What
// lies below a method may return an Error without an Op (its Key, if any, stands), a kind, a detail (InvalidError,
// VersionConflictError, UnavailableError) or an error of any other origin; an Error that is
// complete stays as it is. Nil stays nil. For backends.
func Fail(op, schema, entity, key string, err error) error {
	if err == nil {
		return nil
	}
	failed := &Error{Op: op, Schema: schema, Entity: entity, Key: key, Err: err}
	var below *Error
	if errors.As(err, &below) {
		if below.Op != "" {
			return err
		}
		failed.Kind, failed.Err = below.Kind, below.Err
		if below.Key != "" {
			failed.Key = below.Key
		}
		return failed
	}
	var invalid *InvalidError
	var version *VersionConflictError
	var unavailable *UnavailableError
	var missing *MissingKeyError
	var lost *LeaseLostError
	var permission *PermissionError
	switch {
	case errors.As(err, &permission):
		failed.Kind = ErrPermission
	case errors.As(err, &lost):
		failed.Kind = ErrLeaseLost
	case errors.As(err, &missing):
		failed.Kind = ErrMissingKey
	case err == ErrNotFound, err == ErrAlreadyExists, err == ErrTxRequired, err == ErrClosed:
		failed.Kind, failed.Err = err, nil
	case errors.As(err, &invalid):
		failed.Kind = ErrInvalid
	case errors.As(err, &version):
		failed.Kind = ErrVersionConflict
	case errors.As(err, &unavailable):
		failed.Kind = ErrUnavailable
	}
	return failed
}

// InvalidError is the detail of ErrInvalid.
type InvalidError struct {
	Field  string // as in SQL and JSON: "event_type", "events[3].event_data"
	Reason string // what is wrong and what would be right; never the value
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// VersionConflictError is the detail of ErrVersionConflict.
type VersionConflictError struct {
	Aggregate Aggregate
	Expected  int64 // the version that the caller took for the last one
	Actual    int64 // the last version there is; 0 for an aggregate without events
}

func (e *VersionConflictError) Error() string {
	return fmt.Sprintf("%s is at version %d, not %d", e.Aggregate, e.Actual, e.Expected)
}

// ReferenceError is the detail of ErrMissingReference and ErrReferenced.
type ReferenceError struct {
	Field  string // what refers, as in SQL and JSON: "endpoint_id"
	Entity string // what is not there, or what refers to it: "endpoint", "subscription"
	Key    string // of what is not there; empty for ErrReferenced
	Err    error  `json:"-"` // the database driver's own error; nil if it was not needed to find out
}

func (e *ReferenceError) Error() string {
	if e.Key == "" {
		return "a " + e.Entity + " refers to it by " + e.Field
	}
	return e.Field + ": there is no " + e.Entity + " " + e.Key
}

// Unwrap returns the database driver's own error.
func (e *ReferenceError) Unwrap() error { return e.Err }

func stateError(reason string) error { return &Error{Kind: ErrState, Err: errors.New(reason)} }

func conflictError(reason string) error { return &Error{Kind: ErrConflict, Err: errors.New(reason)} }

// UnavailableError is the detail of ErrUnavailable.
type UnavailableError struct {
	// CommitUnknown: the connection broke while a commit was under way, so nobody can tell whether
	// it took effect. Saving the same ids again is safe: if it did, the answer is ErrAlreadyExists.
	CommitUnknown bool
	// GaveWay: the database undid the transaction in favour of another one (a deadlock, a
	// serialization failure). Trying again at once is right.
	GaveWay bool
	Err     error `json:"-"` // the database driver's own error
}

func (e *UnavailableError) Error() string {
	if e.CommitUnknown {
		return "whether it was committed is unknown: " + e.Err.Error()
	}
	return e.Err.Error()
}

// Unwrap returns the database driver's own error.
func (e *UnavailableError) Unwrap() error { return e.Err }

// PermissionError is the detail of ErrPermission.
type PermissionError struct {
	Remedy string // who has to be granted what, or who can do it instead
	Err    error  `json:"-"` // the database driver's own error, which names the table or the schema
}

func (e *PermissionError) Error() string { return e.Err.Error() + "; " + e.Remedy }

// Unwrap returns the database driver's own error.
func (e *PermissionError) Unwrap() error { return e.Err }

// IsRetryable reports whether the same call may succeed when it is made again: the error matches
// ErrUnavailable and it is known that nothing was committed.
func IsRetryable(err error) bool {
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		return !unavailable.CommitUnknown
	}
	return errors.Is(err, ErrUnavailable)
}

// Aggregate names one aggregate: the entity whose history its events are.
type Aggregate struct {
	Type string
	ID   uuid.UUID
}

// String returns type and id, as "Order 0192…".
func (a Aggregate) String() string { return a.Type + " " + a.ID.String() }
