package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/neomultitenant/neoevents/internal/figures"
)

// earlier is a report to compare with; nil: none.
type earlier struct {
	path string
	*report
}

// readEarlier reads the report at path; nil if path is empty.
func readEarlier(path string) (*earlier, error) {
	if path == "" {
		return nil, nil
	}
	r, err := readReport(path)
	return &earlier{path, r}, err
}

// The verdicts on a row that is in both reports.
const (
	faster      = "faster"
	slower      = "slower"
	withinNoise = "within the noise"
	unknown     = "noise unknown: measured once"
	notWhole    = "interrupted"
)

// verdict tells whether a row has moved. It has, if its figure did by more than what the runs of the old
// and of the new one differ among themselves, taken together.
func verdict(before, after *result) string {
	if before.Interrupted || after.Interrupted {
		return notWhole
	}
	if len(before.Runs) < 2 || len(after.Runs) < 2 {
		return unknown
	}
	lowest, highest := before.bounds()
	noise := highest - lowest
	lowest, highest = after.bounds()
	noise += highest - lowest
	moved := after.figure() - before.figure()
	switch {
	case math.Abs(moved) <= noise:
		return withinNoise
	case moved > 0 != after.Paced: // less time is faster, too
		return faster
	}
	return slower
}

// compare writes what became of each row, and which rows have no counterpart.
func (e *earlier) compare(out io.Writer, now *report) error {
	if e == nil {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "\ncompared with %s\n", e.path)
	for _, fact := range []struct{ name, before, after string }{
		{"backend", e.Backend, now.Backend},
		{"version", e.Version, now.Version},
		{"server", e.Server, now.Server},
		{"durability", e.Durability, now.Durability},
		{"CPUs", strconv.Itoa(e.CPUs), strconv.Itoa(now.CPUs)},
		{"machine", e.Machine, now.Machine},
		{"Go", e.Go, now.Go},
		{"input", e.Input, now.Input},
	} {
		if fact.before != fact.after && fact.before != "" {
			fmt.Fprintf(&text, "    other %s: %s, then %s\n", fact.name, fact.before, fact.after)
		}
	}
	fmt.Fprintf(&text, "%-22s %8s %7s %22s %10s %10s %8s\n", "scenario", "workers", "batch", "", "old", "new", "new/old")
	before := map[rowKey]*result{}
	for i := range e.Results {
		before[e.Results[i].key()] = &e.Results[i]
	}
	missing := func(row *result, where string) {
		fmt.Fprintf(&text, "%-22s %8d %7d %22s only in the %s one\n", row.name(), row.Workers, row.Batch, row.with(), where)
	}
	for i := range now.Results {
		after := &now.Results[i]
		old, ok := before[after.key()]
		delete(before, after.key())
		if !ok {
			missing(after, "new")
			continue
		}
		ratio := "-"
		if old.figure() > 0 {
			ratio = strconv.FormatFloat(after.figure()/old.figure(), 'f', 2, 64)
		}
		sizes := ""
		if old.Events != after.Events && after.Sweep != sweepBloat && after.Sweep != sweepTenants { // these go by time
			sizes = fmt.Sprintf(" (of %s events, then %s)", figures.Grouped(old.Events), figures.Grouped(after.Events))
		}
		fmt.Fprintf(&text, "%-22s %8d %7d %22s %10s %10s %8s  %s%s\n", after.name(), after.Workers, after.Batch, after.with(),
			old.figureText(), after.figureText(), ratio, verdict(old, after), sizes)
	}
	for i := range e.Results {
		if row := &e.Results[i]; before[row.key()] == row {
			missing(row, "old")
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// figureText writes the figure: events per second, or milliseconds where it says so.
func (r *result) figureText() string {
	if r.Paced {
		return strconv.FormatFloat(r.P50, 'f', 2, 64) + " ms"
	}
	return figures.Rounded(r.PerSecond)
}

// with names what tells rows apart beside workers and batch; empty: nothing.
func (r *result) with() string {
	switch {
	case r.Tenants > 0:
		return figures.Grouped(r.Tenants) + " tenants"
	case r.Backlog > 0:
		return figures.Grouped(r.Backlog) + " waiting"
	case r.Payload > 0:
		return figures.Grouped(r.Payload) + " B payload"
	case r.Archived > 0 && r.RunShare == 0:
		return figures.Grouped(r.Archived) + " archived"
	}
	return ""
}
