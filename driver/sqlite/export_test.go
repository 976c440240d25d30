package sqlite

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/migrate"
)

// Pragma reads a setting of the connection that writes, or of one that reads.
func Pragma(ctx context.Context, of driver.DB, reader bool, name string) (value string, err error) {
	pool := of.(*db).writer
	if reader {
		pool = of.(*db).readers
	}
	s, err := pool.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer pool.release(s)
	err = s.conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
	return value, err
}

// Exec runs a statement on the connection that writes.
func Exec(ctx context.Context, on driver.DB, statement string, args ...any) error {
	s, err := on.(*db).writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer on.(*db).writer.release(s)
	_, err = s.conn.ExecContext(ctx, statement, args...)
	return err
}

// Empty removes all rows of a schema: of the youngest tables first, as they refer to older ones.
func Empty(ctx context.Context, on driver.DB, schema string) error {
	s, err := on.(*db).writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer on.(*db).writer.release(s)
	var script string
	err = s.conn.QueryRowContext(ctx, `SELECT 'BEGIN IMMEDIATE; ' || group_concat('DELETE FROM "' || name || '"; ', '') || 'COMMIT' FROM`+
		` (SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ? AND name <> ? ORDER BY rowid DESC)`,
		schema+"__*", schema+"__"+migrate.VersionTable).Scan(&script)
	if err == nil {
		_, err = s.conn.ExecContext(ctx, script)
	}
	return err
}
