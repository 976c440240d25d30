package driver_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

func TestOptionsByDefault(t *testing.T) {
	got, err := driver.NewConfig()
	want := driver.Config{Migrations: driver.MigrateOnOpen, MaxPayload: driver.DefaultMaxPayload, Logger: slog.Default()}
	if err != nil || settings(got) != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

// settings are the fields of a Config that options set.
func settings(c driver.Config) driver.Config {
	return driver.Config{Migrations: c.Migrations, MaxConns: c.MaxConns, MaxPayload: c.MaxPayload, Logger: c.Logger, Keys: c.Keys, EventPartitions: c.EventPartitions}
}

func TestOptionsAreTaken(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	keys := newRing(t, newKey("current"))
	tests := []struct {
		name string
		opts []driver.Option
		want driver.Config
	}{
		{"MigrateVerify", []driver.Option{driver.WithMigrations(driver.MigrateVerify)}, driver.Config{Migrations: driver.MigrateVerify}},
		{"MigrateNever", []driver.Option{driver.WithMigrations(driver.MigrateNever)}, driver.Config{Migrations: driver.MigrateNever}},
		{"MaxConns", []driver.Option{driver.WithMaxConns(1)}, driver.Config{MaxConns: 1}},
		{"smallest MaxPayload", []driver.Option{driver.WithMaxPayload(2)}, driver.Config{MaxPayload: 2}},
		{"largest MaxPayload", []driver.Option{driver.WithMaxPayload(driver.MaxPayloadLimit)}, driver.Config{MaxPayload: driver.MaxPayloadLimit}},
		{"smallest EventPartitions", []driver.Option{driver.WithEventPartitions(driver.MinEventPartition)}, driver.Config{EventPartitions: driver.MinEventPartition}},
		{"largest EventPartitions", []driver.Option{driver.WithEventPartitions(driver.MaxEventPartition)}, driver.Config{EventPartitions: driver.MaxEventPartition}},
		{"no EventPartitions", []driver.Option{driver.WithEventPartitions(-1), driver.WithEventPartitions(0)}, driver.Config{}},
		{"a key ring", []driver.Option{driver.WithKeyRing(keys)}, driver.Config{Keys: keys}},
		{"a nil option", []driver.Option{nil, driver.WithMaxConns(2)}, driver.Config{MaxConns: 2}},
		{"the last one counts", []driver.Option{driver.WithMaxConns(-1), driver.WithMaxConns(3)}, driver.Config{MaxConns: 3}},
	}
	for _, test := range tests {
		if test.want.MaxPayload == 0 {
			test.want.MaxPayload = driver.DefaultMaxPayload
		}
		test.want.Logger = logger
		got, err := driver.NewConfig(append(test.opts, driver.WithLogger(logger))...)
		if err != nil || settings(got) != test.want {
			t.Errorf("%s: got %+v (%v), want %+v", test.name, got, err, test.want)
		}
	}
}

func TestOptionsThatCannotBeUsed(t *testing.T) {
	tests := []struct {
		field string
		opt   driver.Option
	}{
		{"MaxConns", driver.WithMaxConns(-1)},
		{"EventPartitions", driver.WithEventPartitions(-1)},
		{"EventPartitions", driver.WithEventPartitions(driver.MinEventPartition - 1)},
		{"EventPartitions", driver.WithEventPartitions(driver.MaxEventPartition + 1)},
		{"MaxPayload", driver.WithMaxPayload(-1)},
		{"MaxPayload", driver.WithMaxPayload(0)},
		{"MaxPayload", driver.WithMaxPayload(1)}, // no object fits
		{"MaxPayload", driver.WithMaxPayload(driver.MaxPayloadLimit + 1)},
		{"Migrations", driver.WithMigrations(driver.MigrateNever + 1)},
		{"Migrations", driver.WithMigrations(255)},
	}
	for _, test := range tests {
		config, err := driver.NewConfig(test.opt)
		wantInvalid(t, "NewConfig", err, test.field)
		if config != (driver.Config{}) {
			t.Errorf("%s: got %+v beside the error, want nothing", test.field, config)
		}
		_, err = driver.Connect(t.Context(), "test-no-such:", test.opt)
		wantInvalid(t, "Connect", err, test.field)
		_, err = driver.Open("test-no-such:", "tenant", test.opt)
		wantInvalid(t, "Open", err, test.field)
	}
}

func TestANilLoggerDiscards(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))

	quiet, err := driver.NewConfig(driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	quiet.Logger.Error("to nobody")
	if log.Len() > 0 {
		t.Errorf("the default logger got %q, want nothing", log.String())
	}
	loud, err := driver.NewConfig()
	if err != nil {
		t.Fatal(err)
	}
	loud.Logger.Error("to all")
	if !strings.Contains(log.String(), "to all") {
		t.Errorf("the default logger got %q, want what is logged by default", log.String())
	}
}
