package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/neomultitenant/neoevents/internal/figures"
)

// section is some charts under one heading.
type section struct {
	Title, About string
	Charts       []chart
}

// groups are what scenarios have a chart together.
var groups = []struct {
	title     string
	scenarios []string
}{
	{"Saving", []string{"save", "save_batch"}},
	{"Marking", []string{"mark_one", "mark_bulk"}},
	{"Claims", []string{"claim_locked", "claim_lease"}},
	{"Claims in the order of aggregates", []string{"claim_ordered_hot", "claim_ordered_cold"}},
	{"Claims beside obstacles", []string{"held_snapshot", "parked", "held_back"}},
	{"Consumers", []string{"consumer"}},
	{"Until a worker has an event", []string{"latency", "latency_other_pool"}},
	{"Archives", []string{"archive", "restore", "read_archive"}},
	{"Beside archives", []string{"archive_load", "hot_mark_bulk", "hot_claim_lease", "hot_save", "hot_save_batch"}},
}

// others is the group of all else.
const others = "Others"

func groupOf(scenario string) string {
	for _, g := range groups {
		if slices.Contains(g.scenarios, scenario) {
			return g.title
		}
	}
	return others
}

var (
	rates     = axis{title: "events/s", write: short, full: figures.Rounded}
	callRates = axis{title: "calls/s", write: short, full: figures.Rounded}
)

