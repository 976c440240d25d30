package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// executor runs statements on the pool, each in a transaction of its own.
type executor struct {
	db     *db
	schema string // whose connection is preferred; empty: any
}

func (x *executor) IsTx() bool { return false }

func (x *executor) Query(ctx context.Context, sql string, args, targets []any, row func()) error {
	conn, err := x.db.acquire(ctx, x.schema)
	if err != nil {
		return err
	}
	defer x.db.release(ctx, conn)
	writes := !strings.HasPrefix(sql, "SELECT")
	return classify(ctx, runQuery(ctx, conn, sql, args, targets, row), writes)
}

func (x *executor) Exec(ctx context.Context, sql string, args []any) (int64, error) {
	conn, err := x.db.acquire(ctx, x.schema)
	if err != nil {
		return 0, err
	}
	defer x.db.release(ctx, conn)
	tag, err := conn.Exec(ctx, sql, bind(args)...)
	return tag.RowsAffected(), classify(ctx, err, true)
}

func (x *executor) Insert(ctx context.Context, table query.Table, columns []string, n int, values func(int) []any) error {
	return x.InTx(ctx, func(tx query.Executor) error { return tx.Insert(ctx, table, columns, n, values) })
}

func (x *executor) InTx(ctx context.Context, fn func(tx query.Executor) error, opts ...driver.TxOption) error {
	config, err := driver.NewTxConfig(opts...)
	if err != nil {
		return err
	}
	conn, err := x.db.acquire(ctx, x.schema)
	if err != nil {
		return err
	}
	defer x.db.release(ctx, conn)
	tx, err := conn.BeginTx(ctx, txOptions(config))
	if err != nil {
		return classify(ctx, err, false)
	}
	return runTx(ctx, pgxTx{tx}, fn, true)
}

// txOptions leaves what is not asked for to the settings of the connection.
func txOptions(config driver.TxConfig) (options pgx.TxOptions) {
	if config.Isolation != driver.ReadCommitted {
		options.IsoLevel = pgx.TxIsoLevel(config.Isolation.String())
	}
	if config.ReadOnly {
		options.AccessMode = pgx.ReadOnly
	}
	return options
}
