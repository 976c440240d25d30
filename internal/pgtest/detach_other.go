//go:build !unix

package pgtest

import (
	"errors"
	"os/exec"
)

func detach(*exec.Cmd, string) error {
	return errors.New("PostgreSQL's own programs are used on Unix only; use Docker or a DSN here")
}
