package history

import "github.com/google/uuid"

// End is what a store holds when all is done: every event handled, every consumer read to its end.
type End struct{ Tenants []Tenant }

// Tenant is what one tenant has.
type Tenant struct {
	Name       string
	Events     []Event
	Deliveries []Delivery
	Consumers  map[string]int64 // where each is
	Counts     Counts
}

// Counts are what the store says it has, to be compared with what it has.
type Counts struct{ Events, Unprocessed, Processing, DeadLetters int64 }

// Event is an event as it is stored.
type Event struct {
	ID        uuid.UUID
	Aggregate uuid.UUID
	Version   int64
	Position  int64
	Hash      string
	Tag       string    // the tenant whose it says it is
	Of        uuid.UUID // the event whose effect it is
	State     State
}

// State is where an event is.
type State string

// The states of an event.
const (
	Waiting State = "in the queue"
	Dead    State = "a dead letter"
	Done    State = "processed"
)

// Delivery is a delivery as it is stored.
type Delivery struct {
	ID       uuid.UUID
	Event    uuid.UUID
	Endpoint uuid.UUID
	Tag      string // the tenant whose its endpoint says it is
	Ended    bool
}
