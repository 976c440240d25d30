package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/neomultitenant/neoevents/driver"
)

// classify tells failures apart: the server's by SQLSTATE, the others as a lost connection.
// mayHaveCommitted tells that the statement commits by itself or is a COMMIT: when its answer is
// lost, so is the knowledge whether it took effect.
func classify(ctx context.Context, err error, mayHaveCommitted bool) error {
	if err == nil {
		return nil
	}
	var known *driver.Error
	var refusal *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &refusal):
		return refused(ctx, refusal, err)
	case errors.Is(err, pgx.ErrTxClosed):
		return &driver.Error{Kind: driver.ErrClosed, Err: err}
	case mayHaveCommitted && !pgconn.SafeToRetry(err):
		return &driver.Error{Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{CommitUnknown: true, Err: err}}
	case ctx.Err() != nil:
		if !errors.Is(err, ctx.Err()) {
			err = errors.Join(ctx.Err(), err)
		}
		return &driver.Error{Err: err}
	}
	var scan pgx.ScanArgError
	if errors.As(err, &scan) {
		return &driver.Error{Kind: driver.ErrInternal, Err: err}
	}
	return &driver.Error{Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{Err: err}}
}

// refused maps a SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html
func refused(ctx context.Context, refusal *pgconn.PgError, err error) error {
	kind := driver.ErrInternal
	switch refusal.Code {
	case "23505": // unique_violation
		kind = driver.ErrAlreadyExists
	case "23503": // foreign_key_violation
		kind = driver.ErrMissingReference
	case "25006": // read_only_sql_transaction
		kind = driver.ErrReadOnly
	case "40001", "40P01", "55P03", // serialization_failure, deadlock_detected, lock_not_available
		"57P01", "57P02", "57P03", "57P05": // shutdowns, cannot_connect_now, idle_session_timeout
		kind = driver.ErrUnavailable
	case "57014": // query_canceled: by the context, or by statement_timeout
		if ctx.Err() != nil {
			return &driver.Error{Err: errors.Join(ctx.Err(), err)}
		}
		kind = driver.ErrUnavailable
	default:
		switch refusal.Code[:2] {
		case "08", "53": // connection exceptions, insufficient resources
			kind = driver.ErrUnavailable
		case "28", "3D": // wrong user or password, unknown database
			kind = driver.ErrInvalid
		}
	}
	if kind == driver.ErrUnavailable {
		err = &driver.UnavailableError{Err: err}
	}
	return &driver.Error{Kind: kind, Err: err}
}
