package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestInterruptedScenario(t *testing.T) {
	const enough = 7
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	db, err := openDatabase(ctx, config{schema: "mine", dsn: "sqlite::memory:"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.close(ctx)
	s := scenario{name: "save", shapes: oneByOne, work: func(ctx context.Context, w *worker) error {
		w.events = w.events[:enough]
		err := save(ctx, w)
		cancel()
		return errors.Join(err, ctx.Err())
	}}
	var stdout bytes.Buffer
	report, err := newReport(&stdout, "sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config{events: 20, scenarios: []scenario{s}}
	err = runAll(ctx, cfg, db, &source{templates: generate(cfg)}, report, io.Discard)
	if !errors.Is(err, context.Canceled) || len(report.Results) != 1 || report.Results[0].Events != enough || !report.Results[0].Interrupted {
		t.Errorf("error %v, results %+v", err, report.Results)
	}
	if !strings.HasSuffix(stdout.String(), "  interrupted\n") {
		t.Errorf("the table does not say so:\n%s", stdout.String())
	}
}

func TestWrongResultsAreFailures(t *testing.T) {
	skip := func(ctx context.Context, w *worker) error {
		w.events = w.events[1:]
		return markOne(ctx, w)
	}
	for name, work := range map[string]func(context.Context, *worker) error{
		"an event left out": skip,
		"an event claimed to be done": func(ctx context.Context, w *worker) error {
			first := w.events[0].ID
			err := skip(ctx, w)
			w.record(time.Now(), first)
			return err
		},
		"an event done twice": func(ctx context.Context, w *worker) error {
			err := markOne(ctx, w)
			w.record(time.Now(), w.events[0].ID)
			return err
		},
		"an event of somebody else": func(ctx context.Context, w *worker) error {
			err := markOne(ctx, w)
			w.record(time.Now(), uuid.New())
			return err
		},
		"nothing done": func(context.Context, *worker) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := openDatabase(t.Context(), config{schema: "mine", dsn: "sqlite::memory:"})
			if err != nil {
				t.Fatal(err)
			}
			defer db.close(t.Context())
			cfg := config{events: 10}
			events := (&source{templates: generate(cfg)}).take(cfg.events)
			s := scenario{name: "wrong", queued: true, work: work}
			_, err = runScenario(t.Context(), db, s, shape{1, 1}, events, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), "wrong result: ") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for _, test := range []struct {
		n, p int
		want time.Duration
	}{{0, 50, 0}, {1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {3, 50, 2}, {100, 99, 99}, {200, 50, 100}, {200, 99, 198}} {
		if got := percentile(sorted[:test.n], test.p); got != test.want {
			t.Errorf("percentile %d of %d is %d, want %d", test.p, test.n, got, test.want)
		}
	}
}
