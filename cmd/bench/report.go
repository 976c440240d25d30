package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/neomultitenant/neoevents/internal/figures"
)

// result is one row of the table.
type result struct {
	Scenario    string   `json:"scenario"`
	Events      int      `json:"events"`
	Workers     int      `json:"workers"`
	Batch       int      `json:"batch"`
	Seconds     float64  `json:"seconds"`
	PerSecond   float64  `json:"per_second"`
	RatioToSave *float64 `json:"ratio_to_save"` // nil: save was not measured, or the rate is no figure
	P50         float64  `json:"p50_ms"`
	P99         float64  `json:"p99_ms"`
	Interrupted bool     `json:"interrupted,omitempty"` // before its end, or before it was verified

	// TenthsPerSecond has the rate of each tenth of the events, where the scenario is about that.
	TenthsPerSecond []float64 `json:"tenths_per_second,omitempty"`
	// Backlog is how many events there were out of reach, Archived how many in archives or on the way
	// there, beside those of the row. Without them the rate was PerSecondWithout.
	Backlog          int     `json:"backlog,omitempty"`
	Archived         int     `json:"archived,omitempty"`
	PerSecondWithout float64 `json:"per_second_without,omitempty"`
	RatioToWithout   float64 `json:"ratio_to_without,omitempty"`
	// RunShare is the part of the time in which a Run went on, RunArchives how many archives it made.
	RunShare    float64 `json:"run_share,omitempty"`
	RunArchives int     `json:"run_archives,omitempty"`
	// Files is about archives.
	Files *files `json:"files,omitempty"`

	paced bool   // the rate is no figure
	note  string // empty: none
}

func newResult(s scenario, sh shape, m measurement) result {
	milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	row := result{
		Scenario:  s.name,
		Events:    len(m.done),
		Workers:   sh.workers,
		Batch:     sh.batch,
		Seconds:   m.elapsed.Seconds(),
		PerSecond: m.perSecond(),
		P50:       milliseconds(percentile(m.calls, 50)),
		P99:       milliseconds(percentile(m.calls, 99)),
		paced:     s.paced,
	}
	if s.tenths {
		row.TenthsPerSecond = tenths(m.start, m.ticks)
	}
	return row
}

// compare notes what was measured on the other side.
func (r *result) compare(without measurement) {
	r.PerSecondWithout = without.perSecond()
	if r.PerSecondWithout > 0 {
		r.RatioToWithout = r.PerSecond / r.PerSecondWithout
	}
}

// notes are the lines below the row.
func (r *result) notes() []string {
	var notes []string
	if r.note != "" {
		notes = append(notes, r.note)
	}
	if tenths := r.TenthsPerSecond; len(tenths) > 0 {
		text := "per tenth:"
		for _, rate := range tenths {
			text += " " + rounded(rate)
		}
		notes = append(notes, fmt.Sprintf("%s; last/first %.2f", text, tenths[len(tenths)-1]/tenths[0]))
	}
	with := ""
	switch {
	case r.Backlog > 0:
		with = fmt.Sprintf("with %s events out of reach", grouped(r.Backlog))
	case r.RunShare > 0:
		with = fmt.Sprintf("with a Run, in %.0f %% of the time, which made %d archives of %s events", 100*r.RunShare, r.RunArchives, grouped(r.Archived))
	case r.Archived > 0:
		with = fmt.Sprintf("with %s events in archives", grouped(r.Archived))
	}
	if with != "" {
		notes = append(notes, fmt.Sprintf("%s; without %s events/s; with/without %.2f", with, rounded(r.PerSecondWithout), r.RatioToWithout))
	}
	if r.Files != nil {
		notes = append(notes, r.Files.String())
	}
	return notes
}

// report writes the table while it grows, and keeps it for the JSON.
type report struct {
	out  io.Writer
	json *os.File // nil: none
	save float64  // events per second; 0: not measured

	Backend string   `json:"backend"`
	Version string   `json:"version"`
	CPUs    int      `json:"cpus"`
	Results []result `json:"results"`
	// LeftOut are the scenarios that this database can't do, and why.
	LeftOut map[string]string `json:"left_out,omitempty"`
}

// newReport begins a report. It opens the JSON file, if there is a path: it would be a pity to fail after the run.
func newReport(out io.Writer, backend, path string) (*report, error) {
	r := &report{out: out, Backend: backend, Version: version(backend), CPUs: runtime.NumCPU(), Results: []result{}}
	if path == "" {
		return r, nil
	}
	var err error
	r.json, err = os.Create(path)
	return r, err
}

// header writes what is measured, where and with what, and the names of the columns.
func (r *report) header(place, input string) error {
	durability := backends[r.Backend].durability
	if durability == "" {
		durability = "unknown"
	}
	_, err := fmt.Fprintf(r.out, "backend     %s (%s), %s\ndurability  %s\nmachine     %d CPUs, %s/%s, %s\ninput       %s\n\n",
		r.Backend, r.Version, place, durability, r.CPUs, runtime.GOOS, runtime.GOARCH, runtime.Version(), input)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%-18s %10s %8s %7s %9s %10s %8s %9s %9s\n",
		"scenario", "events", "workers", "batch", "seconds", "events/s", "x save", "p50 ms", "p99 ms")
	return err
}

// leaveOut writes that a scenario is not measured.
func (r *report) leaveOut(scenario, why string) error {
	if r.LeftOut == nil {
		r.LeftOut = map[string]string{}
	}
	r.LeftOut[scenario] = why
	_, err := fmt.Fprintf(r.out, "%-18s left out: %s\n", scenario, why)
	return err
}

// add writes a row, and its notes.
func (r *report) add(row result) error {
	ratio, mark := "-", ""
	if row.Scenario == "save" {
		r.save = row.PerSecond
	}
	if r.save > 0 && !row.paced {
		times := row.PerSecond / r.save
		row.RatioToSave = &times
		ratio = strconv.FormatFloat(times, 'f', 1, 64)
	}
	if row.Interrupted {
		mark = "  interrupted"
	}
	r.Results = append(r.Results, row)
	text := fmt.Sprintf("%-18s %10s %8d %7d %9.3f %10s %8s %9.3f %9.3f%s\n",
		row.Scenario, grouped(row.Events), row.Workers, row.Batch, row.Seconds, rounded(row.PerSecond), ratio, row.P50, row.P99, mark)
	for _, note := range row.notes() {
		text += "    " + note + "\n"
	}
	_, err := fmt.Fprint(r.out, text)
	return err
}

// writeJSON writes and closes the JSON file, if there is one.
func (r *report) writeJSON() error {
	if r.json == nil {
		return nil
	}
	encoder := json.NewEncoder(r.json)
	encoder.SetIndent("", "  ")
	return errors.Join(encoder.Encode(r), r.json.Close())
}

// rounded writes a rate, which is positive, as a whole number.
func rounded(rate float64) string { return grouped(int(rate + 0.5)) }

// grouped writes a number with commas between its thousands.
func grouped(n int) string { return figures.Grouped(n) }
