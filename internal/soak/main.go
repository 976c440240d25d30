// Command soak lets clients of three tenants work for a long time, and shows that nothing grows by it that
// should not: memory, goroutines, connections, open files, the tables of the queue:
//
//	go run ./internal/soak -minutes 60
//
// The work is done in rounds. At the end of each, what waits is handled, and what is there is compared with
// what the clients were told (internal/history) and with the rules that the tables must obey
// (internal/invariants). Then all events are archived, read back and the archives purged, so that each round
// begins with empty tables, and the gauges are read. In the end those of the last quarter of the rounds are
// compared with those of the second one. A line for each backend:
//
//	soak sqlite: minutes 60 rounds 104 operations 1180000 lost 0 doubled 0 crossed 0; heap 9.1 to 9.3 MiB, …: flat
//
// What grows with all that ever was is not among the gauges: the keys of events, which stay taken when these
// are archived, deliveries, and the records of archives.
//
// The exit code is 0, 1 for a failure, 2 for flags that can't be used.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(command(ctx, os.Args[1:]))
}

// config is what the flags say.
type config struct {
	length  time.Duration
	round   time.Duration
	clients int
	lease   time.Duration // the longest one; 0: as package clients has it
	seed    uint64
}

// leastRounds is how many rounds it takes to tell whether something grows: two in each quarter.
const leastRounds = 8

// command returns the exit code.
func command(ctx context.Context, args []string) int {
	cfg := config{}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	backends := flags.String("backends", "sqlite,postgres", "`list` of backends, separated by commas, one after the other")
	minutes := flags.Float64("minutes", 60, "`number` of minutes for each backend")
	flags.DurationVar(&cfg.round, "round", 30*time.Second, "how long the clients work in a round, at the most")
	flags.IntVar(&cfg.clients, "clients", 8, "`number` of clients that work at the same time")
	flags.Uint64Var(&cfg.seed, "seed", rand.Uint64(), "`number` that all choices follow from")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2 // the flag set has said why
	}
	cfg.length = time.Duration(*minutes * float64(time.Minute))
	if flags.NArg() > 0 || cfg.length <= 0 || cfg.round <= 0 || cfg.clients < 1 {
		fmt.Fprintln(os.Stderr, "soak: flags only; -minutes and -round must be more than 0, -clients at least 1")
		return 2
	}
	cfg.round = min(cfg.round, cfg.length/leastRounds)
	fmt.Fprintf(os.Stderr, "soak: seed %d\n", cfg.seed)
	code := 0
	for _, backend := range strings.Split(*backends, ",") {
		if err := cfg.soak(ctx, backend, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintf(os.Stderr, "soak %s: %v (seed %d)\n", backend, err, cfg.seed)
			code = 1
		}
	}
	return code
}

// soak makes a database, works on it, and prints its line.
func (c config) soak(ctx context.Context, backend string, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "neoevents-soak-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	place := &place{backend: backend, dir: dir}
	switch backend {
	case "sqlite":
		place.dsn = "sqlite:" + place.file()
	case "postgres":
		var stop func()
		if place.dsn, stop, err = pgtest.Start(pgtest.WithFsync()); err != nil {
			return err
		}
		defer stop()
	default:
		return fmt.Errorf("there is no backend %q: name sqlite, postgres, or both", backend)
	}
	run, err := place.open(ctx, c, progress)
	if err != nil {
		return err
	}
	defer run.close()
	if err := run.rounds(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, run.line())
	return run.failed()
}
