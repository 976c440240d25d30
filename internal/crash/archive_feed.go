package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

const (
	feedBatch     = 100
	feedPause     = 5 * time.Millisecond // while the kills have to catch up
	importedShare = 4                    // one in so many batches is of events that are processed already
	waitingShare  = 50                   // one in so many events stays in the queue
	deliverEvery  = 3                    // rounds
	mostOpen      = 20                   // deliveries
)

// known is what is known of an event that was saved.
type known struct {
	position  int64
	sum       checksum // of the event as it was read last, in the transaction that changed it last
	processed bool
}

// feed saves events and processes them while others archive them. It has one goroutine.
type feed struct {
	store    driver.Store
	cfg      config
	rng      *rand.Rand
	payloads []json.RawMessage
	endpoint uuid.UUID

	kills atomic.Int64 // that are done
	saved atomic.Int64 // events

	known map[uuid.UUID]known
	ids   []uuid.UUID // of the known ones
	// waiting is how many of them are in the queue.
	waiting    int
	aggregates map[uuid.UUID]int64 // their last versions
	hot        []uuid.UUID         // aggregates that go on
	open       []driver.Delivery   // not done
	findings   []finding
}

func newFeed(store driver.Store, cfg config, payloads []json.RawMessage) *feed {
	f := &feed{
		store: store, cfg: cfg, rng: rand.New(rand.NewPCG(cfg.seed, 1)), payloads: payloads,
		known: map[uuid.UUID]known{}, aggregates: map[uuid.UUID]int64{},
	}
	for range hotAggregates {
		f.hot = append(f.hot, uuid.New())
	}
	return f
}

// prepare saves what there must be before the first archive.
func (f *feed) prepare(ctx context.Context) error {
	endpoint, err := f.store.Endpoints().Save(ctx, driver.NewEndpoint("hook", "https://example.com"))
	if err != nil {
		return err
	}
	f.endpoint = endpoint.ID
	return f.save(ctx, true)
}

// run saves and processes until all events are saved, a little ahead of the kills.
func (f *feed) run(ctx context.Context) error {
	for round := 0; len(f.known) < f.cfg.events; round++ {
		if f.cfg.kills > 0 && len(f.known) > f.cfg.events*(int(f.kills.Load())+1)/f.cfg.kills {
			if err := wait(ctx, feedPause); err != nil {
				return err
			}
			continue
		}
		err := f.save(ctx, f.rng.IntN(importedShare) == 0)
		if err == nil {
			err = f.process(ctx, round%2 == 0)
		}
		if err == nil && round%deliverEvery == 0 {
			err = f.deliver(ctx)
		}
		if err != nil && !driver.IsRetryable(err) { // a busy database gets it the next time
			return err
		}
	}
	return nil
}

// save saves a batch, of events that go to the queue or of such that are processed already.
func (f *feed) save(ctx context.Context, processed bool) error {
	events := make([]driver.Event, min(feedBatch, f.cfg.events-len(f.known)))
	for i := range events {
		events[i] = f.newEvent(processed)
		if i > 0 && f.rng.IntN(3) == 0 {
			events[i].AggregateID = events[i-1].AggregateID
		}
	}
	stored, err := f.store.Events().SaveBatch(ctx, events)
	if err != nil {
		return err
	}
	for i := range stored {
		e := &stored[i]
		// Versions go on also behind events that are in archives.
		if want := f.aggregates[e.AggregateID] + 1; e.AggregateVersion != want {
			f.found(isChanged, e.ID, fmt.Sprintf("is version %d of its aggregate, %d comes next", e.AggregateVersion, want))
		}
		f.aggregates[e.AggregateID] = e.AggregateVersion
		f.known[e.ID] = known{e.Position, checksumOf(e), processed}
		f.ids = append(f.ids, e.ID)
		if !processed {
			f.waiting++
		}
	}
	f.saved.Store(int64(len(f.known)))
	return nil
}

func (f *feed) newEvent(processed bool) driver.Event {
	optional := func() *uuid.UUID {
		if f.rng.IntN(2) == 0 {
			return nil
		}
		id := uuid.New()
		return &id
	}
	long := time.Duration(f.rng.Int64N(int64(1000 * 24 * time.Hour)))
	e := driver.Event{
		EventType: fmt.Sprintf("order.changed.%d", f.rng.IntN(20)), EventName: "Order \"changed\" — é",
		AggregateType: "Order", AggregateID: uuid.New(),
		EventData:     f.payloads[f.rng.IntN(len(f.payloads))],
		EventMetadata: json.RawMessage(fmt.Sprintf("{ \"n\":%d,\n\t\"n\" : 1e2, \"s\":\"\\u0000\" }", f.rng.IntN(1000))),
		CorrelationID: optional(), CausationID: optional(), TriggeredByUserID: optional(), ContextID: optional(),
		OccurredAt: time.Now().Add(-long),
	}
	if f.rng.IntN(2) == 0 {
		e.AggregateID = f.hot[f.rng.IntN(len(f.hot))]
	}
	if processed {
		at := e.OccurredAt.Add(time.Duration(f.rng.Int64N(int64(long) + 1)))
		e.ProcessedAt = &at
	}
	return e
}

