package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/neomultitenant/neoevents/internal/figures"
)

// report writes the table while rows become complete, and keeps it for the JSON.
type report struct {
	out     io.Writer
	json    *os.File            // nil: none
	save    float64             // events per second; 0: not measured
	runs    map[rowKey][]result // what was measured of each row
	pending []rowKey            // rows that are not complete, in order

	Backend    string   `json:"backend"`
	Version    string   `json:"version"`         // of what reaches the database
	Build      string   `json:"build,omitempty"` // of this command, and so of the library
	Server     string   `json:"server,omitempty"`
	Durability string   `json:"durability,omitempty"`
	CPUs       int      `json:"cpus"`
	Machine    string   `json:"machine,omitempty"`
	Go         string   `json:"go,omitempty"`
	Input      string   `json:"input,omitempty"`
	Measured   string   `json:"measured,omitempty"` // when it began
	Results    []result `json:"results"`
	// LeftOut are the scenarios that this database can't do, and why.
	LeftOut map[string]string `json:"left_out,omitempty"`
}

// newReport begins a report. It opens the JSON file, if there is a path: it would be a pity to fail after the run.
func newReport(out io.Writer, backend, path string) (*report, error) {
	r := &report{
		out: out, runs: map[rowKey][]result{}, Results: []result{},
		Backend: backend, Version: version(backend), Build: build(), Durability: cmp.Or(backends[backend].durability, "unknown"),
		CPUs: runtime.NumCPU(), Machine: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Measured: time.Now().UTC().Format(time.RFC3339),
	}
	if path == "" {
		return r, nil
	}
	var err error
	r.json, err = os.Create(path)
	return r, err
}

// inspect has the report say what the database itself knows better, if it answers.
func (r *report) inspect(ctx context.Context, look inspector) {
	if look == nil {
		return
	}
	if server, durability, err := look.about(ctx); err == nil {
		r.Server, r.Durability = server, cmp.Or(durability, r.Durability)
	}
}

// header writes what is measured, where and with what, and the names of the columns.
func (r *report) header(place, input string) error {
	r.Input = input
	software := r.Version
	if r.Server != "" {
		software += ", " + r.Server
	}
	_, err := fmt.Fprintf(r.out, "neoevents   %s\nbackend     %s (%s), %s\ndurability  %s\nmachine     %d CPUs, %s, %s\ninput       %s\n\n",
		r.Build, r.Backend, software, place, r.Durability, r.CPUs, r.Machine, r.Go, input)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%-22s %10s %8s %7s %9s %10s %7s %8s %9s %9s\n",
		"scenario", "events", "workers", "batch", "seconds", "events/s", "spread", "x save", "p50 ms", "p99 ms")
	return err
}

// leaveOut notes that a scenario is not measured, and writes so at the last pass.
func (r *report) leaveOut(scenario, why string, last bool) error {
	if r.LeftOut == nil {
		r.LeftOut = map[string]string{}
	}
	r.LeftOut[scenario] = why
	if !last {
		return nil
	}
	_, err := fmt.Fprintf(r.out, "%-22s left out: %s\n", scenario, why)
	return err
}

// measured takes in a measurement of a row, which is written when it was the last one.
func (r *report) measured(row result, last bool) error {
	key := row.key()
	if len(r.runs[key]) == 0 {
		r.pending = append(r.pending, key)
	}
	r.runs[key] = append(r.runs[key], row)
	if !last {
		return nil
	}
	r.pending = slices.DeleteFunc(r.pending, func(k rowKey) bool { return k == key })
	return r.add(middle(r.runs[key]))
}

// finish writes the rows that the run ended too early to complete.
func (r *report) finish() error {
	var errs []error
	for _, key := range r.pending {
		errs = append(errs, r.add(middle(r.runs[key])))
	}
	r.pending = nil
	return errors.Join(errs...)
}

// add writes a row, and its notes.
func (r *report) add(row result) error {
	ratio, spread, mark := "-", "-", ""
	if row.Scenario == "save" && row.Sweep == "" {
		r.save = row.PerSecond
	}
	if r.save > 0 && !row.Paced {
		times := row.PerSecond / r.save
		row.RatioToSave = &times
		ratio = strconv.FormatFloat(times, 'f', 1, 64)
	}
	if len(row.Runs) > 1 {
		spread = percent(row.Spread)
	}
	if row.Interrupted {
		mark = "  interrupted"
	}
	r.Results = append(r.Results, row)
	text := fmt.Sprintf("%-22s %10s %8d %7d %9.3f %10s %7s %8s %9.3f %9.3f%s\n",
		row.name(), figures.Grouped(row.Events), row.Workers, row.Batch, row.Seconds, figures.Rounded(row.PerSecond), spread, ratio, row.P50, row.P99, mark)
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

// percent writes a part as percent.
func percent(part float64) string { return strconv.FormatFloat(100*part, 'f', 0, 64) + " %" }
