package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Option changes how Start starts a server.
type Option func(*settings)

type settings struct {
	fsync bool
	extra []string // arguments of the postgres command
}

// WithFsync makes commits durable, as in production: for benchmarks, and for tests of durability.
// Without it a server that this package starts never waits for the disk. A server named by a DSN
// keeps its own settings.
func WithFsync() Option {
	return func(s *settings) { s.fsync = true }
}

// Start starts a server of the caller's own and returns the postgres:// URL of an empty database on
// it. A server named by a DSN is not started anew, but the database is. stop ends and removes both;
// a process that dies without calling it leaves no server behind.
func Start(opts ...Option) (dsn string, stop func(), err error) {
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	ctx := context.Background()
	srv, err := find(ctx, s)
	if err != nil {
		return "", nil, err
	}
	dsn, drop, err := srv.createDatabase(ctx)
	if err != nil {
		srv.stop()
		return "", nil, err
	}
	return dsn, func() {
		_ = drop() // matters only on a server that stays, and then the next run is not harmed
		srv.stop()
	}, nil
}

// errNone is the cause of the error when every way was tried in vain.
var errNone = errors.New("no PostgreSQL for the tests")

// way is one way to come by a server.
type way struct {
	name string
	open func(context.Context, settings) (*server, error)
}

func ways() []way {
	return []way{{"dsn", viaDSN}, {"docker", viaDocker}, {"binaries", viaBinaries}}
}

// find opens the server by the first way that works, or by the one that is insisted on.
func find(ctx context.Context, s settings) (*server, error) {
	if via := os.Getenv(envVia); via != "" {
		return findVia(ctx, s, via)
	}
	if os.Getenv(envDSN) != "" {
		return findVia(ctx, s, "dsn") // who names a server means that one
	}
	var reasons []string
	for _, w := range ways() {
		srv, err := w.open(ctx, s)
		if err == nil {
			return srv, nil
		}
		reasons = append(reasons, w.name+": "+oneLine(err))
	}
	return nil, fmt.Errorf("%w: install PostgreSQL's server (apt-get install postgresql, brew install postgresql), "+
		"or start Docker, or set %s to a postgres:// URL (%s)", errNone, envDSN, strings.Join(reasons, "; "))
}

func findVia(ctx context.Context, s settings, name string) (*server, error) {
	for _, w := range ways() {
		if w.name != name {
			continue
		}
		srv, err := w.open(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("PostgreSQL for the tests via %s: %w", name, err)
		}
		return srv, nil
	}
	return nil, fmt.Errorf("%s=%s is none of dsn, docker, binaries", envVia, name)
}

// insists reports whether nothing but the named way will do, so that it may take its time.
func insists(name string) bool {
	return os.Getenv(envVia) == name
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// WithSetting gives the server a setting, as its command line takes it: "max_connections=20". For StartVictim.
func WithSetting(setting string) Option {
	return func(s *settings) { s.extra = append(s.extra, "-c", setting) }
}
