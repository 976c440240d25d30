package clients

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// looker is the consumer as which Look reads all events. It is gone afterwards.
const looker = "look"

// Look reads what the tenants have. Nobody else may be at work.
func Look(ctx context.Context, tenants []Tenant) (end history.End, err error) {
	for _, t := range tenants {
		has, err := look(ctx, t)
		if err != nil {
			return end, err
		}
		end.Tenants = append(end.Tenants, has)
	}
	return end, nil
}

func look(ctx context.Context, t Tenant) (has history.Tenant, err error) {
	has.Name = t.Name
	states := map[uuid.UUID]history.State{}
	for event, err := range t.Store.Events().AllUnprocessed(ctx, driver.MaxLimit) {
		if err != nil {
			return has, err
		}
		states[event.ID] = history.Waiting
	}
	dead, err := t.Store.DeadLetters().List(ctx, driver.DeadLetterFilter{}, driver.MaxLimit)
	if err != nil {
		return has, err
	}
	for _, letter := range dead {
		states[letter.Event.ID] = history.Dead
	}
	if has.Events, err = lookAtEvents(ctx, t, states); err != nil {
		return has, err
	}
	has.Counts, err = count(ctx, t)
	return has, err
}

// lookAtEvents reads all events as a consumer does. One that is not processed must be in the queue or a
// dead letter: else it is in no state.
func lookAtEvents(ctx context.Context, t Tenant, states map[uuid.UUID]history.State) (events []history.Event, err error) {
	consumers := t.Store.Consumers()
	defer func() {
		_, gone := consumers.Delete(ctx, looker)
		err = errors.Join(err, gone)
	}()
	for {
		page, err := consumers.Read(ctx, looker, 1000)
		if err != nil || len(page) == 0 {
			return events, err
		}
		for i := range page {
			event := &page[i]
			tag, of := tagOf(event)
			state := states[event.ID]
			if event.ProcessedAt != nil && state == "" {
				state = history.Done
			}
			events = append(events, history.Event{
				ID: event.ID, Aggregate: event.AggregateID, Version: event.AggregateVersion, Position: event.Position,
				Hash: history.Hash(event), Tag: tag, Of: of, State: state,
			})
		}
		if err := consumers.Commit(ctx, looker, page[len(page)-1].Position); err != nil {
			return events, err
		}
	}
}

func count(ctx context.Context, t Tenant) (counts history.Counts, err error) {
	events := t.Store.Events()
	byType, err := events.CountByType(ctx, time.Time{})
	if err != nil {
		return counts, err
	}
	for _, n := range byType {
		counts.Events += n
	}
	if counts.Unprocessed, err = events.CountUnprocessed(ctx); err != nil {
		return counts, err
	}
	if counts.Processing, err = events.CountProcessing(ctx); err != nil {
		return counts, err
	}
	counts.DeadLetters, err = t.Store.DeadLetters().Count(ctx, driver.DeadLetterFilter{})
	return counts, err
}
