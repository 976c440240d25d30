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
		if remedy := remedies[refusal.Code()&0xff]; remedy != "" {
			err = fmt.Errorf("%w; %s", err, remedy)
		}
	}
	if kind == driver.ErrUnavailable {
		err = &driver.UnavailableError{Err: err}
	}
	return &driver.Error{Kind: kind, Err: err}
}

var remedies = map[int]string{
	sqlite3.SQLITE_CANTOPEN: "its directory must exist, and both be writable",
	sqlite3.SQLITE_CORRUPT:  "PRAGMA integrity_check says more; restore a backup",
	sqlite3.SQLITE_NOTADB:   "restore a backup, unless the DSN names another kind of file",
	sqlite3.SQLITE_FULL:     "make room on the disk",
}

// kindOf maps a result code, extended or not. https://sqlite.org/rescode.html
func kindOf(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return driver.ErrAlreadyExists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return driver.ErrMissingReference
	case sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
		return driver.ErrCorrupt
	}
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL:
		return driver.ErrUnavailable
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return driver.ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return driver.ErrCorrupt
	}
	return driver.ErrInternal
}

func isBusy(err error) bool { return hasCode(err, sqlite3.SQLITE_BUSY) }

func hasCode(err error, code int) bool {
	var refusal *sqlite.Error
	return errors.As(err, &refusal) && refusal.Code()&0xff == code
}

// uncommitted is the error of a COMMIT. One that could not be written to the disk may be there all the same: it is
// undone here, but who opens the database after a crash finds it in the file.
func uncommitted(err error) error {
	unknown := hasCode(err, sqlite3.SQLITE_IOERR)
	err = classify(context.Background(), err)
	var unavailable *driver.UnavailableError
	if unknown && errors.As(err, &unavailable) {
		unavailable.CommitUnknown = true
	}
	return err
}
