package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// scenario is one kind of work to measure. A new one is a file with its function and a line in scenarios.
type scenario struct {
	name   string
	doc    string
	queued bool // its events wait in the queue when the clock starts, and none when it stops; else it saves them
	atMost int  // events in one run; 0: as many as -events says
	// shapes are the ways to run it, one row of the table each.
	shapes func(cfg config) []shape
	// work is what each worker does until no event is left. It reports every call to
	// w.record, with the ids of the events that were saved or processed by it.
	work func(ctx context.Context, w *worker) error
}

// shape is how many workers do a scenario, and how many events each of their calls is for.
type shape struct{ workers, batch int }

// singles bounds the scenarios that do one event at a time: enough for a 99th percentile,
// and over in seconds where a commit takes milliseconds.
const singles = 1000

// scenarios is all there is, in the order in which they run.
var scenarios = []scenario{
	{name: "save", doc: "Save, one event at a time", atMost: singles, shapes: oneByOne, work: save},
	{name: "save_batch", doc: "SaveBatch, -batch events at a time", shapes: inBatches, work: saveBatch},
	{name: "mark_one", doc: "MarkAsProcessed, one event at a time", queued: true, atMost: singles, shapes: oneByOne, work: markOne},
	{name: "mark_bulk", doc: "MarkMultipleAsProcessedBulk, -batch ids at a time", queued: true, shapes: inBatches, work: markBulk},
	{name: "claim_locked", doc: "GetUnprocessedForUpdate and mark in a transaction, with 1 worker and with -workers", queued: true, shapes: byWorkers, work: claimLocked},
}

func oneByOne(config) []shape { return []shape{{workers: 1, batch: 1}} }

func inBatches(cfg config) []shape { return []shape{{workers: 1, batch: cfg.batch}} }

func byWorkers(cfg config) []shape {
	return slices.Compact([]shape{{1, cfg.claimBatch}, {cfg.workers, cfg.claimBatch}})
}

// size is how many events one run takes.
func (s scenario) size(cfg config) int {
	if s.atMost > 0 {
		return min(s.atMost, cfg.events)
	}
	return cfg.events
}

// selectScenarios returns those that a list names, in the order in which they run.
func selectScenarios(list string) ([]scenario, error) {
	var known []string
	for _, s := range scenarios {
		known = append(known, s.name)
	}
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if !slices.Contains(known, names[i]) {
			return nil, fmt.Errorf("no scenario is named %q; there are %s", names[i], strings.Join(known, ", "))
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
