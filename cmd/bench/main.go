// Command bench measures what a backend can do: saving events, marking them as processed, working
// through the queue with one worker and with several, by locks, by leases and in the order of
// aggregates, reading as a consumer, how soon a worker that waits has an event, and moving events to
// archives and back.
//
//	go run ./cmd/bench
//	go run ./cmd/bench -dsn postgres://user@localhost/app -events 60000 -workers 8
//	go run ./cmd/bench -input webhooks.jsonl -scenarios save,claim_locked -json result.json
//	go run ./cmd/bench -scenarios all -repeat 3 -compare before.json -json after.json -html report.html
//	go run ./cmd/bench -from after.json -compare before.json -html report.html
//
// Without -dsn it runs on SQLite in a temporary file. With it, all that it writes is in one schema,
// which must not be there before, is made anew for every row of the table and dropped in the end,
// for parked, held_back and archive_hot in a second one, and for by_tenants in many, likewise. A connection
// of its own looks at the server's version and settings, and at the sizes of tables.
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
// Sweeps measure the same work again while one thing grows. They take minutes, and run if -scenarios names
// them, or sweeps, or all:
//
//   - by_workers: save and claim_lease by 1 to 32 workers. by_batch: save_batch and claim_lease with 1 to
//     1,000 events in a call, and of 1,000 calls at the most.
//
//   - by_backlog: claim_lease of the same events out of queues of 10,000, 100,000 and 1,000,000, or as far
//     as -max-waiting goes. by_payload: save_batch and claim_lease, -claim-batch events of 100 B to 100 kB at
//     a time, 64 MB of each at the most.
//
//   - by_tenants: 8 workers that save, read by id, and claim and acknowledge up to 10 events, as 5 : 5 : 1,
//     in schemas chosen at random, of 1, 10, 100 and 1,000 or as far as -max-tenants goes, through one pool, for
//     -duration each. Events are calls. The line has the rate as a ratio to that with one schema, and what
//     memory is in use in the end: the client's and, of a PostgreSQL server on the same Linux whose processes
//     it may look at, that of those that serve the pool. Making 1,000 schemas takes longer than measuring them.
//
//   - bloat: -workers that save, claim and acknowledge for -duration; nothing is archived. p50 and p99 are of
//     Claim and Ack. Each second the JSON has the rate and the sizes of the tables that change, with the dead
//     rows that the server counts; for SQLite those of the file and of its log. A server's vacuum comes once
//     a minute unless it is set otherwise: take more.
//
// The events of by_backlog and bloat have 100 bytes of payload, whatever -payload and -input say: they are
// about rows.
//
// With -repeat everything is measured that often, one pass after the other. A row is the repetition whose
// rate is the median (of an even number, the lower one in the middle; for latency, whose p50 is), and its spread the difference
// of the largest and the smallest, as a part of the row's; the JSON has all of them. With -compare a table
// follows of how each row's rate changed since an earlier report. It moved if it did by more than the
// differences of the repetitions in the old and in the new report, taken together; after one repetition
// that is not known.
//
// The JSON has percentiles of the calls of each row, from 1 to 100. -html writes a page with charts of all this, which
// needs nothing beside itself; -from takes an earlier report instead of a run. -peers adds what another command
// measured of other libraries: {"backend": …, "results": [{"peer", "path", "per_second", "spread"}, …]}.
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
	"runtime"
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
	switch {
	case err != nil:
	case cfg.version:
		_, err = fmt.Fprintln(stdout, "bench", build(), runtime.Version())
	default:
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
