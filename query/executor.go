package query

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
)

// Executor runs statements, on a pool or in a transaction.
//
// Arguments are uuid.UUID, time.Time, int64, int, float64, bool and string; pointers to these,
// where nil is NULL; json.RawMessage, a text, and []byte, bytes that are none, where nil is NULL,
// too, and empty is not; []uuid.UUID and []string, the lists that a Dialect has SQL for; and any
// database/sql/driver.Valuer of a text, a number, a bool or nil.
//
// Scan targets are pointers to uuid.UUID, time.Time, int64, int, float64, bool and string; pointers
// to pointers to these, where NULL is possible; *json.RawMessage and *[]byte, nil for NULL; and any
// database/sql.Scanner, which gets a text as string or []byte.
//
// The executor converts them to what its database has. Times come back in UTC.
//
// Errors are *driver.Error with Kind and Err set, nothing else: Err is the database driver's own
// error or wraps it. If the context ended, Kind is nil and Err wraps the context's error. A unique
// key that is taken is ErrAlreadyExists.
type Executor interface {
	// Query runs a statement and, for each row of its result in order, stores the columns in
	// targets and calls row, which may be nil. Outside a transaction the statement only reads,
	// unless the dialect has WritableCTE.
	Query(ctx context.Context, sql string, args, targets []any, row func()) error

	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, sql string, args []any) (int64, error)

	// Insert adds n rows to a table in the fastest way there is. values gives the values of row i,
	// in the order of columns; it may return the same slice each time. A failure can leave some of
	// the rows: use it in a transaction.
	Insert(ctx context.Context, table Table, columns []string, n int, values func(i int) []any) error

	// InTx runs fn in a transaction, or in a savepoint if this is a transaction: commits if fn
	// returns nil, else rolls back and returns fn's error as it is. A panic rolls back and goes on.
	// A savepoint has what its transaction has, whatever opts say: the caller has checked that this
	// will do.
	InTx(ctx context.Context, fn func(tx Executor) error, opts ...driver.TxOption) error

	// IsTx reports whether this is a transaction.
	IsTx() bool
}

// Forgetful is an Executor, outside a transaction, that can commit without waiting for the disk where
// that is safe: what a power failure may undo then are the last changes, and all processes that know of
// them end with it.
type Forgetful interface {
	// InForgetfulTx is InTx for changes that nobody need remember after a power failure.
	InForgetfulTx(ctx context.Context, fn func(tx Executor) error) error
}

// Sharing is an Executor, outside a transaction, that commits short transactions of several callers
// together.
type Sharing interface {
	// InShortTx is InTx for what is short, and the library's own. It returns when all is committed that
	// fn did or saw, or with the error of that.
	InShortTx(ctx context.Context, fn func(tx Executor) error) error
}

// shortRows is up to how many rows a transaction writes that is short.
const shortRows = 100

// inShortTx is x.InTx for a transaction of the library's own that is short, if it writes so many rows: it
// shares the wait for the disk with others where that is possible.
func inShortTx(ctx context.Context, x Executor, rows int, fn func(x Executor) error) error {
	if sharing, ok := x.(Sharing); ok && rows <= shortRows {
		return sharing.InShortTx(ctx, fn)
	}
	return x.InTx(ctx, fn)
}
