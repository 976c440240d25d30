package clients

import (
	"context"
	"errors"
	"fmt"

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
	if has.Deliveries, err = lookAtDeliveries(ctx, t); err != nil {
		return has, err
	}
	if has.Consumers, err = lookAtConsumers(ctx, t); err != nil {
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

// lookAtDeliveries reads the deliveries to each endpoint. Its name is its tenant's.
func lookAtDeliveries(ctx context.Context, t Tenant) (deliveries []history.Delivery, err error) {
	endpoints, err := t.Store.Endpoints().GetActive(ctx, driver.MaxLimit)
	if err != nil {
		return nil, err
	}
	for i := range endpoints {
		of, err := t.Store.Deliveries().GetByEndpoint(ctx, endpoints[i].ID, driver.MaxLimit)
		if err != nil {
			return nil, err
		}
		if len(of) == driver.MaxLimit {
			return nil, fmt.Errorf("endpoint %s has more deliveries than one list can have", endpoints[i].ID)
		}
		for k := range of {
			deliveries = append(deliveries, history.Delivery{
				ID: of[k].ID, Event: of[k].EventID, Endpoint: of[k].EndpointID, Tag: endpoints[i].Name, Ended: of[k].Status.Final(),
			})
		}
	}
	return deliveries, nil
}

// lookAtConsumers returns where each consumer is. All of them are there, though some may have read
// nothing.
func lookAtConsumers(ctx context.Context, t Tenant) (map[string]int64, error) {
	at := map[string]int64{sharedConsumer: 0}
	for n := range ownConsumers {
		at[ownConsumer(n)] = 0
	}
	consumers, err := t.Store.Consumers().List(ctx)
	for _, consumer := range consumers {
		at[consumer.Name] = consumer.Position
	}
	return at, err
}
