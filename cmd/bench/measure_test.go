package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
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
	err = runAll(ctx, cfg, db, payloads.Generated(cfg.events, cfg.payload, cfg.seed), report, io.Discard)
	if !errors.Is(err, context.Canceled) || len(report.Results) != 1 || report.Results[0].Events != enough || !report.Results[0].Interrupted {
		t.Errorf("error %v, results %+v", err, report.Results)
	}
	if !strings.HasSuffix(stdout.String(), "  interrupted\n") {
		t.Errorf("the table does not say so:\n%s", stdout.String())
	}
}

func TestInterruptionBesideABacklog(t *testing.T) {
	const enough = 3 // the first round of both sides, and the second one of one
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "app.db")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	db, err := openDatabase(ctx, config{schema: "mine", dsn: dsn})
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	s := scenario{name: "parked", queued: true, processed: true, shapes: byOne, backlog: park, work: func(ctx context.Context, w *worker) error {
		err := claimLease(ctx, w)
		if runs++; runs == enough {
			cancel()
		}
		return errors.Join(err, ctx.Err())
	}}
	report, err := newReport(io.Discard, "sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config{events: 10 * rounds, claimBatch: 10, backlog: 20, scenarios: []scenario{s}}
	err = runAll(ctx, cfg, db, payloads.Generated(cfg.events, cfg.payload, cfg.seed), report, io.Discard)
	if !errors.Is(err, context.Canceled) || len(report.Results) != 1 {
		t.Fatalf("error %v, results %+v", err, report.Results)
	}
	if row := report.Results[0]; row.Events != 20 || !row.Interrupted || row.PerSecondWithout <= 0 {
		t.Errorf("row %+v, want 20 events, and the rate without a backlog", row)
	}
	if err := db.close(ctx); err != nil {
		t.Fatal(err)
	}
	again, err := driver.Connect(t.Context(), dsn, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if schemas, err := again.Schemas(t.Context()); err != nil || len(schemas) > 0 {
		t.Errorf("schemas %q were left behind, error %v", schemas, err)
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
			events := payloads.Generated(cfg.events, cfg.payload, cfg.seed).Take(cfg.events, 0)
			s := scenario{name: "wrong", queued: true, processed: true, work: work}
			_, err = runScenario(t.Context(), db, s, shape{1, 1}, events, 0, io.Discard)
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
		n    int
		p    float64
		want time.Duration
	}{{0, 50, 0}, {1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {3, 50, 2}, {100, 99, 99}, {200, 50, 100}, {200, 99, 198}, {200, 99.9, 200}, {200, 100, 200}, {200, 1, 2}} {
		if got := percentile(sorted[:test.n], test.p); got != test.want {
			t.Errorf("percentile %v of %d is %d, want %d", test.p, test.n, got, test.want)
		}
	}
}
