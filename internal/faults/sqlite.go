package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"time"
)

// sqliteFaults is every fault of SQLite, each on a file of its own.
var sqliteFaults = []fault{
	{
		name: "process-kill", backend: "sqlite", begin: killProcesses,
		about: "the processes of the clients are killed with SIGKILL, one or all at once, from the moment that they open the file",
	},
	{
		name: "power-cut", backend: "sqlite", begin: cutPower,
		about: "the power fails: of what no fsync has covered, the disk keeps any part, old, new, or garbage",
	},
	{
		name: "sync-fails", backend: "sqlite", begin: failingDisk(ioErrorFsync),
		about: "the disk fails when it is told to sync",
	},
	{
		name: "write-fails", backend: "sqlite", begin: failingDisk(ioErrorWrite),
		about: "the disk fails while it is written to",
	},
	{
		name: "disk-full", backend: "sqlite", begin: fullDisk,
		about: "the disk is full",
	},
	{
		name: "second-writer", backend: "sqlite", begin: onFile("", secondWriter),
		about: "another process writes, in transactions that take long",
	},
	{
		name: "locked", backend: "sqlite", begin: onFile("?_pragma=busy_timeout(50)", lockFile),
		about: "another process holds the lock for longer than the busy timeout",
	},
	{
		name: "read-only", backend: "sqlite", begin: onFile("", openReadOnly),
		about: "the file is opened by who may not write to it",
	},
	{
		name: "corrupt", backend: "sqlite", begin: onFile("", damageCopy),
		about: "bytes of the file are changed",
	},
	{
		name: "moved", backend: "sqlite", begin: onFile("", moveFile),
		about: "the file is moved, and another one put in its place, while it is open",
	},
	{
		name: "cancelled", backend: "sqlite", begin: onFile("", cancelContexts),
		about: "the contexts of all calls under way end",
	},
	{
		name: "wal-deleted", backend: "sqlite", begin: closeProcesses,
		about: "the files -wal and -shm are deleted when nobody has the database open",
	},
}

// databaseFile is the path of the database that the clients work on.
type databaseFile string

func (f databaseFile) dsn(params string) string { return "sqlite:" + string(f) + params }

// onFile begins with a file and injects with its path in hand.
func onFile(params string, inject func(ctx context.Context, file databaseFile, w *work) error) func(context.Context, string) (*site, error) {
	return func(_ context.Context, dir string) (*site, error) {
		file := databaseFile(filepath.Join(dir, "app.db"))
		return &site{
			dsn: file.dsn(params), around: file.dsn(""), end: func() {},
			inject: func(ctx context.Context, w *work) error { return inject(ctx, file, w) },
		}, nil
	}
}

// connect opens the file past package driver, in one connection.
func (f databaseFile) connect(params string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+string(f)+params)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// upTo is a random time.
func (w *work) upTo(most time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(most)))
}

func cancelContexts(_ context.Context, _ databaseFile, w *work) error {
	w.interrupt()
	return nil
}
