package archive

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Database is a [Storage] in the database that the events come from: an object is rows of the schema's
// own tables, so that one backup has both. It takes as much room there as elsewhere, once the database
// has room that it can use again.
//
// An object is written in chunks, each of which commits by itself, under a name that no object can have, and
// gets its own at Commit, which moves none of them. A process that dies leaves them behind: see
// [Database.RemoveUnfinished]. In the Store of a transaction all of that is a part of the transaction.
type Database struct {
	store driver.Store
}

// InDatabase returns the storage of a schema. The Store is the caller's to close, when it is no longer used.
func InDatabase(store driver.Store) *Database { return &Database{store} }

const (
	// chunkBytes is the size of a chunk, which each writer and reader holds in memory. On both databases
	// chunks of 64 KiB are written half as fast, those of 1 MiB a third faster at the most.
	chunkBytes = 256 << 10
	// unfinishedPrefix is what the names of objects begin with that are not committed.
	unfinishedPrefix = ".unfinished/"
	// listPage is how many objects are listed at a time.
	listPage = 1000
	// removalTime is how long removing what is not finished may take when the context has ended.
	removalTime = time.Minute
)

// Location implements [Storage]: "database:" and the schema's name.
func (d *Database) Location() string { return "database:" + d.store.Schema() }

// Create implements [Storage].
func (d *Database) Create(ctx context.Context, name string) (Writer, error) {
	writer, err := d.create(ctx, name)
	if err != nil {
		return nil, d.fail("Create", name, err)
	}
	return writer, nil
}

func (d *Database) create(ctx context.Context, name string) (*databaseWriter, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	switch _, err := d.store.ArchiveObjects().Get(ctx, name); {
	case err == nil:
		return nil, driver.ErrAlreadyExists
	case !errors.Is(err, driver.ErrNotFound):
		return nil, err
	}
	unfinished, err := d.store.ArchiveObjects().Create(ctx, unfinishedPrefix+rand.Text())
	if err != nil {
		return nil, err
	}
	return &databaseWriter{ctx: ctx, database: d, name: name, unfinished: unfinished.Name}, nil
}

type databaseWriter struct {
	ctx        context.Context
	database   *Database
	name       string
	unfinished string // what it is called before Commit
	chunks     int    // those that are stored
	chunk      []byte // the next one
	err        error  // why nothing more can be written
	ended      bool
}

func (w *databaseWriter) Write(p []byte) (written int, err error) {
	if err := cmp.Or(w.err, w.ctx.Err()); err != nil {
		return 0, w.database.fail("Write", w.name, err)
	}
	for written < len(p) {
		if len(w.chunk) == chunkBytes {
			if w.err = w.flush(); w.err != nil {
				return written, w.database.fail("Write", w.name, w.err)
			}
		}
		if w.chunk == nil {
			w.chunk = make([]byte, 0, chunkBytes)
		}
		part := p[written:min(len(p), written+chunkBytes-len(w.chunk))]
		w.chunk = append(w.chunk, part...)
		written += len(part)
	}
	return written, nil
}

// flush stores the next chunk, if there is something in it.
func (w *databaseWriter) flush() error {
	if len(w.chunk) == 0 {
		return nil
	}
	err := w.database.store.ArchiveObjects().Append(w.ctx, w.unfinished, w.chunks, w.chunk)
	if err == nil {
		w.chunks++
		w.chunk = w.chunk[:0]
	}
	return err
}

func (w *databaseWriter) Commit() error {
	if w.ended {
		return w.database.fail("Commit", w.name, w.err)
	}
	err := w.commit()
	if err != nil {
		_ = w.remove() // RemoveUnfinished does what can't be done now
	}
	w.end()
	return w.database.fail("Commit", w.name, err)
}

func (w *databaseWriter) commit() error {
	if err := cmp.Or(w.err, w.ctx.Err()); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.database.store.ArchiveObjects().Commit(w.ctx, w.unfinished, w.name)
	return err
}

func (w *databaseWriter) Abort() error {
	if w.ended {
		return nil
	}
	w.end()
	return w.database.fail("Abort", w.name, w.remove())
}

// remove removes what is stored under the name of an object that is not committed.
func (w *databaseWriter) remove() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), removalTime)
	defer cancel()
	_, err := w.database.store.ArchiveObjects().Delete(ctx, w.unfinished)
	return err
}

func (w *databaseWriter) end() {
	w.ended, w.err, w.chunk = true, driver.ErrClosed, nil
}

// Open implements [Storage]. An object that is deleted while it is read is ErrMissing, also if there is
// another one of its name by then.
func (d *Database) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	err := CheckName(name)
	var object driver.ArchiveObject
	if err == nil {
		object, err = d.get(ctx, name)
	}
	if err != nil {
		return nil, d.fail("Open", name, err)
	}
	return &databaseReader{ctx: ctx, database: d, object: object}, nil
}

