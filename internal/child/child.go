// Package child runs this program once more, as a process that may be killed. What its parent orders stands in the
// environment; the end of its standard input, which comes with the parent's, tells it to finish.
package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Process is a child as its parent sees it. It is for one goroutine at a time.
type Process struct {
	Cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
	err   error // how it ended
}

// Start runs this program with an order, as JSON, in a variable of the environment. prepare may change the command
// before.
func Start(variable string, order any, prepare func(*exec.Cmd)) (*Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	p := &Process{Cmd: exec.Command(program), ended: make(chan struct{})}
	p.Cmd.Env = append(os.Environ(), variable+"="+string(text))
	prepare(p.Cmd)
	if p.stdin, err = p.Cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.Cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.Cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// HasEnded returns an error if it ended though nobody wanted it to.
func (p *Process) HasEnded() error {
	select {
	case <-p.ended:
		return fmt.Errorf("the process ended by itself: %v", p.err)
	default:
		return nil
	}
}

// Kill is SIGKILL. It does nothing to a process that has ended.
func (p *Process) Kill() error {
	err := p.Cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-p.ended
	return err
}

// Finish lets it finish what it has in hand, and waits for its end. It kills a process that takes longer than that
// can take, which is an error.
func (p *Process) Finish(patience time.Duration) error {
	_ = p.stdin.Close()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		return errors.Join(errors.New("the process did not end when it was told to"), p.Kill())
	}
}
