package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/neomultitenant/neoevents/driver"
)

// serverError is what the server says, as *pgconn.PgError and *pq.Error give it.
type serverError interface {
	error
	SQLState() string
}

// classify tells failures apart: the server's by SQLSTATE, the others as a lost connection.
// mayHaveCommitted tells that the statement commits by itself or is a COMMIT: when its answer is
// lost, so is the knowledge whether it took effect.
func classify(ctx context.Context, err error, mayHaveCommitted bool) error {
	if err == nil {
		return nil
	}
	var known *driver.Error
	if errors.As(err, &known) {
		return err
	}
	err = withoutConfig(err)
	var refusal serverError
	var scan pgx.ScanArgError
	switch {
	case errors.As(err, &refusal):
		return refused(ctx, refusal.SQLState(), err, mayHaveCommitted)
	case errors.As(err, &scan):
		return &driver.Error{Kind: driver.ErrInternal, Err: err}
	case errors.Is(err, pgx.ErrTxClosed), errors.Is(err, puddle.ErrClosedPool),
		errors.Is(err, sql.ErrTxDone), errors.Is(err, sql.ErrConnDone):
		return &driver.Error{Kind: driver.ErrClosed, Err: err}
	case errors.Is(err, pgx.ErrTxCommitRollback): // the answer to COMMIT was ROLLBACK
		return &driver.Error{Kind: driver.ErrInternal, Err: err}
	case mayHaveCommitted && (!pgconn.SafeToRetry(err) || errors.Is(err, pgconn.ErrConnClosed)):
		// pgx closes a connection that breaks, and calls what it says of that safe to retry,
		// though the statement was sent.
		return unavailable(err, true)
	case ctx.Err() != nil:
		return ended(ctx, err)
	}
	return unavailable(err, false)
}

func unavailable(err error, commitUnknown bool) error {
	return &driver.Error{Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{CommitUnknown: commitUnknown, Err: err}}
}

// ended says that the context ended, and what that did to the call.
func ended(ctx context.Context, err error) error {
	if !errors.Is(err, ctx.Err()) {
		err = errors.Join(ctx.Err(), err)
	}
	return &driver.Error{Err: err}
}

// unreachable is a failed attempt to connect, without pgx's settings, which hold the password.
type unreachable struct {
	text  string
	cause error
}

func (u *unreachable) Error() string { return u.text }
func (u *unreachable) Unwrap() error { return u.cause }

func withoutConfig(err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	remedy := "; check that the server runs, and host and port in the dsn"
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		remedy = "; check user, password, database and settings in the dsn"
	}
	// pgx writes a line for each address that it tried.
	text := strings.NewReplacer(":\n\t", ": ", "\n\t", "; ").Replace(failed.Error())
	return &unreachable{text + remedy, failed.Unwrap()}
}

// lacksGrants is the remedy where nothing more is known than that a privilege is missing.
const lacksGrants = "grant the role of the app what this prints: go run github.com/neomultitenant/neoevents/cmd/migrate -dsn DSN -schema SCHEMA -role ROLE grants"

// refused maps a SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html
func refused(ctx context.Context, code string, err error, mayHaveCommitted bool) error {
	kind := driver.ErrInternal
	switch code {
	case "23505": // unique_violation
		kind = driver.ErrAlreadyExists
	case "23503": // foreign_key_violation
		kind = driver.ErrMissingReference
	case "25006": // read_only_sql_transaction
		kind = driver.ErrReadOnly
	case "XX001", "XX002": // data_corrupted, index_corrupted
		kind = driver.ErrCorrupt
	case "42501": // insufficient_privilege
		return &driver.Error{Kind: driver.ErrPermission, Err: &driver.PermissionError{Remedy: lacksGrants, Err: err}}
	case "57014": // query_canceled: by the context, or by statement_timeout
		if ctx.Err() != nil {
			return ended(ctx, err)
		}
		return unavailable(err, false)
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return &driver.Error{Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{GaveWay: true, Err: err}}
	case "55P03", // lock_not_available
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout
		"57P01", "57P03", "57P05": // admin_shutdown, cannot_connect_now, idle_session_timeout
		return unavailable(err, false) // a session that still answers has rolled back
	case "57P02": // crash_shutdown: it interrupts anything
		return unavailable(err, mayHaveCommitted)
	default:
		switch code[:min(2, len(code))] {
		case "08": // connection exceptions; a pooler's too, when it lost the server
			return unavailable(err, mayHaveCommitted)
		case "53": // insufficient resources
			return unavailable(err, false)
		case "28", "3D": // wrong user or password, unknown database
			kind = driver.ErrInvalid
		}
	}
	return &driver.Error{Kind: kind, Err: err}
}
