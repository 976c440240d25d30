package driver

import (
	"context"
	"fmt"
	"time"
)

// ArchiveObject is a file that is kept in the database.
type ArchiveObject struct {
	Name      string    `json:"name"` // at most 1,024 bytes, required
	SizeBytes int64     `json:"size_bytes"`
	Chunks    int       `json:"chunks"`
	CreatedAt time.Time `json:"created_at"` // by the database's clock
	// IsComplete: Commit was called, and it never changes again.
	IsComplete bool `json:"is_complete"`
}

// MaxObjectChunk is how many bytes one chunk of an object has at the most.
const MaxObjectChunk = 1 << 20

// CheckObjectName reports a name that no object can have, as an [InvalidError]. For backends.
func CheckObjectName(name string) error { return checkRequired("name", name, MaxObjectName) }

// CheckObjectChunk reports a chunk that can't be stored, as an [InvalidError]. For backends.
func CheckObjectChunk(data []byte) error {
	if len(data) == 0 || len(data) > MaxObjectChunk {
		return &InvalidError{"data", fmt.Sprintf("has %d bytes, 1 to %d are allowed", len(data), MaxObjectChunk)}
	}
	return nil
}

// ArchiveObjectRepository keeps files in the database itself, in chunks: a storage for archives where there
// is no other. archive.InDatabase uses it. Every method is safe for concurrent use; of an object that
// is not complete, one writer knows. The errors that every method may return are as [EventRepository]
// says.
type ArchiveObjectRepository interface {
	// Create begins an object without chunks. Errors: ErrInvalid; ErrAlreadyExists for a name that is
	// taken, whether or not that one is complete.
	Create(ctx context.Context, name string) (ArchiveObject, error)

	// Append adds a chunk, 1 to MaxObjectChunk bytes, to an object, of which chunks are there already.
	// Errors: ErrInvalid; ErrNotFound; ErrState for a complete one; ErrConflict if there are not so
	// many.
	Append(ctx context.Context, name string, chunks int, data []byte) error

	// Commit makes an object complete. Errors: ErrNotFound; ErrState for a complete one.
	Commit(ctx context.Context, name string) (ArchiveObject, error)

	// Get returns an object, complete or not, or ErrNotFound.
	Get(ctx context.Context, name string) (ArchiveObject, error)

	// ReadChunk returns the chunk of a number, from 0, of an object, complete or not. ErrNotFound.
	ReadChunk(ctx context.Context, name string, number int) ([]byte, error)

	// Delete removes an object and its chunks. False if there is none.
	Delete(ctx context.Context, name string) (bool, error)

	// List returns objects whose names begin with prefix and come after another name (empty: from the
	// first), by the bytes of their names.
	List(ctx context.Context, prefix, after string, limit int) ([]ArchiveObject, error)
}
