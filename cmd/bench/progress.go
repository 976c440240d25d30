package main

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress counts the events that are done and, on a terminal, shows how many there are to go.
type progress struct {
	done atomic.Int64
	stop func() // removes the bar
}

// startProgress begins to count. Drawing is left to a goroutine of its own, so that counting costs
// the workers next to nothing.
func startProgress(out io.Writer, title string, total int) *progress {
	p := &progress{stop: func() {}}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return p
	}
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(file),
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
	)
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = bar.Set64(p.done.Load()) // a bar that can't be drawn is no reason to stop
			case <-quit:
				_ = bar.Clear()
				return
			}
		}
	}()
	p.stop = func() {
		close(quit)
		<-gone
	}
	return p
}

func (p *progress) add(n int) { p.done.Add(int64(n)) }
