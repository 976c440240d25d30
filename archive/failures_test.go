package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// brittle is a storage whose call of a number fails.
type brittle struct {
	archive.Storage
	calls, failsAt atomic.Int64
	failing        error
}

func (b *brittle) step() error {
	if b.calls.Add(1) == b.failsAt.Load() {
		return b.failing
	}
	return nil
}

func (b *brittle) Create(ctx context.Context, name string) (archive.Writer, error) {
	if err := b.step(); err != nil {
		return nil, err
	}
	w, err := b.Storage.Create(ctx, name)
	return &brittleWriter{w, b}, err
}

func (b *brittle) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := b.step(); err != nil {
		return nil, err
	}
	r, err := b.Storage.Open(ctx, name)
	return &brittleReader{r, b}, err
}

type brittleWriter struct {
	archive.Writer
	storage *brittle
}

func (w *brittleWriter) Write(p []byte) (int, error) {
	if err := w.storage.step(); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}

func (w *brittleWriter) Commit() error {
	if err := w.storage.step(); err != nil {
		_ = w.Abort()
		return err
	}
	return w.Writer.Commit()
}

type brittleReader struct {
	io.ReadCloser
	storage *brittle
}

func (r *brittleReader) Read(p []byte) (int, error) {
	if err := r.storage.step(); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p)
}

func TestAStorageThatFailsAtAnyStepLosesNothing(t *testing.T) {
	var storage *brittle
	h := newHouse(t, func(h *house, _ *archive.Options) {
		storage = &brittle{Storage: h.storage, failing: syscall.ENOSPC}
		h.storage = storage
	})
	events := h.save(10)
	for step := int64(1); ; step++ {
		storage.calls.Store(0)
		storage.failsAt.Store(step)
		report, err := h.archiver.Run(t.Context(), driver.NewArchiveRule("old", 1))
		storage.failsAt.Store(0)
		if err == nil {
			h.equal("archived", report.Events, int64(10))
			if step < 8 {
				t.Fatalf("a run has %d steps, want more", step-1)
			}
			break
		}
		h.wantErr("Run", err, syscall.ENOSPC)
		if !strings.Contains(err.Error(), "jsonl.zst") && !strings.Contains(err.Error(), "manifest.json") {
			t.Errorf("the error %v does not name the file", err)
		}
		h.wantPlaces(events, nil)
		h.equal("files after step "+string(rune('0'+step)), h.files(), []string{})
		job, err := h.store.ArchiveJobs().GetByID(t.Context(), report.JobID)
		h.ok(err)
		h.equal("job", job.Status, driver.JobFailed)
	}
	h.wantPlaces(nil, events)
}

// flaky is a store whose archives fail as the test says.
type flaky struct {
	driver.Store
	complete func(ctx context.Context, complete func() (driver.Archive, error)) (driver.Archive, error)
}

func (f *flaky) Archives() driver.ArchiveRepository {
	return &flakyArchives{f.Store.Archives(), f}
}

type flakyArchives struct {
	driver.ArchiveRepository
	store *flaky
}

func (f *flakyArchives) Complete(ctx context.Context, id, token uuid.UUID, file driver.ArchiveFile) (driver.Archive, error) {
	return f.store.complete(ctx, func() (driver.Archive, error) { return f.ArchiveRepository.Complete(ctx, id, token, file) })
}

func newFlaky(t *testing.T, complete func(h *house) func(context.Context, func() (driver.Archive, error)) (driver.Archive, error)) *house {
	return newHouse(t, func(h *house, opts *archive.Options) {
		h.store = &flaky{h.store, complete(h)}
		opts.Lease = time.Minute
	})
}

var errBroken = &driver.Error{Op: "Archives.Complete", Schema: "tenant_test", Entity: "archive", Kind: driver.ErrUnavailable, Err: errors.New("connection lost")}

func TestACommitWhoseAnswerIsLostIsFoundOut(t *testing.T) {
	h := newFlaky(t, func(*house) func(context.Context, func() (driver.Archive, error)) (driver.Archive, error) {
		return func(_ context.Context, complete func() (driver.Archive, error)) (driver.Archive, error) {
			if _, err := complete(); err != nil {
				return driver.Archive{}, err
			}
			return driver.Archive{}, errBroken
		}
	})
	events := h.save(10)
	h.equal("archived", h.run().Events, int64(10))
	h.wantPlaces(nil, events)
}

