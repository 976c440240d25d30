package tenanttest

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// worker works for one tenant after the other.
type worker struct {
	*run
	number int
	rand   *rand.Rand

	*tenant         // the one of this step
	of      *tenant // another one, whose rows it tries to get at
}

// task is something to do for a tenant.
type task struct {
	name string
	do   func(w *worker) error
}

var tasks = []task{
	{"saveEvents", (*worker).saveEvents},
	{"saveEvents", (*worker).saveEvents},
	{"readEvents", (*worker).readEvents},
	{"claim", (*worker).claim},
	{"process", (*worker).process},
	{"rollBack", (*worker).rollBack},
	{"consume", (*worker).consume},
	{"wait", (*worker).wait},
	{"requeue", (*worker).requeue},
	{"subscribe", (*worker).subscribe},
	{"readWebhooks", (*worker).readWebhooks},
	{"deliver", (*worker).deliver},
	{"act", (*worker).act},
	{"execute", (*worker).execute},
	{"archive", (*worker).archive},
	{"trespass", (*worker).trespass},
}

// step does one task for some tenant. A few of them are busy, so that workers meet there.
func (w *worker) step() {
	w.tenant = w.any()
	if w.rand.IntN(3) == 0 {
		w.tenant = w.tenants[w.rand.IntN(min(4, len(w.tenants)))]
	}
	if w.of = w.any(); w.of == w.tenant {
		return
	}
	w.tenant.mu.RLock()
	defer w.tenant.mu.RUnlock()
	if !w.of.mu.TryRLock() { // it is being made anew
		return
	}
	defer w.of.mu.RUnlock()
	task := tasks[w.rand.IntN(len(tasks))]
	if err := task.do(w); err != nil && !expected(err) {
		w.fail("schema %s: %s: %v", w.name, task.name, err)
	}
}

func (w *worker) any() *tenant { return w.tenants[w.rand.IntN(len(w.tenants))] }

// expected tells what workers of the same tenant do to each other.
func expected(err error) bool {
	for _, kind := range []error{driver.ErrConflict, driver.ErrLeaseLost, driver.ErrState} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return driver.IsRetryable(err)
}

// remake drops a tenant and makes it anew, while others work on those with names like its.
func (w *worker) remake() {
	gone := w.any()
	gone.mu.Lock()
	defer gone.mu.Unlock()
	err := w.db.DB.DropSchema(w.ctx, gone.name)
	if err == nil {
		err = gone.begin(w.ctx, w.db.DB)
	}
	if err != nil {
		w.fail("schema %s: dropping it and making it anew: %v", gone.name, err)
		return
	}
	waiting, err := gone.store.Events().GetUnprocessed(w.ctx, 0)
	endpoints, failed := gone.store.Endpoints().GetActive(w.ctx, 0)
	if err = errors.Join(err, failed); err != nil || len(waiting)+len(endpoints) > 0 {
		w.fail("schema %s, made anew: it has %d events and %d endpoints, error %v", gone.name, len(waiting), len(endpoints), err)
	}
}

// trespass tries to get at rows that are another tenant's alone.
func (w *worker) trespass() error {
	id := w.of.ownID(1 + 2*w.rand.Int64N(max(w.of.ids.Load()/2, 1)))
	ctx, store := w.ctx, w.store
	for op, read := range map[string]func() error{
		"Events":        func() error { _, err := store.Events().GetByID(ctx, id); return err },
		"DeadLetters":   func() error { _, err := store.DeadLetters().Get(ctx, id); return err },
		"Endpoints":     func() error { _, err := store.Endpoints().GetByID(ctx, id); return err },
		"Subscriptions": func() error { _, err := store.Subscriptions().GetByID(ctx, id); return err },
		"Deliveries":    func() error { _, err := store.Deliveries().GetByID(ctx, id); return err },
		"Replay":        func() error { _, err := store.Deliveries().Replay(ctx, id); return err },
		"EventTypes":    func() error { _, err := store.EventTypes().GetByEventType(ctx, w.of.ownType()); return err },
		"Actions":       func() error { _, err := store.Actions().GetByID(ctx, id); return err },
		"Executions":    func() error { _, err := store.Executions().GetByID(ctx, id); return err },
		"Archives":      func() error { _, err := store.Archives().GetByID(ctx, id); return err },
		"Rotate":        func() error { _, err := store.Endpoints().RotateSecret(ctx, id, driver.RotateOptions{}); return err },
	} {
		if err := read(); !errors.Is(err, driver.ErrNotFound) {
			w.fail("schema %s: %s with the id %s of %s: got error %v, want %v", w.name, op, id, w.of.tag(), err, driver.ErrNotFound)
		}
	}
	for op, change := range map[string]func() (bool, error){
		"Events.MarkAsProcessed":   func() (bool, error) { return store.Events().MarkAsProcessed(ctx, id) },
		"DeadLetters.Requeue":      func() (bool, error) { return store.DeadLetters().Requeue(ctx, id) },
		"Endpoints.UpdateLastUsed": func() (bool, error) { return store.Endpoints().UpdateLastUsed(ctx, id) },
		"Endpoints.Delete":         func() (bool, error) { return store.Endpoints().Delete(ctx, id) },
		"Subscriptions.Delete":     func() (bool, error) { return store.Subscriptions().Delete(ctx, id) },
		"Actions.Delete":           func() (bool, error) { return store.Actions().Delete(ctx, id) },
	} {
		changed, err := change()
		if err != nil {
			return err
		}
		if changed {
			w.fail("schema %s: %s changed something with the id %s of %s", w.name, op, id, w.of.tag())
		}
	}
	marked, err := store.Events().MarkMultipleAsProcessed(ctx, []uuid.UUID{id})
	if marked > 0 {
		w.fail("schema %s: an event %s of %s was marked", w.name, id, w.of.tag())
	}
	return err
}

// soon ends with the run, or after a moment.
func (w *worker) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(w.ctx, moment)
}
