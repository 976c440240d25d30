package driver

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ArchiveWork is how events leave the store and come back. Package archive calls it, with a file
// beside it; use that. An event is in the store or in one archive, never in both or in none, however
// a process ends:
//
//	Begin       reserves events for an archive, which nobody else can reserve then
//	AllEvents   yields them, to be written to a file
//	Complete    removes them from the store and completes the archive, in one transaction
//	Fail        lets them go instead
//	Restore     puts events of the file back, in one transaction
//
// An archive that is in progress is leased to who began it: a token goes with each step, ErrLeaseLost
// tells that it went to somebody else.
type ArchiveWork interface {
	// Begin makes a pending archive in progress, for the time of the lease (0: DefaultLease; at most
	// MaxLease), and reserves for it the first events, by Position, that the criteria choose. Without
	// any it stays pending, with an EventCount of 0.
	//
	// Chosen are events that are processed and have no delivery that is pending or retrying, that no
	// archive has reserved, and that every consumer has read, unless the criteria say PastConsumers.
	// Errors: ErrInvalid for criteria that can't be; ErrNotFound; ErrState for one that is not pending.
	Begin(ctx context.Context, id uuid.UUID, criteria ArchiveCriteria, lease time.Duration) (Archive, error)

	// AllEvents yields the events that are reserved for an archive, or those of a completed archive of
	// Detach, by Position, reading them a page at a time. After an error it ends.
	AllEvents(ctx context.Context, id uuid.UUID) iter.Seq2[Event, error]

	// Extend makes the lease end so long from now. ErrLeaseLost.
	Extend(ctx context.Context, id, token uuid.UUID, lease time.Duration) error

	// Complete removes the reserved events and completes the archive with what the file is, in one
	// transaction. Their ids and versions stay taken, and the next version of an aggregate is the one after
	// the last archived one. The archive's job, if there is one, counts them. Errors: ErrInvalid;
	// ErrLeaseLost; ErrConflict if the file is not about as many events as were reserved, or if one of
	// them has got a delivery that is pending meanwhile, or there is a consumer that has not read them, unless
	// PastConsumers says so: Fail it, and begin another. ErrState in a transaction above ReadCommitted, which can't see
	// that.
	Complete(ctx context.Context, id, token uuid.UUID, file ArchiveFile) (Archive, error)

	// Fail gives up an archive that is in progress, and lets its events go. ErrLeaseLost.
	Fail(ctx context.Context, id, token uuid.UUID, reason string) (Archive, error)

	// Recover is Fail for the archives in progress whose lease has ended. It returns them, by
	// CreatedAt, then ID: their files, if there are some, are of no use.
	Recover(ctx context.Context, limit int) ([]Archive, error)

	// Restore puts events of a completed archive back into the store, as they were: Position, CreatedAt
	// and ProcessedAt, too. It passes over those that are back already, and returns how many it put
	// back. All are in one transaction, and if events ends with an error none is back, so that what
	// reads them can check the file to its end. When the last one is back the archive is restored. For
	// one that is restored it does nothing. Errors: the error of events; ErrNotFound; ErrState for an
	// archive of another status, and for one of Detach, which Attach brings back; for an event whose partition
	// is in an archive.
	Restore(ctx context.Context, id uuid.UUID, events iter.Seq2[Event, error]) (int, error)

	// Detach makes a pending archive, of StorageType database_partition, completed with a partition of the
	// events: the oldest one that is full, whose events are all processed, have no delivery that is pending or
	// retrying, are reserved for no archive and were read by every consumer, unless the criteria say
	// PastConsumers, and whose newest event occurred before OccurredBefore, behind AfterPosition. Without one
	// it stays pending, with an EventCount of 0.
	//
	// The events leave the store as Complete makes them leave it, but stay in the database, in tables by
	// themselves, where AllEvents reads them. Their ids and versions stay taken. However many they are, the
	// transaction that others wait for takes some milliseconds, and gives way to those who read: it is tried
	// again until it gets its turn, for DetachPatience at the most. Before that, Detach reads the partition
	// to count what is in it.
	//
	// A partition goes as a whole. Errors: ErrInvalid for criteria that choose types or contexts (MaxEvents and
	// MaxBytes are passed over); ErrNotFound; ErrState for an archive that is not pending or of another
	// StorageType, in a transaction, and for a schema whose events are not partitioned (WithEventPartitions);
	// ErrUnavailable if it did not get its turn.
	Detach(ctx context.Context, id uuid.UUID, criteria ArchiveCriteria) (Archive, error)

	// Attach makes a completed archive of Detach restored: its events are back in the store, all at once and
	// as they were, in a time that does not depend on how many they are. For one that is restored it does
	// nothing. Errors: ErrNotFound; ErrState for an archive of another status or another StorageType, in a
	// transaction; ErrUnavailable as Detach.
	Attach(ctx context.Context, id uuid.UUID) (Archive, error)

	// Purge makes an archive deleted that is completed, restored or failed: its events are gone for good,
	// but for their ids and versions, which stay taken. The file is the caller's to delete, afterwards; the tables of
	// one of Detach are gone with it. For
	// one that is deleted it does nothing. Errors: ErrNotFound; ErrState for an archive of another status,
	// or one whose RetentionDays are not over.
	Purge(ctx context.Context, id uuid.UUID) (Archive, error)

	// Measure tells how much is in the store now. It reads all of it.
	Measure(ctx context.Context) (ArchiveMeasure, error)
}

