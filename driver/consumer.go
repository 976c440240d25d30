package driver

import (
	"context"
	"time"
)

// Consumer is a named reader of all events, and how far it has come.
type Consumer struct {
	Name      string    `json:"name"`
	Position  int64     `json:"position"`   // of the last event that it is done with; 0: of none
	UpdatedAt time.Time `json:"updated_at"` // of the last Commit or Reset, by the database's clock
}

// CheckConsumerName reports a name that no consumer can have, as an [InvalidError]: it is required,
// at most MaxName bytes. For backends.
func CheckConsumerName(name string) error { return checkRequired("name", name, MaxName) }

// CheckPosition reports a position that no event or consumer can have, as an [InvalidError]. For
// backends.
func CheckPosition(position int64) error {
	if position < 0 {
		return &InvalidError{"position", "must be 0 or more"}
	}
	return nil
}

// ConsumerRepository lets any number of named consumers read all events of one schema in the order
// of their positions, each at its own pace: for projections, exports, replicas. It has nothing to do
// with the queue: processed events and imports are read, too, and reading takes nothing from anybody.
//
// Positions are taken when events are saved, not when they are committed, so that a lower one can
// become visible after a higher one. Read never skips such an event: where a position is missing
// that a transaction under way may still fill, it stops before. Other transactions, in other schemas
// or such that only read, hold nothing up. ErrState where the server can't tell
// (Capabilities.GapSafe), and inside a transaction above ReadCommitted, which can't see.
//
// Every method is safe for concurrent use. Methods may also return ErrUnavailable, ErrClosed,
// ErrInternal, and the context's error when it ends; those that write, ErrReadOnly.
type ConsumerRepository interface {
	// Read returns the events behind the consumer's position, by Position. It moves nothing: until
	// Commit the same ones are returned again. A name that is new begins at the first event.
	//
	// Inside a transaction it also locks the consumer until the transaction ends: of several that
	// read and commit as the same consumer, each in a transaction, one works at a time, and each
	// event is read exactly once for every transaction that commits.
	Read(ctx context.Context, name string, limit int) ([]Event, error)

	// Commit moves the consumer to a position, that of the last event it is done with. ErrConflict if
	// it is there or further already: somebody else reads as the same consumer, or this is the same
	// call again.
	Commit(ctx context.Context, name string, position int64) error

	// Reset moves the consumer anywhere, back or forth: 0 for the first event.
	Reset(ctx context.Context, name string, position int64) error

	// Lag counts the events behind the consumer's position. It takes longer the more they are.
	Lag(ctx context.Context, name string) (int64, error)

	// Get returns a consumer, or ErrNotFound for one that never did a Commit, a Reset or a Read in a
	// transaction.
	Get(ctx context.Context, name string) (Consumer, error)

	// List returns all consumers, by name.
	List(ctx context.Context) ([]Consumer, error)

	// Delete forgets a consumer: false if there is none.
	Delete(ctx context.Context, name string) (bool, error)
}
