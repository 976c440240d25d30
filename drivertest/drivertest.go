// Package drivertest has a [driver.Store] without a database, for unit tests of apps: every method
// does what the test says, and remembers how it was called.
//
//	store := drivertest.NewStore()
//	store.EventsMock.SaveFunc = func(_ context.Context, event driver.Event) (driver.Event, error) { return event, nil }
//
// A method that the test gave no function panics, with a message that names it: the test shows
// everything that the app may do to its store. Behind each method there is a field, Save and
// SaveFunc for instance, and a method that returns the calls with their arguments, SaveCalls.
// Everything is safe for concurrent use once the fields are set.
//
// Nothing is stored and nothing is checked: no id is made, no event is refused. A test that is about
// what a database keeps and refuses opens one in memory instead, driver.Open("sqlite::memory:",
// "tenant_test"), which takes a few milliseconds. For backends there is package conformance.
package drivertest

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
)

// Store is a driver.Store whose repositories are the mocks in its fields. [NewStore] makes one.
//
// Its own methods are those of its StoreMock, and can be replaced as well: InTxFunc, for instance,
// to see what an app makes of a transaction that can't be committed.
type Store struct {
	StoreMock

	EventsMock        *EventRepositoryMock
	EndpointsMock     *EndpointRepositoryMock
	EventTypesMock    *EventTypeRepositoryMock
	SubscriptionsMock *SubscriptionRepositoryMock
	DeliveriesMock    *DeliveryRepositoryMock
	ActionsMock       *ActionRepositoryMock
	ExecutionsMock    *ExecutionRepositoryMock
	DeadLettersMock   *DeadLetterRepositoryMock
	ConsumersMock     *ConsumerRepositoryMock

	ArchivesMock       *ArchiveRepositoryMock
	ArchiveRulesMock   *ArchiveRuleRepositoryMock
	ArchiveJobsMock    *ArchiveJobRepositoryMock
	ArchiveObjectsMock *ArchiveObjectRepositoryMock
}

// NewStore returns a Store whose repositories have no functions yet. Events, Endpoints and so on
// return the mocks that are in the fields when they are called. InTx calls its function once, with
// this same Store, and returns what that returns; nothing is rolled back. Schema is "tenant_test",
// and Close does nothing.
func NewStore() *Store {
	store := &Store{
		EventsMock:        &EventRepositoryMock{},
		EndpointsMock:     &EndpointRepositoryMock{},
		EventTypesMock:    &EventTypeRepositoryMock{},
		SubscriptionsMock: &SubscriptionRepositoryMock{},
		DeliveriesMock:    &DeliveryRepositoryMock{},
		ActionsMock:       &ActionRepositoryMock{},
		ExecutionsMock:    &ExecutionRepositoryMock{},
		DeadLettersMock:   &DeadLetterRepositoryMock{},
		ConsumersMock:     &ConsumerRepositoryMock{},

		ArchivesMock:       &ArchiveRepositoryMock{},
		ArchiveRulesMock:   &ArchiveRuleRepositoryMock{},
		ArchiveJobsMock:    &ArchiveJobRepositoryMock{},
		ArchiveObjectsMock: &ArchiveObjectRepositoryMock{},
	}
	store.EventsFunc = func() driver.EventRepository { return store.EventsMock }
	store.EndpointsFunc = func() driver.EndpointRepository { return store.EndpointsMock }
	store.EventTypesFunc = func() driver.EventTypeRepository { return store.EventTypesMock }
	store.SubscriptionsFunc = func() driver.SubscriptionRepository { return store.SubscriptionsMock }
	store.DeliveriesFunc = func() driver.DeliveryRepository { return store.DeliveriesMock }
	store.ActionsFunc = func() driver.ActionRepository { return store.ActionsMock }
	store.ExecutionsFunc = func() driver.ExecutionRepository { return store.ExecutionsMock }
	store.DeadLettersFunc = func() driver.DeadLetterRepository { return store.DeadLettersMock }
	store.ConsumersFunc = func() driver.ConsumerRepository { return store.ConsumersMock }
	store.ArchivesFunc = func() driver.ArchiveRepository { return store.ArchivesMock }
	store.ArchiveRulesFunc = func() driver.ArchiveRuleRepository { return store.ArchiveRulesMock }
	store.ArchiveJobsFunc = func() driver.ArchiveJobRepository { return store.ArchiveJobsMock }
	store.ArchiveObjectsFunc = func() driver.ArchiveObjectRepository { return store.ArchiveObjectsMock }
	store.SchemaFunc = func() string { return "tenant_test" }
	store.CloseFunc = func() error { return nil }
	store.InTxFunc = func(_ context.Context, fn func(tx driver.Store) error, _ ...driver.TxOption) error {
		return fn(store)
	}
	return store
}
