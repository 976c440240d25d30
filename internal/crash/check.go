package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// result is what became of the events.
type result struct {
	tally
	stuck error // errStuck: it was not run to its end

	known   map[uuid.UUID]saved
	records map[uuid.UUID][]record // of each event
}

func newResult() *result {
	return &result{known: map[uuid.UUID]saved{}, records: map[uuid.UUID][]record{}}
}

// finding is something that must not be.
type finding struct {
	kind    kind
	event   uuid.UUID
	reason  string
	instead uuid.UUID // the event whose turn it was; zero: does not matter
}

// kind is what is wrong with an event.
type kind string

const (
	isLost       kind = "lost"
	isDoubled    kind = "doubled"
	isOutOfOrder kind = "out of order"
)

// tally is what both tests count.
type tally struct {
	events, kills int
	findings      []finding
}

// count counts the events that something is wrong with.
func (t *tally) count(kind kind) int {
	events := map[uuid.UUID]bool{}
	for _, f := range t.findings {
		if f.kind == kind {
			events[f.event] = true
		}
	}
	return len(events)
}

func (t *tally) line(test, backend string) string {
	return fmt.Sprintf("%s %s: events %d kills %d lost %d doubled %d", test, backend, t.events, t.kills, t.count(isLost), t.count(isDoubled))
}

func (r *result) line(backend string) string { return r.tally.line("crash", backend) }

// failure says what is wrong, in detail of the first few findings. Nil: nothing is.
func (r *result) failure(details io.Writer) error {
	for _, f := range r.findings[:min(len(r.findings), 10)] {
		fmt.Fprintf(details, "%s: event %s %s\n", f.kind, f.event, f.reason)
		r.tell(details, f.event)
		if f.instead != uuid.Nil {
			fmt.Fprintf(details, "  instead of event %s\n", f.instead)
			r.tell(details, f.instead)
		}
	}
	if r.stuck != nil {
		return r.stuck
	}
	if len(r.findings) > 0 {
		return fmt.Errorf("events lost %d, doubled %d, acknowledged out of order %d", r.count(isLost), r.count(isDoubled), r.count(isOutOfOrder))
	}
	return nil
}

// tell writes what is recorded of an event.
func (r *result) tell(details io.Writer, event uuid.UUID) {
	for _, record := range r.records[event] {
		fmt.Fprintf(details, "    %s\n", record)
	}
}

// check compares what the workers of a phase left behind with what was saved.
func (r *result) check(ctx context.Context, p *phase, acks table) error {
	rows, err := r.readRecords(ctx, p, acks)
	if err != nil {
		return err
	}
	processed, err := readProcessed(ctx, p)
	if err != nil {
		return err
	}
	r.events += len(p.saved)
	r.kills += p.killed
	late := 0
	for i, event := range p.saved {
		r.known[event.id] = event
		of := r.records[event.id]
		late += countOf(of, refused)
		for _, reason := range lossOf(of, processed[i]) {
			r.findings = append(r.findings, finding{kind: isLost, event: event.id, reason: reason})
		}
		for _, reason := range doublingOf(of) {
			r.findings = append(r.findings, finding{kind: isDoubled, event: event.id, reason: reason})
		}
	}
	for id := range r.records {
		if _, ok := r.known[id]; !ok {
			return fmt.Errorf("a worker was handed event %s, which nobody saved", id)
		}
	}
	if p.Ordered {
		r.findings = append(r.findings, disorderOf(r.known, rows)...)
	}
	fmt.Fprintf(p.progress, "crash %s %s: %d events, %d kills, %d stops, %d late acknowledgements refused\n",
		p.Backend, p.Schema, len(p.saved), p.killed, p.stops, late)
	return checkDeadLetters(ctx, p)
}

// readRecords reads what is recorded of each event, and returns the rows of the table.
func (r *result) readRecords(ctx context.Context, p *phase, acks table) (rows []record, err error) {
	logs, err := readLogs(p.dir, p.Schema)
	if err != nil {
		return nil, err
	}
	if err := acks.each(ctx, p.Schema, func(row record) { rows = append(rows, row) }); err != nil {
		return nil, err
	}
	for _, records := range [][]record{logs, rows} {
		for _, record := range records {
			r.records[record.event] = append(r.records[record.event], record)
		}
	}
	return rows, nil
}

