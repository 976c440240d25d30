// Package byhand does with plain pgx and database/sql what the library does: the same statements on
// its tables, values in the types that are encoded fastest, no checks. It is the limit that benchmarks
// hold the library against.
package byhand

import "github.com/google/uuid"

// Lease is what Claim gives and Ack takes.
type Lease struct {
	token any
	ids   any

	// Len is how many events there are.
	Len int
	// Last is the highest position.
	Last int64
}

// Read is called with each event that is claimed.
type Read func(id uuid.UUID, payload []byte)
