// Command faults lets things go wrong with a database while clients of three tenants work on it, and shows that
// nothing is lost, nothing done twice, and nothing seen by another tenant:
//
//	go run ./internal/faults
//	go run ./internal/faults -backends postgres -faults postmaster-kill,cut-commit -ops 20000
//	go run ./internal/faults -list
//
// Each fault has a fresh database. It is injected at random moments, again and again, and healed each time. What the clients
// were told is recorded (internal/history). In the end, with the database well, everything that waits is handled, and
// what is there is compared with what the clients were told, and with the rules that the tables of any database must
// obey (internal/invariants). A line for each fault:
//
//	fault postmaster-kill postgres: operations 2004 injected 12 lost 0 doubled 0 crossed 0
//
// An event is lost if its save was acknowledged and it is not there, or if it is not handled in the end. It is doubled if
// what was refused took effect, or what was acknowledged did so twice. It is crossed if a tenant saw it that it is not of. Details and
// the seed go to the standard error.
//
// A fault that can't be injected on this machine is left out, and its line says why. With CI or
// NEOEVENTS_TEST_REQUIRE_POSTGRES set that is a failure.
//
// The exit code is 0, 1 for a failure, 2 for flags that can't be used.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
)

func main() {
	if text := os.Getenv(envChild); text != "" {
		os.Exit(beChild(text))
	}
	_ = intercept() // who needs it asks once more
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(command(ctx, os.Args[1:]))
}

// config is what the flags say.
type config struct {
	operations int
	injections int
	longest    time.Duration // of the work under one fault; 0: no limit
	seed       uint64
}

// command returns the exit code.
func command(ctx context.Context, args []string) int {
	cfg := config{}
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	backends := flags.String("backends", "", "`list` of backends, separated by commas (default all)")
	names := flags.String("faults", "", "`list` of faults, separated by commas (default all)")
	flags.IntVar(&cfg.operations, "ops", 5000, "`number` of the clients' calls under each fault, at least")
	flags.IntVar(&cfg.injections, "injections", 10, "`number` of times that each fault is injected, at least")
	minutes := flags.Float64("minutes", 0, "`number` of minutes after which the work under a fault ends, whatever was done (default: no limit)")
	flags.Uint64Var(&cfg.seed, "seed", rand.Uint64(), "`number` that all choices follow from")
	list := flags.Bool("list", false, "list the faults and end")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2 // the flag set has said why
	}
	cfg.longest = time.Duration(*minutes * float64(time.Minute))
	chosen, err := choose(*backends, *names)
	if err == nil && (flags.NArg() > 0 || cfg.operations < 1 || cfg.injections < 1 || cfg.longest < 0) {
		err = errors.New("flags only; -ops and -injections must be at least 1, -minutes at least 0")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 2
	}
	code := 0
	for _, f := range chosen {
		if *list {
			fmt.Printf("%-10s %-20s %s\n", f.backend, f.name, f.about)
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: seed %d\n", f, cfg.seed)
		result, err := f.run(ctx, cfg, os.Stderr)
		if result != nil {
			fmt.Println(result)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s: to run it again: %s\n", f, err, f, f.again(cfg))
			code = 1
		}
		if ctx.Err() != nil {
			return 1
		}
	}
	return code
}

// choose returns the faults that the flags name.
func choose(backends, names string) ([]fault, error) {
	chosen := slices.Clone(all)
	for _, selection := range []struct {
		list string
		what string
		of   func(fault) string
	}{
		{backends, "backend", func(f fault) string { return f.backend }},
		{names, "fault", func(f fault) string { return f.name }},
	} {
		if selection.list == "" {
			continue
		}
		wanted := strings.Split(selection.list, ",")
		for _, name := range wanted {
			known := func(f fault) bool { return selection.of(f) == name }
			if !slices.ContainsFunc(all, known) {
				return nil, fmt.Errorf("there is no %s %q; -list shows what there is", selection.what, name)
			}
		}
		chosen = slices.DeleteFunc(chosen, func(f fault) bool { return !slices.Contains(wanted, selection.of(f)) })
	}
	return chosen, nil
}
