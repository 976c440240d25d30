//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// detach keeps the signals of the test's terminal and process group from the command: it has to
// outlive the tests for as long as it takes to clean up. As root it makes the user postgres run it,
// in a dir which that user owns, for the server refuses to run as root.
func detach(cmd *exec.Cmd, dir string) error {
	for _, path := range []string{dir, filepath.Join(dir, "password")} {
		if err := GiveToServer(path); err != nil {
			return fmt.Errorf("give the server's directory to the user postgres: %w", err)
		}
	}
	return AsServer(cmd)
}

// AsServer lets a command run as the user who runs the servers of this package, out of reach of the signals of the
// terminal: as root that is the user postgres, else oneself.
func AsServer(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return nil
}

// GiveToServer gives a file or a directory to the user who runs the servers of this package.
func GiveToServer(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

func unprivileged() (uid, gid int, err error) {
	postgres, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, errors.New("PostgreSQL does not run as root, and there is no user postgres to run it: add one, or test as another user")
	}
	uid, _ = strconv.Atoi(postgres.Uid) // numbers on every unix
	gid, _ = strconv.Atoi(postgres.Gid)
	return uid, gid, nil
}

func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
