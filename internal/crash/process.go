package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/neomultitenant/neoevents/internal/child"
)

// process is a worker's process as its parent sees it.
type process struct {
	order
	*child.Process
	steps    steps     // that it tells of
	resumeAt time.Time // it is stopped until then; zero: it runs
}

// start runs this program once more, as a worker.
func start(o order, stderr io.Writer) (p *process, err error) {
	p = &process{order: o}
	p.Process, err = child.Start(envWorker, o, func(cmd *exec.Cmd) {
		if o.Archives != "" { // what a killed worker leaves goes with all the rest
			cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Dir(o.Archives))
		}
		cmd.Stdout, cmd.Stderr = &p.steps, stderr
		ownGroup(cmd)
	})
	return p, err
}

// hasWorked reports whether it has had an event in hand.
func (p *process) hasWorked() bool {
	info, err := os.Stat(p.Log)
	return err == nil && info.Size() > 0
}

// hasEnded returns an error if it ended though nobody wanted it to.
func (p *process) hasEnded() error { return p.named(p.HasEnded()) }

// finish lets it finish what it has in hand, and waits for its end.
func (p *process) finish() error {
	if err := p.resume(); err != nil {
		return err
	}
	return p.named(p.Finish(2 * lastWords))
}

func (p *process) named(err error) error {
	if err != nil {
		err = fmt.Errorf("worker %s: %w", p.Name, err)
	}
	return err
}

func (p *process) isStopped() bool { return !p.resumeAt.IsZero() }

func (p *process) stop(pause time.Duration) error {
	p.resumeAt = time.Now().Add(pause)
	return signalStop(p.Cmd.Process)
}

func (p *process) resume() error {
	if !p.isStopped() {
		return nil
	}
	p.resumeAt = time.Time{}
	return signalContinue(p.Cmd.Process)
}
