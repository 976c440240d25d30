package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"iter"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/neomultitenant/neoevents/driver"
)

// readFile yields the events of an archive, by position. No more than one is held in memory.
//
// Only at the end is it known whether they are what was written: whoever acts on them before does
// so in a way that can be undone, until the loop has ended without an error. After an error it ends:
// the storage's, [ErrMissing] among them; [ErrCorrupt]; driver.ErrMissingKey, before any I/O;
// [ErrWrongKey]; the context's.
func readFile(ctx context.Context, storage Storage, m Manifest, keys *driver.KeyRing) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		if err := readEvents(ctx, storage, &m, keys, func(event driver.Event) bool { return yield(event, nil) }); err != nil && err != errStopped {
			yield(driver.Event{}, err)
		}
	}
}

// verifyFile reads all of an archive and compares it with its manifest: the size and SHA-256 of the
// object, and whatever the manifest tells of the events. Errors are those of readFile.
func verifyFile(ctx context.Context, storage Storage, m Manifest, keys *driver.KeyRing) error {
	return readEvents(ctx, storage, &m, keys, func(driver.Event) bool { return true })
}

// errStopped is what readEvents returns when its function wanted no more.
var errStopped = errors.New("stopped")

func readEvents(ctx context.Context, storage Storage, m *Manifest, keys *driver.KeyRing, yield func(driver.Event) bool) error {
	if err := m.check(); err != nil {
		return err
	}
	if m.KeyID != "" && !keys.Has(m.KeyID) {
		return &driver.Error{Kind: driver.ErrMissingKey, Err: &driver.MissingKeyError{KeyID: m.KeyID}}
	}
	in, err := storage.Open(ctx, m.Object)
	if err != nil {
		return because("open", m.Object, err)
	}
	defer in.Close()
	stored := &hashingReader{in: in, left: m.SizeBytes, hash: sha256.New()}
	err = decodeEvents(ctx, stored, m, keys, yield)
	switch {
	case err == errStopped:
		return err
	case stored.err != nil:
		return because("read", m.Object, stored.err)
	case err != nil && err != errKeyDoesNotOpen:
		return err
	}
	if err := stored.rest(ctx, m); err != nil {
		return err
	}
	if err == errKeyDoesNotOpen {
		return &driver.Error{Kind: ErrWrongKey, Err: errors.New(m.Object + " is whole, but was encrypted with another key of the ID " + m.KeyID)}
	}
	return nil
}

// decodeEvents yields the events of an object, and compares them with the manifest. What they are
// worth stored tells, after the rest.
func decodeEvents(ctx context.Context, stored io.Reader, m *Manifest, keys *driver.KeyRing, yield func(driver.Event) bool) error {
	if m.KeyID != "" {
		decrypted, err := age.Decrypt(stored, ringIdentity{keys, m.KeyID, sealPlace(m)})
		if errors.Is(err, errKeyDoesNotOpen) {
			return errKeyDoesNotOpen
		}
		if err != nil {
			return corrupt(m.Object, "is not an encrypted archive")
		}
		stored = decrypted
	}
	raw, err := zstd.NewReader(stored, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(windowBytes), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer raw.Close()
	lines := lineReader{in: bufio.NewReaderSize(raw, 64<<10), longest: m.LongestLine}
	var summary summary
	for {
		line, err := lines.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return corruptLine(m.Object, summary.count+1, err.Error())
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		event, err := parseEvent(line)
		if err == nil {
			err = summary.add(&event, len(line)+1)
		}
		if err != nil {
			return corruptLine(m.Object, summary.count+1, err.Error())
		}
		if summary.rawBytes > m.RawBytes {
			return corrupt(m.Object, "has more lines than its manifest tells")
		}
		if !yield(event) {
			return errStopped
		}
	}
	if difference := summary.difference(m); difference != "" {
		return corrupt(m.Object, "is not what its manifest tells: "+difference+" differ")
	}
	return nil
}

// lineReader reads lines of a limited length.
type lineReader struct {
	in      *bufio.Reader
	longest int64 // with the line end
	line    []byte
}

// The errors of lineReader.
var (
	errLineTooLong = errors.New("is longer than any that was written")
	errLineEnd     = errors.New("has no end")
	errUnreadable  = errors.New("can't be decrypted or decompressed")
)

// next returns the next line, without its end, which is valid until the next call; or io.EOF.
func (r *lineReader) next() ([]byte, error) {
	r.line = r.line[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		switch {
		case int64(len(r.line)+len(part)) > r.longest:
			return nil, errLineTooLong
		case err == nil && len(r.line) == 0:
			return part[:len(part)-1], nil
		case err == nil:
			r.line = append(r.line, part[:len(part)-1]...)
			return r.line, nil
		case err == bufio.ErrBufferFull:
			r.line = append(r.line, part...)
		case err == io.EOF && len(r.line)+len(part) == 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, errLineEnd
		default:
			return nil, errUnreadable
		}
	}
}

// hashingReader knows what went through it, and lets no more through than an object has.
type hashingReader struct {
	in     io.Reader
	left   int64
	hash   hash.Hash
	err    error // of in, but not io.EOF
	longer bool  // there is more than there should be
}

func (r *hashingReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if int64(n) > r.left {
		n, err, r.longer = int(r.left), io.EOF, true
	}
	r.left -= int64(n)
	r.hash.Write(p[:n])
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// rest reads what is left, and compares size and SHA-256 with the manifest.
func (r *hashingReader) rest(ctx context.Context, m *Manifest) error {
	buffer := make([]byte, 64<<10)
	for !r.longer && r.err == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := r.Read(buffer); err == io.EOF {
			break
		}
	}
	switch {
	case r.err != nil:
		return because("read", m.Object, r.err)
	case r.longer:
		return corrupt(m.Object, "is longer than what was written")
	case r.left > 0:
		return corrupt(m.Object, "is shorter than what was written")
	case hex.EncodeToString(r.hash.Sum(nil)) != m.SHA256:
		return corrupt(m.Object, "has another SHA-256 than what was written")
	}
	return nil
}
