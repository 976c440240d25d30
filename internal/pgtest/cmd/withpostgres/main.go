// Command withpostgres runs a command with a PostgreSQL server of its own:
//
//	go run ./internal/pgtest/cmd/withpostgres [-fsync] go test ./driver/postgres/...
//
// The command finds the server in NEOEVENTS_TEST_POSTGRES_DSN. Where it comes from is told in
// package pgtest. The exit code is the command's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func main() {
	fsync := flag.Bool("fsync", false, "make commits durable, as in production")
	flag.Parse()
	code, err := run(*fsync, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
	}
	os.Exit(code)
}

func run(fsync bool, command []string) (code int, err error) {
	if len(command) == 0 {
		return 2, errors.New("name the command to run")
	}
	var opts []pgtest.Option
	if fsync {
		opts = append(opts, pgtest.WithFsync())
	}
	dsn, stop, err := pgtest.Start(opts...)
	if err != nil {
		return 1, err
	}
	defer stop()

	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "NEOEVENTS_TEST_POSTGRES_DSN="+dsn, "NEOEVENTS_TEST_POSTGRES_VIA=dsn")
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil // the command has said why
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
