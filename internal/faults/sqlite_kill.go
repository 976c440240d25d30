package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/internal/child"
)

// herd is processes of clients, which work instead of clients of this process.
type herd struct {
	file     databaseFile
	mu       sync.Mutex
	children []*child.Process
}

// How many processes there are, and how many clients each has.
const (
	processes  = 3
	perProcess = 2
	opening    = 150 * time.Millisecond // what it takes a process to open the database
)

func killProcesses(_ context.Context, dir string) (*site, error) {
	h := &herd{file: databaseFile(filepath.Join(dir, "app.db"))}
	return &site{dsn: h.file.dsn(""), end: func() {}, work: h.work, inject: h.killSome}, nil
}

func closeProcesses(_ context.Context, dir string) (*site, error) {
	h := &herd{file: databaseFile(filepath.Join(dir, "app.db"))}
	return &site{dsn: h.file.dsn(""), end: func() {}, work: h.work, inject: h.closeAll}, nil
}

// work keeps the processes going until ctx is done.
func (h *herd) work(ctx context.Context, w *work) error {
	h.mu.Lock()
	h.children = make([]*child.Process, processes)
	err := h.startAll(w)
	h.mu.Unlock()
	if err == nil {
		<-ctx.Done()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.children {
		if c != nil {
			err = errors.Join(err, c.Finish(patience))
		}
	}
	h.children = nil
	return err
}

func (h *herd) startAll(w *work) (err error) {
	for slot := range h.children {
		err = errors.Join(err, h.start(slot, w))
	}
	return err
}

func (h *herd) start(slot int, w *work) (err error) {
	h.children[slot], err = order{File: h.file, Clients: perProcess, First: slot * perProcess, Seed: w.rng.Uint64()}.start(w.log)
	return err
}

// killSome kills one process, or all; and what comes in its place while it opens the database, which is one that nobody
// closed: so it is recovered, and by the first of them migrated.
func (h *herd) killSome(_ context.Context, w *work) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.children == nil {
		return nil
	}
	if w.rng.IntN(2) == 0 {
		slot := w.rng.IntN(processes)
		if err := kill(h.children[slot]); err != nil {
			return err
		}
		return h.start(slot, w)
	}
	for range 1 + w.rng.IntN(3) {
		for _, c := range h.children {
			if err := kill(c); err != nil {
				return err
			}
		}
		if w.rng.IntN(3) == 0 { // it can be made anew
			if err := remove(h.file, "-shm"); err != nil {
				return err
			}
		}
		if err := h.startAll(w); err != nil {
			return err
		}
		time.Sleep(w.upTo(opening))
	}
	return nil
}

// kill is SIGKILL, to who still works.
func kill(c *child.Process) error { return errors.Join(c.HasEnded(), c.Kill()) }

// closeAll ends all processes in good order, and deletes what they have left beside the file.
func (h *herd) closeAll(_ context.Context, w *work) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.children == nil {
		return nil
	}
	for _, c := range h.children {
		if err := c.Finish(patience); err != nil {
			return err
		}
	}
	if err := errors.Join(remove(h.file, "-wal"), remove(h.file, "-shm")); err != nil {
		return err
	}
	return h.startAll(w)
}

// remove deletes a file beside the database, if it is there.
func remove(file databaseFile, suffix string) error {
	err := os.Remove(string(file) + suffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
