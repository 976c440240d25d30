package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

const (
	smallArchive = 50 // events in it, at the most
	largeArchive = 500
	filterShare  = 3 // one in so many events is what a filter restores
	keyBytes     = 32
)

// archiveWorker makes archives, restores them, and tells its parent what it is at.
type archiveWorker struct {
	order
	rng   *rand.Rand
	store driver.Store
	dir   *archive.Dir
	steps stepTeller
}

func (w *archiveWorker) work(ctx context.Context) (err error) {
	w.rng = rand.New(rand.NewPCG(w.Seed, 0))
	opts := []driver.Option{driver.WithMigrations(driver.MigrateVerify), driver.WithLogger(nil), driver.WithMaxConns(3)}
	if w.store, err = driver.Open(w.DSN, w.Schema, opts...); err != nil {
		return err
	}
	if w.dir, err = archive.OpenDir(w.Archives); err != nil {
		return err
	}
	for ctx.Err() == nil {
		w.steps.tell(stepNone)
		if err := w.round(ctx); err != nil && !driver.IsRetryable(err) {
			return err
		}
	}
	return errors.Join(w.dir.Close(), w.store.Close())
}

// round does one thing of those that there are.
func (w *archiveWorker) round(ctx context.Context) error {
	archiver, err := openArchiver(tellingStore{w.store, &w.steps}, tellingStorage{w.dir, &w.steps}, archive.Options{
		MaxEvents: 1 + w.rng.IntN([]int{smallArchive, largeArchive}[w.rng.IntN(2)]),
		Lease:     shortestLease + time.Duration(w.rng.Int64N(int64(longestLease-shortestLease))),
	})
	if err != nil {
		return err
	}
	switch n := w.rng.IntN(20); {
	case n < 10:
		return w.run(ctx, archiver)
	case n < 17:
		return w.restore(ctx, archiver)
	case n < 19:
		return w.purge(ctx, archiver)
	default:
		w.steps.tell(stepSweep)
		_, err := archiver.Sweep(ctx)
		return err
	}
}

// run archives all that can be archived. It may have lost an archive to others, because it was
// stopped, and may have met deliveries that were made meanwhile.
func (w *archiveWorker) run(ctx context.Context, archiver *archive.Archiver) error {
	_, err := archiver.Run(ctx, everything(w.rng.IntN(4) == 0))
	if errors.Is(err, driver.ErrLeaseLost) || errors.Is(err, driver.ErrConflict) {
		return nil
	}
	return err
}

// everything is the rule of an archive of whatever can be archived.
func everything(encrypt bool) driver.ArchiveRule {
	return driver.ArchiveRule{Name: "everything", Policy: driver.PolicyCustom, Encrypt: encrypt}
}

// restore brings back the events of an archive, or some of them.
func (w *archiveWorker) restore(ctx context.Context, archiver *archive.Archiver) error {
	id, err := w.pick(ctx, driver.ArchiveCompleted)
	if err != nil || id == uuid.Nil {
		return err
	}
	filter := func(e driver.Event) bool { return int(e.ID[15])%filterShare == 0 }
	if w.rng.IntN(3) == 0 {
		filter = nil
	}
	if _, err = archiver.Restore(ctx, id, filter); err != nil {
		return unlessPurged(err)
	}
	again, err := archiver.Restore(ctx, id, filter)
	if err == nil && again > 0 {
		return fmt.Errorf("archive %s: %d events were restored twice", id, again)
	}
	return unlessPurged(err)
}

// unlessPurged: another worker may have restored and purged what this one took to be there.
func unlessPurged(err error) error {
	if errors.Is(err, driver.ErrState) {
		return nil
	}
	return err
}

// purge deletes an archive whose events are all back.
func (w *archiveWorker) purge(ctx context.Context, archiver *archive.Archiver) error {
	id, err := w.pick(ctx, driver.ArchiveRestored)
	if err != nil || id == uuid.Nil {
		return err
	}
	w.steps.tell(stepPurge)
	return archiver.Purge(ctx, id)
}

