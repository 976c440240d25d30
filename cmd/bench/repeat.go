package main

import (
	"cmp"
	"slices"
)

// repetition is one of several measurements of a row.
type repetition struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// rowKey is what tells rows apart. How many events they are of does not.
type rowKey struct {
	Sweep, Scenario                            string
	Workers, Batch, Backlog, Archived, Payload int
	Tenants                                    int
}

func (r *result) key() rowKey {
	archived := r.Archived
	if r.RunShare > 0 {
		archived = 0 // that many a Run happened to archive
	}
	return rowKey{r.Sweep, r.Scenario, r.Workers, r.Batch, r.Backlog, archived, r.Payload, r.Tenants}
}

// figure is what the row is about: events per second, or milliseconds where the rate is no figure.
func (r *result) figure() float64 {
	if r.Paced {
		return r.P50
	}
	return r.PerSecond
}

// bounds returns the smallest and the largest figure of all runs.
func (r *result) bounds() (lowest, highest float64) {
	lowest, highest = r.figure(), r.figure()
	for _, run := range r.Runs {
		one := result{PerSecond: run.PerSecond, P50: run.P50, Paced: r.Paced}
		lowest, highest = min(lowest, one.figure()), max(highest, one.figure())
	}
	return lowest, highest
}

// middle returns the one of several measurements of a row whose figure is the median (of an even number
// the lower one in the middle), with the spread of all. Those that were interrupted count only if all were.
func middle(rows []result) result {
	if whole := slices.DeleteFunc(slices.Clone(rows), func(r result) bool { return r.Interrupted }); len(whole) > 0 {
		rows = whole
	}
	sorted := slices.SortedStableFunc(slices.Values(rows), func(a, b result) int { return cmp.Compare(a.figure(), b.figure()) })
	row := sorted[(len(sorted)-1)/2]
	if len(rows) == 1 {
		return row
	}
	for _, r := range rows {
		row.Runs = append(row.Runs, repetition{r.PerSecond, r.P50, r.P99})
	}
	if lowest, highest := row.bounds(); row.figure() > 0 {
		row.Spread = (highest - lowest) / row.figure()
	}
	return row
}
