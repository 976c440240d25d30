package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// mountDisk makes a small file system in the server's directory.
func mountDisk(s *server, size string) error {
	s.disk = filepath.Join(s.Dir(), "disk")
	if err := os.Mkdir(s.disk, 0o700); err != nil {
		return err
	}
	if said, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "neoevents-fault", s.disk).CombinedOutput(); err != nil {
		return missing("a small file system can't be mounted, which takes root on Linux: " + strings.TrimSpace(string(said)))
	}
	s.ends = append(s.ends, func() error {
		_ = s.Shutdown() // it has files there
		return exec.Command("umount", s.disk).Run()
	})
	return pgtest.GiveToServer(s.disk)
}

// putTablesOnSmallDisk moves the database, which is empty, to a tablespace on a small disk.
func putTablesOnSmallDisk(ctx context.Context, s *server) error {
	if err := mountDisk(s, "256m"); err != nil {
		return err
	}
	config, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		return err
	}
	name := config.Database
	config.Database = "postgres" // nobody may be connected to what is moved
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range []string{
		"CREATE TABLESPACE small LOCATION '" + s.disk + "'",
		"ALTER DATABASE " + name + " SET TABLESPACE small",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// putLogOnSmallDisk moves the write-ahead log.
func putLogOnSmallDisk(_ context.Context, s *server) error {
	if err := mountDisk(s, "256m"); err != nil {
		return err
	}
	if err := s.Shutdown(); err != nil {
		return err
	}
	log, moved := filepath.Join(s.Dir(), "data", "pg_wal"), filepath.Join(s.disk, "pg_wal")
	if said, err := exec.Command("cp", "-a", log, moved).CombinedOutput(); err != nil {
		return fmt.Errorf("move the write-ahead log: %s", bytes.TrimSpace(said))
	}
	if err := os.RemoveAll(log); err != nil {
		return err
	}
	if err := os.Symlink(moved, log); err != nil {
		return err
	}
	return s.Restart()
}

// fillUp takes all the space there is on the disk, until free is called.
func (s *server) fillUp() (free func() error, err error) {
	ballast, err := os.Create(filepath.Join(s.disk, "ballast"))
	if err != nil {
		return nil, err
	}
	free = func() error { return errors.Join(ballast.Close(), os.Remove(ballast.Name())) }
	zeros := make([]byte, 64<<10)
	for _, size := range []int{len(zeros), 1 << 10} {
		for err == nil {
			_, err = ballast.Write(zeros[:size])
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return nil, errors.Join(err, free())
		}
		err = nil
	}
	return free, nil
}

func fillDisk(ctx context.Context, s *server, w *work) error {
	free, err := s.fillUp()
	if err != nil {
		return err
	}
	return errors.Join(w.during(ctx, 600*time.Millisecond), free())
}

// fillLogDisk lets the server go on until it needs another file of the log. It stops then, and starts when there is space.
func fillLogDisk(ctx context.Context, s *server, w *work) error {
	free, err := s.fillUp()
	if err != nil {
		return err
	}
	for range 32 { // it has some files in reserve
		if s.exec(ctx, "SELECT pg_switch_wal()") != nil || w.during(ctx, 50*time.Millisecond) != nil {
			break
		}
	}
	if err := errors.Join(w.during(ctx, 500*time.Millisecond), free()); err != nil {
		return err
	}
	_ = s.Kill() // if it has not stopped by itself: in the middle of a recovery that can't write it does not shut down
	return s.Restart()
}
