package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ArchiveObject is a file that is kept in the database.
type ArchiveObject struct {
	// ID tells it from one that had its name before, or will have it.
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"` // at most 1,024 bytes, required
	SizeBytes int64     `json:"size_bytes"`
	Chunks    int       `json:"chunks"`
	CreatedAt time.Time `json:"created_at"` // by the database's clock
	// IsComplete: Commit was called, and it never changes again.
	IsComplete bool `json:"is_complete"`
}

// Limits of objects.
const (
	MaxObjectChunk  = 1 << 20 // bytes in one chunk
	MaxObjectChunks = 1 << 20
)

// CheckObjectName reports a name that no object can have, as an [InvalidError]. For backends.
func CheckObjectName(name string) error { return checkRequired("name", name, MaxObjectName) }

// CheckObjectChunk reports a chunk that can't be stored as the one of a number, from 0, as an
// [InvalidError]. For backends.
func CheckObjectChunk(number int, data []byte) error {
	if err := CheckChunkNumber("chunks", number); err != nil {
		return err
	}
	if len(data) == 0 || len(data) > MaxObjectChunk {
		return &InvalidError{"data", fmt.Sprintf("has %d bytes, 1 to %d are allowed", len(data), MaxObjectChunk)}
	}
	return nil
}

// CheckChunkNumber reports a number, from 0, that no chunk can have, as an [InvalidError]. For
// backends.
func CheckChunkNumber(field string, number int) error {
	return checkRange(field, number, 0, MaxObjectChunks-1)
}

// CheckObjectRange reports what List can't begin with, as an [InvalidError]. For backends.
func CheckObjectRange(prefix, after string) error {
	return firstError(
		checkText("prefix", prefix, MaxObjectName),
		checkText("after", after, MaxObjectName),
	)
}

// ArchiveObjectRepository keeps files in the database itself, in chunks: a storage for archives where there
// is no other. archive.InDatabase uses it. Names are told apart by their bytes. Every method is safe for
// concurrent use; of an object that is not complete, one writer knows. The errors that every method may
// return are as [EventRepository] says.
type ArchiveObjectRepository interface {
	// Create begins an object without chunks. Errors: ErrInvalid; ErrAlreadyExists for a name that is
	// taken, whether or not that one is complete.
	Create(ctx context.Context, name string) (ArchiveObject, error)

	// Append adds a chunk, 1 to MaxObjectChunk bytes, to an object, of which chunks are there already.
	// Of several that append at once, one succeeds. Errors: ErrInvalid; ErrNotFound; ErrState for a
	// complete one; ErrConflict if there are not so many.
	Append(ctx context.Context, name string, chunks int, data []byte) error

	// Commit makes an object complete, and gives it its name for good: another one, or the one it has.
	// So one that is not complete can have a name that nobody looks for, and any number can be written
	// to have one name, of which the first to be committed gets it. Errors: ErrInvalid; ErrNotFound;
	// ErrState for a complete one; ErrAlreadyExists if the other name is taken.
	Commit(ctx context.Context, name, as string) (ArchiveObject, error)

	// Get returns an object, complete or not, or ErrNotFound.
	Get(ctx context.Context, name string) (ArchiveObject, error)

	// ReadChunk returns the chunk of a number, from 0, of an object, complete or not. ErrNotFound.
	ReadChunk(ctx context.Context, name string, number int) ([]byte, error)

	// Delete removes an object and its chunks. False if there is none.
	Delete(ctx context.Context, name string) (bool, error)

	// List returns objects, complete or not, whose names begin with prefix and come after another name
	// (empty: from the first), by the bytes of their names.
	List(ctx context.Context, prefix, after string, limit int) ([]ArchiveObject, error)
}
