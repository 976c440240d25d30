// Command peers measures this library beside others that put the events, jobs or messages of an app
// into its own database: the same work on the same payloads and the same server, with the same
// durability, in turn.
//
//	cd cmd/bench/peers && go run .
//	go run . -dsn postgres://user@localhost/app -payload '{"num":1}'
//	go run . -input webhooks.jsonl -peers neoevents,hand,river -paths save_batch,claim_ack -json result.json
//
// It is a module of its own, so that nobody who uses the library downloads the others. From the root
// of the repository: make bench-peers.
//
// The peers are neoevents (the library); hand (its statements, on plain pgx and database/sql: the
// limit); outbox and outbox_lease (one table with a status, or with leases, as apps write it); river,
// watermill and goqite (each set up as its own documentation says it is fast: the report has a line
// about each).
//
// The paths are save (one event at a time), save_32 (by 32 goroutines), save_batch (1000 at a time),
// claim_ack (workers take events, read their payloads and acknowledge them until none is left),
// claim_ack_4 (four workers) and mark_bulk (1000 at a time, by their ids). What a peer has no call
// for is left out, and the report says why. The paths that take one event at a time have fewer
// events: see the column.
//
// Without -dsn all run on SQLite, each in a file of its own in a temporary folder, in WAL mode with
// synchronous=FULL. With it, all run on that PostgreSQL server, in schemas that are dropped again,
// and commits are as durable as the server has it. Every run has new tables. A run is of one path and
// one peer; its figure is the median of -repeat of them, which take turns with those of the other
// peers, and the spread is (highest - lowest) / median.
//
// The clock runs for the calls of a path only, not for tables, filling the queue, or checking. Each run
// is checked: every event was worked exactly once, with its payload, and none is left. A wrong result
// is a failure, not a figure.
//
// SIGINT and SIGTERM end the run early: the paths that were measured are reported, what was written
// is removed. The exit code is 0, 1 for a failure, 2 for flags that can't be used, 130 for an
// interrupted run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	// Writing to a closed pipe becomes an error, after which the database is still cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is an error in what the user asked for.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errInterrupted is the end of a run whose context ended.
var errInterrupted = errors.New("interrupted")

// run is the command without the process around it; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parseFlags(args, stdout)
	if err == nil {
		err = bench(ctx, cfg, stdout)
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	code := 1
	switch {
	case errors.As(err, new(usageError)):
		code = 2
	case ctx.Err() != nil: // in whatever words it says so
		err, code = errInterrupted, 130
	}
	fmt.Fprintln(stderr, "peers:", strings.Join(strings.Fields(err.Error()), " "))
	return code
}