func TestACommitThatFailsLeavesTheEventsInTheStore(t *testing.T) {
	h := newFlaky(t, func(*house) func(context.Context, func() (driver.Archive, error)) (driver.Archive, error) {
		return func(context.Context, func() (driver.Archive, error)) (driver.Archive, error) {
			return driver.Archive{}, errBroken
		}
	})
	events := h.save(10)
	_, err := h.archiver.Run(t.Context(), driver.NewArchiveRule("old", 1))
	h.wantErr("Run", err, driver.ErrUnavailable)
	h.wantPlaces(events, nil)
	h.equal("files", h.files(), []string{})
	failed := h.archives(driver.ArchiveFailed)
	h.equal("failed archives", len(failed), 1)
	if !strings.Contains(failed[0].ErrorMessage, "connection lost") {
		t.Errorf("got the message %q", failed[0].ErrorMessage)
	}
}

func TestAnArchiveThatOthersGaveUpIsNotCompleted(t *testing.T) {
	h := newFlaky(t, func(h *house) func(context.Context, func() (driver.Archive, error)) (driver.Archive, error) {
		return func(ctx context.Context, complete func() (driver.Archive, error)) (driver.Archive, error) {
			archives := h.store.(*flaky).Store.Archives()
			mine, err := archives.GetByStatus(ctx, driver.ArchiveInProgress, 0)
			h.ok(err)
			h.ok(archives.Extend(ctx, mine[0].ID, *mine[0].LeaseToken, time.Millisecond))
			for given := 0; given == 0; {
				recovered, err := archives.Recover(ctx, 0)
				h.ok(err)
				given = len(recovered)
			}
			return complete()
		}
	})
	events := h.save(10)
	_, err := h.archiver.Run(t.Context(), driver.NewArchiveRule("old", 1))
	h.wantErr("Run", err, driver.ErrLeaseLost)
	h.wantPlaces(events, nil)
	h.equal("files", h.files(), []string{})
}

func TestAnEventThatGetsADeliveryMeanwhileStays(t *testing.T) {
	var events []driver.Event
	var endpoint driver.Endpoint
	once := true
	h := newFlaky(t, func(h *house) func(context.Context, func() (driver.Archive, error)) (driver.Archive, error) {
		return func(ctx context.Context, complete func() (driver.Archive, error)) (driver.Archive, error) {
			if once {
				once = false
				_, err := h.store.Deliveries().Save(ctx, driver.Delivery{EndpointID: endpoint.ID, EventID: events[5].ID})
				h.ok(err)
			}
			return complete()
		}
	})
	events = h.save(10)
	var err error
	endpoint, err = h.store.Endpoints().Save(t.Context(), driver.NewEndpoint("hook", "https://example.com"))
	h.ok(err)
	report := h.run()
	h.equal("events", []int64{report.Events, report.Skipped}, []int64{9, 10})
	h.wantPlaces(events[5:6], append(append([]driver.Event{}, events[:5]...), events[6:]...))
	h.equal("files", len(h.files()), 2)
}

func TestRunGivesUpWhatADeadProcessHadBegun(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	events := h.save(10)
	pending, err := h.store.Archives().Save(ctx, driver.Archive{Name: "dead", StorageLocation: h.storage.Location(), ObjectName: "dead/file"})
	h.ok(err)
	begun, err := h.store.Archives().Begin(ctx, pending.ID, driver.ArchiveCriteria{}, driver.MaxLease)
	h.ok(err)
	h.equal("reserved", begun.EventCount, int64(10))
	for _, name := range []string{"dead/file.jsonl.zst", "dead/file.manifest.json"} {
		w, err := h.storage.Create(ctx, name)
		h.ok(err)
		_, err = w.Write([]byte("half of it"))
		h.ok(err)
		h.ok(w.Commit())
	}
	h.equal("archived while the other one lives", h.run().Events, int64(0))
	h.ok(h.store.Archives().Extend(ctx, begun.ID, *begun.LeaseToken, time.Millisecond))
	for h.run().Events == 0 {
		if ctx.Err() != nil {
			t.Fatal("its lease does not end")
		}
	}
	h.wantPlaces(nil, events)
	h.equal("files", len(h.files()), 2)
	failed := h.archives(driver.ArchiveFailed)
	h.equal("failed archives", []uuid.UUID{failed[0].ID}, []uuid.UUID{begun.ID})
}

