package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/figures"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

const (
	defaultDuration = 30 * time.Second
	sampleEvery     = time.Second
)

// sample is the state of a run at a moment.
type sample struct {
	Seconds   float64 `json:"seconds"`              // since it began
	PerSecond float64 `json:"per_second,omitempty"` // events done since the sample before
	Parts     []part  `json:"parts,omitempty"`
}

func steadyShapes(cfg config) []shape { return []shape{{cfg.workers, cfg.claimBatch}} }

// bloat saves, claims and acknowledges as many events each time, and archives none: what grows is the
// events, the list of the processed ones, and what is left of rows that are gone. Payloads are small, as
// large ones would hide all but themselves.
func bloat(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error) {
	store, err := b.db.fresh(ctx)
	if err != nil {
		return nil, err
	}
	source := payloads.Generated(b.cfg.events, smallPayload, b.cfg.seed)
	progress := startProgress(b.stderr, s.name, -1) // it ends by time
	defer progress.stop()
	steady := &steady{shared: newShared(store, nil, sh.batch, progress), source: source, duration: b.cfg.duration}
	defer steady.end()
	workers := make([]*worker, sh.workers)
	for i := range workers {
		workers[i] = &worker{shared: steady.shared}
	}
	stop := steady.watch(ctx, b.db)
	steady.began = time.Now()
	m, err := measure(ctx, workers, steady.work)
	samples, leftOut := stop()

	row := newResult(s, sh, m)
	row.Sweep, row.Payload, row.Samples = s.name, smallPayload, changed(samples)
	if leftOut != nil {
		row.Note = "sizes left out: " + leftOut.Error()
	}
	if err == nil {
		err = steady.check(ctx, m.done)
	}
	return []result{row}, err
}

// steady is a run that goes on for a time.
type steady struct {
	*shared
	duration time.Duration
	began    time.Time

	mu     sync.Mutex
	source *payloads.Source
	saved  []uuid.UUID
}

// work saves a batch, and claims and acknowledges as many, again and again. The calls that are measured
// are Claim and Ack.
func (st *steady) work(ctx context.Context, w *worker) error {
	for time.Since(st.began) < st.duration {
		saved, err := w.store.Events().SaveBatch(ctx, st.take(w.batch))
		if err != nil {
			return err
		}
		st.mu.Lock()
		st.saved = append(st.saved, idsOf(saved)...)
		st.mu.Unlock()
		if _, err := claimAndAck(ctx, w, false); err != nil {
			return err
		}
	}
	return nil
}

func (st *steady) take(n int) []driver.Event {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.source.Take(n, 0)
}

// watch takes samples until the function that it returns is called, which returns them, and why they
// have no sizes.
func (st *steady) watch(ctx context.Context, db *database) (stop func() ([]sample, error)) {
	var samples []sample
	var before int64
	leftOut := db.lookErr
	began, every := time.Now(), min(sampleEvery, st.duration/3)
	look := func() {
		now, done := time.Since(began).Seconds(), st.progress.done.Load()
		next := sample{Seconds: now}
		if len(samples) > 0 {
			next.PerSecond = float64(done-before) / (now - samples[len(samples)-1].Seconds)
		}
		before = done
		if leftOut == nil {
			next.Parts, leftOut = db.look.sizes(ctx, st.store.Schema())
		}
		samples = append(samples, next)
	}
	look()
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-quit:
				return
			}
		}
	}()
	return func() ([]sample, error) {
		close(quit)
		<-gone
		return samples, leftOut
	}
}

// smallPart is how many times smaller than the largest a part is that is left out.
const smallPart = 1000

// changed returns the samples without the parts that are next to nothing, and without those that never
// changed unless they are large.
func changed(samples []sample) []sample {
	first := map[string]part{}
	moved := map[string]bool{}
	most := map[string]int64{}
	var largest int64
	for _, sample := range samples {
		for _, part := range sample.Parts {
			if was, ok := first[part.Name]; !ok {
				first[part.Name] = part
			} else if was != part {
				moved[part.Name] = true
			}
			most[part.Name] = max(most[part.Name], part.Bytes)
			largest = max(largest, part.Bytes)
		}
	}
	for i := range samples {
		samples[i].Parts = slices.DeleteFunc(samples[i].Parts, func(p part) bool {
			large := most[p.Name] > largest/10
			return most[p.Name] < largest/smallPart || !moved[p.Name] && !large
		})
	}
	return samples
}

// check checks that what is done was saved, and done once, and that the rest waits.
func (st *steady) check(ctx context.Context, done []uuid.UUID) error {
	open := make(map[uuid.UUID]bool, len(st.saved))
	for _, id := range st.saved {
		open[id] = true
	}
	for _, id := range done {
		if !open[id] {
			return fmt.Errorf("wrong result: event %s was done twice, or never saved", id)
		}
		delete(open, id)
	}
	return checkQueue(ctx, st.store, int64(len(open)))
}

// growth tells what became of the rate and of the sizes; empty without enough samples.
func growth(samples []sample) string {
	if len(samples) < 3 {
		return ""
	}
	third := (len(samples) - 1) / 3
	text := fmt.Sprintf("events/s in the last third / the first %.2f", meanRate(samples[len(samples)-third:])/meanRate(samples[1:1+third]))
	for _, last := range samples[len(samples)-1].Parts {
		text += fmt.Sprintf("; %s %.1f MB", last.Name, megabytes(float64(last.Bytes)))
		var most int64
		for _, sample := range samples {
			for _, part := range sample.Parts {
				if part.Name == last.Name {
					most = max(most, part.Dead)
				}
			}
		}
		if most > 0 {
			text += fmt.Sprintf(" (%s dead rows at the most)", figures.Grouped(int(most)))
		}
	}
	return text
}

func meanRate(samples []sample) float64 {
	sum := 0.
	for _, s := range samples {
		sum += s.PerSecond
	}
	return sum / float64(len(samples))
}
