package main

import (
	"runtime/debug"

	_ "github.com/neomultitenant/neoevents/driver/postgres" // registers postgres: and postgresql:
	_ "github.com/neomultitenant/neoevents/driver/sqlite"   // registers sqlite: and file:
)

// backends is what the report can say about the backends above. One that is not in it is measured
// all the same.
var backends = map[string]struct{ module, durability string }{
	"postgres": {"github.com/jackc/pgx/v5", "as the server's fsync and the connection's synchronous_commit have it"},
	"sqlite":   {"modernc.org/sqlite", "a commit is on disk when it returns (WAL, synchronous=FULL) unless the DSN says otherwise"},
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
