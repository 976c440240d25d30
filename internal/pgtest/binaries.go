package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// serve is the shell script that runs the server; see its head for how it ends.
//
//go:embed serve.sh
var serve string

// viaBinaries runs PostgreSQL's own programs in a temporary directory.
func viaBinaries(_ context.Context, s settings) (*server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	dir, password, err := makeHome(s)
	if err != nil {
		return nil, err
	}
	tuning := append(s.tuning(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "dynamic_shared_memory_type=mmap") // as files in dir, deleted with it
	cmd := exec.Command("/bin/sh", append([]string{"-c", serve, "serve.sh", bin, dir, strings.Join(tuning, " ")}, ports...)...)
	cmd.Dir = dir
	cmd.Env = withoutPG(os.Environ())
	if err := detach(cmd, dir); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	port, stop, err := run(cmd)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("start the server of %s: %w", bin, err)
	}
	srv := newServer("127.0.0.1", port, password, func() {
		stop()
		_ = os.RemoveAll(dir) // the script did, unless its user may not in TMPDIR
	})
	srv.bin, srv.dir = bin, dir
	return srv, nil
}

// makeHome makes the directory of the server, with the superuser's password in a file for initdb.
func makeHome(s settings) (dir, password string, err error) {
	parent := ""
	if !s.fsync && os.Getenv("TMPDIR") == "" {
		parent = memory()
	}
	if dir, err = os.MkdirTemp(parent, "neoevents-postgres-"); err != nil {
		return "", "", fmt.Errorf("make a directory for the server: %w", err)
	}
	password = rand.Text()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(password), 0o600); err != nil {
		_ = os.RemoveAll(dir)
		return "", "", fmt.Errorf("prepare the directory of the server: %w", err)
	}
	return dir, password, nil
}

// run starts the script and waits until it reports the port on which the server listens. The
// script's standard input is the server's life line: stop, or the death of this process, closes it.
func run(cmd *exec.Cmd) (port string, stop func(), err error) {
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	report, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("%w (the user who runs it must be able to reach TMPDIR)", err)
	}
	said, _ := io.ReadAll(report) // the script closes its standard output when the server runs
	stop = func() {
		_ = lifeline.Close()
		_ = cmd.Wait()
	}
	if port = strings.TrimSpace(string(said)); port == "" {
		stop()
		return "", nil, errors.New(lastLines(log.String(), 5))
	}
	return port, stop, nil
}

// freePorts returns n ports that are free now. One of them may be taken by the time the server
// starts; hardly all.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }() // at the end, so that each port is another
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		ports = append(ports, port)
	}
	return ports, nil
}

// withoutPG removes PGDATA, PGPORT, PGOPTIONS and the like, which would reach initdb and the
// server.
func withoutPG(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "PG") })
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
