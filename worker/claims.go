package worker

import (
	"context"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

const (
	// horizon is how much work is claimed ahead, in time that it takes, at the most: enough to hide
	// a call of Claim, and not so much that events wait here while another worker is idle.
	horizon = time.Second

	// When Wait says that there are events, and Claim finds none (of these types), the worker pauses
	// before it asks again.
	firstIdlePause = 5 * time.Millisecond
	mostIdlePause  = 200 * time.Millisecond
)

// claim hands events to the handlers until the drain begins.
func (w *worker) claim() {
	failures, pause := 0, time.Duration(0)
	for w.claiming.Err() == nil {
		limit := w.room()
		if limit == 0 {
			select {
			case <-w.changed:
			case <-w.claiming.Done():
			}
			continue
		}
		forget(w.freed) // the call below sees what this told of
		claims, began, err := w.claimSome(limit)
		if err == nil && len(claims) == 0 {
			pause, err = w.idle(pause)
		} else if err == nil {
			w.dispatch(claims, began)
			pause = 0
		}
		if err != nil {
			failures++
			sleep(w.claiming, outage.Delay(failures))
		} else {
			failures = 0
		}
	}
}

// claimSome claims events. Their leases began no earlier than began.
func (w *worker) claimSome(limit int) (claims []driver.Claim, began time.Time, err error) {
	began = time.Now()
	// The context of the call is not the one that ends with claiming: a call that is cut off could
	// leave events leased that nobody knows of.
	claims, err = w.events.Claim(w.settling, w.opts.claim(limit))
	if err != nil {
		return nil, began, w.check("Claim", err)
	}
	w.opts.Hooks.claimed(len(claims), time.Since(began))
	return claims, began, nil
}

// room returns how many events to claim now. It claims for idle handlers, and ahead when half of
// what was ahead is used up.
func (w *worker) room() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	idle, ahead, want := max(0, w.opts.Concurrency-w.assigned), w.ahead(), 0
	switch {
	case idle > 0:
		want = max(idle, ahead)
	case w.waiting <= ahead/2:
		want = ahead - w.waiting
	}
	want = min(want, w.opts.Batch)
	space := w.mostHeld() - len(w.held)
	if space < want/2 {
		return 0 // a call is not worth its while yet
	}
	return min(want, space)
}

// ahead returns how many events to have in hand that no handler has begun: those that handlers, as
// fast as they have been, begin before the horizon and well within a lease.
func (w *worker) ahead() int {
	if w.pace == 0 {
		return 0 // nothing is known yet: the first claim is for the idle handlers only
	}
	within := min(horizon, w.opts.Lease/2)
	return min(w.opts.Batch, int(within*time.Duration(w.opts.Concurrency)/w.pace))
}

// mostHeld bounds the events in hand. One batch is being handled, one is claimed ahead and one is
// being acknowledged; with PerAggregateOrder, where a long run of one aggregate keeps one handler
// busy only, there can be more.
func (w *worker) mostHeld() int { return w.opts.Concurrency + 3*w.opts.Batch }

// idle waits until there may be events to claim, after Claim found none. pause is what it returned
// the last time, if nothing was claimed since.
func (w *worker) idle(pause time.Duration) (next time.Duration, err error) {
	waiting, stop := context.WithCancel(w.claiming)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-w.freed:
			stop()
		case <-waiting.Done():
		}
	})
	defer watcher.Wait()
	defer stop()

	sleep(waiting, pause)
	began := time.Now()
	if err := w.events.Wait(waiting); err != nil && waiting.Err() == nil {
		return 0, w.check("Wait", err)
	}
	if time.Since(began) > pause {
		return firstIdlePause, nil // it did wait
	}
	return min(max(2*pause, firstIdlePause), mostIdlePause), nil
}

// notify signals on a channel that holds one signal.
func notify(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// forget takes a signal back.
func forget(signal <-chan struct{}) {
	select {
	case <-signal:
	default:
	}
}
