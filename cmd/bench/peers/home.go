package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/internal/byhand"
)

// conns is how many connections to PostgreSQL each peer may have: one for each goroutine that saves.
const conns = 32

// cleanupTime bounds the dropping of a schema, which also happens after an interruption.
const cleanupTime = time.Minute

// place is the server, or the folder, that all peers are measured on.
type place struct {
	backend    backend
	version    string
	durability string
	dsn        string
	admin      *pgxpool.Pool // nil: SQLite
	lz4        bool          // the server can compress by it
	dir        string        // of SQLite's files
	number     int           // of homes so far
	prefix     string        // of schemas
}

// home is where one peer's tables go, for one run: a schema of its own, or a file.
type home struct {
	*place
	schema string
	path   string
}

func findPlace(ctx context.Context, dsn string) (*place, error) {
	if dsn == "" {
		return newFolder(ctx)
	}
	settings, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, usageError{errors.New("-dsn can't be read; use postgres://user:password@host:port/database")} // not even the cause: it may quote the password
	}
	settings.MaxConns = 2
	admin, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, err
	}
	p := &place{backend: onPostgres, dsn: dsn, admin: admin, prefix: fmt.Sprintf("peers_%08x_", rand.Uint32())}
	var version, fsync, commit, pages string
	err = admin.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'),
current_setting('full_page_writes'), (SELECT 'lz4' = ANY (enumvals) FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression') IS TRUE`).
		Scan(&version, &fsync, &commit, &pages, &p.lz4)
	if err != nil {
		admin.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	p.version = "PostgreSQL " + version
	p.durability = fmt.Sprintf("fsync=%s, synchronous_commit=%s, full_page_writes=%s, for every peer", fsync, commit, pages)
	return p, nil
}

func newFolder(ctx context.Context) (*place, error) {
	dir, err := os.MkdirTemp("", "neoevents-peers-")
	if err != nil {
		return nil, err
	}
	p := &place{backend: onSQLite, dir: dir, durability: "WAL, synchronous=FULL, for every peer; a claim of neoevents and of hand alone doesn't wait for the disk"}
	db, err := sql.Open("sqlite", ":memory:")
	if err == nil {
		err = db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&p.version)
		_ = db.Close() // it is in memory
	}
	p.version = "SQLite " + p.version
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// home makes a schema, or a folder for a file, with nothing in it.
func (p *place) home(ctx context.Context, name string) (*home, error) {
	p.number++
	if p.backend == onSQLite {
		dir := filepath.Join(p.dir, fmt.Sprintf("%s-%d", name, p.number))
		return &home{place: p, schema: "peers", path: filepath.Join(dir, "peers.db")}, os.Mkdir(dir, 0o700)
	}
	schema := fmt.Sprintf("%s%d", p.prefix, p.number)
	_, err := p.admin.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize())
	return &home{place: p, schema: schema}, err
}

// remove drops what is in the home, whether or not ctx has ended.
func (h *home) remove(ctx context.Context) error {
	if h.backend == onSQLite {
		return os.RemoveAll(filepath.Dir(h.path))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, err := h.admin.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{h.schema}.Sanitize()+" CASCADE")
	return err
}

// close leaves the place as it was.
func (p *place) close() error {
	if p.admin != nil {
		p.admin.Close()
		return nil
	}
	return os.RemoveAll(p.dir)
}

// pool connects to PostgreSQL, after settings were changed.
func (h *home) pool(ctx context.Context, change ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	settings, err := pgxpool.ParseConfig(h.dsn)
	if err != nil {
		return nil, err
	}
	settings.MaxConns = conns
	for _, change := range change {
		change(settings)
	}
	return pgxpool.NewWithConfig(ctx, settings)
}

// file opens the SQLite file with one connection, as river and goqite want it.
func (h *home) file() (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+h.path+byhand.Durable)
	if err == nil {
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(1)
	}
	return db, err
}
