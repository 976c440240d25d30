package conformance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var errorTexts = area{name: "Errors", behaviours: []behaviour{
	{"TellTheOperationAndTheSchema", errorsTell},
	{"NeverTellThePayload", errorsNeverTell},
	{"OfRefusalsAreNotRetryable", errorsNotRetryable},
	{"OfTheFunctionComeBackAsTheyAre", errorsOfTheFunction},
	{"ComeWithoutAResult", errorsWithoutResult},
}}

// failures returns an error of every kind that can be had, by what caused it. The payload of each event has the canary in it.
func (t *test) failures() map[string]error {
	t.Helper()
	stored := t.save(newEvent())
	failures := map[string]error{}
	save := func(cause string, spoil func(*driver.Event)) {
		event := newEvent()
		spoil(&event)
		_, err := t.events.Save(t.ctx, event)
		failures[cause] = err
		_, err = t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), event})
		failures[cause+" in a batch"] = err
	}
	save("a taken id", func(e *driver.Event) { e.ID = stored.ID })
	save("a taken version", func(e *driver.Event) {
		e.AggregateID, e.AggregateVersion = stored.AggregateID, 1
	})
	save("no type", func(e *driver.Event) { e.EventType = "" })
	save("a secret in the type", func(e *driver.Event) { e.EventType = canary + " *" })
	save("a secret in the aggregate type", func(e *driver.Event) { e.AggregateType = canary + "\x00" })
	save("a secret in the name", func(e *driver.Event) { e.EventName = canary + "\xff" })
	save("broken data", func(e *driver.Event) { e.EventData = []byte(`{"` + canary + `":` + canary + `}`) })
	save("data that is text", func(e *driver.Event) { e.EventData = []byte(`"` + canary + `"`) })
	save("broken metadata", func(e *driver.Event) { e.EventMetadata = []byte(`{"` + canary) })
	save("invalid UTF-8 in metadata", func(e *driver.Event) { e.EventMetadata = []byte(`{"` + canary + "\":\"\xff\"}") })

	_, failures["a conflict in Append"] = t.events.Append(t.ctx, stored.Aggregate(), 7, fillers(2))
	_, failures["an unknown id"] = t.events.GetByID(t.ctx, newID())
	_, failures["a negative limit"] = t.events.GetUnprocessed(t.ctx, -1)
	_, failures["no transaction"] = t.events.GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
	failures["an unknown column"] = t.store.InTx(t.ctx, func(tx driver.Store) error {
		_, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Columns: []driver.EventColumn{canary}})
		return err
	})
	for _, call := range calls {
		failures["a context that ended, "+call.op] = call.run(t.endedContext(), t.events, stored)
	}
	return failures
}

func errorsTell(t *test) {
	for cause, err := range t.failures() {
		var failed *driver.Error
		if !errors.As(err, &failed) {
			t.Errorf("%s: got %v, want a *driver.Error", cause, err)
			continue
		}
		if !strings.HasPrefix(failed.Op, "Events.") {
			t.Errorf("%s: the Op is %q, want the method's name", cause, failed.Op)
		}
		equal(t, cause+": schema", failed.Schema, t.store.Schema())
		for _, part := range []string{failed.Op, failed.Schema, failed.Entity} {
			if part == "" || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error %q doesn't tell %q", cause, err, part)
			}
		}
	}
}

func errorsNeverTell(t *test) {
	for cause, err := range t.failures() {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err)} {
			if strings.Contains(text, canary) {
				t.Errorf("%s: the error tells what is in the event: %s", cause, text)
			}
		}
	}
}

func errorsNotRetryable(t *test) {
	for cause, err := range t.failures() {
		if driver.IsRetryable(err) {
			t.Errorf("%s: the error %q is retryable, want it not to be", cause, err)
		}
	}
}

func errorsOfTheFunction(t *test) {
	if err := t.store.InTx(t.ctx, func(driver.Store) error { return errUndo }); err != errUndo {
		t.Errorf("InTx: got %v, want the very error of its function", err)
	}
	t.save(newEvent())
	_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) { return nil, errUndo })
	if err != errUndo {
		t.Errorf("ProcessUnprocessed: got %v, want the very error of its function", err)
	}
	refusal := t.store.InTx(t.ctx, func(tx driver.Store) error {
		_, err := tx.Events().GetByID(t.ctx, newID())
		return fmt.Errorf("looking for it: %w", err)
	})
	if refusal == nil || !strings.HasPrefix(refusal.Error(), "looking for it: ") {
		t.Errorf("InTx: got %v, want the error of its function as it is", refusal)
	}
}

func errorsWithoutResult(t *test) {
	stored := t.save(newEvent())
	saved, err := t.events.Save(t.ctx, stored)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Save")
	t.sameEvent("event beside an error", saved, driver.Event{})
	batch, err := t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), stored})
	t.wantErr(err, driver.ErrAlreadyExists, "Events.SaveBatch")
	equal(t, "events beside an error of SaveBatch", len(batch), 0)
	batch, err = t.events.Append(t.ctx, stored.Aggregate(), driver.NoEvents, fillers(2))
	t.wantErr(err, driver.ErrVersionConflict, "Events.Append")
	equal(t, "events beside an error of Append", len(batch), 0)
}