// sections returns all that the rows give charts of.
func sections(rows []result, peers *peers) []section {
	var all []section
	for _, s := range []section{throughput(rows), besidePeers(peers), callTimes(rows), scaling(rows), tenancy(rows), overTime(rows)} {
		s.Charts = slices.DeleteFunc(s.Charts, func(c chart) bool { return len(c.Marks) == 0 })
		for i := range s.Charts {
			s.Charts[i].ID = fmt.Sprintf("chart-%d-%d", len(all)+1, i+1)
		}
		if len(s.Charts) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// byGroup calls draw with the rows of each group that are of no sweep.
func byGroup(rows []result, draw func(title string, rows []result) chart) []chart {
	var charts []chart
	titles := []string{}
	for _, g := range groups {
		titles = append(titles, g.title)
	}
	for _, title := range append(titles, others) {
		var of []result
		for _, row := range rows {
			if row.Sweep == "" && groupOf(row.Scenario) == title {
				of = append(of, row)
			}
		}
		charts = append(charts, draw(title, of))
	}
	return charts
}

// label names a row among others of its group.
func (r *result) label() string {
	parts := []string{r.Scenario}
	if r.Workers > 1 {
		parts = append(parts, fmt.Sprintf("%d workers", r.Workers))
	}
	if r.Batch > 1 {
		parts = append(parts, "batch "+figures.Grouped(r.Batch))
	}
	return strings.Join(parts, ", ")
}

func throughput(rows []result) section {
	s := section{Title: "Throughput", About: "Events per second, each chart by a scale of its own. Whiskers reach from the slowest to the fastest repetition; without them a row was measured once."}
	s.Charts = byGroup(rows, func(title string, rows []result) chart {
		c := chart{Title: title, Columns: []string{"row", "events/s", "slowest", "fastest", "spread"}}
		var all []bar
		for _, row := range rows {
			if row.Paced {
				continue
			}
			low, high := row.bounds()
			b := bar{name: row.label(), value: row.PerSecond, low: low, high: high, class: "s0", details: []string{"", "", ""}}
			if len(row.Runs) > 1 {
				b.details = []string{figures.Rounded(low), figures.Rounded(high), percent(row.Spread)}
			}
			all = append(all, b)
		}
		c.About = "Bars from 0: " + summary(all)
		return bars(c, rates, all)
	})
	return s
}

// summary says in words what bars say.
func summary(all []bar) string {
	var parts []string
	for _, b := range all {
		parts = append(parts, b.name+" "+figures.Rounded(b.value))
	}
	return strings.Join(parts, "; ") + "."
}

// fewCalls is how many calls make too rough a distribution not to say so.
const fewCalls = 100

// logit is where a percentile is on an axis that has as much room for the slowest percent as for the fastest.
func logit(percent float64) float64 {
	const last = 99.9
	if percent > last {
		return logit(last) + 0.7 // the longest of all
	}
	return math.Log10(percent / (100 - percent))
}

func callTimes(rows []result) section {
	s := section{Title: "How long calls take", About: "Percentiles of the calls that a batch takes together: a point says which part of the calls took no longer. " +
		"Scales are logarithmic, and the ends of the distribution are drawn out."}
	x := axis{title: "percent of calls that took no longer", write: func(at float64) string {
		for _, p := range reported {
			if logit(p) == at {
				if p == 100 {
					return "max"
				}
				return digits(p)
			}
		}
		return digits(at)
	}}
	for _, p := range []float64{1, 10, 50, 90, 99, 99.9, 100} {
		x.marks = append(x.marks, logit(p))
	}
	s.Charts = byGroup(rows, func(title string, rows []result) chart {
		var all []series
		var names []string
		for _, row := range rows {
			one := series{name: row.label()}
			if row.Calls > 0 && row.Calls < fewCalls {
				one.name += fmt.Sprintf(" (calls: %d)", row.Calls)
			}
			for _, p := range row.Latency {
				at := logit(p.Percent)
				one.points = append(one.points, point{at, p.Time, p.Time, p.Time})
			}
			if len(one.points) > 0 {
				all = append(all, one)
				names = append(names, fmt.Sprintf("%s: half of the calls within %s, 99 percent within %s", row.label(), shortTime(row.P50), shortTime(row.P99)))
			}
		}
		c := chart{Title: title, About: strings.Join(names, "; ") + "."}
		return lines(c, x, axis{title: "time", log: true, write: shortTime}, all)
	})
	return s
}

// sweptAxes are the charts of scaling: what their x is.
var sweptAxes = []struct {
	sweep, title, about string
	x                   axis
	of                  func(*result) int
}{
	{sweepWorkers, "by workers", "More workers on the same queue.", axis{title: "workers", write: counted, log: true}, func(r *result) int { return r.Workers }},
	{sweepBatch, "by batch", "More events in each call.", axis{title: "events in a call", write: counted, log: true}, func(r *result) int { return r.Batch }},
	{sweepBacklog, "by backlog", "The same number of events, out of longer queues.", axis{title: "events waiting", write: counted, log: true}, func(r *result) int { return r.Backlog }},
	{sweepPayload, "by size of payload", "Larger events.", axis{title: "bytes of payload", write: shortBytes, log: true}, func(r *result) int { return r.Payload }},
}

// against returns a series of rows, by what of says of each.
func against(rows []result, of func(*result) int) (points []point) {
	for i := range rows {
		low, high := rows[i].bounds()
		points = append(points, point{float64(of(&rows[i])), rows[i].PerSecond, low, high})
	}
	slices.SortStableFunc(points, func(a, b point) int { return int(math.Copysign(1, a.x-b.x)) })
	return points
}

// sweptRows are those of a sweep, by scenario in the order in which they come.
func sweptRows(rows []result, sweep string) (scenarios []string, of map[string][]result) {
	of = map[string][]result{}
	for _, row := range rows {
		if row.Sweep != sweep {
			continue
		}
		if of[row.Scenario] == nil {
			scenarios = append(scenarios, row.Scenario)
		}
		of[row.Scenario] = append(of[row.Scenario], row)
	}
	return scenarios, of
}

func scaling(rows []result) section {
	s := section{Title: "Scaling", About: "What one thing does that grows, while all else stays."}
	for _, swept := range sweptAxes {
		scenarios, of := sweptRows(rows, swept.sweep)
		for _, scenario := range scenarios {
			points := against(of[scenario], swept.of)
			s.Charts = append(s.Charts, plotRates(chart{Title: scenario + " " + swept.title, About: swept.about, Seen: true}, swept.x, rates, points))
		}
	}
	return s
}

// plotRates draws one series of rates, with a label at each x.
func plotRates(c chart, x, y axis, points []point) chart {
	var values []float64
	for _, p := range points {
		x.marks = append(x.marks, p.x)
		values = append(values, p.y)
	}
	y.log = isWide(values)
	if y.log {
		y.title += ", logarithmic"
	}
	if first, last := points[0], points[len(points)-1]; len(points) > 1 && first.y > 0 {
		c.About += fmt.Sprintf(" From %s to %s: %s × the rate.", x.write(first.x), x.write(last.x), times(last.y/first.y))
	}
	return lines(c, x, y, []series{{points: points}})
}

func tenancy(rows []result) section {
	s := section{Title: "Many tenants", About: fmt.Sprintf("%d workers save, read by id and claim on schemas chosen at random, through one pool.", tenantWorkers)}
	_, of := sweptRows(rows, sweepTenants)
	mixed := of["mixed"]
	if len(mixed) == 0 {
		return s
	}
	number := func(r *result) int { return r.Tenants }
	x := axis{title: "schemas", write: counted, log: true}
	s.Charts = append(s.Charts, plotRates(chart{Title: "Calls by schemas", About: "Saves, reads and claims together.", Seen: true}, x, callRates, against(mixed, number)))
	var memory []series
	add := func(name string, bytes func(*occupied) uint64) {
		one := series{name: name}
		for i := range mixed {
			if m := mixed[i].Memory; m != nil && bytes(m) > 0 {
				y := float64(bytes(m))
				one.points = append(one.points, point{float64(mixed[i].Tenants), y, y, y})
			}
		}
		if len(one.points) > 0 {
			memory = append(memory, one)
		}
	}
	add("client, Go's heap", func(m *occupied) uint64 { return m.Heap })
	add("client, process", func(m *occupied) uint64 { return m.Process })
	add("server's processes", func(m *occupied) uint64 { return m.Server })
	add("of these, private", func(m *occupied) uint64 { return m.ServerPrivate })
	for i := range mixed {
		x.marks = append(x.marks, float64(mixed[i].Tenants))
	}
	c := chart{Title: "Memory by schemas", About: "At the end of each row, of the pool's own connections.", Seen: true}
	if m := mixed[0].Memory; m != nil && m.ServerLeftOut != "" {
		c.About += " The server's is left out: " + m.ServerLeftOut + "."
	}
	s.Charts = append(s.Charts, lines(c, x, axis{title: "memory, logarithmic", write: shortBytes, log: true}, memory))
	return s
}

func overTime(rows []result) section {
	s := section{Title: "Over time", About: "Workers save, claim and acknowledge as many events as before, and nothing is archived: the events and the list of the processed ones must grow, the queue must not."}
	for i := range rows {
		if row := &rows[i]; len(row.Samples) > 1 {
			s.Charts = append(s.Charts, row.overTime()...)
		}
	}
	return s
}

func (r *result) overTime() []chart {
	x := axis{title: "seconds", write: digits}
	rate := series{}
	var names []string
	size, dead := map[string]*series{}, map[string]*series{}
	for i, sample := range r.Samples {
		if i > 0 {
			rate.points = append(rate.points, point{sample.Seconds, sample.PerSecond, sample.PerSecond, sample.PerSecond})
		}
		for _, part := range sample.Parts {
			if size[part.Name] == nil {
				names = append(names, part.Name)
				size[part.Name], dead[part.Name] = &series{name: part.Name}, &series{name: part.Name}
			}
			bytes, rows := float64(part.Bytes), float64(part.Dead)
			size[part.Name].points = append(size[part.Name].points, point{sample.Seconds, bytes, bytes, bytes})
			dead[part.Name].points = append(dead[part.Name].points, point{sample.Seconds, rows, rows, rows})
		}
	}
	var sizes, deads []series
	for _, name := range names {
		sizes = append(sizes, *size[name])
		if slices.ContainsFunc(dead[name].points, func(p point) bool { return p.y > 0 }) {
			deads = append(deads, *dead[name])
		}
	}
	return []chart{
		lines(chart{Title: "Rate", About: "Events done per second, a point a second.", Seen: true}, x, rates, []series{rate}),
		lines(chart{Title: "Size", About: "With indexes.", Seen: true}, x, axis{title: "size", write: shortBytes}, sizes),
		lines(chart{Title: "Dead rows", About: "Deleted rows that vacuum has not cleared away yet, as the server counts them.", Seen: true}, x, axis{title: "rows", write: short, full: figures.Rounded}, deads),
	}
}
