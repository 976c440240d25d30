package query

import "context"

// Executor runs statements, on a pool or in a transaction.
//
// Arguments and scan targets are of these types, and pointers to the first four
// where NULL is possible: uuid.UUID, time.Time, int64, string; bool,
// json.RawMessage, []uuid.UUID and []int64. The executor converts them to what its database has.
// Times come back in UTC.
//
// Errors: the context's own error if it ended, else a *Failure.
type Executor interface {
	// Query runs a statement and calls row for each row of its result, in order.
	// An error of row ends it and is returned as it is.
	Query(ctx context.Context, sql string, args []any, row func(scan Scan) error) error

	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, sql string, args []any) (int64, error)

	// Insert adds n rows to a table in the fastest way there is. values gives the
	// values of row i, in the order of columns; it may return the same slice each time.
	// A failure can leave some of the rows: use it in a transaction.
	Insert(ctx context.Context, table Table, columns []string, n int, values func(i int) []any) error

	// InTx runs fn in a transaction, or in a savepoint if this is a transaction:
	// commits if fn returns nil, else rolls back and returns fn's error as it is. A panic
	// rolls back and goes on.
	InTx(ctx context.Context, fn func(tx Executor) error) error

	// IsTx reports whether this is a transaction.
	IsTx() bool
}

// Scan stores the columns of the current row.
type Scan func(targets ...any) error

// Failure is a database's refusal, told apart.
type Failure struct {
	Kind error // one of the kinds of package driver
	Err  error // the database driver's own error, or a detail that wraps it
}

func (f *Failure) Error() string   { return f.Kind.Error() + ": " + f.Err.Error() }
func (f *Failure) Unwrap() []error { return []error{f.Kind, f.Err} }