// get returns an object that was committed.
func (d *Database) get(ctx context.Context, name string) (driver.ArchiveObject, error) {
	object, err := d.store.ArchiveObjects().Get(ctx, name)
	if errors.Is(err, driver.ErrNotFound) || err == nil && !object.IsComplete {
		return driver.ArchiveObject{}, &driver.Error{Kind: ErrMissing}
	}
	return object, err
}

type databaseReader struct {
	ctx      context.Context
	database *Database
	object   driver.ArchiveObject
	chunks   int    // those that were read
	chunk    []byte // what is left of the last one
	err      error  // why nothing more can be read
}

func (r *databaseReader) Read(p []byte) (int, error) {
	if err := cmp.Or(r.err, r.ctx.Err()); err != nil {
		return 0, r.fail(err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.chunk) == 0 {
		if r.chunk, r.err = r.next(); r.err != nil {
			return 0, r.fail(r.err)
		}
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// next reads the next chunk. Behind the last one it looks whether all were those of one object.
func (r *databaseReader) next() ([]byte, error) {
	if r.chunks < r.object.Chunks {
		chunk, err := r.database.store.ArchiveObjects().ReadChunk(r.ctx, r.object.Name, r.chunks)
		if errors.Is(err, driver.ErrNotFound) {
			err = &driver.Error{Kind: ErrMissing}
		}
		r.chunks++
		return chunk, err
	}
	now, err := r.database.get(r.ctx, r.object.Name)
	switch {
	case err != nil:
		return nil, err
	case now.ID != r.object.ID:
		return nil, &driver.Error{Kind: ErrMissing}
	}
	return nil, io.EOF
}

func (r *databaseReader) fail(err error) error {
	if err == io.EOF {
		return err
	}
	return r.database.fail("Read", r.object.Name, err)
}

func (r *databaseReader) Close() error {
	r.err, r.chunk = driver.ErrClosed, nil
	return nil
}

// Delete implements [Storage].
func (d *Database) Delete(ctx context.Context, name string) error {
	err := CheckName(name)
	if err == nil {
		_, err = d.store.ArchiveObjects().Delete(ctx, name)
	}
	return d.fail("Delete", name, err)
}

// List implements [Storage].
func (d *Database) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := CheckPrefix(prefix); err != nil {
			yield(Object{}, d.fail("List", prefix, err))
			return
		}
		for object, err := range d.all(ctx, prefix) {
			if err != nil {
				yield(Object{}, d.fail("List", prefix, err))
				return
			}
			if object.IsComplete && CheckName(object.Name) == nil && !yield(Object{object.Name, object.SizeBytes}, nil) {
				return
			}
		}
	}
}

// all yields the objects whose names begin with prefix, whatever they are. After an error it ends.
func (d *Database) all(ctx context.Context, prefix string) iter.Seq2[driver.ArchiveObject, error] {
	return func(yield func(driver.ArchiveObject, error) bool) {
		for after := ""; ; {
			page, err := d.store.ArchiveObjects().List(ctx, prefix, after, listPage)
			if err != nil {
				yield(driver.ArchiveObject{}, err)
				return
			}
			for _, object := range page {
				if after = object.Name; !yield(object, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// RemoveUnfinished removes what killed processes left half-written, if it was begun so long ago, by the
// database's clock, and returns how many objects that were. Give it longer than any write takes: a day,
// say. An object that is still being written then fails to be written or committed.
func (d *Database) RemoveUnfinished(ctx context.Context, olderThan time.Duration) (int, error) {
	removed, err := d.removeUnfinished(ctx, olderThan)
	return removed, d.fail("RemoveUnfinished", "", err)
}

func (d *Database) removeUnfinished(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	if olderThan < 0 {
		return 0, &driver.InvalidError{Field: "older_than", Reason: "must not be negative"}
	}
	now, err := d.now(ctx)
	if err != nil {
		return 0, err
	}
	for object, err := range d.all(ctx, unfinishedPrefix) {
		if err != nil {
			return removed, err
		}
		if object.IsComplete || object.CreatedAt.After(now.Add(-olderThan)) {
			continue
		}
		deleted, err := d.store.ArchiveObjects().Delete(ctx, object.Name)
		if err != nil {
			return removed, err
		}
		if deleted {
			removed++
		}
	}
	return removed, nil
}

// now is the database's: that at which an object is begun.
func (d *Database) now(ctx context.Context) (time.Time, error) {
	objects := d.store.ArchiveObjects()
	begun, err := objects.Create(ctx, unfinishedPrefix+rand.Text())
	if err == nil {
		_, err = objects.Delete(ctx, begun.Name)
	}
	return begun.CreatedAt, err
}

// fail completes an error. One of a repository tells of chunks; it goes on to tell of what.
func (d *Database) fail(op, name string, err error) error {
	var below *driver.Error
	if errors.As(err, &below) && below.Op != "" {
		return &driver.Error{Op: "Database." + op, Entity: "object", Key: name, Err: err}
	}
	return driver.Fail("Database."+op, "", "object", name, err)
}
