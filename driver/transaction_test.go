package driver_test

import (
	"errors"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

func TestTxConfig(t *testing.T) {
	config, err := driver.NewTxConfig()
	if want := (driver.TxConfig{Isolation: driver.ReadCommitted}); err != nil || config != want {
		t.Errorf("by default: got %+v, %v; want %+v", config, err, want)
	}
	config, err = driver.NewTxConfig(driver.WithIsolation(driver.RepeatableRead), nil, driver.ReadOnly(), driver.WithIsolation(driver.Serializable))
	if want := (driver.TxConfig{Isolation: driver.Serializable, ReadOnly: true}); err != nil || config != want {
		t.Errorf("got %+v, %v; want %+v", config, err, want)
	}
	_, err = driver.NewTxConfig(driver.WithIsolation(driver.Serializable + 1))
	wantField(t, "an unknown level", err, "isolation")
}

func TestTxConfigInsideAnother(t *testing.T) {
	levels := []driver.Isolation{driver.ReadCommitted, driver.RepeatableRead, driver.Serializable}
	for _, outer := range levels {
		for _, inner := range levels {
			want := ""
			if inner > outer {
				want = "isolation"
			}
			name := inner.String() + " inside " + outer.String()
			wantField(t, name, driver.TxConfig{Isolation: inner}.CheckInside(driver.TxConfig{Isolation: outer}), want)
		}
	}
	reads, writes := driver.TxConfig{ReadOnly: true}, driver.TxConfig{}
	wantField(t, "read-only inside read-only", reads.CheckInside(reads), "")
	wantField(t, "any inside read-only", writes.CheckInside(reads), "")
	wantField(t, "read-only inside one that writes", reads.CheckInside(writes), "read_only")
}

func wantField(t *testing.T, what string, err error, field string) {
	t.Helper()
	var invalid *driver.InvalidError
	switch {
	case field == "" && err != nil:
		t.Errorf("%s: got %v, want no error", what, err)
	case field != "" && (!errors.As(err, &invalid) || invalid.Field != field || !errors.Is(err, driver.ErrInvalid)):
		t.Errorf("%s: got %v, want the refusal of %s", what, err, field)
	}
}

func TestIsolationHasTheNamesOfSQL(t *testing.T) {
	for level, want := range map[driver.Isolation]string{
		driver.ReadCommitted: "read committed", driver.RepeatableRead: "repeatable read", driver.Serializable: "serializable", 99: "isolation 99",
	} {
		if got := level.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
