package driver

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
)

// Option changes how [Open] and [Connect] work. No option changes what the repositories promise.
type Option func(*Config)

// NewConfig applies opts to the defaults. Backends that offer constructors of their own call it; an
// app has no need to. ErrInvalid for a value that can't be used.
func NewConfig(opts ...Option) (Config, error) {
	config := Config{MaxPayload: DefaultMaxPayload, Logger: slog.Default(), warned: new(sync.Once)}
	for _, opt := range opts {
		if opt != nil {
			opt(&config)
		}
	}
	invalid := func(field, reason string) error {
		return &Error{Op: "Connect", Entity: "option", Kind: ErrInvalid, Err: &InvalidError{Field: field, Reason: reason}}
	}
	switch {
	case config.MaxConns < 0:
		return Config{}, invalid("MaxConns", "must not be negative")
	case config.MaxPayload < 2 || config.MaxPayload > MaxPayloadLimit:
		return Config{}, invalid("MaxPayload", fmt.Sprintf("must be 2 to %d bytes", MaxPayloadLimit))
	case config.EventPartitions < 0:
		return Config{}, invalid("EventPartitions", fmt.Sprintf("must be 0 for none, or %d to %d positions", MinEventPartition, MaxEventPartition))
	case config.Migrations > MigrateNever:
		return Config{}, invalid("Migrations", "is no mode: "+strconv.Itoa(int(config.Migrations)))
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return config, nil
}

// MigrationMode is what happens to a schema's tables when its Store is first asked for.
type MigrationMode uint8

const (
	// MigrateOnOpen creates and updates the tables: the default. It takes rights to create a schema
	// and tables.
	MigrateOnOpen MigrationMode = iota
	// MigrateVerify changes nothing: a schema that is not at this library's version is
	// ErrNotMigrated, ErrSchemaTooNew or ErrDirty. For production, where a deployment step migrates
	// (package migrate, command cmd/migrate).
	MigrateVerify
	// MigrateNever does not even look.
	MigrateNever
)

// WithMigrations sets the migration mode.
func WithMigrations(mode MigrationMode) Option {
	return func(c *Config) { c.Migrations = mode }
}

// WithMaxConns bounds the connections of the pool; 0 is the backend's default (Postgres:
// pool_max_conns of the DSN, else the larger of 4 and the number of CPUs; SQLite: that many readers
// beside its one writer).
func WithMaxConns(n int) Option {
	return func(c *Config) { c.MaxConns = n }
}

const (
	// DefaultMaxPayload is how many bytes one JSON field may have: 16 MiB.
	DefaultMaxPayload = 16 << 20
	// MaxPayloadLimit is the highest limit that can be set: 256 MiB.
	MaxPayloadLimit = 256 << 20
)

// WithMaxPayload sets how many bytes one JSON field may have, DefaultMaxPayload unless set,
// MaxPayloadLimit at most.
func WithMaxPayload(bytes int) Option {
	return func(c *Config) { c.MaxPayload = bytes }
}

// How many positions a partition of the events may have.
const (
	MinEventPartition = 10_000
	MaxEventPartition = 1_000_000_000
)

// WithEventPartitions makes a schema whose tables are created keep its events in partitions of size
// positions each, MinEventPartition to MaxEventPartition, so that ArchiveWork.Detach archives a full one in
// a time that does not depend on how many events it has. 0, the default: no partitions. docs/partitions.md
// says what it costs and how to choose the size.
//
// A schema that has its tables stays as it is, with partitions or without, whatever the option says. With
// MigrateNever nobody looks which it is: then the option must be what the schema was created with. Only
// PostgreSQL has partitions; on SQLite the option does nothing.
func WithEventPartitions(size int64) Option {
	if size != 0 && (size < MinEventPartition || size > MaxEventPartition) {
		size = -1 // which NewConfig refuses
	}
	return func(c *Config) { c.EventPartitions = size }
}

// WithLogger sets where the library reports what it does by itself (migrations), slog.Default()
// unless set. Nil discards. No record holds a secret or a payload.
func WithLogger(logger *slog.Logger) Option {
	return func(c *Config) { c.Logger = logger }
}

// WithKeyRing sets the keys that encrypt secrets at rest: the SecretToken and CustomHeaders of
// endpoints. Without it they are stored as they are, and the log says so once, when the first one
// is. Opening a schema whose secrets are under a key that the ring lacks is ErrMissingKey.
func WithKeyRing(keys *KeyRing) Option {
	return func(c *Config) { c.Keys = keys }
}

// WarnPlainSecrets logs, once for a Config and its copies, that secrets are stored as they are, if
// there are no keys. A Config that NewConfig did not make, or one without a Logger, logs nothing.
// For backends, to be called when a secret is stored.
func (c *Config) WarnPlainSecrets(schema string) {
	if c.Keys.Current() != "" || c.warned == nil || c.Logger == nil {
		return
	}
	c.warned.Do(func() {
		c.Logger.Warn("neoevents: webhook secrets are stored unencrypted; to encrypt them, connect with driver.WithKeyRing", "schema", schema)
	})
}