// ArchiveCriteria chooses events. The zero value chooses all that can be archived, DefaultArchiveEvents of
// them.
type ArchiveCriteria struct {
	// OccurredBefore: only events that occurred before. Zero: at any time.
	OccurredBefore time.Time
	// AfterPosition: only those behind a position.
	AfterPosition int64
	// IncludeTypes and ExcludeTypes are patterns, as of subscriptions: only types that one of the first
	// covers (none: all), and that none of the second does. At most MaxActionEventTypes of each.
	IncludeTypes, ExcludeTypes []string
	// IncludeContexts and ExcludeContexts: only events of one of the first (none: all, those without a context,
	// too), and of none of the second. At most MaxArchiveLabels of each.
	IncludeContexts, ExcludeContexts []uuid.UUID
	// PastConsumers chooses events that consumers have not read, too: they will never see them.
	PastConsumers bool
	// MaxEvents is how many events at the most, 1 to MaxArchiveEvents. 0: DefaultArchiveEvents.
	MaxEvents int
	// MaxBytes is after how many bytes of EventData and EventMetadata there are enough. 0:
	// DefaultArchiveBytes.
	MaxBytes int64
}

// What one archive holds: they bound a transaction, and the work that a crash undoes.
const (
	DefaultArchiveEvents = 10_000
	MaxArchiveEvents     = 1_000_000
	DefaultArchiveBytes  = 128 << 20
)

// DetachPatience is how long Detach and Attach wait for their turn.
const DetachPatience = time.Minute

// PrepareDetach is Prepare for what a partition is chosen by. For backends.
func (c *ArchiveCriteria) PrepareDetach() error {
	for _, chosen := range []struct {
		field string
		n     int
	}{
		{"include_types", len(c.IncludeTypes)},
		{"exclude_types", len(c.ExcludeTypes)},
		{"include_contexts", len(c.IncludeContexts)},
		{"exclude_contexts", len(c.ExcludeContexts)},
	} {
		if chosen.n > 0 {
			return &InvalidError{chosen.field, "must be empty: a partition goes as a whole"}
		}
	}
	return c.Prepare()
}

