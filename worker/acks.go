package worker

import (
	"context"
	"time"
)

// ackDelay is how long finished events wait for others to be acknowledged with them, while there is
// more to be handled. It costs nobody anything then, and saves calls.
const ackDelay = 5 * time.Millisecond

// sendAcks acknowledges what handlers finish, until there is no more to come. What finishes during
// one call goes with the next.
func (w *worker) sendAcks() {
	for first := range w.finished {
		w.ack(w.gather(first))
	}
}

// gather returns first and what else has finished. A worker that is otherwise idle does not wait
// for more.
func (w *worker) gather(first *task) []*task {
	batch := []*task{first}
	closing := time.NewTimer(ackDelay)
	defer closing.Stop()
	for len(batch) < w.opts.Batch {
		if len(w.finished) == 0 && !w.busy() {
			return batch
		}
		select {
		case task, ok := <-w.finished:
			if !ok {
				return batch
			}
			batch = append(batch, task)
		case <-closing.C:
			return batch
		}
	}
	return batch
}

// busy reports whether events wait for a handler.
func (w *worker) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting > 0
}

func (w *worker) ack(batch []*task) {
	began, claims := time.Now(), claimsOf(batch)
	err := w.try("Ack", func(ctx context.Context) error { return w.events.Ack(ctx, claims) })
	lost := lostOf(err, batch)
	for _, task := range batch {
		w.settled(task)
	}
	if acked := len(batch) - len(lost); acked > 0 && (err == nil || len(lost) > 0) {
		w.opts.Hooks.acked(acked, time.Since(began))
	}
}
