// Command crash shows that no event is lost and none acknowledged twice, however often workers die,
// and none lost, doubled or changed when it is archived and restored:
//
//	go run ./internal/crash
//	go run ./internal/crash -backends sqlite -events 5000 -kills 20 -seed 7
//	go run ./internal/crash -archives -input ../shared/data/github-webhooks.jsonl
//
// It fills a queue and starts workers, which are this program once more, in processes of their own.
// They claim events with short leases, handle them and acknowledge them, while the program kills
// one after the other at random moments (SIGKILL), starts it again, and stops some for longer than
// their leases last (SIGSTOP). One half of the events is claimed in any order, the other half with
// PerAggregateOrder. When the queue is empty it compares what the workers left behind with what was
// saved, and prints a line for each backend:
//
//	crash sqlite: events 50000 kills 200 lost 0 doubled 0
//
// There are more events than asked for where it takes longer to kill the workers: every kill is to
// hit one that has work. An event is lost if it is not processed in the end, or if nobody handled
// or acknowledged it. It is doubled if it was acknowledged twice, or by a worker that had lost it to
// another one.
//
// With -archives the workers archive events into a folder and restore them, whole archives or a part
// of one, purge what is restored, and sweep, several at a time and with short leases, while the
// program itself saves more events, processes them and makes deliveries of some. It kills the workers
// in turn in each step that they tell of, at a random moment of it: while they choose events, write a
// file, read it back, complete an archive, or restore one. Those that it stops go on when others have
// given up what they had begun. In the end it looks for each event: in the store, which it reads as a
// consumer, and in the file of each archive that is completed. Then it archives what is left, looks
// again, restores everything, and looks once more. An event is lost if it is in no place, and doubled
// if it is in two or was restored twice. It must also be what was saved, byte for byte, at the
// position it got then; counts of records and jobs must be what there is; and no file may be left that
// is no archive's.
//
//	archive-crash sqlite: events 50000 kills 200 lost 0 doubled 0
//
// SQLite works on a temporary file. PostgreSQL is a server of its own with fsync on, or a database
// of its own on the server that NEOEVENTS_TEST_POSTGRES_DSN names: see internal/pgtest. What it
// wrote is removed in the end.
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
	"path/filepath"
	"strings"
	"syscall"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func main() {
	if order := os.Getenv(envWorker); order != "" {
		os.Exit(beWorker(order))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

// config is what the flags say.
type config struct {
	archives bool
	backends []string
	events   int
	kills    int
	input    string // empty: payloads are made up
	seed     uint64
}

// outcome is what a test found out.
type outcome interface {
	line(backend string) string
	failure(details io.Writer) error
}

// run is the command; it returns the exit code.
func run(ctx context.Context, args []string) int {
	var cfg config
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.BoolVar(&cfg.archives, "archives", false, "archive and restore events, instead of claiming them")
	backends := flags.String("backends", "sqlite,postgres", "`list` of backends, separated by commas")
	flags.IntVar(&cfg.events, "events", 50_000, "`number` of events for each backend, at least")
	flags.IntVar(&cfg.kills, "kills", 200, "`number` of workers to kill for each backend")
	flags.StringVar(&cfg.input, "input", "", "with -archives: JSON Lines `file` of events, a payload each (default made up)")
	flags.Uint64Var(&cfg.seed, "seed", rand.Uint64(), "`number` that all choices follow from")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2 // the flag set has said why
	}
	cfg.backends = strings.Split(*backends, ",")
	if flags.NArg() > 0 || cfg.events < 2 || cfg.kills < 0 {
		fmt.Fprintln(os.Stderr, "crash: flags only; -events must be at least 2, -kills at least 0")
		return 2
	}
	fmt.Fprintf(os.Stderr, "crash: seed %d\n", cfg.seed)
	code := 0
	for _, backend := range cfg.backends {
		if err := cfg.runBackend(ctx, backend, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintf(os.Stderr, "crash %s: %v (seed %d)\n", backend, err, cfg.seed)
			code = 1
		}
	}
	return code
}

// runBackend crashes workers on one backend and prints its line.
func (c config) runBackend(ctx context.Context, backend string, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "neoevents-crash-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	dsn := ""
	switch backend {
	case "sqlite":
		dsn = sqliteDSN(dir)
	case "postgres":
		var stop func()
		if dsn, stop, err = pgtest.Start(pgtest.WithFsync()); err != nil {
			return err
		}
		defer stop()
	default:
		return fmt.Errorf("there is no backend %q: name sqlite, postgres, or both", backend)
	}
	var result outcome
	if c.archives {
		result, err = crashArchives(ctx, backend, dsn, dir, c, progress)
	} else {
		result, err = crash(ctx, backend, dsn, dir, c, progress)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, result.line(backend))
	return result.failure(progress)
}

func sqliteDSN(dir string) string { return "sqlite:" + filepath.Join(dir, "crash.db") }
