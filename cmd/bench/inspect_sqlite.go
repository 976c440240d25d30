package main

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// sqliteInspector looks at the files of a database.
type sqliteInspector struct {
	path string
	db   *sql.DB // which can't write
}

func inspectSQLite(_ context.Context, dsn string) (inspector, error) {
	scheme, path, _ := strings.Cut(dsn, ":")
	path, parameters, _ := strings.Cut(path, "?")
	if scheme == "sqlite" {
		path = strings.TrimPrefix(path, "//")
	}
	if path == ":memory:" || strings.Contains(parameters, "mode=memory") {
		return nil, errors.New("the database is in memory")
	}
	escaped := (&url.URL{Path: path}).EscapedPath()
	if scheme == "file" {
		escaped = path
		var err error
		if path, err = url.PathUnescape(strings.TrimPrefix(path, "//")); err != nil {
			return nil, errors.New("the name of the file can't be read")
		}
	}
	db, err := sql.Open("sqlite", "file:"+escaped+"?mode=ro&_pragma=busy_timeout(5000)")
	return sqliteInspector{path, db}, err
}

func (sqliteInspector) about(context.Context) (server, durability string, err error) {
	return "", "", nil
}

// sizes has what is in use of the file, whatever the schema, and the log that goes into it at times.
// What a schema took up that was dropped stays in the file, and is used again.
func (s sqliteInspector) sizes(ctx context.Context, _ string) ([]part, error) {
	var used int64
	err := s.db.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&used)
	if err != nil {
		return nil, err
	}
	parts := []part{{Name: "file, in use", Bytes: used}}
	switch log, err := os.Stat(s.path + "-wal"); {
	case err == nil:
		parts = append(parts, part{Name: "WAL", Bytes: log.Size()})
	case !errors.Is(err, fs.ErrNotExist): // there is none in other modes
		return nil, err
	}
	return parts, nil
}

func (sqliteInspector) processes(context.Context) ([]int, error) {
	return nil, errors.New("SQLite works in the client's process")
}

func (s sqliteInspector) close() error { return s.db.Close() }
