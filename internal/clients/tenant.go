package clients

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// tenant is what the clients know of a tenant, together.
type tenant struct {
	Tenant
	ordered bool      // events are claimed with PerAggregateOrder
	context uuid.UUID // of all its events

	mu         sync.Mutex
	aggregates []uuid.UUID // that get events now
	known      []uuid.UUID // some events that are saved
}

// How many aggregates of a tenant get events at a time, how many it remembers, and after how many events
// on average one is replaced by a new one: histories stay short enough to be checked.
const (
	openAggregates  = 8
	mostKnown       = 256
	aggregateLength = 40
)

func (o *Options) tenants() []*tenant {
	tenants := make([]*tenant, len(o.Tenants))
	for i, t := range o.Tenants {
		tenants[i] = &tenant{Tenant: t, ordered: i%2 == 0, context: contextOf(t.Name)}
	}
	return tenants
}

func contextOf(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }

// aggregate returns one that gets events now.
func (t *tenant) aggregate(rng *rand.Rand) driver.Aggregate {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := rng.IntN(openAggregates)
	switch {
	case len(t.aggregates) < openAggregates:
		t.aggregates = append(t.aggregates, newID(rng))
		i = len(t.aggregates) - 1
	case rng.IntN(aggregateLength) == 0:
		t.aggregates[i] = newID(rng)
	}
	return driver.Aggregate{Type: aggregateType, ID: t.aggregates[i]}
}

const aggregateType = "Order"

// newID is random as the seed has it.
func newID(rng *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// remember keeps ids of saved events, in place of older ones.
func (t *tenant) remember(rng *rand.Rand, rows []history.Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, row := range rows {
		if len(t.known) < mostKnown {
			t.known = append(t.known, row.ID)
		} else {
			t.known[rng.IntN(mostKnown)] = row.ID
		}
	}
}

// recall returns the id of a saved event; false if there is none yet.
func (t *tenant) recall(rng *rand.Rand) (uuid.UUID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) == 0 {
		return uuid.Nil, false
	}
	return t.known[rng.IntN(len(t.known))], true
}

// payload is the data of an event: whose it is, and whose effect.
type payload struct {
	Tenant string     `json:"tenant"`
	Of     *uuid.UUID `json:"of,omitempty"`
	Fill   string     `json:"fill"`
}

var eventTypes = []string{"order.placed", "order.paid", "order.sent"}

// newEvent returns an event of the tenant, to be saved under an id of its own.
func (c *client) newEvent(of *uuid.UUID) driver.Event {
	aggregate := c.aggregate(c.rng)
	size := c.rng.IntN(300)
	if c.oneIn(50) {
		size = c.rng.IntN(20_000) // PostgreSQL stores it elsewhere
	}
	data, err := json.Marshal(payload{c.Name, of, strings.Repeat("x", size)})
	if err != nil {
		panic(err)
	}
	return driver.Event{
		ID: newID(c.rng), EventType: eventTypes[c.rng.IntN(len(eventTypes))], ContextID: &c.context,
		AggregateType: aggregate.Type, AggregateID: aggregate.ID,
		EventData: data, EventMetadata: fmt.Appendf(nil, `{"tenant": %q}`, c.Name),
	}
}

func (c *client) newEvents(most int) []driver.Event {
	events := make([]driver.Event, 1+c.rng.IntN(most))
	for i := range events {
		events[i] = c.newEvent(nil)
	}
	return events
}

// rowOf is an event in the history. What is not its tenant's says so.
func (t *tenant) rowOf(event *driver.Event) history.Row {
	row := history.Row{
		ID: event.ID, Aggregate: event.AggregateID, Version: event.AggregateVersion, Position: event.Position, Hash: history.Hash(event),
	}
	var tag string
	if tag, row.Of = tagOf(event); tag != t.Name {
		row.Tag = tag
	}
	return row
}

func (t *tenant) rowsOf(events []driver.Event) []history.Row {
	rows := make([]history.Row, len(events))
	for i := range events {
		rows[i] = t.rowOf(&events[i])
	}
	return rows
}

// tagOf returns the tenant whose an event says it is, in each of the places that say it, and whose effect
// it is.
func tagOf(event *driver.Event) (tag string, of uuid.UUID) {
	var data, metadata payload
	if json.Unmarshal(event.EventData, &data) != nil || json.Unmarshal(event.EventMetadata, &metadata) != nil {
		return "nobody", of
	}
	if data.Of != nil {
		of = *data.Of
	}
	if metadata.Tenant != data.Tenant || event.ContextID == nil || *event.ContextID != contextOf(data.Tenant) {
		return fmt.Sprintf("%s by its data, %s by its metadata, in context %v", data.Tenant, metadata.Tenant, event.ContextID), of
	}
	return data.Tenant, of
}