func TestAFileThatIsNotWhatWasWrittenRestoresNothing(t *testing.T) {
	for name, damage := range map[string]func(data []byte) []byte{
		"FlippedBit": func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
		"Truncated":  func(data []byte) []byte { return data[:len(data)-1] },
		"Longer":     func(data []byte) []byte { return append(data, 0) },
		"Missing":    func([]byte) []byte { return nil },
	} {
		for _, ending := range []string{".jsonl.zst", ".manifest.json"} {
			t.Run(name+ending, func(t *testing.T) {
				h := newHouse(t, nil)
				events := h.save(30)
				h.run()
				archived := h.archives(driver.ArchiveCompleted)[0]
				object := archived.ObjectName + ending
				data := h.read(object)
				h.ok(h.storage.Delete(t.Context(), object))
				want := archive.ErrMissing
				if data := damage(data); data != nil {
					h.write(object, data)
					want = archive.ErrCorrupt
				}
				_, err := h.archiver.Restore(t.Context(), archived.ID, nil)
				h.wantErr("Restore", err, want)
				h.wantErr("Verify", h.archiver.Verify(t.Context(), archived.ID), want)
				h.equal("events in the store", len(h.stored()), 0)
				h.equal("archives", len(h.archives(driver.ArchiveCompleted)), 1)

				h.ok(h.storage.Delete(t.Context(), object))
				h.write(object, h.undamaged[object])
				n, err := h.archiver.Restore(t.Context(), archived.ID, nil)
				h.ok(err)
				h.equal("restored in the end", n, 30)
				h.wantPlaces(events, nil)
			})
		}
	}
}

func TestOneArchivesFilesAreNotTakenForAnothers(t *testing.T) {
	h := newHouse(t, nil)
	h.save(10)
	h.run()
	h.save(10)
	h.run()
	archives := h.archives(driver.ArchiveCompleted)
	for _, ending := range []string{".jsonl.zst", ".manifest.json"} {
		other := h.read(archives[1].ObjectName + ending)
		h.ok(h.storage.Delete(t.Context(), archives[0].ObjectName+ending))
		h.write(archives[0].ObjectName+ending, other)
		h.wantErr("Verify", h.archiver.Verify(t.Context(), archives[0].ID), archive.ErrCorrupt)
	}
}

// read returns an object, and remembers it.
func (h *house) read(object string) []byte {
	h.Helper()
	in, err := h.storage.Open(h.Context(), object)
	h.ok(err)
	data, err := io.ReadAll(in)
	h.ok(errors.Join(err, in.Close()))
	if h.undamaged == nil {
		h.undamaged = map[string][]byte{}
	}
	h.undamaged[object] = bytes.Clone(data)
	return data
}

func (h *house) write(object string, data []byte) {
	h.Helper()
	out, err := h.storage.Create(h.Context(), object)
	h.ok(err)
	_, err = out.Write(data)
	h.ok(err)
	h.ok(out.Commit())
}

func TestEncryptedArchivesNeedTheirKey(t *testing.T) {
	key := func(id, bytes string) driver.Key { return driver.NewKey(id, []byte(strings.Repeat(bytes, 32))) }
	ring := func(current driver.Key, old ...driver.Key) *driver.KeyRing {
		keys, err := driver.NewKeyRing(current, old...)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	h := newHouse(t, func(_ *house, opts *archive.Options) { opts.Keys = ring(key("one", "1")) })
	ctx := t.Context()
	events := h.save(10)
	rule := driver.NewArchiveRule("secret", 1)
	rule.Encrypt = true
	_, err := h.archiver.Run(ctx, rule)
	h.ok(err)
	archived := h.archives(driver.ArchiveCompleted)[0]
	h.equal("key", archived.KeyID, "one")
	if data := h.read(archived.ObjectName + ".jsonl.zst.age"); bytes.Contains(data, []byte("order.placed")) {
		t.Error("the file is not encrypted")
	}
	for _, test := range []struct {
		name string
		keys *driver.KeyRing
		want error
	}{
		{"without keys", nil, driver.ErrMissingKey},
		{"without this one", ring(key("two", "2")), driver.ErrMissingKey},
		{"with another one of the same name", ring(key("one", "2")), archive.ErrWrongKey},
	} {
		_, err := h.open(archive.Options{Keys: test.keys}).Restore(ctx, archived.ID, nil)
		h.wantErr("Restore "+test.name, err, test.want)
		h.equal("events in the store", len(h.stored()), 0)
	}
	_, err = h.open(archive.Options{Keys: ring(key("two", "2"), key("one", "1"))}).Restore(ctx, archived.ID, nil)
	h.ok(err)
	h.wantPlaces(events, nil)
	_, err = h.open(archive.Options{}).Run(ctx, rule)
	h.wantErr("Run without keys", err, driver.ErrInvalid)
	h.equal("jobs", 1, len(func() []driver.ArchiveJob {
		jobs, err := h.store.ArchiveJobs().GetByStatus(ctx, driver.JobCompleted, 0)
		h.ok(err)
		return jobs
	}()))
}
