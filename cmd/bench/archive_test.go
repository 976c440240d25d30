package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

// newBencher returns one on SQLite in a file, and the folder of what it makes.
func newBencher(t *testing.T, cfg config) (b *bencher, temporary string) {
	temporary = t.TempDir()
	t.Setenv("TMPDIR", temporary)
	cfg.schema, cfg.dsn = "mine", "sqlite:"+filepath.Join(t.TempDir(), "app.db")
	db, err := openDatabase(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &bencher{cfg, db, payloads.Generated(cfg.events, cfg.payload, cfg.seed), io.Discard}, temporary
}

func TestWrongResultsOfArchivesAreFailures(t *testing.T) {
	leaveOne := func(ctx context.Context, a *archiving) error {
		return a.each(ctx, func(archive driver.Archive) error {
			_, err := a.archiver.Restore(ctx, archive.ID, func(e driver.Event) bool { return e.ID != a.ids[7] })
			return err
		})
	}
	archiveAnd := func(wrong func(a *archiving)) func(ctx context.Context, a *archiving) error {
		return func(ctx context.Context, a *archiving) error {
			err := archiveAll(ctx, a)
			wrong(a)
			return err
		}
	}
	for name, s := range map[string]archiveScenario{
		"an event that was not restored": {archived: true, work: leaveOne, check: checkRestored},
		"nothing restored":               {archived: true, work: func(context.Context, *archiving) error { return nil }, check: checkRestored},
		"nothing archived":               {work: func(_ context.Context, a *archiving) error { a.done = len(a.ids); return nil }, check: checkArchived},
		"another order":                  {work: archiveAnd(func(a *archiving) { a.ids[3], a.ids[4] = a.ids[4], a.ids[3] }), check: checkArchived},
		"another payload":                {work: archiveAnd(func(a *archiving) { a.first++ }), check: checkArchived},
		"an archive that was lost": {archived: true, check: checkArchived, work: func(ctx context.Context, a *archiving) error {
			archives, err := a.store.Archives().GetByPosition(ctx, 0, 1)
			if err == nil {
				_, err = a.store.Archives().Purge(ctx, archives[0].ID)
			}
			a.done = len(a.ids)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := newBencher(t, config{events: 30})
			_, err := b.runArchives(t.Context(), scenario{name: "wrong", archives: &s}, shape{1, 10})
			if err == nil || !strings.HasPrefix(err.Error(), "wrong result: ") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestInterruptedArchives(t *testing.T) {
	b, temporary := newBencher(t, config{events: 30})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	work := func(ctx context.Context, a *archiving) error {
		return a.each(ctx, func(archive driver.Archive) error {
			if a.done > 0 {
				cancel()
			}
			_, err := a.archiver.Restore(ctx, archive.ID, nil)
			return err
		})
	}
	shapes := func(config) []shape { return []shape{{1, 10}} }
	b.cfg.scenarios = []scenario{{name: "restore", shapes: shapes, archives: &archiveScenario{archived: true, work: work, check: checkRestored}}}
	var stdout bytes.Buffer
	report, err := newReport(&stdout, "sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	err = runAll(ctx, b.cfg, b.db, b.source, report, io.Discard)
	if !errors.Is(err, context.Canceled) || len(report.Results) != 1 {
		t.Fatalf("error %v, results %+v", err, report.Results)
	}
	if row := report.Results[0]; row.Events != 10 || !row.Interrupted || row.Files.Archives != 1 {
		t.Errorf("row %+v, want 10 events of 1 archive", row)
	}
	if err := b.db.close(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind are %v, error %v", left, err)
	}
}

func TestARunThatEndsBeforeTheClaimsIsTold(t *testing.T) {
	b, _ := newBencher(t, config{events: 10, archived: 5})
	store, err := b.db.fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.newArchiving(t.Context(), "test", store, 5, archiveOptions(b.cfg))
	if err != nil {
		t.Fatal(err)
	}
	l := load{archiving: a}
	for range 2 { // the second time nothing is left
		err := l.around(t.Context(), store, func() error {
			for { // until the Run has ended
				measure, err := store.Archives().Measure(t.Context())
				jobs, jobsErr := store.ArchiveJobs().GetByStatus(t.Context(), driver.JobRunning, 1)
				if err := errors.Join(err, jobsErr, t.Context().Err()); err != nil || measure.Events+int64(len(jobs)) == 0 {
					return err
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if l.events != 5 || l.archives != 5 || l.running > l.measured {
		t.Errorf("%d archives of %d events, %v of %v; want 5 of 5", l.archives, l.events, l.running, l.measured)
	}
	fails := errors.New("it fails")
	if err := l.around(t.Context(), store, func() error { return fails }); !errors.Is(err, fails) {
		t.Errorf("error %v, want %v", err, fails)
	}
}

func TestPayloadsAreVaried(t *testing.T) {
	payload := json.RawMessage(`{"a":"1 0 \u1234 \\1 \\u2","b":[-10.5e7, 1]}`)
	seen := map[string]bool{}
	for range 50 {
		id := uuid.New()
		varied := vary(payload, id)
		if !bytes.Equal(varied, vary(payload, id)) || len(varied) != len(payload) || !json.Valid(varied) {
			t.Fatalf("%s: %s, and again %s", payload, varied, vary(payload, id))
		}
		if one := varied[6]; varied[8] != '0' || string(varied[10:16]) != `\u1234` || varied[19] != one || varied[len(varied)-3] != one {
			t.Fatalf("%s became %s", payload, varied)
		}
		seen[string(varied)] = true
	}
	if len(seen) < 40 {
		t.Errorf("50 events have %d payloads", len(seen))
	}
}

func TestMemoryIsWatched(t *testing.T) {
	const size = 64 << 20
	large := make([]byte, size)
	var m memory
	m.look()
	runtime.KeepAlive(large)
	if m.Heap < size {
		t.Errorf("peak heap %d, want at least %d", m.Heap, size)
	}
	if runtime.GOOS == "linux" && m.Process == 0 {
		t.Error("the memory of the process is not told")
	}
	fails := errors.New("it fails")
	m, err := watchMemory(func() error { return fails })
	if err != fails || m.Heap == 0 {
		t.Errorf("%+v, error %v, want %v", m, err, fails)
	}
}
