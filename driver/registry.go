package driver

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

var registry = struct {
	sync.RWMutex
	drivers map[string]Driver
}{drivers: map[string]Driver{}}

// Register makes a driver known under a DSN scheme, the part before the first colon ("postgres",
// "sqlite"). Backends call it from an init function. It panics if d is nil or the scheme is taken.
func Register(scheme string, d Driver) {
	registry.Lock()
	defer registry.Unlock()
	if d == nil {
		panic("neoevents: Register of a nil driver for " + scheme)
	}
	if _, taken := registry.drivers[scheme]; taken {
		panic("neoevents: Register called twice for " + scheme)
	}
	registry.drivers[scheme] = d
}

// Drivers returns the registered schemes, sorted.
func Drivers() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.drivers))
}

// Open connects to the database that dsn names and returns the repositories of one schema. The
// Store owns the pool: close it when done. For several schemas on one pool use [Connect].
//
// DSNs: postgres://user:password@host:port/database?options, postgresql://…, libpq's key=value
// form; sqlite:path, sqlite::memory:, file:path?options. The backend's package must be imported, if
// only for its side effect. Errors are those of [Connect] and [DB].Store.
func Open(dsn, schema string, opts ...Option) (Store, error) {
	if err := ValidateSchema(schema); err != nil {
		return nil, err
	}
	ctx := context.Background()
	db, err := Connect(ctx, dsn, opts...)
	if err != nil {
		return nil, err
	}
	store, err := db.Store(ctx, schema)
	if err != nil {
		_ = db.Close() // the first error is the one that matters
		return nil, err
	}
	return &opened{Store: store, db: db}, nil
}

// Connect opens a pool on the database that dsn names: one pool, many schemas. It returns once the
// database has answered. Errors: ErrInvalid for a dsn or an option that can't be used (an unknown
// scheme and a missing import among them), ErrUnavailable for a database that doesn't answer.
func Connect(ctx context.Context, dsn string, opts ...Option) (DB, error) {
	config, err := NewConfig(opts...)
	if err != nil {
		return nil, err
	}
	d, err := lookup(dsn)
	if err != nil {
		return nil, err
	}
	return d.Connect(ctx, dsn, config)
}

// packages tells the import that a user of a well-known scheme forgot.
var packages = map[string]string{
	"postgres":   "github.com/neomultitenant/neoevents/driver/postgres",
	"postgresql": "github.com/neomultitenant/neoevents/driver/postgres",
	"sqlite":     "github.com/neomultitenant/neoevents/driver/sqlite",
	"file":       "github.com/neomultitenant/neoevents/driver/sqlite",
}

func lookup(dsn string) (Driver, error) {
	scheme := schemeOf(dsn)
	if scheme == "" {
		return nil, invalidDSN("has no scheme; use postgres://user@host/database, sqlite:path or sqlite::memory:")
	}
	registry.RLock()
	d := registry.drivers[scheme]
	registry.RUnlock()
	if d != nil {
		return d, nil
	}
	known := strings.Join(Drivers(), ", ")
	if known == "" {
		known = "none"
	}
	if path := packages[scheme]; path != "" {
		return nil, invalidDSN(fmt.Sprintf("has scheme %q, which no imported driver serves (registered: %s); import _ %q", scheme, known, path))
	}
	return nil, invalidDSN(fmt.Sprintf("has scheme %q, which no driver serves (registered: %s)", scheme, known))
}

func invalidDSN(reason string) error {
	return &Error{Op: "Connect", Entity: "database", Kind: ErrInvalid, Err: &InvalidError{Field: "dsn", Reason: reason}}
}

var (
	schemePattern = regexp.MustCompile(`^([a-z][a-z0-9+.-]*):`)
	libpqPattern  = regexp.MustCompile(`^\s*[a-z_]+\s*=`)
)

// schemeOf returns the DSN's scheme, "postgres" for libpq's key=value form, or "".
func schemeOf(dsn string) string {
	if m := schemePattern.FindStringSubmatch(dsn); m != nil {
		return m[1]
	}
	if libpqPattern.MatchString(dsn) {
		return "postgres"
	}
	return ""
}