// readProcessed asks the library which of the saved events are processed.
func readProcessed(ctx context.Context, p *phase) ([]bool, error) {
	processed := make([]bool, len(p.saved))
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(4)
	for i, event := range p.saved {
		readers.Go(func() error {
			stored, err := p.store.Events().GetByID(ctx, event.id)
			if errors.Is(err, driver.ErrNotFound) {
				return nil // it is lost indeed
			}
			processed[i] = stored.ProcessedAt != nil
			return err
		})
	}
	return processed, readers.Wait()
}

// checkDeadLetters: nobody gave up on an event, so there must be none.
func checkDeadLetters(ctx context.Context, p *phase) error {
	dead, err := p.store.DeadLetters().Count(ctx, driver.DeadLetterFilter{})
	if err == nil && dead > 0 {
		err = fmt.Errorf("schema %s has %d dead letters, and nobody gave up on an event", p.Schema, dead)
	}
	return err
}

func countOf(records []record, what string) int {
	n := 0
	for _, r := range records {
		if r.what == what {
			n++
		}
	}
	return n
}

// lossOf says what shows that an event is lost.
func lossOf(records []record, processed bool) []string {
	var reasons []string
	if countOf(records, handled) == 0 {
		reasons = append(reasons, "was never handled")
	}
	if !processed {
		reasons = append(reasons, "is not processed")
	} else if countOf(records, acked) == 0 && !mayBeAcked(records) {
		reasons = append(reasons, "is processed, but nobody acknowledged it")
	}
	return reasons
}

// mayBeAcked reports whether a worker was about to acknowledge an event and never said how that
// went: it was killed, and nobody knows whether it was before or after.
func mayBeAcked(records []record) bool {
	open := map[uuid.UUID]int{}
	for _, r := range records {
		switch r.what {
		case acking:
			open[r.token]++
		case acked, refused, failed:
			if r.place == 0 {
				open[r.token]--
			}
		}
	}
	for _, n := range open {
		if n > 0 {
			return true
		}
	}
	return false
}

// doublingOf says what shows that an event was acknowledged twice, or by who had it no longer. Who
// handles an event has a higher number of attempt than all who handled it before: Release, which
// takes its attempt back, is for events that were not handled.
func doublingOf(records []record) []string {
	var reasons []string
	if n := countOf(records, acked); n > 1 {
		reasons = append(reasons, fmt.Sprintf("was acknowledged %d times", n))
	}
	last := 0
	for _, r := range records {
		if r.what == handled {
			last = max(last, r.attempt)
		}
	}
	for _, r := range records {
		if r.what == acked && r.attempt < last {
			reasons = append(reasons, fmt.Sprintf("was acknowledged by attempt %d, and attempt %d had it", r.attempt, last))
		}
	}
	return reasons
}

// disorderOf finds the events that were acknowledged before an earlier one of their aggregate was.
// rows is in the order of acknowledgements: those of an aggregate follow each other's commit.
func disorderOf(events map[uuid.UUID]saved, rows []record) []finding {
	type place struct {
		aggregate uuid.UUID
		version   int64
	}
	at := make(map[place]uuid.UUID, len(events))
	for id, event := range events {
		at[place{event.aggregate, event.version}] = id
	}
	var findings []finding
	next := map[uuid.UUID]int64{} // whose turn it is, counted from 0
	early := map[place]bool{}     // acknowledged before their turn
	for _, r := range rows {
		event := events[r.event]
		turn := next[event.aggregate] + 1
		switch {
		case event.version > turn:
			findings = append(findings, finding{
				kind: isOutOfOrder, event: r.event, instead: at[place{event.aggregate, turn}],
				reason: fmt.Sprintf("is version %d of its aggregate, and version %d was not yet acknowledged", event.version, turn),
			})
			early[place{event.aggregate, event.version}] = true
		case event.version == turn:
			for early[place{event.aggregate, turn + 1}] {
				turn++
			}
			next[event.aggregate] = turn
		}
	}
	return findings
}
