package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/figures"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

// archiveScenario is what a scenario about archives does.
type archiveScenario struct {
	archived bool // the events are in archives when the clock starts; else they are in the store
	// work is measured. It notes each archive with a.did.
	work func(ctx context.Context, a *archiving) error
	// check compares what work has made with the events.
	check func(ctx context.Context, a *archiving) error
}

// oldAge is how long ago events occurred that are archived, and how old they have to be, in days.
const (
	oldAge    = 365
	oldEnough = 30
)

// archiving is a schema with events to archive. It does not hold them: there may be more than fit into
// memory.
type archiving struct {
	store    driver.Store
	archiver *archive.Archiver
	source   *payloads.Source
	first    int         // the template of the first event
	ids      []uuid.UUID // of the events, by position
	progress *progress

	// created is called when a Run begins a file, completed when it has made an archive; nil: not called.
	created   func()
	completed func(archive driver.Archive)

	calls []time.Duration
	done  int // events
	files files
}

// files is about archives.
type files struct {
	Archives         int     `json:"archives"`
	RawBytes         int64   `json:"raw_bytes"` // of the events, as text
	SizeBytes        int64   `json:"size_bytes"`
	RawPerSecond     float64 `json:"raw_bytes_per_second"`
	CompressionRatio float64 `json:"compression_ratio"`
	memory
}

// add counts an archive.
func (f *files) add(a driver.Archive) {
	f.Archives++
	f.RawBytes += a.RawBytes
	f.SizeBytes += a.SizeBytes
}

func (f *files) String() string {
	text := fmt.Sprintf("archives %s; %.1f MB raw at %.1f MB/s, %.1f MB in files, ratio %.1f; peak heap %s MB",
		figures.Grouped(f.Archives), megabytes(float64(f.RawBytes)), megabytes(f.RawPerSecond), megabytes(float64(f.SizeBytes)),
		f.CompressionRatio, figures.Rounded(megabytes(float64(f.Heap))))
	if f.Process > 0 {
		text += fmt.Sprintf(", of the process %s MB", figures.Rounded(megabytes(float64(f.Process))))
	}
	return text
}

func megabytes(bytes float64) float64 { return bytes / 1e6 }

// byArchive is for scenarios whose calls are for an archive each.
func byArchive(config) []shape { return []shape{{workers: 1, batch: driver.DefaultArchiveEvents}} }

// runArchives runs a scenario about archives and checks its result.
func (b *bencher) runArchives(ctx context.Context, s scenario, sh shape) (result, error) {
	store, err := b.db.fresh(ctx)
	if err != nil {
		return result{}, err
	}
	a, err := b.newArchiving(ctx, s.name, store, s.size(b.cfg), archive.Options{MaxEvents: sh.batch})
	if err == nil && s.archives.archived {
		_, err = a.archiver.Run(ctx, oldEvents())
	}
	if err != nil {
		return result{}, err
	}
	a.progress = startProgress(b.stderr, s.name, len(a.ids))
	m := measurement{start: time.Now()}
	a.files.memory, err = watchMemory(func() error {
		m.start = time.Now() // after the memory was cleared
		err := s.archives.work(ctx, a)
		m.elapsed = time.Since(m.start)
		return err
	})
	a.progress.stop()
	slices.Sort(a.calls)
	m.calls, m.done = a.calls, a.ids[:a.done]
	row := newResult(s, sh, m)
	a.files.RawPerSecond = float64(a.files.RawBytes) / m.elapsed.Seconds()
	a.files.CompressionRatio = driver.Rate(a.files.RawBytes, a.files.SizeBytes)
	row.Files = &a.files
	if err == nil && a.done != len(a.ids) {
		err = fmt.Errorf("wrong result: %d events were done, %d should", a.done, len(a.ids))
	}
	if err == nil {
		err = s.archives.check(ctx, a)
	}
	return row, err
}

// newArchiving saves n events in a store that are old and processed.
func (b *bencher) newArchiving(ctx context.Context, name string, store driver.Store, n int, opts archive.Options) (*archiving, error) {
	a := &archiving{store: store, source: b.source, first: b.source.Taken(), ids: make([]uuid.UUID, 0, n)}
	dir, err := b.db.archives()
	if err != nil {
		return nil, err
	}
	opts.Level = b.cfg.level
	opts.Progress = func(_ context.Context, p archive.Progress) error {
		if a.completed != nil {
			a.completed(p.Archive)
		}
		return nil
	}
	storages := archive.Storages{driver.StorageCold: watchedStorage{dir, a}}
	if a.archiver, err = archive.New(store, storages, opts); err != nil {
		return nil, err
	}
	progress := startProgress(b.stderr, name+": saving old events", n)
	defer progress.stop()
	for len(a.ids) < n {
		batch := b.source.Take(min(fillBatch, n-len(a.ids)), 0)
		occurred := time.Now().AddDate(0, 0, -oldAge)
		for i := range batch {
			batch[i].OccurredAt, batch[i].ProcessedAt = occurred, &occurred
			batch[i].EventData = vary(batch[i].EventData, batch[i].ID)
		}
		saved, err := store.Events().SaveBatch(ctx, batch)
		if err != nil {
			return nil, err
		}
		a.ids = append(a.ids, idsOf(saved)...)
		progress.add(len(saved))
	}
	return a, nil
}

