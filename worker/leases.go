package worker

import (
	"time"

	"github.com/google/uuid"
)

// keepLeases extends the leases of all that is in hand, each when a third of it has passed, until
// all is settled. It looks every sixth of a lease, so that there are several tries before one ends.
func (w *worker) keepLeases(settled <-chan struct{}) {
	look := time.NewTicker(w.opts.Lease / 6)
	defer look.Stop()
	for {
		select {
		case <-settled:
			return
		case <-look.C:
			if due := w.dueForExtension(); len(due) > 0 {
				w.extend(due)
			}
		}
	}
}

// dueForExtension returns the tasks a third of whose lease has passed.
func (w *worker) dueForExtension() []*task {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due []*task
	for _, task := range w.held {
		abandoned := w.overrun && task.state == running
		if !abandoned && time.Since(task.leased) >= w.opts.Lease/3 {
			due = append(due, task)
		}
	}
	return due
}

// extend extends leases, and gives up the tasks whose lease is lost. When the database is away, the
// next look tries again.
func (w *worker) extend(tasks []*task) {
	began := time.Now()
	err := w.events.Extend(w.settling, claimsOf(tasks), w.opts.Lease)
	lost := lostOf(err, tasks)
	if err != nil && len(lost) == 0 {
		_ = w.check("Extend", err)
		return
	}
	if w.extended(tasks, lost, began, err) {
		_ = w.check("Extend", err)
	}
}

// extended notes what became of leases, and reports whether a task was lost by it.
func (w *worker) extended(tasks []*task, lost map[uuid.UUID]bool, began time.Time, cause error) (any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, task := range tasks {
		if !lost[task.claim.Event.ID] {
			task.leased = began
		} else if w.lose(task, cause) {
			any = true
		}
	}
	return any
}

// lose gives up a task whose lease is lost, and cancels its handler. It returns false for one whose
// handler has ended: the database was told of its event, which is how its lease ends, or will say
// so. The caller holds worker.mu.
func (w *worker) lose(task *task, cause error) bool {
	if task.state != waiting && task.state != running {
		return false
	}
	w.drop(task)
	if task.cancel != nil {
		task.cancel(cause)
	}
	return true
}
