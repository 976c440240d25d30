package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

func TestOrderOfAggregatesIsChecked(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	for _, test := range []struct {
		name    string
		handled []driver.Event
		ok      bool
	}{
		{"two in turn", []driver.Event{{AggregateID: a, AggregateVersion: 1}, {AggregateID: b, AggregateVersion: 1}, {AggregateID: a, AggregateVersion: 2}}, true},
		{"a gap", []driver.Event{{AggregateID: a, AggregateVersion: 1}, {AggregateID: a, AggregateVersion: 3}}, false},
		{"not from the first", []driver.Event{{AggregateID: a, AggregateVersion: 1}, {AggregateID: b, AggregateVersion: 2}}, false},
		{"twice", []driver.Event{{AggregateID: a, AggregateVersion: 1}, {AggregateID: a, AggregateVersion: 1}}, false},
	} {
		var v versions
		var err error
		for i := range test.handled {
			err = errors.Join(err, v.handle(&test.handled[i]))
		}
		if (err == nil) != test.ok {
			t.Errorf("%s: error %v, want none: %t", test.name, err, test.ok)
		}
	}
}

func TestEventsAreSharedOutToAggregates(t *testing.T) {
	cfg := config{events: 7}
	events := payloads.Generated(cfg.events, cfg.payload, cfg.seed).Take(7, 3)
	var got []int64
	aggregates := map[uuid.UUID]int{}
	for _, event := range events {
		got = append(got, event.AggregateVersion)
		aggregates[event.AggregateID]++
	}
	if want := [...]int64{1, 1, 1, 2, 2, 2, 3}; len(got) != 7 || [7]int64(got) != want || len(aggregates) != 3 {
		t.Errorf("versions %v, want %v; %d aggregates, want 3", got, want, len(aggregates))
	}
	if first := events[0].AggregateID; aggregates[first] != 3 {
		t.Errorf("the first aggregate has %d events, want 3", aggregates[first])
	}
}

// TestABacklogWithinReachIsAFailure leaves the backlog where workers get it.
func TestABacklogWithinReachIsAFailure(t *testing.T) {
	db, err := openDatabase(t.Context(), config{schema: "mine", dsn: "sqlite::memory:"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.close(t.Context())
	cfg := config{events: 10}
	events := payloads.Generated(cfg.events, cfg.payload, cfg.seed).Take(cfg.events, 0)
	nothing := func(context.Context, driver.Store, []driver.Event, *progress) error { return nil }
	s := scenario{name: "wrong", queued: true, processed: true, work: claimLease, backlog: nothing}
	_, err = runScenario(t.Context(), db, s, shape{1, 10}, events, 20, io.Discard)
	if err == nil || !strings.HasPrefix(err.Error(), "wrong result: ") {
		t.Errorf("error %v", err)
	}
}
