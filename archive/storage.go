package archive

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// The kinds of errors, beside those of package driver, for errors.Is.
var (
	// ErrMissing: there is no object of this name.
	ErrMissing = errors.New("missing")
	// ErrCorrupt: what is stored is not what was written. Details: CorruptError.
	ErrCorrupt = errors.New("corrupt")
	// ErrWrongKey: the file is as it was written, but the key of the key ring with the right ID is
	// not the one that it was encrypted with.
	ErrWrongKey = errors.New("wrong key")
	// ErrTooNew: a newer version of this library wrote the file.
	ErrTooNew = errors.New("too new")
)

// Storage keeps objects: sequences of bytes that have a name, are written once and never changed.
// It is safe for concurrent use. Package storagetest has its tests.
//
// A name is what [CheckName] takes; anything else is ErrInvalid before any I/O. Two names, one of
// which is the other with "/" and more behind it, need not be able to exist at once.
//
// Every method may return the context's error when it ends, and any error of what lies below, such
// as syscall.ENOSPC, in an error that says what was being done to which object. No error holds a
// credential.
type Storage interface {
	// Location says where the objects are, for people and records: "file:///var/archives". It never
	// holds a credential.
	Location() string

	// Create begins a new object. Nothing is visible under the name before Commit. Any number of
	// objects may be begun at once, also of one name: the first to be committed is the one.
	// driver.ErrAlreadyExists if there is an object of this name. The context is that of the
	// Writer's methods, too.
	Create(ctx context.Context, name string) (Writer, error)

	// Open reads an object from its start. The context is that of the reader, too. ErrMissing.
	Open(ctx context.Context, name string) (io.ReadCloser, error)

	// Delete deletes an object, durably. One that is not there is no error.
	Delete(ctx context.Context, name string) error

	// List yields the objects whose names begin with prefix, by name, bytewise. Those that are not
	// committed are not among them, nor is what else lies there under names that no object can
	// have. Of an object that is created or deleted meanwhile it is open whether it is among them.
	// After an error it ends.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
}

// Object is what a [Storage] lists.
type Object struct {
	Name string
	Size int64 // in bytes
}

// Writer writes a new object. It is not safe for concurrent use. One of Commit and Abort must be
// called; after either, Write and Commit are errors.
type Writer interface {
	io.Writer

	// Commit makes the object durable and visible, all at once. driver.ErrAlreadyExists if another
	// one of this name was committed meanwhile. It fails if a Write has failed. After an error,
	// nothing is visible under the name, unless the storage lost its connection to where the object
	// is kept: then that is unknown.
	Commit() error

	// Abort leaves nothing of the object. After Commit or Abort it has no effect.
	Abort() error
}

// MaxNameBytes is how long the name of an object can be, MaxNamePartBytes how long a part of it
// between slashes: file names end at 255, and what is not yet committed needs a few more.
const (
	MaxNameBytes     = 1024
	MaxNamePartBytes = 200
)

// CheckName reports whether an object can have this name, as a driver.InvalidError: parts of
// letters, digits, "_", "-" and "." between single slashes, none of which begins or ends with a
// dot. For implementations of [Storage].
func CheckName(name string) error {
	if len(name) > MaxNameBytes {
		return &driver.InvalidError{Field: "name", Reason: "has more than 1024 bytes"}
	}
	for part := range strings.SplitSeq(name, "/") {
		if err := checkPart(part); err != nil {
			return err
		}
	}
	return nil
}

// CheckPrefix reports whether names can begin with this prefix, as a driver.InvalidError. For
// implementations of [Storage].
func CheckPrefix(prefix string) error {
	var invalid *driver.InvalidError
	if errors.As(CheckName(prefix+"x"), &invalid) {
		return &driver.InvalidError{Field: "prefix", Reason: invalid.Reason}
	}
	return nil
}

func checkPart(part string) error {
	reason := ""
	switch {
	case part == "":
		reason = "must be parts between single slashes, none of them empty"
	case len(part) > MaxNamePartBytes:
		reason = "has a part of more than 200 bytes"
	case strings.Trim(part, ".") != part:
		reason = "must have no part that begins or ends with a dot"
	case strings.ContainsFunc(part, isUnsafe):
		reason = "must be of letters, digits, _, -, . and /"
	default:
		return nil
	}
	return &driver.InvalidError{Field: "name", Reason: reason}
}

func isUnsafe(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-' || r == '.')
}
