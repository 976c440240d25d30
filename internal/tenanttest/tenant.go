package tenanttest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// counted are the tables whose rows tenants count.
var counted = []string{
	"events", "webhook_endpoints", "webhook_event_types", "webhook_subscriptions", "webhook_deliveries", "webhook_delivery_attempts",
	"event_actions", "action_executions",
}

// tenant is one of many. It is made anew again and again; each of its lives has a tag of its own.
type tenant struct {
	name   string
	number int

	mu    sync.RWMutex // who drops it has it alone
	life  int
	store driver.Store
	ids   atomic.Int64
	rows  map[string]*atomic.Int64 // by table

	archiving sync.Mutex
}

// begin opens the schema for a new life.
func (n *tenant) begin(ctx context.Context, db driver.DB) (err error) {
	n.life++
	n.ids.Store(0)
	n.rows = map[string]*atomic.Int64{}
	for _, table := range counted {
		n.rows[table] = new(atomic.Int64)
	}
	n.store, err = db.Store(ctx, n.name)
	return err
}

func (n *tenant) count(table string, rows int) { n.rows[table].Add(int64(rows)) }

func (n *tenant) stored(table string) int64 { return n.rows[table].Load() }

// tag stands in every text that the tenant stores.
func (n *tenant) tag() string { return fmt.Sprintf("T%04dL%04dT", n.number, n.life) }

// me stands in every id that is the tenant's own. The first ids of all tenants are the same, in the same order.
func (n *tenant) me() uuid.UUID { return n.ownID(0) }

func (n *tenant) ownID(i int64) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("7e4a%04d-%04d-4a7e-8a7e-%012x", n.number, n.life, i))
}

// sharedID is the same for all tenants.
func sharedID(kind, i int64) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("5a4ed000-%04x-4000-8000-%012x", kind, i))
}

// newID returns an id that is new to the tenant: every second one is, sooner or later, also one of each other tenant.
func (n *tenant) newID() uuid.UUID {
	i := n.ids.Add(1)
	if i%2 == 0 {
		return sharedID(0, i)
	}
	return n.ownID(i)
}

var tags = regexp.MustCompile(`T(\d{4})L(\d{4})T|7e4a(\d{4})-(\d{4})-4a7e-8a7e-`)

// foreign returns what in a text is of another tenant, or of another life of this one.
func (n *tenant) foreign(text string) string {
	for _, found := range tags.FindAllStringSubmatch(text, -1) {
		if found[1]+found[3] != fmt.Sprintf("%04d", n.number) || found[2]+found[4] != fmt.Sprintf("%04d", n.life) {
			return found[0]
		}
	}
	return ""
}

// own checks that what a tenant was given is its own, and says so.
func own[E any](r *run, n *tenant, op string, entities ...E) {
	for _, entity := range entities {
		if text := r.check(n, op, entity); !tags.MatchString(text) {
			r.fail("schema %s: %s gave something that nobody stored: %.300s", n.name, op, text)
		}
	}
}

// unmarked is own for what may have no text and no id of one tenant alone.
func unmarked[E any](r *run, n *tenant, op string, entities ...E) {
	for _, entity := range entities {
		r.check(n, op, entity)
	}
}

func (r *run) check(n *tenant, op string, entity any) string {
	r.reads.Add(1)
	text, err := json.Marshal(entity)
	if err != nil {
		r.fail("%s gave what can't be JSON: %v", op, err)
		return ""
	}
	if foreign := n.foreign(string(text)); foreign != "" {
		r.fail("schema %s (%s): %s gave something of %s: %.300s", n.name, n.tag(), op, foreign, text)
	}
	return string(text)
}

// The types of events: one that all tenants have, and one that no other has.
const commonType = "order.placed"

func (n *tenant) ownType() string { return "order." + n.tag() }

func (n *tenant) text() string { return "of " + n.tag() }

func (n *tenant) data() json.RawMessage { return json.RawMessage(`{"of": "` + n.tag() + `"}`) }

// event returns a new event, every second of a kind that others have, too, and every third old enough for an archive.
func (n *tenant) event() driver.Event {
	i := n.ids.Load()
	common, user := sharedID(1, i%7), n.me()
	event := driver.Event{
		ID: n.newID(), EventType: commonType, EventName: n.text(), AggregateType: "Order", AggregateID: common,
		EventData: n.data(), EventMetadata: n.data(), CorrelationID: &common, ContextID: &common, TriggeredByUserID: &user,
		OccurredAt: time.Now().Truncate(time.Microsecond),
	}
	if i%2 == 0 {
		event.EventType, event.AggregateType = n.ownType(), n.tag()
	}
	if i%3 == 0 {
		event.OccurredAt = event.OccurredAt.AddDate(0, -1, 0)
	}
	return event
}
