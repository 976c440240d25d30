package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/neomultitenant/neoevents/driver"
)

// fileOptions says what writeFile writes.
type fileOptions struct {
	archiveID uuid.UUID
	schema    string
	// level is how hard to compress, as zstd.EncoderLevel counts: 1 is the fastest, 4 the smallest, 0
	// is defaultLevel.
	level int
	// encrypt encrypts with the current key of keys.
	encrypt bool
	keys    *driver.KeyRing
}

const defaultLevel = 2

// windowBytes is how far back compression looks, and so how much memory it takes to read: RFC 8878
// has every decoder support as much.
const windowBytes = 8 << 20

func (o *fileOptions) check() error {
	if o.archiveID == uuid.Nil {
		return &driver.InvalidError{Field: "archive_id", Reason: "is required"}
	}
	if err := checkLevel(o.level); err != nil {
		return err
	}
	if o.encrypt && o.keys.Current() == "" {
		return &driver.InvalidError{Field: "encryption", Reason: "needs a key ring (WithKeyRing)"}
	}
	return driver.ValidateSchema(o.schema)
}

func checkLevel(level int) error {
	if level < 0 || level > 4 {
		return &driver.InvalidError{Field: "level", Reason: fmt.Sprintf("must be 0 (for %d) to 4", defaultLevel)}
	}
	return nil
}

// errNoEvents is what writeFile returns when there are none.
var errNoEvents = &driver.InvalidError{Field: "events", Reason: "must be at least one"}

// writeFile writes events as the archive called name and returns its manifest. The events come by
// position, at least one; no more than one is held in memory. Then the file is complete, and still
// to be proved by verifyFile. The context's end ends it.
//
// Errors, after which there is no such archive unless there was one before: driver.InvalidError,
// before any I/O for the name and the options, else for an event; errNoEvents; the error that events
// yields, as it is; driver.ErrAlreadyExists, which leaves alone what is there; the storage's.
// If the manifest could not be written, the object with the events is left. It is not deleted here:
// who comes late, because others took over meanwhile and used the name, would delete theirs. Use a
// name for one try only, then deleteFile after a failed one is safe.
func writeFile(ctx context.Context, storage Storage, name string, events iter.Seq2[driver.Event, error], opts fileOptions) (Manifest, error) {
	m := Manifest{
		Format: ManifestFormat, Version: manifestVersion, ArchiveID: opts.archiveID, Schema: opts.schema,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond), Object: objectName(name, opts.encrypt), Compression: compressionZstd,
	}
	if err := opts.check(); err != nil {
		return Manifest{}, err
	}
	if err := CheckName(m.Object); err != nil {
		return Manifest{}, err
	}
	if opts.encrypt {
		m.KeyID = opts.keys.Current()
	}
	if err := writeEvents(ctx, storage, events, opts, &m); err != nil {
		return Manifest{}, err
	}
	if err := writeManifest(ctx, storage, name, m); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// writeEvents writes the object with the events, and what it finds out about them into m.
func writeEvents(ctx context.Context, storage Storage, events iter.Seq2[driver.Event, error], opts fileOptions, m *Manifest) error {
	out, err := storage.Create(ctx, m.Object)
	if err != nil {
		return because("create", m.Object, err)
	}
	defer out.Abort()
	stored := &hashingWriter{out: out, object: m.Object, hash: sha256.New()}
	var summary summary
	if !opts.encrypt {
		err = compressEvents(ctx, stored, events, opts.level, &summary)
	} else {
		err = encryptEvents(ctx, stored, events, opts, m, &summary)
	}
	if err != nil {
		return err
	}
	summary.describe(m)
	m.SizeBytes, m.SHA256 = stored.size, hex.EncodeToString(stored.hash.Sum(nil))
	return because("commit", m.Object, out.Commit())
}

func encryptEvents(ctx context.Context, out io.Writer, events iter.Seq2[driver.Event, error], opts fileOptions, m *Manifest, summary *summary) error {
	encrypted, err := age.Encrypt(out, ringRecipient{opts.keys, sealPlace(m)})
	if err != nil {
		return err
	}
	if err := compressEvents(ctx, encrypted, events, opts.level, summary); err != nil {
		return err
	}
	return encrypted.Close()
}

func compressEvents(ctx context.Context, out io.Writer, events iter.Seq2[driver.Event, error], level int, summary *summary) error {
	if level == 0 {
		level = defaultLevel
	}
	compressed, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.EncoderLevel(level)), zstd.WithWindowSize(windowBytes), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if err := writeLines(ctx, compressed, events, summary); err != nil {
		return err
	}
	return compressed.Close()
}

func writeLines(ctx context.Context, out io.Writer, events iter.Seq2[driver.Event, error], summary *summary) error {
	var line []byte
	for event, err := range events {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checkEvent(&event); err != nil {
			return inEvent(summary.count, err)
		}
		line = appendEvent(line[:0], &event)
		if err := summary.add(&event, len(line)); err != nil {
			return inEvent(summary.count, err)
		}
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	if summary.count == 0 {
		return errNoEvents
	}
	return nil
}

// inEvent makes the field of an InvalidError say which event it is of.
func inEvent(index int64, err error) error {
	var invalid *driver.InvalidError
	if errors.As(err, &invalid) {
		return &driver.InvalidError{Field: fmt.Sprintf("events[%d].%s", index, invalid.Field), Reason: invalid.Reason}
	}
	return err
}

// hashingWriter knows what went through it. Its errors say which object they are of.
type hashingWriter struct {
	out    io.Writer
	object string
	hash   hash.Hash
	size   int64
}

func (w *hashingWriter) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	return n, because("write", w.object, err)
}

// deleteFile deletes the archive called name, the manifest first: if it stops half-way, what is left
// is no archive, and the same call again deletes it. What is not there is no error.
func deleteFile(ctx context.Context, storage Storage, name string) error {
	for _, object := range []string{manifestName(name), objectName(name, false), objectName(name, true)} {
		if err := storage.Delete(ctx, object); err != nil {
			return because("delete", object, err)
		}
	}
	return nil
}
