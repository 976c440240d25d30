package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// scenario is one kind of work to measure. A new one is a file with its function and a line in scenarios.
type scenario struct {
	name      string
	doc       string
	queued    bool // its events wait in the queue when the clock starts; else it saves them
	processed bool // they are processed when it stops; else all of them wait in the queue
	atMost    int  // events in one run; 0: as many as -events says
	conns     int  // connections that it needs, if more than -workers
	// aggregates are what its events belong to, in turn; 0: each to one of its own.
	aggregates int
	// shapes are the ways to run it, one row of the table each.
	shapes func(cfg config) []shape
	// work is what each worker does until no event is left. It reports every call to
	// w.record, with the ids of the events that were saved, processed or read by it.
	work func(ctx context.Context, w *worker) error

	// The rest is what only some scenarios have.

	// lacks tells what keeps it from running on a database; empty: nothing.
	lacks func(t traits) string
	// around does what goes on while measured runs, which it calls once.
	around func(ctx context.Context, store driver.Store, measured func() error) error
	// backlog puts events in the queue out of the reach of workers. The scenario is measured with
	// such ones and without, in turn.
	backlog func(ctx context.Context, store driver.Store, events []driver.Event, progress *progress) error
	tenths  bool // the report has the rate of each tenth of the events
	paced   bool // how many events there are in a second is its own choice: no figure
	// note is a line for the report.
	note func(t traits) string
	// archives is what a scenario about archives does instead of work.
	archives *archiveScenario
	// special measures a scenario that is more than one run, and returns its rows.
	special func(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error)
}

// traits are what scenarios have to know of a database.
type traits struct {
	driver.Capabilities
	conns int // at the most
}

// shape is how many workers do a scenario, and how many events each of their calls is for.
type shape struct{ workers, batch int }

// singles bounds the scenarios that do one event at a time: enough for a 99th percentile,
// and over in seconds where a commit takes milliseconds.
const singles = 1000

// hotAggregates is how few aggregates all events of claim_ordered_hot belong to.
const hotAggregates = 10

// scenarios is all there is, in the order in which they run; without -scenarios the sweeps don't.
var (
	scenarios        = slices.Concat(defaultScenarios, sweepScenarios)
	defaultScenarios = slices.Concat(eventScenarios, archiveScenarios)
)

// The names of several scenarios.
const (
	allSweeps    = "sweeps"
	allScenarios = "all"
)

var eventScenarios = []scenario{
	{name: "save", doc: "Save, one event at a time", atMost: singles, shapes: oneByOne, work: save},
	{name: "save_batch", doc: "SaveBatch, -batch events at a time", shapes: inBatches, work: saveBatch},
	{name: "mark_one", doc: "MarkAsProcessed, one event at a time", queued: true, processed: true, atMost: singles, shapes: oneByOne, work: markOne},
	{name: "mark_bulk", doc: "MarkMultipleAsProcessedBulk, -batch ids at a time", queued: true, processed: true, shapes: inBatches, work: markBulk},
	{name: "claim_locked", doc: "GetUnprocessedForUpdate and mark in a transaction, with 1 worker and with -workers", queued: true, processed: true, shapes: byWorkers, work: claimLocked},
	{name: "claim_lease", doc: "Claim and Ack, with 1 worker and with -workers", queued: true, processed: true, shapes: byWorkers, work: claimLease},
	{name: "claim_ordered_hot", doc: fmt.Sprintf("the same with PerAggregateOrder, events of %d aggregates", hotAggregates), queued: true, processed: true, aggregates: hotAggregates, shapes: byWorkers, work: claimOrdered},
	{name: "claim_ordered_cold", doc: "the same with PerAggregateOrder, as many aggregates as events", queued: true, processed: true, shapes: byWorkers, work: claimOrdered},
	{name: "consumer", doc: "Consumers.Read and Commit", queued: true, shapes: byOne, work: consume, lacks: gapSafety},
	{name: "latency", doc: "from the return of Save until a worker that waited has the event", processed: true, atMost: latencies, shapes: byOne, work: latency, paced: true, note: aboutLatency},
	{name: "latency_other_pool", doc: "the same, saved through another pool, as by another process", processed: true, atMost: latencies, shapes: byOne, work: latencyOtherPool, lacks: connections, paced: true, note: aboutLatencyOtherPool},
	{name: "held_snapshot", doc: "claim_lease with 1 worker while a transaction holds a snapshot from before it", queued: true, processed: true, shapes: byOne, work: claimLease, lacks: connections, around: holdSnapshot, tenths: true},
	{name: "parked", doc: "claim_lease with 1 worker, with and without -backlog events parked by Retry", queued: true, processed: true, shapes: byOne, work: claimLease, backlog: park},
	{name: "held_back", doc: fmt.Sprintf("claim_ordered_cold with 1 worker, with and without -backlog events behind the failing first ones of %d aggregates", failingAggregates), queued: true, processed: true, shapes: byOne, work: claimOrdered, backlog: holdBack},
}

