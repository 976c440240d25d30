package clients_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/clients"
)

// A store in trouble: some saves and acknowledgements end in doubt, of those some had their effect, and
// some do nothing and say so.
func TestClientsSurviveWhatADatabaseMaySay(t *testing.T) {
	r := newRun(t, "sqlite::memory:")
	r.wrap(func(store driver.Store) driver.Store {
		return troubled{store, (&dice{rng: rand.New(rand.NewPCG(7, 7))}).roll}
	})
	report := r.play(t)
	if err := report.Failed(); err != nil {
		t.Error(err)
	}
	if report.Unknown == 0 {
		t.Error("no call was in doubt: this test shows nothing")
	}
}

// A store that did not do what it says, or did what it says it did not, is found out.
func TestAStoreThatLiesOnceIsFoundOut(t *testing.T) {
	for _, lie := range []trouble{loses, doubles} {
		r := newRun(t, "sqlite::memory:")
		told := false
		lieOnce := func() trouble {
			if told {
				return none
			}
			told = true
			return lie
		}
		r.wrap(func(store driver.Store) driver.Store { return troubled{store, lieOnce} })
		r.options.Operations, r.options.Clients = 300, 1 // who was told is theirs together
		report := r.play(t)
		if report.Failed() == nil || report.Lost+report.Doubled > 2 {
			t.Errorf("one call lied (%d), and found was: %v (seed %d)", lie, report.Failed(), r.options.Seed)
		}
	}
}

func TestDefectsEndARun(t *testing.T) {
	internal := &driver.Error{Op: "Events.Save", Kind: driver.ErrInternal, Err: errors.New("a column is missing")}
	for name, test := range map[string]struct {
		save     func() error
		expected func(error) bool
		want     string
	}{
		"a panic":                    {save: func() error { panic("out of my mind") }, want: "panic: out of my mind"},
		"an error of no kind":        {save: func() error { return errors.New("EOF") }, want: "none of package driver's"},
		"an internal error":          {save: func() error { return internal }, want: "a column is missing"},
		"one that is to be expected": {save: func() error { return internal }, expected: func(err error) bool { return errors.Is(err, driver.ErrInternal) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, "sqlite::memory:")
			r.wrap(func(store driver.Store) driver.Store { return failing{store, test.save} })
			r.options.Operations, r.options.Expected = 200, test.expected
			err := clients.Run(t.Context(), r.options)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the run ended with %v, want %q (seed %d)", err, test.want, r.options.Seed)
			}
		})
	}
}

// trouble is what happens to a call.
type trouble int

const (
	none    trouble = iota
	refuses         // it does nothing, and says so
	doubts          // it does nothing, and does not know
	doubted         // it has its effect, and does not know
	loses           // it does nothing, and says that it did
	doubles         // it has its effect, and says that it did not
)

// dice are thrown by several.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (d *dice) roll() trouble {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := trouble(d.rng.IntN(15)); n <= doubted {
		return n
	}
	return none
}

// troubled is a store whose saves and acknowledgements outside transactions run into trouble.
type troubled struct {
	driver.Store
	next func() trouble
}

func (s troubled) Unwrap() driver.Store           { return s.Store }
func (s troubled) Events() driver.EventRepository { return troubledEvents{s.Store.Events(), s.next} }

type troubledEvents struct {
	driver.EventRepository
	next func() trouble
}

func (e troubledEvents) Save(ctx context.Context, event driver.Event) (saved driver.Event, err error) {
	err = afflict(e.next(), func() error { saved, err = e.EventRepository.Save(ctx, event); return err })
	if saved.EventType == "" {
		saved = event
	}
	return saved, err
}

func (e troubledEvents) Ack(ctx context.Context, claims []driver.Claim) error {
	return afflict(e.next(), func() error { return e.EventRepository.Ack(ctx, claims) })
}

func afflict(t trouble, call func() error) error {
	var err error
	switch t {
	case none, doubted, doubles:
		err = call()
	}
	switch {
	case err != nil || t == none || t == loses:
		return err
	}
	return &driver.Error{Op: "Events.Save", Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{
		CommitUnknown: t == doubts || t == doubted, Err: errors.New("connection reset"),
	}}
}

// failing is a store that can't save.
type failing struct {
	driver.Store
	save func() error
}

func (s failing) Unwrap() driver.Store           { return s.Store }
func (s failing) Events() driver.EventRepository { return failingEvents{s.Store.Events(), s.save} }

type failingEvents struct {
	driver.EventRepository
	save func() error
}

func (e failingEvents) Save(context.Context, driver.Event) (driver.Event, error) {
	return driver.Event{}, e.save()
}
