// Command bench measures what a backend can do: saving events, marking them as processed, working
// through the queue with one worker and with several, by locks, by leases and in the order of
// aggregates, reading as a consumer, how soon a worker that waits has an event, and moving events to
// archives and back.
//
//	go run ./cmd/bench
//	go run ./cmd/bench -dsn postgres://user@localhost/app -events 60000 -workers 8
//	go run ./cmd/bench -input webhooks.jsonl -scenarios save,claim_locked -json result.json
//
// Without -dsn it runs on SQLite in a temporary file. With it, all that it writes is in one schema,
// which must not be there before, is made anew for every row of the table and dropped in the end,
// and for parked, held_back and archive_hot in a second one, likewise.
//
// The clock runs for the calls of a scenario only. Making events, filling the queue and checking
// the result are not measured. Every scenario checks its own result (each event saved, processed or
// read exactly once, the queue's length, the order where it promises one, payloads byte for byte on
// a sample), and a wrong one is a failure, not a figure.
//
// p50 and p99 are of the calls that each batch takes together, such as Claim and Ack. A row may
// have a line below it:
//
//   - latency and latency_other_pool save an event every 5 ms while one worker is in a loop of
//     Wait, Claim and Ack. Their p50 and p99 are not of calls: they are the time from the moment
//     Save has returned to the moment Claim has returned the event (0 if that came first). Events
//     per second are the pace.
//
//   - held_snapshot has the rate of each tenth of the queue, and how many times the first one's the
//     last one's is: 1 if claims don't get slower while a transaction keeps what was done from
//     being cleared away.
//
//   - parked and held_back share their events out to rounds, each measured in a queue with -backlog
//     other events that no worker may have now, and in one without. The row is with them; the line
//     has the rate without, and the ratio of the two: 1 if they cost nothing.
//
//   - archive, restore and read_archive move events of a year ago to files in a temporary folder and
//     back, in archives of as many events as the column batch says; p50 and p99 are of an archive
//     each. The digits 1 to 9 of each payload are exchanged for one another, in a way of its own, as
//     files of payloads that repeat would be smaller than any real ones. The line has the size of the events as JSON Lines, how much of that there was in a
//     second, the size of the files, and the most memory that was in use at a time: of Go's heap, and
//     (on Linux) of the whole process, SQLite included.
//
//   - archive_load is claim_lease in a schema with -archived old events, while a Run archives them
//     and while none does, in two rounds each. The row is with the Run; the line has the rate without
//     it, and the ratio of the two. The Run ends with the claims; if it ended before, the line says
//     how much of the time it went on: give it more events then.
//
//   - archive_hot has a row for each of mark_bulk, claim_lease, save and save_batch, in a schema with
//     -archived events in archives; the line has the rate in a schema that never had any, measured in
//     turn as above, and the ratio of the two.
//
// A scenario that the database can't do is left out, and the report says why.
//
// SIGINT and SIGTERM end the run early: what was measured is reported, what was written is removed.
// The exit code is 0, 1 for a failure, 2 for flags that can't be used, 130 for an interrupted run.
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

// run is the command without the process around it; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parseFlags(args, stdout)
	if err == nil {
		err = bench(ctx, cfg, stdout, stderr)
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	// In one line: an error of several, or of a database that was tried at several addresses, has more.
	fmt.Fprintln(stderr, "bench:", strings.Join(strings.Fields(err.Error()), " "))
	switch {
	case errors.As(err, new(usageError)):
		return 2
	case ctx.Err() != nil:
		return 130
	}
	return 1
}