// Prepare validates criteria and fills in what has a default. For backends.
func (c *ArchiveCriteria) Prepare() error {
	setDefault(&c.MaxEvents, DefaultArchiveEvents)
	setDefault(&c.MaxBytes, DefaultArchiveBytes)
	if !c.OccurredBefore.IsZero() {
		if err := checkTime("occurred_before", c.OccurredBefore); err != nil {
			return err
		}
		c.OccurredBefore = storedTime(c.OccurredBefore)
	}
	if c.AfterPosition < 0 {
		return &InvalidError{"after_position", "must be 0 or more"}
	}
	if c.MaxBytes < 0 {
		return &InvalidError{"max_bytes", "must be 0 for the default, or more"}
	}
	return firstError(
		checkRange("max_events", c.MaxEvents, 1, MaxArchiveEvents),
		checkChoice("include_types", c.IncludeTypes),
		checkChoice("exclude_types", c.ExcludeTypes),
		checkIDs("include_contexts", c.IncludeContexts),
		checkIDs("exclude_contexts", c.ExcludeContexts),
	)
}

// checkChoice is checkPatterns for patterns that may be absent.
func checkChoice(field string, patterns []string) error {
	if len(patterns) == 0 {
		return nil
	}
	return checkPatterns(field, patterns)
}

func checkIDs(field string, ids []uuid.UUID) error {
	if len(ids) > MaxArchiveLabels {
		return &InvalidError{field, fmt.Sprintf("are %d, at most %d are allowed", len(ids), MaxArchiveLabels)}
	}
	if i := slices.Index(ids, uuid.Nil); i >= 0 {
		return &InvalidError{element(field, i), "must not be the zero id"}
	}
	return nil
}

// ArchiveFile is what Complete has to know of a file.
type ArchiveFile struct {
	StorageLocation string
	ObjectName      string
	EventCount      int64
	RawBytes        int64
	SizeBytes       int64
	Checksum        string // SHA-256, in hexadecimal
	KeyID           string // "": it is not encrypted
	EventTypes      []string
	ContextIDs      []uuid.UUID
	EventsFrom      time.Time
	EventsTo        time.Time
	// PastConsumers is that of the criteria.
	PastConsumers bool
}

// Prepare validates what is told of a file, and leaves as many EventTypes and ContextIDs as an Archive
// has at the most. For backends.
func (f *ArchiveFile) Prepare() error {
	err := firstError(
		checkText("storage_location", f.StorageLocation, MaxURL),
		checkRequired("object_name", f.ObjectName, MaxObjectName),
		checkRange("event_count", f.EventCount, 1, MaxArchiveEvents),
		checkChecksum(f.Checksum),
		checkText("key_id", f.KeyID, 64),
		checkTime("events_from", f.EventsFrom),
		checkTime("events_to", f.EventsTo),
	)
	switch {
	case err != nil:
		return err
	case f.RawBytes < 0:
		return &InvalidError{"raw_bytes", "must be 0 or more"}
	case f.SizeBytes < 0:
		return &InvalidError{"size_bytes", "must be 0 or more"}
	case f.EventsTo.Before(f.EventsFrom):
		return &InvalidError{"events_to", "must not be before events_from"}
	}
	f.EventsFrom, f.EventsTo = storedTime(f.EventsFrom), storedTime(f.EventsTo)
	f.EventTypes = append([]string{}, f.EventTypes[:min(len(f.EventTypes), MaxArchiveLabels)]...)
	f.ContextIDs = append([]uuid.UUID{}, f.ContextIDs[:min(len(f.ContextIDs), MaxArchiveLabels)]...)
	return nil
}

func checkChecksum(checksum string) error {
	isHex := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }
	if len(checksum) != 64 || slices.ContainsFunc([]byte(checksum), func(c byte) bool { return !isHex(c) }) {
		return &InvalidError{"checksum", "must be 64 hexadecimal digits, in lower case"}
	}
	return nil
}

// ArchiveMeasure is how much is in the store.
type ArchiveMeasure struct {
	Events int64     // all of them, processed or not
	Bytes  int64     // of their EventData and EventMetadata
	Now    time.Time // the present moment, by the database's clock
}

// ArchivedError is the detail of ErrNotFound for an event that is archived.
type ArchivedError struct {
	ArchiveID uuid.UUID
}

func (e *ArchivedError) Error() string { return "it is in archive " + e.ArchiveID.String() }
