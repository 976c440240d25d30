package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/neomultitenant/neoevents/driver"
)

// classify tells SQLite's refusals apart by their code. ctx is the call's.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *driver.Error
	if errors.As(err, &known) {
		return err
	}
	kind := driver.ErrInternal
	var refusal *sqlite.Error
	switch {
	case ctx.Err() != nil: // the statement was interrupted, or never started
		if !errors.Is(err, ctx.Err()) {
			err = errors.Join(ctx.Err(), err)
		}
		return &driver.Error{Err: err}
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone):
		kind = driver.ErrClosed
	case errors.As(err, &refusal):
		kind = kindOf(refusal.Code())
		if refusal.Code()&0xff == sqlite3.SQLITE_CANTOPEN {
			err = fmt.Errorf("%w; its directory must exist, and both be writable", err)
		}
	}
	if kind == driver.ErrUnavailable {
		err = &driver.UnavailableError{Err: err}
	}
	return &driver.Error{Kind: kind, Err: err}
}

// kindOf maps a result code, extended or not. https://sqlite.org/rescode.html
func kindOf(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return driver.ErrAlreadyExists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return driver.ErrMissingReference
	}
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL:
		return driver.ErrUnavailable
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return driver.ErrReadOnly
	}
	return driver.ErrInternal
}

func isBusy(err error) bool {
	var refusal *sqlite.Error
	return errors.As(err, &refusal) && refusal.Code()&0xff == sqlite3.SQLITE_BUSY
}
