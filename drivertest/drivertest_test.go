package drivertest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/drivertest"
)

func TestRepositoriesAreTheMocks(t *testing.T) {
	store := drivertest.NewStore()
	for name, pair := range map[string][2]any{
		"Events":        {store.Events(), store.EventsMock},
		"Endpoints":     {store.Endpoints(), store.EndpointsMock},
		"EventTypes":    {store.EventTypes(), store.EventTypesMock},
		"Subscriptions": {store.Subscriptions(), store.SubscriptionsMock},
		"Deliveries":    {store.Deliveries(), store.DeliveriesMock},
		"Actions":       {store.Actions(), store.ActionsMock},
		"Executions":    {store.Executions(), store.ExecutionsMock},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %T, want the mock in the field", name, pair[0])
		}
	}
	store.EventsMock = &drivertest.EventRepositoryMock{
		ExistsFunc: func(context.Context, uuid.UUID) (bool, error) { return true, nil },
	}
	if exists, err := store.Events().Exists(t.Context(), uuid.New()); !exists || err != nil {
		t.Errorf("a mock that was put in the field: got %t, %v", exists, err)
	}
}

func TestInTxCallsWithTheSameStore(t *testing.T) {
	store := drivertest.NewStore()
	failure := errors.New("out of stock")
	err := store.InTx(t.Context(), func(tx driver.Store) error {
		return tx.InTx(t.Context(), func(inner driver.Store) error {
			if tx != driver.Store(store) || inner != tx {
				t.Error("not the same store")
			}
			return failure
		})
	})
	if err != failure {
		t.Errorf("got %v, want the function's error", err)
	}
	if calls := len(store.InTxCalls()); calls != 2 {
		t.Errorf("calls: got %d, want 2", calls)
	}
	tries := 0
	err = driver.RetryTx(t.Context(), store, driver.RetryOptions{}, func(driver.Store) error {
		if tries++; tries == 1 {
			return &driver.UnavailableError{Err: errors.New("deadlock detected")}
		}
		return nil
	})
	if tries != 2 || err != nil {
		t.Errorf("RetryTx: got %d tries, %v", tries, err)
	}
}

func TestMethodWithoutAFunctionSaysWhich(t *testing.T) {
	defer func() {
		if said, _ := recover().(string); !strings.Contains(said, "EndpointRepositoryMock.GetActiveFunc") {
			t.Errorf("got %q", said)
		}
	}()
	_, _ = drivertest.NewStore().Endpoints().GetActive(t.Context(), 0)
	t.Error("did not panic")
}
