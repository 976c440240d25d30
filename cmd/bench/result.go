package main

import (
	"fmt"

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
	Paced       bool     `json:"paced,omitempty"`       // the rate is no figure, p50 is

	// Calls is how many there were, Latency their percentiles.
	Calls   int            `json:"calls,omitempty"`
	Latency []percentileOf `json:"latency,omitempty"`
	// Runs are all measurements, if there are several: the row is that in the middle. Spread is the
	// difference of the largest and the smallest figure, as a part of the row's.
	Runs   []repetition `json:"runs,omitempty"`
	Spread float64      `json:"spread,omitempty"`

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

	// Sweep is the one that the row belongs to; empty: none.
	Sweep string `json:"sweep,omitempty"`
	// Payload is the size of each, Tenants the number of schemas, where the scenario is about that.
	Payload int `json:"payload_bytes,omitempty"`
	Tenants int `json:"tenants,omitempty"`
	// RatioToOneTenant is the rate as a multiple of that with one schema.
	RatioToOneTenant float64   `json:"ratio_to_one_tenant,omitempty"`
	Memory           *occupied `json:"memory,omitempty"`
	// Samples are the states of a run that is about what becomes of it over time.
	Samples []sample `json:"samples,omitempty"`
	Note    string   `json:"note,omitempty"`
}

func newResult(s scenario, sh shape, m measurement) result {
	row := result{
		Scenario:  s.name,
		Events:    len(m.done),
		Workers:   sh.workers,
		Batch:     sh.batch,
		Seconds:   m.elapsed.Seconds(),
		PerSecond: m.perSecond(),
		P50:       milliseconds(percentile(m.calls, 50)),
		P99:       milliseconds(percentile(m.calls, 99)),
		Paced:     s.paced,
		Calls:     len(m.calls),
		Latency:   percentiles(m.calls),
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

// sweepNotes are those of a row of a sweep.
func (r *result) sweepNotes() []string {
	switch r.Sweep {
	case sweepBacklog:
		return []string{fmt.Sprintf("out of a queue of %s events with %d bytes of payload", figures.Grouped(r.Backlog), r.Payload)}
	case sweepPayload:
		return []string{fmt.Sprintf("%s bytes of payload each", figures.Grouped(r.Payload))}
	case sweepTenants:
		text := fmt.Sprintf("of calls, on %s schemas", figures.Grouped(r.Tenants))
		if r.RatioToOneTenant > 0 {
			text += fmt.Sprintf("; to one schema %.2f", r.RatioToOneTenant)
		}
		if r.Memory != nil {
			text += "; " + r.Memory.String()
		}
		return []string{text}
	case sweepBloat:
		if text := growth(r.Samples); text != "" {
			return []string{fmt.Sprintf("%d bytes of payload each; ", r.Payload) + text}
		}
	}
	return nil
}

// name is what the table has for it.
func (r *result) name() string {
	if r.Sweep == "" || r.Sweep == r.Scenario {
		return r.Scenario
	}
	return r.Sweep + "/" + r.Scenario
}

// notes are the lines below the row.
func (r *result) notes() []string {
	var notes []string
	if r.Note != "" {
		notes = append(notes, r.Note)
	}
	if tenths := r.TenthsPerSecond; len(tenths) > 0 {
		text := "per tenth:"
		for _, rate := range tenths {
			text += " " + figures.Rounded(rate)
		}
		notes = append(notes, fmt.Sprintf("%s; last/first %.2f", text, tenths[len(tenths)-1]/tenths[0]))
	}
	with := ""
	switch {
	case r.Sweep != "":
		notes = append(notes, r.sweepNotes()...)
	case r.Backlog > 0:
		with = fmt.Sprintf("with %s events out of reach", figures.Grouped(r.Backlog))
	case r.RunShare > 0:
		with = fmt.Sprintf("with a Run, in %.0f %% of the time, which made %d archives of %s events", 100*r.RunShare, r.RunArchives, figures.Grouped(r.Archived))
	case r.Archived > 0:
		with = fmt.Sprintf("with %s events in archives", figures.Grouped(r.Archived))
	}
	if with != "" {
		notes = append(notes, fmt.Sprintf("%s; without %s events/s; with/without %.2f", with, figures.Rounded(r.PerSecondWithout), r.RatioToWithout))
	}
	if r.Files != nil {
		notes = append(notes, r.Files.String())
	}
	return notes
}
