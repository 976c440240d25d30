//go:build !unix

package pgtest

import (
	"errors"
	"os/exec"
)

var errNotUnix = errors.New("PostgreSQL's own programs are used on Unix only; use Docker or a DSN here")

func detach(*exec.Cmd, string) error { return errNotUnix }

// AsServer is for Unix only.
func AsServer(*exec.Cmd) error { return errNotUnix }

// GiveToServer is for Unix only.
func GiveToServer(string) error { return errNotUnix }

func kill(int) error { return errNotUnix }
