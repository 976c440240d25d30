package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Victim is a server of the caller's own that can be killed and restarted. It is always one of this machine's
// programs, whatever the environment says of other servers.
type Victim struct {
	srv *server
}

// ErrNoPrograms: PostgreSQL's programs are not on this machine.
var ErrNoPrograms = errors.New("PostgreSQL's programs are not installed (apt-get install postgresql)")

// StartVictim starts a server. Stop ends and removes it; a process that dies without calling it leaves nothing behind. It
// is ErrNoPrograms where there is nothing to start.
func StartVictim(opts ...Option) (*Victim, error) {
	if _, err := findBinaries(); err != nil {
		return nil, ErrNoPrograms
	}
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	srv, err := viaBinaries(context.Background(), s)
	if err != nil {
		return nil, err
	}
	return &Victim{srv}, nil
}

// Stop ends the server, however it is, and removes its files.
func (v *Victim) Stop() { v.srv.stop() }

// CreateDatabase makes an empty database and returns its postgres:// URL.
func (v *Victim) CreateDatabase(ctx context.Context) (dsn string, err error) {
	dsn, _, err = v.srv.createDatabase(ctx)
	return dsn, err
}

// Dir is where the server's files are; its data directory is Dir/data.
func (v *Victim) Dir() string { return v.srv.dir }

// Logged counts how often the server has logged a text.
func (v *Victim) Logged(text string) (int, error) {
	log, err := os.ReadFile(filepath.Join(v.srv.dir, "log"))
	return bytes.Count(log, []byte(text)), err
}

// Kill kills the server and all its processes with SIGKILL, as a machine that loses its power would, though what the
// operating system has been given stays.
func (v *Victim) Kill() error {
	postmaster, err := v.postmaster()
	if err != nil {
		return err
	}
	children := childrenOf(postmaster)
	if err := kill(postmaster); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	for _, child := range append(children, childrenOf(postmaster)...) {
		_ = kill(child) // it may have ended by itself by now
	}
	return nil
}

// KillBackend kills one process of the server with SIGKILL. The server takes that for a crash: it ends all sessions
// and recovers.
func (v *Victim) KillBackend(pid int) error { return kill(pid) }

// postmaster reads the number of the server's first process.
func (v *Victim) postmaster() (int, error) {
	file, err := os.ReadFile(filepath.Join(v.srv.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find the server's process: %w", err)
	}
	first, _, _ := strings.Cut(string(file), "\n")
	return strconv.Atoi(first)
}

// childrenOf returns the processes that a process started, where the system tells. Elsewhere they notice by themselves that the
// server is gone.
func childrenOf(pid int) (children []int) {
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, field := range strings.Fields(string(list)) {
		if child, err := strconv.Atoi(field); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// Shutdown stops the server as an administrator does who does not wait for the sessions to end.
func (v *Victim) Shutdown() error { return v.control("stop", "-m", "fast") }

// Restart starts the server on the same port and with the same files, after a Shutdown if it runs. What was killed
// recovers first.
func (v *Victim) Restart() error {
	deadline := time.Now().Add(time.Minute)
	for {
		err := v.control("restart", "-m", "fast")
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond) // a process of the killed server may still be about to notice
	}
}

// control runs pg_ctl.
func (v *Victim) control(command string, args ...string) error {
	args = append([]string{command, "-D", filepath.Join(v.srv.dir, "data"), "-l", filepath.Join(v.srv.dir, "log"), "-w", "-t", "60"}, args...)
	cmd := exec.Command(filepath.Join(v.srv.bin, "pg_ctl"), args...)
	cmd.Dir, cmd.Env = v.srv.dir, withoutPG(os.Environ())
	if err := AsServer(cmd); err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("pg_ctl %s: %w: %s", command, err, lastLines(said.String(), 5))
	}
	return nil
}
