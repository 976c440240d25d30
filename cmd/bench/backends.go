package main

import (
	"context"
	"runtime/debug"

	_ "github.com/neomultitenant/neoevents/driver/postgres" // registers postgres: and postgresql:
	_ "github.com/neomultitenant/neoevents/driver/sqlite"   // registers sqlite: and file:
)

// backends is what the report can say about the backends above. One that is not in it is measured
// all the same.
var backends = map[string]struct {
	module, durability string
	inspect            func(ctx context.Context, dsn string) (inspector, error)
}{
	"postgres": {"github.com/jackc/pgx/v5", "as the server's fsync and the connection's synchronous_commit have it", inspectPostgres},
	"sqlite":   {"modernc.org/sqlite", "a commit is on disk when it returns (WAL, synchronous=FULL) unless the DSN says otherwise", inspectSQLite},
}

// inspector looks at a database from beside the driver, by a connection of its own.
type inspector interface {
	// about says which server it is and what a commit waits for; empty: nothing beyond what backends says.
	about(ctx context.Context) (server, durability string, err error)
	// sizes returns what a schema takes up, in parts.
	sizes(ctx context.Context, schema string) ([]part, error)
	// processes are those that work for connections to the database, as the system that runs them
	// numbers them. An error says why they can't be looked at from here.
	processes(ctx context.Context) ([]int, error)
	close() error
}

// part is a table with its indexes, or a file.
type part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Dead  int64  `json:"dead_rows,omitempty"` // that were deleted and take up room; 0 also where nobody counts them
}

// build returns the version of this command, as the Go command stamped it: a tag, or the time and the revision of the
// commit that it was built from, with +dirty if files were changed. Without one, as of go run, it is (devel).
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// version returns the module that a backend reaches its database with, and its version. For SQLite
// that is the database itself. Where it isn't known, the backend's name is all there is.
func version(backend string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return backend
	}
	for _, module := range info.Deps {
		if module.Path == backends[backend].module {
			return module.Path + " " + module.Version
		}
	}
	return backend
}
