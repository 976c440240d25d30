package archive

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// GetByID returns an event, from the store or else from the archive that it is in, whose file it reads up to
// there: what it finds is not compared with the file's SHA-256. ErrNotFound if it is in neither.
func (a *Archiver) GetByID(ctx context.Context, id uuid.UUID) (driver.Event, error) {
	event, err := a.store.Events().GetByID(ctx, id)
	var archived *driver.ArchivedError
	if !errors.As(err, &archived) {
		return event, err
	}
	for found, failed := range a.Read(ctx, archived.ArchiveID) {
		switch {
		case errors.Is(failed, driver.ErrState) || errors.Is(failed, driver.ErrNotFound) || errors.Is(failed, ErrMissing):
			return a.again(ctx, id, archived.ArchiveID, failed)
		case failed != nil:
			return driver.Event{}, failed
		case found.ID == id:
			return found, nil
		}
	}
	return event, err
}

// again looks for an event whose archive could not be read: it may have been restored meanwhile, and what was
// in a deleted archive is nowhere.
func (a *Archiver) again(ctx context.Context, id, archiveID uuid.UUID, unread error) (driver.Event, error) {
	event, err := a.store.Events().GetByID(ctx, id)
	if !errors.Is(err, driver.ErrNotFound) {
		return event, err
	}
	archive, failed := a.store.Archives().GetByID(ctx, archiveID)
	if failed == nil && archive.Status == driver.ArchiveDeleted {
		return driver.Event{}, err
	}
	return driver.Event{}, unread
}

// AllByAggregate yields the whole history of an aggregate from version fromVersion on, by version: the events in
// the store and those in archives, each once. It reads the archives that have some to their ends, and holds the
// history in memory. What was purged is missing. After an error it ends; errors are Read's.
func (a *Archiver) AllByAggregate(ctx context.Context, aggregate driver.Aggregate, fromVersion int64) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		history, err := a.history(ctx, aggregate, fromVersion)
		if err != nil {
			yield(driver.Event{}, a.fail("AllByAggregate", uuid.Nil, err))
			return
		}
		for _, event := range history {
			if !yield(event, nil) {
				return
			}
		}
	}
}

func (a *Archiver) history(ctx context.Context, aggregate driver.Aggregate, fromVersion int64) ([]driver.Event, error) {
	byVersion := map[int64]driver.Event{}
	take := func(events iter.Seq2[driver.Event, error]) error {
		for event, err := range events {
			if err != nil {
				return err
			}
			if event.Aggregate() == aggregate && event.AggregateVersion >= fromVersion {
				byVersion[event.AggregateVersion] = event
			}
		}
		return nil
	}
	// An event may go to an archive, or come from one, meanwhile: it is in one of the archives that had
	// events before and afterwards, or in the store between.
	before, err := a.store.Archives().GetByAggregate(ctx, aggregate, driver.MaxLimit)
	if err == nil {
		err = take(a.store.Events().AllByAggregate(ctx, aggregate, fromVersion))
	}
	if err != nil {
		return nil, err
	}
	after, err := a.store.Archives().GetByAggregate(ctx, aggregate, driver.MaxLimit)
	if err != nil {
		return nil, err
	}
	read := map[uuid.UUID]bool{}
	for _, archive := range append(before, after...) {
		if read[archive.ID] {
			continue
		}
		read[archive.ID] = true
		if err := take(a.read(ctx, archive)); err != nil {
			return nil, a.fail("AllByAggregate", archive.ID, err)
		}
	}
	history := make([]driver.Event, 0, len(byVersion))
	for _, event := range byVersion {
		history = append(history, event)
	}
	slices.SortFunc(history, func(x, y driver.Event) int { return cmp.Compare(x.AggregateVersion, y.AggregateVersion) })
	return history, nil
}

// All yields the archived events behind a position, by Position, from all archives that are completed when it
// begins, so that a new consumer can read what was archived before it goes on with Consumers.Read. Events that
// were restored in part since are among them. It reads as many files at once as overlap. After an error it ends;
// errors are Read's.
func (a *Archiver) All(ctx context.Context, after int64) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		if err := a.merge(ctx, after, func(event driver.Event) bool { return yield(event, nil) }); err != nil {
			yield(driver.Event{}, a.fail("All", uuid.Nil, err))
		}
	}
}

// merge gives yield the events of all archives, each once.
func (a *Archiver) merge(ctx context.Context, after int64, yield func(driver.Event) bool) error {
	listed := map[uuid.UUID]bool{}
	var closed []driver.Archive // by FirstPosition
	var open readers
	defer func() { open.stop() }()
	for more := true; ; {
		if more && len(closed) == 0 { // those that are listed tell up to which position these are all
			page, err := a.store.Archives().GetByPosition(ctx, after+1, driver.MaxLimit)
			if err != nil {
				return err
			}
			more = len(page) == driver.MaxLimit
			closed = slices.DeleteFunc(page, func(archive driver.Archive) bool { return listed[archive.ID] })
			for _, archive := range closed {
				listed[archive.ID] = true
			}
		}
		switch {
		case len(closed) > 0 && (len(open) == 0 || closed[0].FirstPosition <= open[0].event.Position):
			next, stop := iter.Pull2(a.read(ctx, closed[0]))
			closed = closed[1:]
			if err := open.advance(&reader{next: next, stop: stop}); err != nil {
				return err
			}
			continue
		case len(open) == 0:
			return nil
		}
		first := open[0]
		if position := first.event.Position; position > after {
			after = position
			if !yield(first.event) {
				return nil
			}
		}
		open = open[1:]
		if err := open.advance(first); err != nil {
			return err
		}
	}
}

// reader is an archive that is being read, at an event.
type reader struct {
	event driver.Event
	next  func() (driver.Event, error, bool)
	stop  func()
}

// readers are archives that are being read, by the position of the event that each is at.
type readers []*reader

// advance takes one to its next event and puts it in its place, or stops it at its end.
func (r *readers) advance(one *reader) error {
	event, err, more := one.next()
	if err != nil || !more {
		one.stop()
		return err
	}
	one.event = event
	place, _ := slices.BinarySearchFunc(*r, event.Position, func(other *reader, position int64) int {
		return cmp.Compare(other.event.Position, position)
	})
	*r = slices.Insert(*r, place, one)
	return nil
}

func (r readers) stop() {
	for _, one := range r {
		one.stop()
	}
}
