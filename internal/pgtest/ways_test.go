package pgtest

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestViaDSN(t *testing.T) {
	if os.Getenv(envDSN) == "" {
		t.Setenv(envDSN, DSN(t)) // a server that was found another way serves as the named one
	}
	testWay(t, "dsn", viaDSN)
}

func TestViaDocker(t *testing.T)   { testWay(t, "docker", viaDocker) }
func TestViaBinaries(t *testing.T) { testWay(t, "binaries", viaBinaries) }

// testWay opens a server in one way, uses it, and stops it. Where this machine does not
// offer the way the test skips, unless the environment insists on it.
func testWay(t *testing.T, name string, open func(context.Context, settings) (*server, error)) {
	srv, err := open(context.Background(), settings{})
	if err != nil {
		if insists(name) {
			t.Fatal(err)
		}
		t.Skipf("not here, via %s: %v", name, err)
	}
	defer srv.stop()

	dsn, drop, err := srv.createDatabase(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, connect(t, dsn), "create table t (id int)")
	if err := drop(); err != nil {
		t.Error(err)
	}
	if _, err := pgx.Connect(context.Background(), dsn); err == nil {
		t.Error("the database can still be connected to after it was dropped")
	}
}

func TestStartWithFsync(t *testing.T) {
	for _, test := range []struct {
		fsync string
		opts  []Option
	}{{"off", nil}, {"on", []Option{WithFsync()}}} {
		t.Run(test.fsync, func(t *testing.T) {
			if os.Getenv(envDSN) != "" {
				t.Skip("a server named by " + envDSN + " keeps its own settings")
			}
			dsn, stop, err := Start(test.opts...)
			if err != nil {
				if required() {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			conn := connect(t, dsn)
			if got := queryValue[string](t, conn, "show fsync"); got != test.fsync {
				t.Errorf("fsync is %s, want %s", got, test.fsync)
			}
			stop()
			if !closesWithin(conn.Config().Host, conn.Config().Port, 5*time.Second) {
				t.Error("the server still listens after stop")
			}
		})
	}
}

func TestNoneSaysWhatToDoInOneLine(t *testing.T) {
	t.Setenv(envVia, "")
	t.Setenv(envDSN, "")
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	t.Setenv("PATH", t.TempDir())
	places := usualPlaces
	usualPlaces = nil
	defer func() { usualPlaces = places }()

	_, err := find(context.Background(), settings{})
	if err == nil {
		t.Fatal("a server was found where there is none")
	}
	message := err.Error()
	if strings.Contains(message, "\n") {
		t.Errorf("more than one line: %q", message)
	}
	for _, want := range []string{envDSN, "dsn: ", "docker: ", "binaries: ", "install PostgreSQL", "Docker"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q does not mention %q", message, want)
		}
	}
}

func TestAWayThatIsInsistedOnFailsWithItsCause(t *testing.T) {
	t.Setenv(envDSN, "")
	for via, want := range map[string]string{"dsn": envDSN + " is not set", "paper": "none of dsn, docker, binaries"} {
		t.Setenv(envVia, via)
		if _, err := find(context.Background(), settings{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("via %s: %v, want %q", via, err, want)
		}
	}
}

func TestNoErrorShowsThePassword(t *testing.T) {
	for _, dsn := range []string{
		"postgres://app:s3cret@127.0.0.1:1/app",
		"postgres://app:s3cret%zz@127.0.0.1/app",
		"postgres://app:12/s3cret@127.0.0.1/app",
		"postgres://app:12?s3cret@127.0.0.1/app",
		"postgres://app:12#s3cret@127.0.0.1/app",
		"postgres://app:s3cret@127.0.0.1/app?sslmode=s3cret",
		"host=127.0.0.1 user=app password=s3cret",
	} {
		t.Setenv(envDSN, dsn)
		if _, err := viaDSN(context.Background(), settings{}); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error %q, want one without the password", err)
		}
	}
}

// closesWithin reports whether connections are refused before the time is up.
func closesWithin(host string, port uint16, patience time.Duration) bool {
	address := (&net.TCPAddr{IP: net.ParseIP(host), Port: int(port)}).String()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return true
		}
		_ = conn.Close()
	}
	return false
}
