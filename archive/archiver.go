package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Archiver archives the events of one schema, and reads and restores what is archived. It is safe for
// concurrent use, and any number of processes may have one: no two take the same event.
//
// The errors of all methods are those of the repositories of package driver, of the [Storage], and what
// each tells. They are *driver.Error: operation, schema, archive, cause.
type Archiver struct {
	store    driver.Store
	storages Storages
	opts     Options
}

// Storages are the storages of archives, by what they are called in rules and records. Usually it is
// one. driver.StoragePartition needs none: it is nil, and can be left out beside others.
type Storages map[driver.ArchiveStorageType]Storage

// Options says how an [Archiver] works. The zero value is the default.
type Options struct {
	// Keys encrypts and decrypts files. Without it a rule with Encrypt is ErrInvalid.
	Keys *driver.KeyRing
	// Level is how hard files are compressed, 1 (fastest) to 4 (smallest), 0 for 2. docs/benchmarks.md
	// has the figures.
	Level int
	// MaxEvents and MaxBytes are how much one archive holds, and one transaction moves: 0 for
	// driver.DefaultArchiveEvents and driver.DefaultArchiveBytes.
	MaxEvents int
	MaxBytes  int64
	// Lease is how long after the death of a process others leave alone the archive that it was at:
	// 0 for DefaultLease. It is extended while files are written, however long that takes.
	Lease time.Duration
	// MaxRetries is how often a job that failed may be tried again, for driver.ArchiveJob.
	MaxRetries int
	// Progress is called after each archive of a Run, not concurrently. An error ends the Run, with
	// the archives made so far in place. Nil: not called.
	Progress func(ctx context.Context, p Progress) error
}

// DefaultLease is the Lease of [Options].
const DefaultLease = 5 * time.Minute

// Progress is how far a Run is.
type Progress struct {
	Archive driver.Archive // the last one that was completed
	Report  Report
}

// Report is what a Run did.
type Report struct {
	JobID     uuid.UUID
	Archives  int
	Events    int64
	RawBytes  int64 // of the events, as text
	SizeBytes int64 // of the files
	// Skipped is how many events were begun with and left, because one of them had got a delivery that
	// was not done. Most of them were archived by the next try.
	Skipped int64
}

// New returns an Archiver. Errors: ErrInvalid, for options and for no storage; ErrState for a Store inside a
// transaction: files know nothing of its end.
func New(store driver.Store, storages Storages, opts Options) (*Archiver, error) {
	err := opts.prepare()
	if err == nil && len(storages) == 0 {
		err = &driver.InvalidError{Field: "storages", Reason: "must be one at least"}
	}
	for kind, storage := range storages {
		if err == nil {
			err = kind.Validate()
		}
		switch {
		case err != nil:
		case kind == driver.StoragePartition && storage != nil:
			err = &driver.InvalidError{Field: "storages", Reason: "must be nil for database_partition, which stays in the database"}
		case kind != driver.StoragePartition && storage == nil:
			err = &driver.InvalidError{Field: "storages", Reason: "must not be nil"}
		}
	}
	if err == nil && driver.IsTx(store) {
		err = &driver.Error{Kind: driver.ErrState, Err: errors.New("the store is inside a transaction; use the one outside")}
	}
	if err != nil {
		return nil, driver.Fail("archive.New", store.Schema(), "archiver", "", err)
	}
	return &Archiver{store, maps.Clone(storages), opts}, nil
}

// prepare validates the options and sets what they leave to the default.
func (o *Options) prepare() error {
	criteria := driver.ArchiveCriteria{MaxEvents: o.MaxEvents, MaxBytes: o.MaxBytes}
	if err := criteria.Prepare(); err != nil {
		return err
	}
	o.MaxEvents, o.MaxBytes = criteria.MaxEvents, criteria.MaxBytes
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if _, err := driver.CheckLease(o.Lease); err != nil {
		return err
	}
	if err := checkLevel(o.Level); err != nil {
		return err
	}
	if o.MaxRetries < 0 || o.MaxRetries > driver.MaxJobRetries {
		return &driver.InvalidError{Field: "max_retries", Reason: fmt.Sprintf("must be 0 to %d", driver.MaxJobRetries)}
	}
	return nil
}

