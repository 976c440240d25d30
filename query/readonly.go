package query

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// readOnly is a transaction that refuses what writes before it is sent: PostgreSQL's own refusal
// would end the transaction.
type readOnly struct{ Executor }

var errReadOnly = &driver.Error{Kind: driver.ErrReadOnly, Err: errors.New("the transaction was begun read-only")}

// writing are what a statement that writes or locks has in it. Names in statements are in lower
// case, and values are parameters.
var writing = []string{"INSERT", "UPDATE", "DELETE", "FOR SHARE", "FOR KEY SHARE", "nextval("}

func writes(sql string) bool {
	return slices.ContainsFunc(writing, func(word string) bool { return strings.Contains(sql, word) })
}

func (x readOnly) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	if writes(sql) {
		return errReadOnly
	}
	return x.Executor.Query(ctx, sql, args, targets, row)
}

func (x readOnly) Exec(context.Context, string, []any) (int64, error) { return 0, errReadOnly }

func (x readOnly) Insert(context.Context, Table, []string, int, func(int) []any) error {
	return errReadOnly
}

// InTx is refused: what a method puts in a transaction of its own writes, if it comes to that. An
// InTx of the app goes to writable.
func (x readOnly) InTx(context.Context, func(tx Executor) error, ...driver.TxOption) error {
	return errReadOnly
}

// writable is what x refuses to write to, or x itself.
func writable(x Executor) Executor {
	if refuses, ok := x.(readOnly); ok {
		return refuses.Executor
	}
	return x
}
