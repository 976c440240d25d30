package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// checksum is the SHA-256 of an event, as numbers: those of several events can be added up, in any
// order.
type checksum [4]uint64

// checksumOf covers every field, byte for byte.
func checksumOf(e *driver.Event) (sum checksum) {
	optional := func(id *uuid.UUID) string {
		if id == nil {
			return "-"
		}
		return id.String()
	}
	at := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %d %q %q %q %s %d %s %s %s %s %s %s %s %d %d ",
		e.ID, e.Position, e.EventType, e.EventName, e.AggregateType, e.AggregateID, e.AggregateVersion,
		optional(e.CorrelationID), optional(e.CausationID), optional(e.TriggeredByUserID), optional(e.ContextID),
		at(&e.OccurredAt), at(&e.CreatedAt), at(e.ProcessedAt), len(e.EventData), len(e.EventMetadata))
	hash.Write(e.EventData)
	hash.Write(e.EventMetadata)
	digest := hash.Sum(nil)
	for i := range sum {
		sum[i] = binary.BigEndian.Uint64(digest[8*i:])
	}
	return sum
}

func (c *checksum) add(other checksum) {
	for i := range c {
		c[i] += other[i]
	}
}

func (c checksum) String() string { return fmt.Sprintf("%016x%016x%016x%016x", c[0], c[1], c[2], c[3]) }