// fail completes an error for the caller of a method. A storage does not know whose archive it has, and of several
// errors none must get lost.
func (a *Archiver) fail(op string, id uuid.UUID, err error) error {
	key := ""
	if id != uuid.Nil {
		key = id.String()
	}
	op = "Archiver." + op
	_, isOne := err.(*driver.Error)
	_, isMany := err.(interface{ Unwrap() []error })
	var below *driver.Error
	if isMany && !isOne || errors.As(err, &below) && below.Op != "" && below.Schema == "" {
		return &driver.Error{Op: op, Schema: a.store.Schema(), Entity: "archive", Key: key, Err: err}
	}
	return driver.Fail(op, a.store.Schema(), "archive", key, err)
}

// storage returns the storage of a kind.
func (a *Archiver) storage(kind driver.ArchiveStorageType) (Storage, error) {
	if storage := a.storages[kind]; storage != nil {
		return storage, nil
	}
	names := make([]string, 0, len(a.storages))
	for _, known := range slices.Sorted(maps.Keys(a.storages)) {
		if known != driver.StoragePartition {
			names = append(names, string(known))
		}
	}
	return nil, &driver.InvalidError{Field: "storage_type", Reason: "must be one that the archiver has a storage for: " + strings.Join(names, ", ")}
}

// storageOf returns the storage that the files of an archive are in.
func (a *Archiver) storageOf(archive driver.Archive) (Storage, error) {
	storage, err := a.storage(archive.StorageType)
	if err == nil && storage.Location() != archive.StorageLocation {
		err = &driver.InvalidError{Field: "storage_location", Reason: "must be that of the archiver's storage of this type; the archive is elsewhere"}
	}
	return storage, err
}

// open returns the manifest of an archive whose events are in its file, if that fits the record.
func (a *Archiver) open(ctx context.Context, archive driver.Archive) (Storage, Manifest, error) {
	storage, err := a.storage(archive.StorageType)
	switch {
	case err != nil:
		return nil, Manifest{}, err
	case readable(archive) != nil:
		return nil, Manifest{}, readable(archive)
	}
	m, err := readManifest(ctx, storage, archive.ObjectName)
	switch {
	case err != nil:
		return nil, Manifest{}, err
	case m.ArchiveID != archive.ID || m.Schema != a.store.Schema() || m.SHA256 != archive.Checksum ||
		m.SizeBytes != archive.SizeBytes || m.EventCount != archive.EventCount || m.KeyID != archive.KeyID:
		return nil, Manifest{}, corrupt(manifestName(archive.ObjectName), "is not the manifest that the archive was completed with")
	}
	return storage, m, nil
}

// afterwards is a context for what has to be done also when ctx has ended.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// keeping extends a lease until stop is called. When it is lost, the context ends, with that as its cause.
func (a *Archiver) keeping(ctx context.Context, extend func(context.Context) error) (leased context.Context, stop func()) {
	leased, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(a.opts.Lease / 4)
		defer every.Stop()
		for {
			select {
			case <-leased.Done():
				return
			case <-every.C:
				if err := extend(leased); errors.Is(err, driver.ErrLeaseLost) {
					cancel(err) // another error may pass before the lease ends
				}
			}
		}
	}()
	return leased, func() {
		cancel(nil)
		<-done
	}
}

// lostBy returns err, or what made a context of keeping end.
func lostBy(leased context.Context, err error) error {
	if cause := context.Cause(leased); err != nil && errors.Is(cause, driver.ErrLeaseLost) {
		return cause
	}
	return err
}
