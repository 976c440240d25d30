package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// fault is something that goes wrong with a database.
type fault struct {
	name    string
	backend string // "postgres", "sqlite"
	about   string // what goes wrong, in one sentence

	// begin makes a fresh database, with files, if any, in dir. It returns an error of type missing where this machine
	// lacks what it takes.
	begin func(ctx context.Context, dir string) (*site, error)
}

func (f fault) String() string { return "fault " + f.name + " " + f.backend }

// again is the command that runs it once more.
func (f fault) again(cfg config) string {
	return fmt.Sprintf("make faults BACKENDS=%s FAULTS=%s OPS=%d SEED=%d", f.backend, f.name, cfg.operations, cfg.seed)
}

// site is a database that a fault befalls.
type site struct {
	dsn     string          // of the clients
	around  string          // of who looks when all is over, not through what the fault stands in; empty: dsn
	options []driver.Option // of the clients
	timeout time.Duration   // of each of their calls; 0: 10 seconds
	inject  func(ctx context.Context, w *work) error
	effects func() (int, error) // how often inject did what it is for; nil: each time
	end     func()

	// work goes on until ctx is done, in place of clients of this process, which then does not open the database before
	// it is over. Nil: clients of this process do.
	work func(ctx context.Context, w *work) error

	// expected tells of an error that would be a defect elsewhere whether the fault is the reason. Nil: none is.
	expected func(error) bool
}

// work is what goes on while a fault is injected. Its inject function uses it; it is called again and again, never twice
// at the same time, and heals the fault before it returns.
type work struct {
	rng       *rand.Rand
	db        driver.DB
	stores    []driver.Store // of the tenants
	interrupt func()         // ends the context of every call that is under way

	log   *journal             // what the clients were told
	found func(history.Report) // adds to what is counted
}

// all is every fault.
var all = slices.Concat(sqliteFaults, postgresFaults)

// missing is why a fault can't be injected on this machine.
type missing string

func (m missing) Error() string { return string(m) }

// required reports whether a fault that is left out is a failure: on machines that have what it needs.
func required() bool {
	return os.Getenv("CI") != "" || os.Getenv("NEOEVENTS_TEST_REQUIRE_POSTGRES") != ""
}
