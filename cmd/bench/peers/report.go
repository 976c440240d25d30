package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"

	"github.com/neomultitenant/neoevents/internal/figures"
)

// result is a figure, as it is written to JSON.
type result struct {
	Peer         string    `json:"peer"`
	Path         string    `json:"path"`
	PerSecond    float64   `json:"per_second"` // the median
	Spread       float64   `json:"spread"`
	Events       int       `json:"events"`
	Workers      int       `json:"workers"`
	Batch        int       `json:"batch"`
	PerSecondAll []float64 `json:"per_second_all"`
}

// leftOut is what has no figure.
type leftOut struct {
	Peer string `json:"peer"`
	Path string `json:"path"`
	Why  string `json:"why"`
}

// report writes the table while it grows, and keeps it for the JSON.
type report struct {
	out  io.Writer
	json *os.File // nil: none

	Backend    string            `json:"backend"`
	Version    string            `json:"version"`
	Durability string            `json:"durability"`
	CPUs       int               `json:"cpus"`
	Repeat     int               `json:"repeat"`
	Events     int               `json:"events"`
	Input      string            `json:"input"`
	Peers      map[string]string `json:"peers"`
	Results    []result          `json:"results"`
	LeftOut    []leftOut         `json:"left_out"`
}

// newReport begins a report. It opens the JSON file, if there is a path: it would be a pity to fail after the run.
func newReport(out io.Writer, cfg config, place *place) (*report, error) {
	r := &report{
		out: out, Backend: string(place.backend), Version: place.version, Durability: place.durability, CPUs: runtime.NumCPU(),
		Repeat: cfg.repeat, Events: cfg.events, Peers: map[string]string{}, Results: []result{}, LeftOut: []leftOut{},
	}
	for i := range cfg.peers {
		r.Peers[cfg.peers[i].name] = cfg.peers[i].version(place.backend)
	}
	if cfg.json == "" {
		return r, nil
	}
	var err error
	r.json, err = os.Create(cfg.json)
	return r, err
}

// header writes what is measured, where and with what, and the names of the columns.
func (r *report) header(cfg config, place *place, input string) error {
	r.Input = input
	module := databaseModules[place.backend]
	text := fmt.Sprintf("backend     %s, by %s %s\ndurability  %s\nmachine     %d CPUs, %s/%s, %s\ninput       %s\nrepeated    %d times, in turn\n\n",
		r.Version, module, moduleVersion(module), r.Durability, r.CPUs, runtime.GOOS, runtime.GOARCH, runtime.Version(), input, r.Repeat)
	for i := range cfg.peers {
		text += fmt.Sprintf("%s %s: %s\n", cfg.peers[i].name, r.Peers[cfg.peers[i].name], cfg.peers[i].about)
	}
	text += fmt.Sprintf("\n%-12s %-13s %8s %8s %6s %10s %7s %15s\n", "path", "peer", "events", "workers", "batch", "events/s", "spread", "neoevents/peer")
	_, err := fmt.Fprint(r.out, text)
	return err
}

// add writes the rows of a path.
func (r *report) add(path *path, rows []row) error {
	first := 0.0 // the rate that others are compared with
	for i := range rows {
		row := &rows[i]
		text := fmt.Sprintf("%-12s %-13s ", path.name, row.peer.name)
		if row.why != "" {
			r.LeftOut = append(r.LeftOut, leftOut{row.peer.name, path.name, row.why})
			text += "left out: " + row.why
		} else {
			middle, spread := summary(row.rates)
			if row.peer.name == neoeventsPeer.name {
				first = middle
			}
			ratio := "-"
			if first > 0 {
				ratio = strconv.FormatFloat(first/middle, 'f', 2, 64)
			}
			r.Results = append(r.Results, result{row.peer.name, path.name, middle, spread, row.events, row.workers, row.batch, row.rates})
			text += fmt.Sprintf("%8s %8d %6d %10s %6.0f%% %15s", figures.Grouped(row.events), row.workers, row.batch, figures.Rounded(middle), 100*spread, ratio)
		}
		if _, err := fmt.Fprintln(r.out, text); err != nil {
			return err
		}
	}
	return nil
}

// summary returns the median, and how far apart the highest and the lowest are as a part of it.
func summary(rates []float64) (median, spread float64) {
	sorted := slices.Sorted(slices.Values(rates))
	n := len(sorted)
	median = (sorted[(n-1)/2] + sorted[n/2]) / 2
	return median, (sorted[n-1] - sorted[0]) / median
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
