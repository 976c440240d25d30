package tenanttest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// moment is how long a worker waits where nothing need come.
const moment = 5 * time.Millisecond

func (w *worker) saveEvents() error {
	saved, err := w.store.Events().Save(w.ctx, w.event())
	if err != nil {
		return err
	}
	w.count("events", 1)
	own(w.run, w.tenant, "Events.Save", saved)
	batch := make([]driver.Event, 1+w.rand.IntN(5))
	for i := range batch {
		batch[i] = w.event()
	}
	if batch, err = w.store.Events().SaveBatch(w.ctx, batch); err != nil {
		return err
	}
	w.count("events", len(batch))
	own(w.run, w.tenant, "Events.SaveBatch", batch...)
	// What has the id of another tenant's event is taken by this one's own alone.
	if _, err := w.store.Events().Save(w.ctx, saved); !errors.Is(err, driver.ErrAlreadyExists) {
		w.fail("schema %s: an event was saved twice: got error %v, want %v", w.name, err, driver.ErrAlreadyExists)
	}
	return nil
}

func (w *worker) readEvents() error {
	events, some := w.store.Events(), sharedID(1, w.rand.Int64N(7))
	for op, list := range map[string]func() ([]driver.Event, error){
		"GetByAggregate": func() ([]driver.Event, error) {
			return events.GetByAggregate(w.ctx, driver.Aggregate{Type: "Order", ID: some}, driver.HistoryOptions{})
		},
		"GetByCorrelationID": func() ([]driver.Event, error) { return events.GetByCorrelationID(w.ctx, some, 20) },
		"GetByContext":       func() ([]driver.Event, error) { return events.GetByContext(w.ctx, &some, 20) },
		"GetByType":          func() ([]driver.Event, error) { return events.GetByType(w.ctx, commonType, 20) },
		"GetUnprocessed":     func() ([]driver.Event, error) { return events.GetUnprocessed(w.ctx, 20) },
		"GetUnprocessedPage": func() ([]driver.Event, error) { return events.GetUnprocessedPage(w.ctx, 5, 20) },
	} {
		found, err := list()
		if err != nil {
			return err
		}
		own(w.run, w.tenant, "Events."+op, found...)
	}
	types, err := events.CountByType(w.ctx, time.Time{})
	unmarked(w.run, w.tenant, "Events.CountByType", types)
	if err == nil {
		var others []driver.Event
		others, err = events.GetByType(w.ctx, w.of.ownType(), 20)
		if len(others) > 0 {
			w.fail("schema %s: GetByType has %d events of a type that only %s has", w.name, len(others), w.of.tag())
		}
	}
	return err
}

func (w *worker) claim() error {
	claims, err := w.store.Events().Claim(w.ctx, driver.ClaimOptions{Limit: 5, PerAggregateOrder: w.rand.IntN(2) == 0})
	if err != nil || len(claims) == 0 {
		return err
	}
	own(w.run, w.tenant, "Events.Claim", claims...)
	// Another tenant may have events with these ids.
	if err := w.of.store.Events().Ack(w.ctx, claims); !errors.Is(err, driver.ErrLeaseLost) {
		w.fail("schema %s: Ack took claims of %s: got error %v, want %v", w.of.name, w.name, err, driver.ErrLeaseLost)
	}
	switch events, reason := w.store.Events(), w.text(); w.rand.IntN(4) {
	case 0:
		return events.Ack(w.ctx, claims)
	case 1:
		return errors.Join(events.DeadLetter(w.ctx, claims[0], reason), events.Ack(w.ctx, claims[1:]))
	case 2:
		return errors.Join(events.Retry(w.ctx, claims[0], time.Millisecond, reason), events.Release(w.ctx, claims[1:]))
	default:
		return errors.Join(events.Extend(w.ctx, claims, time.Minute), events.Ack(w.ctx, claims))
	}
}

func (w *worker) process() error {
	_, err := w.store.Events().ProcessUnprocessed(w.ctx, driver.ProcessOptions{Limit: 10}, func(_ driver.Store, events []driver.Event) (done []uuid.UUID, _ error) {
		own(w.run, w.tenant, "Events.ProcessUnprocessed", events...)
		for _, event := range events {
			done = append(done, event.ID)
		}
		return done, nil
	})
	return err
}

var errUndo = errors.New("undo this")

func (w *worker) rollBack() error {
	err := w.store.InTx(w.ctx, func(tx driver.Store) error {
		if _, err := tx.Events().Save(w.ctx, w.event()); err != nil {
			return err
		}
		locked, err := tx.Events().GetUnprocessedForUpdate(w.ctx, driver.LockOptions{Limit: 3, SkipLocked: true})
		own(w.run, w.tenant, "Events.GetUnprocessedForUpdate", locked...)
		return errors.Join(err, errUndo)
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

func (w *worker) consume() error {
	consumers, name := w.store.Consumers(), "reader-"+string(rune('a'+w.number%26))+w.tag()
	events, err := consumers.Read(w.ctx, name, 20)
	if err != nil {
		return err
	}
	own(w.run, w.tenant, "Consumers.Read", events...)
	if len(events) > 0 {
		if err := consumers.Commit(w.ctx, name, events[len(events)-1].Position); err != nil && !errors.Is(err, driver.ErrInvalid) {
			return err // somebody of the same letter may be further
		}
	}
	all, err := consumers.List(w.ctx)
	own(w.run, w.tenant, "Consumers.List", all...)
	return err
}

func (w *worker) wait() error {
	ctx, cancel := w.soon()
	defer cancel()
	if err := w.store.Events().Wait(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (w *worker) requeue() error {
	dead, err := w.store.DeadLetters().List(w.ctx, driver.DeadLetterFilter{}, 3)
	if err != nil {
		return err
	}
	own(w.run, w.tenant, "DeadLetters.List", dead...)
	for _, letter := range dead {
		if _, err := w.store.DeadLetters().Requeue(w.ctx, letter.Event.ID); err != nil {
			return err
		}
	}
	return nil
}

// archive moves old events into the database itself, reads them there, and brings some back.
func (w *worker) archive() error {
	w.archiving.Lock()
	defer w.archiving.Unlock()
	archiver, err := archive.New(w.store, archive.Storages{driver.StorageCompressed: archive.InDatabase(w.store)}, archive.Options{MaxEvents: 20})
	if err != nil {
		return err
	}
	rule := driver.NewArchiveRule(w.text(), 7)
	rule.StorageType, rule.PastConsumers = driver.StorageCompressed, true
	if _, err := archiver.Run(w.ctx, rule); err != nil {
		return err
	}
	for event, err := range archiver.AllByAggregate(w.ctx, driver.Aggregate{Type: "Order", ID: sharedID(1, w.rand.Int64N(7))}, 0) {
		if err != nil {
			return err
		}
		own(w.run, w.tenant, "Archiver.AllByAggregate", event)
	}
	completed, err := w.store.Archives().GetByStatus(w.ctx, driver.ArchiveCompleted, 5)
	if err != nil || len(completed) == 0 {
		return err
	}
	own(w.run, w.tenant, "Archives.GetByStatus", completed...)
	objects, err := w.store.ArchiveObjects().List(w.ctx, "", "", 10)
	if err != nil {
		return err
	}
	unmarked(w.run, w.tenant, "ArchiveObjects.List", objects...)
	_, err = archiver.Restore(w.ctx, completed[0].ID, nil)
	return err
}
