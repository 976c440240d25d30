// Package pgtest gives tests a PostgreSQL server, found once per test process, and on it a fresh
// database per test. The server is the first of:
//
//   - dsn: the one that NEOEVENTS_TEST_POSTGRES_DSN names, a postgres:// URL whose user may
//     create databases. What a killed run leaves there is called neoevents_test_….
//   - docker: a container of the image NEOEVENTS_TEST_POSTGRES_IMAGE (postgres:17-alpine by
//     default), where a Docker Engine answers and has the image or can pull it in good time.
//   - binaries: initdb and pg_ctl on this machine, in a temporary directory.
//
// NEOEVENTS_TEST_POSTGRES_VIA=dsn, docker or binaries insists on one of them. With none the tests
// skip and say what to do; with CI or NEOEVENTS_TEST_REQUIRE_POSTGRES set they fail instead.
//
// A server that this package started does not outlive the test process, even one that is killed (a
// container may, by an hour at most).
package pgtest

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// The environment variables that steer this package.
const (
	envDSN     = "NEOEVENTS_TEST_POSTGRES_DSN"
	envImage   = "NEOEVENTS_TEST_POSTGRES_IMAGE"
	envVia     = "NEOEVENTS_TEST_POSTGRES_VIA"
	envRequire = "NEOEVENTS_TEST_REQUIRE_POSTGRES"
)

// shared is the server that all tests of this process use, started by the first of them.
var shared struct {
	once   sync.Once
	server *server
	err    error
}

func sharedServer() (*server, error) {
	shared.once.Do(func() {
		shared.server, shared.err = find(context.Background(), settings{})
	})
	return shared.server, shared.err
}

// DSN returns the postgres:// URL of a fresh, empty database, which is dropped when t and its
// subtests have ended, whoever is still connected. It skips or fails t if there is no server.
func DSN(t testing.TB) string {
	t.Helper()
	srv, err := sharedServer()
	if err != nil {
		if errors.Is(err, errNone) && !required() {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	dsn, drop, err := srv.createDatabase(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return dsn
}

// Main runs the tests of a package, stops the server that they used, and exits. It is all that a
// TestMain has to call. Of parallel tests it runs twice as many at once as there are processors, unless the caller or
// the command line says how many: one waits for the server while another one works.
func Main(m *testing.M) {
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))) // the command line is read later
	}
	code := m.Run()
	shared.once.Do(func() {}) // from here on, no server starts
	if shared.server != nil {
		shared.server.stop()
	}
	os.Exit(code)
}

// required reports whether a missing server is a failure rather than a reason to skip.
func required() bool {
	return os.Getenv("CI") != "" || os.Getenv(envRequire) != ""
}
