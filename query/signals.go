package query

import (
	"context"
	"sync"
	"time"
)

// Signals is Wakeups within one process, for databases that notify nobody. It is safe for
// concurrent use.
type Signals struct {
	poll     time.Duration
	mu       sync.Mutex
	watchers map[string]map[chan struct{}]struct{} // by schema; none is empty
}

var _ Wakeups = (*Signals)(nil)

// NewSignals returns Signals that nobody watches yet. Who waits looks every poll without being
// woken: that is how soon it sees what other processes did.
func NewSignals(poll time.Duration) *Signals {
	return &Signals{poll: poll, watchers: map[string]map[chan struct{}]struct{}{}}
}

// Changed implements Wakeups: it wakes all who watch the schema.
func (s *Signals) Changed(schema string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for woken := range s.watchers[schema] {
		wake(woken)
	}
}

// ChangedIn implements Wakeups. It wakes right away: who finds nothing, because the app has yet to
// commit, finds it after PollInterval.
func (s *Signals) ChangedIn(_ context.Context, _ Executor, schema string) error {
	s.Changed(schema)
	return nil
}

// ChangedAll wakes all who watch any schema: after a time in which changes may have been missed, or
// to make them see that the database was closed.
func (s *Signals) ChangedAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, watchers := range s.watchers {
		for woken := range watchers {
			wake(woken)
		}
	}
}

// wake leaves one wake-up in the channel, however many came since the last was taken out.
func wake(woken chan struct{}) {
	select {
	case woken <- struct{}{}:
	default:
	}
}

// Watch implements Wakeups. Calling stop twice is fine; it does not close woken.
func (s *Signals) Watch(schema string) (<-chan struct{}, func()) {
	woken := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[schema] == nil {
		s.watchers[schema] = map[chan struct{}]struct{}{}
	}
	s.watchers[schema][woken] = struct{}{}
	return woken, func() { s.forget(schema, woken) }
}

func (s *Signals) forget(schema string, woken chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers[schema], woken)
	if len(s.watchers[schema]) == 0 {
		delete(s.watchers, schema)
	}
}

// PollInterval implements Wakeups.
func (s *Signals) PollInterval() time.Duration { return s.poll }