// pick returns an archive of a status; zero: there is none.
func (w *archiveWorker) pick(ctx context.Context, status driver.ArchiveStatus) (uuid.UUID, error) {
	archives, err := w.store.Archives().GetByStatus(ctx, status, driver.MaxLimit)
	if err != nil || len(archives) == 0 {
		return uuid.Nil, err
	}
	return archives[w.rng.IntN(len(archives))].ID, nil
}

// openArchiver returns an Archiver of a store and a storage. All have the same keys.
func openArchiver(store driver.Store, storage archive.Storage, opts archive.Options) (*archive.Archiver, error) {
	keys, err := driver.NewKeyRing(driver.NewKey("crash", bytes.Repeat([]byte("k"), keyBytes)))
	if err != nil {
		return nil, err
	}
	opts.Keys = keys
	return archive.New(store, archive.Storages{driver.StorageCold: storage}, opts)
}

// The steps that a worker tells of.
const (
	stepNone     = "between"
	stepPlan     = "plan"
	stepBegin    = "begin"
	stepWrite    = "write"
	stepManifest = "manifest"
	stepVerify   = "verify"
	stepComplete = "complete"
	stepRestore  = "restore"
	stepPutBack  = "put back" // the last of what was restored, and the record
	stepPurge    = "purge"
	stepSweep    = "sweep"
	stepGiveUp   = "give up"
)

// stepTeller tells the parent which step has begun, a line each.
type stepTeller struct{ step string }

func (t *stepTeller) tell(step string) {
	t.step = step
	_, _ = fmt.Fprintln(os.Stdout, step) // without a parent this process is about to end
}

// tellingStore tells of the steps in the database.
type tellingStore struct {
	driver.Store
	steps *stepTeller
}

func (s tellingStore) Archives() driver.ArchiveRepository {
	return tellingArchives{s.Store.Archives(), s.steps}
}

type tellingArchives struct {
	driver.ArchiveRepository
	steps *stepTeller
}

func (a tellingArchives) Save(ctx context.Context, archive driver.Archive) (driver.Archive, error) {
	a.steps.tell(stepPlan)
	return a.ArchiveRepository.Save(ctx, archive)
}

func (a tellingArchives) Begin(ctx context.Context, id uuid.UUID, criteria driver.ArchiveCriteria, lease time.Duration) (driver.Archive, error) {
	a.steps.tell(stepBegin)
	return a.ArchiveRepository.Begin(ctx, id, criteria, lease)
}

func (a tellingArchives) Complete(ctx context.Context, id, token uuid.UUID, file driver.ArchiveFile) (driver.Archive, error) {
	a.steps.tell(stepComplete)
	return a.ArchiveRepository.Complete(ctx, id, token, file)
}

func (a tellingArchives) Restore(ctx context.Context, id uuid.UUID, events iter.Seq2[driver.Event, error]) (int, error) {
	a.steps.tell(stepRestore)
	return a.ArchiveRepository.Restore(ctx, id, func(yield func(driver.Event, error) bool) {
		events(yield)
		a.steps.tell(stepPutBack)
	})
}

func (a tellingArchives) Recover(ctx context.Context, limit int) ([]driver.Archive, error) {
	a.steps.tell(stepGiveUp)
	return a.ArchiveRepository.Recover(ctx, limit)
}

// tellingStorage tells of the steps on the disk.
type tellingStorage struct {
	archive.Storage
	steps *stepTeller
}

func (s tellingStorage) Create(ctx context.Context, name string) (archive.Writer, error) {
	if strings.HasSuffix(name, ".manifest.json") {
		s.steps.tell(stepManifest)
	} else {
		s.steps.tell(stepWrite)
	}
	return s.Storage.Create(ctx, name)
}

func (s tellingStorage) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if s.steps.step == stepManifest { // what was written is read back
		s.steps.tell(stepVerify)
	}
	return s.Storage.Open(ctx, name)
}
