//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

const canStop = true

// ownGroup keeps the signals of the terminal from a worker, whose parent tells it to end. And
// should the parent die while it is stopped, it is alone in an orphaned group: the kernel ends it
// with a SIGHUP.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func signalStop(p *os.Process) error     { return p.Signal(syscall.SIGSTOP) }
func signalContinue(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
