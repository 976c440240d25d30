package archive_test

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// late is a storage whose process was stopped for so long, before it reads what it has written, that
// others gave its archive up.
type late struct {
	archive.Storage
	giveUp func(ctx context.Context, object string)
}

func (l *late) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if strings.HasSuffix(name, ".jsonl.zst") {
		l.giveUp(ctx, name)
	}
	return l.Storage.Open(ctx, name)
}

func TestWhatFailsBecauseOthersGaveAnArchiveUpIsALostLease(t *testing.T) {
	h := newHouse(t, func(h *house, opts *archive.Options) {
		opts.Lease = time.Minute
		h.storage = &late{h.storage, func(ctx context.Context, object string) {
			archives := h.store.Archives()
			mine, err := archives.GetByStatus(ctx, driver.ArchiveInProgress, 0)
			h.ok(err)
			h.ok(archives.Extend(ctx, mine[0].ID, *mine[0].LeaseToken, time.Millisecond))
			for given := 0; given == 0; {
				recovered, err := archives.Recover(ctx, 0)
				h.ok(err)
				given = len(recovered)
			}
			h.ok(h.storage.Delete(ctx, object))
		}}
	})
	events := h.save(10)
	_, err := h.archiver.Run(t.Context(), driver.NewArchiveRule("old", 1))
	h.wantErr("Run", err, driver.ErrLeaseLost, archive.ErrMissing)
	h.wantPlaces(events, nil)
	h.equal("files", h.files(), []string{})
}

// emptied is a store in which the events that Begin chose first are gone when they are read.
type emptied struct {
	driver.Store
	read *int
}

func (e emptied) Archives() driver.ArchiveRepository {
	return emptiedArchives{e.Store.Archives(), e.read}
}

type emptiedArchives struct {
	driver.ArchiveRepository
	read *int
}

func (e emptiedArchives) AllEvents(ctx context.Context, id uuid.UUID) iter.Seq2[driver.Event, error] {
	if *e.read++; *e.read == 1 {
		return func(func(driver.Event, error) bool) {}
	}
	return e.ArchiveRepository.AllEvents(ctx, id)
}

func TestRunChoosesAnewWhenAllEventsOfAnArchiveAreGone(t *testing.T) {
	read := 0
	h := newHouse(t, func(h *house, _ *archive.Options) { h.store = emptied{h.store, &read} })
	events := h.save(10)
	report := h.run()
	h.equal("events", []int64{report.Events, report.Skipped, int64(read)}, []int64{10, 10, 2})
	h.wantPlaces(nil, events)
}
