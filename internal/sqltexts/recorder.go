package sqltexts

import (
	"context"
	"strings"
	"sync"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// Recorder is an Executor that writes down the text of each statement, before it passes it on.
type Recorder struct {
	query.Executor
	Texts *Texts
}

// Query implements query.Executor.
func (r Recorder) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	r.Texts.add(sql)
	return r.Executor.Query(ctx, sql, args, targets, row)
}

// Exec implements query.Executor.
func (r Recorder) Exec(ctx context.Context, sql string, args []any) (int64, error) {
	r.Texts.add(sql)
	return r.Executor.Exec(ctx, sql, args)
}

// Insert implements query.Executor.
func (r Recorder) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	r.Texts.add("INSERT INTO " + table.Schema + "." + table.Name + " (" + strings.Join(columns, ", ") + ")")
	return r.Executor.Insert(ctx, table, columns, n, values)
}

// InTx implements query.Executor.
func (r Recorder) InTx(ctx context.Context, fn func(tx query.Executor) error, opts ...driver.TxOption) error {
	return r.Executor.InTx(ctx, func(tx query.Executor) error { return fn(Recorder{tx, r.Texts}) }, opts...)
}

// Texts are the texts of statements.
type Texts struct {
	mu   sync.Mutex
	sent map[string]int
	n    int
}

func (x *Texts) add(sql string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sent == nil {
		x.sent = map[string]int{}
	}
	x.sent[sql]++
	x.n++
}

func (x *Texts) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.n
}
