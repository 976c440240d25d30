package query

import (
	"context"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *events) Wait(ctx context.Context) error {
	if r.exec.IsTx() {
		return r.fail("Wait", stateError("a transaction that waits keeps others waiting; call it on a Store outside"))
	}
	woken, stop := r.wakeups.Watch(r.schema) // before the look, so that nothing is missed between
	defer stop()
	for {
		ready, pause, err := r.anyReady(ctx)
		if err != nil || ready {
			return r.fail("Wait", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-woken:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return r.fail("Wait", &driver.Error{Err: context.Cause(ctx)})
		}
		timer.Stop()
	}
}

// leastPause keeps Wait from looking again and again for what is about to be ready.
const leastPause = time.Millisecond

// anyReady tells whether an event is ready, else how long to wait before the next look.
func (r *events) anyReady(ctx context.Context) (ready bool, pause time.Duration, err error) {
	floor := r.horizon.floor()
	err = r.exec.Query(ctx, r.claimSQL().anyReady, readyArgs(floor, nil, 1), []any{&ready}, nil)
	if err != nil || ready {
		return ready, 0, err
	}
	var now time.Time
	var next [3]*time.Time
	err = r.exec.Query(ctx, r.claimSQL().nextReady, []any{floor}, []any{&now, &next[0], &next[1], &next[2]}, nil)
	pause = r.wakeups.PollInterval()
	for _, moment := range next {
		if moment != nil {
			pause = min(pause, max(leastPause, moment.Sub(now)))
		}
	}
	return false, pause, err
}

// changed is called when events may have become ready by what was just done.
func (s *Store) changed(ctx context.Context) error {
	switch {
	case s.effects != nil: // inside inTx, which knows when it commits
		s.effects.ready = true
		return nil
	case s.exec.IsTx():
		return s.shared.wakeups.ChangedIn(ctx, s.exec, s.shared.schema)
	}
	s.shared.wakeups.Changed(s.shared.schema)
	return nil
}
