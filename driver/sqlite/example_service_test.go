package sqlite_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// webhookService is a part of an app that works with several repositories. It names those that it
// needs, so that a test can give it mocks (package drivertest), and a transaction its own.
type webhookService struct {
	events     driver.EventRepository
	endpoints  driver.EndpointRepository
	deliveries driver.DeliveryRepository
}

func newWebhookService(store driver.Store) *webhookService {
	return &webhookService{store.Events(), store.Endpoints(), store.Deliveries()}
}

// deliver makes a delivery of an event to every active endpoint, whether it subscribed or not, and
// returns those that were not there before. For subscriptions there is SaveForEvent.
func (s *webhookService) deliver(ctx context.Context, eventID uuid.UUID) ([]driver.Delivery, error) {
	event, err := s.events.GetByID(ctx, eventID)
	if err != nil {
		return nil, err
	}
	endpoints, err := s.endpoints.GetActive(ctx, driver.MaxLimit)
	if err != nil {
		return nil, err
	}
	var made []driver.Delivery
	for _, endpoint := range endpoints {
		delivery, err := s.deliveries.Save(ctx, driver.NewDelivery(endpoint.ID, event.ID))
		switch {
		case errors.Is(err, driver.ErrAlreadyExists):
			continue
		case err != nil:
			return nil, err
		}
		made = append(made, delivery)
	}
	return made, nil
}

// A service of several repositories. Made from the Store inside a transaction, all that it does is
// part of that.
func Example_webhookService() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	for _, name := range []string{"billing", "warehouse"} {
		if _, err := store.Endpoints().Save(ctx, driver.NewEndpoint(name, "https://"+name+".example.com/hooks")); err != nil {
			fmt.Println(err)
			return
		}
	}
	event, err := store.Events().Save(ctx, placed(1)[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		err = store.InTx(ctx, func(tx driver.Store) error {
			made, err := newWebhookService(tx).deliver(ctx, event.ID)
			fmt.Println(len(made), "made")
			return err
		})
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	_, err = newWebhookService(store).deliver(ctx, uuid.New())
	fmt.Println("unknown event:", errors.Is(err, driver.ErrNotFound))
	// Output:
	// 2 made
	// 0 made
	// unknown event: true
}
