package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// process is a worker's process as its parent sees it.
type process struct {
	order
	cmd      *exec.Cmd
	stdin    io.Closer
	steps    steps         // that it tells of
	ended    chan struct{} // closed when the process has ended
	err      error         // how it ended
	resumeAt time.Time     // it is stopped until then; zero: it runs
}

// start runs this program once more, as a worker.
func start(o order, stderr io.Writer) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{order: o, cmd: exec.Command(program), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), envWorker+"="+string(text))
	if o.Archives != "" { // what a killed worker leaves goes with all the rest
		p.cmd.Env = append(p.cmd.Env, "TMPDIR="+filepath.Dir(o.Archives))
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.steps, stderr
	ownGroup(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// hasWorked reports whether it has had an event in hand.
func (p *process) hasWorked() bool {
	info, err := os.Stat(p.Log)
	return err == nil && info.Size() > 0
}

func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-p.ended
	return err
}

// hasEnded returns an error if it ended though nobody wanted it to.
func (p *process) hasEnded() error {
	select {
	case <-p.ended:
		return fmt.Errorf("worker %s ended by itself: %v", p.Name, p.err)
	default:
		return nil
	}
}

// finish lets it finish what it has in hand, and waits for its end.
func (p *process) finish() error {
	if err := p.resume(); err != nil {
		return err
	}
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(2 * lastWords):
		return errors.Join(fmt.Errorf("worker %s did not end when it was told to", p.Name), p.kill())
	}
	if p.err != nil {
		return fmt.Errorf("worker %s ended with a failure: %w", p.Name, p.err)
	}
	return nil
}

func (p *process) isStopped() bool { return !p.resumeAt.IsZero() }

func (p *process) stop(pause time.Duration) error {
	p.resumeAt = time.Now().Add(pause)
	return signalStop(p.cmd.Process)
}

func (p *process) resume() error {
	if !p.isStopped() {
		return nil
	}
	p.resumeAt = time.Time{}
	return signalContinue(p.cmd.Process)
}
