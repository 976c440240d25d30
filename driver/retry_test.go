package driver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// failing is a Store whose transactions end with one error after the other, and then succeed.
type failing struct {
	driver.Store
	inside bool
	errs   []error
	times  []time.Time // when InTx was called
	asked  driver.TxConfig
}

func (f *failing) Schema() string { return "tenant" }

func (f *failing) IsTx() bool { return f.inside }

func (f *failing) InTx(_ context.Context, fn func(driver.Store) error, opts ...driver.TxOption) (err error) {
	f.asked, err = driver.NewTxConfig(opts...)
	n := len(f.times)
	f.times = append(f.times, time.Now())
	if err = errors.Join(err, fn(f)); err == nil && n < len(f.errs) {
		err = f.errs[n]
	}
	return err
}

// wrapping is a Store as an app may wrap it.
type wrapping struct{ driver.Store }

func (w wrapping) Unwrap() driver.Store { return w.Store }

var (
	gaveWay = &driver.Error{Op: "InTx", Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{GaveWay: true, Err: errors.New("deadlock")}}
	unknown = &driver.Error{Op: "InTx", Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{CommitUnknown: true, Err: errors.New("lost")}}
)

func repeated(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func nothing(driver.Store) error { return nil }

func TestRetryTx(t *testing.T) {
	refused := &driver.Error{Op: "Events.Save", Kind: driver.ErrAlreadyExists}
	for name, c := range map[string]struct {
		store failing
		opts  driver.RetryOptions
		runs  int
		want  error
	}{
		"success at once":               {runs: 1},
		"success at the third try":      {store: failing{errs: repeated(gaveWay, 2)}, runs: 3},
		"gives up after the default":    {store: failing{errs: repeated(gaveWay, 99)}, runs: driver.DefaultTries, want: gaveWay},
		"gives up after the given":      {store: failing{errs: repeated(gaveWay, 99)}, opts: driver.RetryOptions{Tries: 3}, runs: 3, want: gaveWay},
		"one try":                       {store: failing{errs: repeated(gaveWay, 99)}, opts: driver.RetryOptions{Tries: 1}, runs: 1, want: gaveWay},
		"another error":                 {store: failing{errs: repeated(refused, 99)}, runs: 1, want: refused},
		"another error later":           {store: failing{errs: []error{gaveWay, refused}}, runs: 2, want: refused},
		"a commit of unknown fate":      {store: failing{errs: repeated(unknown, 99)}, runs: 1, want: unknown},
		"inside a transaction":          {store: failing{inside: true, errs: repeated(gaveWay, 99)}, runs: 1, want: gaveWay},
		"a negative number of tries":    {opts: driver.RetryOptions{Tries: -1}, want: driver.ErrInvalid},
		"a level that is none is final": {opts: driver.RetryOptions{Tx: []driver.TxOption{driver.WithIsolation(99)}}, runs: 1, want: driver.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := c.store
				err := driver.RetryTx(t.Context(), wrapping{wrapping{&store}}, c.opts, nothing)
				if !errors.Is(err, c.want) {
					t.Errorf("got error %v, want %v", err, c.want)
				}
				if len(store.times) != c.runs {
					t.Errorf("got %d runs, want %d", len(store.times), c.runs)
				}
			})
		})
	}
}

func TestRetryTxPausesLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := failing{errs: repeated(gaveWay, 999)}
		_ = driver.RetryTx(t.Context(), &store, driver.RetryOptions{Tries: 1000}, nothing)
		longest, total := 10*time.Millisecond, time.Duration(0)
		for i := range len(store.times) - 1 {
			pause := store.times[i+1].Sub(store.times[i])
			if pause < 0 || pause >= longest {
				t.Errorf("pause %d: got %s, want less than %s", i, pause, longest)
			}
			total += pause
			longest = min(2*longest, time.Second)
		}
		if mean := total / time.Duration(len(store.times)); mean < 300*time.Millisecond || mean > 700*time.Millisecond {
			t.Errorf("mean pause: got %s, want about half a second", mean)
		}
	})
}

func TestRetryTxStopsWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := failing{errs: repeated(gaveWay, 999)}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		err := driver.RetryTx(ctx, &store, driver.RetryOptions{Tries: 1000}, nothing)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, error(gaveWay)) {
			t.Errorf("got error %v, want the last try's and the context's", err)
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("returned after %s, want 5s", waited)
		}
	})
}

func TestRetryTxPassesTheOptionsOn(t *testing.T) {
	var store failing
	err := driver.RetryTx(t.Context(), &store, driver.RetryOptions{
		Tx: []driver.TxOption{driver.WithIsolation(driver.Serializable), driver.ReadOnly()},
	}, nothing)
	if want := (driver.TxConfig{Isolation: driver.Serializable, ReadOnly: true}); err != nil || store.asked != want {
		t.Errorf("got %+v, %v; want %+v", store.asked, err, want)
	}
}