// watchedStorage tells when a file is begun.
type watchedStorage struct {
	archive.Storage
	archiving *archiving
}

func (s watchedStorage) Create(ctx context.Context, name string) (archive.Writer, error) {
	if s.archiving.created != nil {
		s.archiving.created()
	}
	return s.Storage.Create(ctx, name)
}

// oldEvents is the rule that archives them.
func oldEvents() driver.ArchiveRule { return driver.NewArchiveRule("bench", oldEnough) }

// did notes an archive, whose call began at start and ends now, and what it holds.
func (a *archiving) did(start time.Time, archive driver.Archive) {
	a.calls = append(a.calls, time.Since(start))
	a.done += int(archive.EventCount)
	a.files.add(archive)
	a.progress.add(int(archive.EventCount))
}

// archiveAll archives all events.
func archiveAll(ctx context.Context, a *archiving) error {
	start := time.Now()
	a.completed = func(archive driver.Archive) {
		a.did(start, archive)
		start = time.Now()
	}
	_, err := a.archiver.Run(ctx, oldEvents())
	return err
}

// restoreAll restores all archives.
func restoreAll(ctx context.Context, a *archiving) error {
	return a.each(ctx, func(archive driver.Archive) error {
		n, err := a.archiver.Restore(ctx, archive.ID, nil)
		if err == nil && int64(n) != archive.EventCount {
			err = fmt.Errorf("wrong result: %d of %d events were restored", n, archive.EventCount)
		}
		return err
	})
}

// readAll reads all archives.
func readAll(ctx context.Context, a *archiving) error {
	next := 0
	return a.each(ctx, func(archive driver.Archive) error {
		for event, err := range a.archiver.Read(ctx, archive.ID) {
			if err != nil {
				return err
			}
			if next >= len(a.ids) || event.ID != a.ids[next] || len(event.EventData) == 0 {
				return fmt.Errorf("wrong result: event %s was read out of order, twice, or without its payload", event.ID)
			}
			next++
		}
		return nil
	})
}

// each does something with each archive, by position.
func (a *archiving) each(ctx context.Context, do func(driver.Archive) error) error {
	archives, err := a.store.Archives().GetByPosition(ctx, 0, driver.MaxLimit)
	if err != nil {
		return err
	}
	for _, archive := range archives {
		start := time.Now()
		if err := do(archive); err != nil {
			return err
		}
		a.did(start, archive)
	}
	return nil
}

// checkArchived checks that all events are in archives, as they were, and none is in the store.
func checkArchived(ctx context.Context, a *archiving) error {
	if err := a.checkStored(ctx, 0); err != nil {
		return err
	}
	n := 0
	for event, err := range a.archiver.All(ctx, 0) {
		if err != nil {
			return err
		}
		if n == len(a.ids) || event.ID != a.ids[n] {
			return fmt.Errorf("wrong result: event %s is not the one to come after %d others", event.ID, n)
		}
		given := a.given(n)
		if event.EventType != given.EventType || !bytes.Equal(event.EventData, given.EventData) || event.ProcessedAt == nil {
			return fmt.Errorf("wrong result: event %s is not as it was", event.ID)
		}
		n++
	}
	if n != len(a.ids) {
		return fmt.Errorf("wrong result: there are %d events in archives, %d should be", n, len(a.ids))
	}
	return nil
}

// checkRestored checks that all events are in the store, a sample of them as they were.
func checkRestored(ctx context.Context, a *archiving) error {
	archived, err := a.store.Archives().GetByPosition(ctx, 0, 1)
	if err == nil && len(archived) > 0 {
		err = fmt.Errorf("wrong result: archive %s is not restored", archived[0].ID)
	}
	if err == nil {
		err = a.checkStored(ctx, len(a.ids))
	}
	if err != nil {
		return err
	}
	for i := 0; i < len(a.ids); i += max(1, len(a.ids)/sampled) {
		given := a.given(i)
		if err := readBack(ctx, a.store, &given, true); err != nil {
			return err
		}
	}
	return nil
}

// checkStored checks how many events are in the store.
func (a *archiving) checkStored(ctx context.Context, want int) error {
	measure, err := a.store.Archives().Measure(ctx)
	if err == nil && measure.Events != int64(want) {
		err = fmt.Errorf("wrong result: %d events are in the store, %d should be", measure.Events, want)
	}
	return err
}

// given is an event as it was saved.
func (a *archiving) given(i int) driver.Event {
	event := a.source.At(a.first + i)
	event.ID = a.ids[i]
	event.EventData = vary(event.EventData, event.ID)
	return event
}