// process takes events out of the queue, by claims or by their ids, but for some that stay. Before
// anybody can archive them it reads them as they are then.
func (f *feed) process(ctx context.Context, byClaim bool) error {
	most := min(f.waiting-len(f.known)/waitingShare, 2*feedBatch)
	if most <= 0 {
		return nil
	}
	var done []driver.Event
	err := f.store.InTx(ctx, func(tx driver.Store) (err error) {
		done, err = f.processIn(ctx, tx, 1+f.rng.IntN(most), byClaim)
		return err
	})
	if err != nil {
		return err
	}
	for i := range done {
		e := &done[i]
		before, ok := f.known[e.ID]
		if !ok || before.processed {
			f.found(isDoubled, e.ID, "was in the queue, though it is processed or nobody saved it")
			continue
		}
		if e.Position != before.position {
			f.found(isChanged, e.ID, fmt.Sprintf("is at position %d, and was saved at %d", e.Position, before.position))
		}
		f.known[e.ID] = known{before.position, checksumOf(e), true}
		f.waiting--
	}
	return nil
}

// processIn does so in a transaction, and returns the events as they are at its end.
func (f *feed) processIn(ctx context.Context, tx driver.Store, limit int, byClaim bool) ([]driver.Event, error) {
	var ids []uuid.UUID
	if byClaim {
		claims, err := tx.Events().Claim(ctx, driver.ClaimOptions{Limit: limit, Columns: []driver.EventColumn{driver.EventColumnID}})
		if err != nil {
			return nil, err
		}
		for i := range claims {
			ids = append(ids, claims[i].Event.ID)
		}
		if err := tx.Events().Ack(ctx, claims); err != nil {
			return nil, err
		}
	} else {
		events, err := tx.Events().GetUnprocessed(ctx, limit)
		if err != nil {
			return nil, err
		}
		for i := range events {
			ids = append(ids, events[i].ID)
		}
		if _, err := tx.Events().MarkMultipleAsProcessed(ctx, ids); err != nil {
			return nil, err
		}
	}
	done := make([]driver.Event, len(ids))
	for i, id := range ids {
		var err error
		if done[i], err = tx.Events().GetByID(ctx, id); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// deliver makes deliveries of events, which must not be archived before they are done, and gets some
// done.
func (f *feed) deliver(ctx context.Context) error {
	event := f.ids[f.rng.IntN(len(f.ids))]
	delivery, err := f.store.Deliveries().Save(ctx, driver.Delivery{EndpointID: f.endpoint, EventID: event})
	switch {
	case errors.Is(err, driver.ErrMissingReference) || errors.Is(err, driver.ErrAlreadyExists):
		return nil // it is archived, or has one
	case err != nil:
		return err
	}
	f.open = append(f.open, delivery)
	if len(f.open) <= mostOpen {
		return nil
	}
	if _, err := f.store.Deliveries().Cancel(ctx, f.open[0].ID, "done"); err != nil {
		return err
	}
	f.open = f.open[1:]
	return nil
}

func (f *feed) found(kind kind, event uuid.UUID, reason string) {
	f.findings = append(f.findings, finding{kind: kind, event: event, reason: reason})
}

// readPayloads reads the payloads of a file of JSON Lines, or makes some if there is none.
func readPayloads(path string) ([]json.RawMessage, error) {
	if path == "" {
		return makePayloads(), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	var payloads []json.RawMessage
	for lines := json.NewDecoder(file); ; {
		var line struct{ Payload json.RawMessage }
		err := lines.Decode(&line)
		switch {
		case err == io.EOF && len(payloads) == 0:
			return nil, fmt.Errorf("%s has no events", path)
		case err == io.EOF:
			return payloads, nil
		case err != nil:
			return nil, fmt.Errorf("%s: event %d: %w", path, len(payloads)+1, err)
		case line.Payload == nil:
			return nil, fmt.Errorf("%s: event %d has no payload", path, len(payloads)+1)
		}
		payloads = append(payloads, line.Payload)
	}
}

// makePayloads returns objects of up to some kilobytes, one in three of which has line breaks.
func makePayloads() []json.RawMessage {
	rng := rand.New(rand.NewPCG(1, 1))
	payloads := make([]json.RawMessage, 100)
	for i := range payloads {
		var items []string
		for range rng.IntN(100) {
			items = append(items, fmt.Sprintf(`{"sku":"%016x","price":%d.50,  "name":"teapot \u00e9 ü"}`, rng.Uint64(), rng.IntN(100)))
		}
		separator := []string{",", ", ", ",\r\n\t"}[i%3]
		payloads[i] = json.RawMessage(`{"items":[` + strings.Join(items, separator) + `]}`)
	}
	return payloads
}