var archiveScenarios = []scenario{
	{name: "archive", doc: "Archiver.Run of processed events, into files", shapes: byArchive, archives: &archiveScenario{work: archiveAll, check: checkArchived}},
	{name: "restore", doc: "Archiver.Restore of what archive makes, an archive at a time", shapes: byArchive, archives: &archiveScenario{archived: true, work: restoreAll, check: checkRestored}},
	{name: "read_archive", doc: "Archiver.Read of the same, without restoring it", shapes: byArchive, archives: &archiveScenario{archived: true, work: readAll, check: checkArchived}},
	{name: "archive_load", doc: "claim_lease with 1 worker and with -workers, with and without a Run that archives -archived other events", queued: true, processed: true, shapes: byWorkers, work: claimLease, lacks: connections, special: besideARun},
	{name: "archive_hot", doc: "mark_bulk, claim_lease, save and save_batch in a schema with -archived events in archives, and in one without: rows hot_…", shapes: byOne, special: besideArchives},
}

func oneByOne(config) []shape { return []shape{{workers: 1, batch: 1}} }

func inBatches(cfg config) []shape { return []shape{{workers: 1, batch: cfg.batch}} }

func byOne(cfg config) []shape { return []shape{{workers: 1, batch: cfg.claimBatch}} }

func byWorkers(cfg config) []shape {
	return slices.Compact([]shape{{1, cfg.claimBatch}, {cfg.workers, cfg.claimBatch}})
}

// gapSafety is what consumers need.
func gapSafety(t traits) string {
	if t.GapSafe {
		return ""
	}
	return "the server can't tell whether a missing position may still be filled"
}

// connections is what scenarios need that have a connection, or a pool, beside that of the worker.
// A database in memory has one connection, and a second pool would have another database.
func connections(t traits) string {
	if t.conns > 1 {
		return ""
	}
	return "there is one connection only"
}

// lack is what keeps the scenario from running; empty: nothing.
func (s scenario) lack(t traits) string {
	if s.lacks == nil {
		return ""
	}
	return s.lacks(t)
}

// size is how many events one run takes.
func (s scenario) size(cfg config) int {
	if s.atMost > 0 {
		return min(s.atMost, cfg.events)
	}
	return cfg.events
}

// eventScenario returns the one of a name.
func eventScenario(name string) scenario {
	return eventScenarios[slices.IndexFunc(eventScenarios, func(s scenario) bool { return s.name == name })]
}

// selectScenarios returns those that a list names, in the order in which they run.
func selectScenarios(list string) ([]scenario, error) {
	var known []string
	for _, s := range scenarios {
		known = append(known, s.name)
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == allScenarios:
			names = known
		case name == allSweeps:
			names = append(names, known[len(defaultScenarios):]...)
		case slices.Contains(known, name):
			names = append(names, name)
		default:
			return nil, fmt.Errorf("no scenario is named %q; there are %s, %s and %s", name, strings.Join(known, ", "), allSweeps, allScenarios)
		}
	}
	var selected []scenario
	for _, s := range scenarios {
		if slices.Contains(names, s.name) {
			selected = append(selected, s)
		}
	}
	return selected, nil
}
