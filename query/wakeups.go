package query

import (
	"context"
	"time"
)

// Wakeups tells those who wait for events that there may be some. Backends implement it; Signals
// does within one process. It is safe for concurrent use.
type Wakeups interface {
	// Changed is called when events of a schema may have become ready: what made them so is
	// committed. It wakes who watches the schema, in this process at once and in others soon, and
	// neither blocks nor fails.
	Changed(schema string)

	// ChangedIn is called instead in a transaction that the app will commit, or not, by itself: it
	// sees to it that others are woken when it is. An error is that of a statement on tx.
	ChangedIn(ctx context.Context, tx Executor, schema string) error

	// Watch tells on woken, which holds one wake-up at the most, until stop is called. It is called
	// before the first look for events.
	Watch(schema string) (woken <-chan struct{}, stop func())

	// PollInterval is how often to look without being woken.
	PollInterval() time.Duration
}
