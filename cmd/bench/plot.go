package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// chart is a drawing and the figures in it.
type chart struct {
	ID, Title, About string
	Seen             bool // About is shown; else it is for those who can't see the drawing
	Width, Height    float64
	Legend           []key
	Marks            []mark
	Columns          []string
	Rows             [][]string
}

// key tells which name a class stands for.
type key struct{ Class, Name string }

// mark is one element of a drawing: a path, a dot or a text.
type mark struct {
	Class, Anchor, Text string
	Path                string // empty: a dot or a text
	X, Y                string
	Dot                 bool // Text is what a pointer shows
}

func text(class, anchor string, x, y float64, text string) mark {
	return mark{Class: class, Anchor: anchor, X: pixels(x), Y: pixels(y), Text: text}
}

func stroke(class, format string, at ...float64) mark {
	places := make([]any, len(at))
	for i := range at {
		places[i] = pixels(at[i])
	}
	return mark{Class: class, Path: fmt.Sprintf(format, places...)}
}

func pixels(x float64) string { return strconv.FormatFloat(math.Round(10*x)/10, 'f', -1, 64) }

// The measures of a drawing, in the units of its viewBox, of which a letter is some 6 wide.
const (
	chartWidth   = 360
	plotHeight   = 230
	marginLeft   = 50
	marginRight  = 16
	marginTop    = 24
	marginBottom = 40
	letterWidth  = 6.2
	barPitch     = 36
	barHeight    = 9
)

// axis is one direction of a plot.
type axis struct {
	title string
	log   bool
	write func(float64) string
	marks []float64 // where the labels are; nil: where they fit
}

// scale turns values into places.
type scale struct {
	low, high float64
	log       bool
	from, to  float64
}

func (s scale) at(value float64) float64 {
	low, high := s.low, s.high
	if s.log {
		value, low, high = math.Log10(max(value, low)), math.Log10(low), math.Log10(high)
	}
	if high <= low {
		return (s.from + s.to) / 2
	}
	part := (min(max(value, low), high) - low) / (high - low)
	return s.from + part*(s.to-s.from)
}

// point is a value, and the lowest and the highest that was measured of it; both the value: it was measured once.
type point struct{ x, y, low, high float64 }

type series struct {
	name   string
	points []point
}

// wideRange is from how many times the smallest value the largest makes a logarithmic scale.
const wideRange = 25

// lines draws series against a common x. It returns a chart without marks if no series has points.
func lines(c chart, x, y axis, all []series) chart {
	var xs, ys []float64
	for _, s := range all {
		for _, p := range s.points {
			xs, ys = append(xs, p.x), append(ys, p.y, p.low, p.high)
		}
	}
	if len(xs) == 0 {
		return c
	}
	c.Width, c.Height = chartWidth, plotHeight
	left, right, top, bottom := float64(marginLeft), c.Width-marginRight, float64(marginTop), c.Height-marginBottom
	sx := scale{slices.Min(xs), slices.Max(xs), x.log, left + 6, right - 6}
	switch {
	case x.log:
		sx.low = smallestAbove0(xs)
	case x.marks == nil:
		sx.low = 0
	}
	sy, ticks := fit(ys, y.log, bottom, top)
	for _, tick := range ticks {
		at := sy.at(tick)
		c.Marks = append(c.Marks, stroke("grid", "M%s %sH%s", left, at, right), text("tick", "end", left-6, at+4, y.write(tick)))
	}
	c.Marks = append(c.Marks, text("axis", "start", 0, 11, y.title), text("axis", "middle", (left+right)/2, c.Height-4, x.title))
	at := x.marks
	if at == nil {
		at = linearTicks(sx.low, sx.high)
	}
	free := left - marginLeft // where the next label may begin
	for _, tick := range at {
		label := x.write(tick)
		half := letterWidth * float64(len([]rune(label))) / 2
		if place := sx.at(tick); tick >= sx.low && tick <= sx.high && place-half >= free {
			c.Marks = append(c.Marks, stroke("grid", "M%s %sv%s", place, bottom, 4), text("tick", "middle", place, bottom+17, label))
			free = place + half + letterWidth
		}
	}
	for i, s := range all {
		class := fmt.Sprintf("s%d", i%seriesClasses)
		c.Marks = append(c.Marks, s.draw(class, sx, sy, x, y)...)
		if len(all) > 1 {
			c.Legend = append(c.Legend, key{class, s.name})
		}
	}
	c.tabulate(x, y, all)
	return c
}

// seriesClasses is how many colours there are.
const seriesClasses = 8

// manyPoints is from how many a line has no dots.
const manyPoints = 16

func (s series) draw(class string, sx, sy scale, x, y axis) []mark {
	var marks, dots []mark
	var path strings.Builder
	for i, p := range s.points {
		px, py := sx.at(p.x), sy.at(p.y)
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%s %s", command, pixels(px), pixels(py))
		if low, high := sy.at(p.low), sy.at(p.high); low != high {
			marks = append(marks, stroke("whisker", "M%s %sV%sM%s %sh8M%s %sh8", px, low, high, px-4, low, px-4, high))
		}
		dots = append(dots, mark{Class: class, Dot: true, X: pixels(px), Y: pixels(py), Text: fmt.Sprintf("%s: %s", x.write(p.x), y.write(p.y))})
	}
	marks = append(marks, mark{Class: "line " + class, Path: path.String()})
	if len(s.points) > manyPoints {
		return marks
	}
	return append(marks, dots...)
}

// tabulate writes a row for each x that a series has.
func (c *chart) tabulate(x, y axis, all []series) {
	c.Columns = []string{x.title}
	var xs []float64
	for _, s := range all {
		name := s.name
		if name == "" {
			name = y.title
		}
		c.Columns = append(c.Columns, name)
		for _, p := range s.points {
			xs = append(xs, p.x)
		}
	}
	slices.Sort(xs)
	for _, at := range slices.Compact(xs) {
		row := []string{x.write(at)}
		for _, s := range all {
			cell := ""
			for _, p := range s.points {
				if p.x == at {
					cell = y.write(p.y)
				}
			}
			row = append(row, cell)
		}
		c.Rows = append(c.Rows, row)
	}
}

// bar is one of several values.
type bar struct {
	name             string
	value, low, high float64
	class            string
	details          []string // for the table
}

// bars draws bars from 0, the name of each and its value above it.
func bars(c chart, unit axis, all []bar) chart {
	if len(all) == 0 {
		return c
	}
	var values []float64
	for _, b := range all {
		values = append(values, b.value, b.high)
	}
	c.Width, c.Height = chartWidth, float64(len(all)*barPitch+marginBottom)
	left, right, bottom := 8., c.Width-16, c.Height-marginBottom+4
	s, ticks := fit(append(values, 0), false, left, right)
	free := 0.
	for _, tick := range ticks {
		at, label := s.at(tick), unit.write(tick)
		c.Marks = append(c.Marks, stroke("grid", "M%s %sV%s", at, 0, bottom))
		if half := letterWidth * float64(len([]rune(label))) / 2; at-half >= free-letterWidth {
			c.Marks = append(c.Marks, text("tick", "middle", at, bottom+15, label))
			free = at + half + letterWidth
		}
	}
	c.Marks = append(c.Marks, text("axis", "middle", (left+right)/2, c.Height-4, unit.title))
	for i, b := range all {
		top := float64(i * barPitch)
		value := unit.write(b.value)
		c.Marks = append(c.Marks,
			text("name", "start", left, top+14, shorten(b.name, int((right-left)/letterWidth)-len(value)-2)),
			text("value", "end", right, top+14, value),
			stroke("bar "+b.class, "M%s %sH%sv%sH%sz", left, top+20, max(s.at(b.value), left+1), barHeight, left),
		)
		if low, high := s.at(b.low), s.at(b.high); low != high {
			middle := top + 20 + barHeight/2.
			c.Marks = append(c.Marks, stroke("whisker", "M%s %sH%sM%s %sv6M%s %sv6", low, middle, high, low, middle-3, high, middle-3))
		}
		c.Rows = append(c.Rows, append([]string{b.name, value}, b.details...))
	}
	return c
}

// shorten cuts a text that would run into another.
func shorten(text string, letters int) string {
	runes := []rune(text)
	if len(runes) <= letters || letters < 1 {
		return text
	}
	return string(runes[:letters-1]) + "…"
}

// fit returns a scale for the values and where its labels go. One that is not logarithmic begins at 0.
func fit(values []float64, log bool, from, to float64) (scale, []float64) {
	highest := slices.Max(values)
	if highest <= 0 {
		return scale{0, 1, false, from, to}, []float64{0}
	}
	if log {
		ticks := logTicks(smallestAbove0(values), highest)
		return scale{ticks[0], ticks[len(ticks)-1], true, from, to}, thinned(ticks)
	}
	ticks := linearTicks(0, highest)
	if last := ticks[len(ticks)-1]; last < highest {
		ticks = append(ticks, last+(ticks[1]-ticks[0]))
	}
	return scale{0, ticks[len(ticks)-1], false, from, to}, ticks
}

func smallestAbove0(values []float64) float64 {
	smallest := math.Inf(1)
	for _, v := range values {
		if v > 0 {
			smallest = min(smallest, v)
		}
	}
	if math.IsInf(smallest, 1) {
		return 1
	}
	return smallest
}

// isWide tells whether values span so much that a logarithmic scale shows them better.
func isWide(values []float64) bool {
	return len(values) > 0 && slices.Max(values) > wideRange*smallestAbove0(values)
}

// linearTicks are three to six round numbers from low to high, at least two.
func linearTicks(low, high float64) []float64 {
	if high <= low {
		high = low + 1
	}
	unit := math.Pow(10, math.Floor(math.Log10((high-low)/2)))
	step := unit
	for _, times := range []float64{2, 5, 10} {
		if (high-low)/step <= 5 {
			break
		}
		step = times * unit
	}
	var ticks []float64
	for i := math.Ceil(low / step); i*step <= high*(1+1e-9) || len(ticks) < 2; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// logTicks are 1, 2 and 5 times the powers of ten, from the last that is not above low to the first that is not
// below high.
func logTicks(low, high float64) []float64 {
	var ticks []float64
	for power := math.Floor(math.Log10(low)); ; power++ {
		for _, times := range []float64{1, 2, 5} {
			tick := times * math.Pow(10, power)
			if tick <= low*(1+1e-9) {
				ticks = []float64{tick}
				continue
			}
			ticks = append(ticks, tick)
			if tick >= high*(1-1e-9) {
				return ticks
			}
		}
	}
}

// thinned leaves the powers of ten where there would be too many labels, and of these every other one, or
// fewer.
func thinned(ticks []float64) []float64 {
	const enough = 7
	if len(ticks) <= enough {
		return ticks
	}
	var powers []float64
	for _, tick := range ticks {
		if log := math.Log10(tick); math.Abs(log-math.Round(log)) < 1e-9 {
			powers = append(powers, tick)
		}
	}
	for len(powers) > enough {
		var every []float64
		for i := 0; i < len(powers); i += 2 {
			every = append(every, powers[i])
		}
		powers = every
	}
	return powers
}

// short writes a number in few letters: 950, 1.5k, 20M.
func short(x float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= unit.size {
			return digits(x/unit.size) + unit.name
		}
	}
	return digits(x)
}

// digits writes three digits that matter, without zeros behind a point.
func digits(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func shortTime(ms float64) string {
	switch {
	case ms == 0:
		return "0"
	case ms < 1:
		return digits(1000*ms) + " µs"
	case ms < 1000:
		return digits(ms) + " ms"
	}
	return digits(ms/1000) + " s"
}

func shortBytes(bytes float64) string {
	switch {
	case bytes >= 1e9:
		return digits(bytes/1e9) + " GB"
	case bytes >= 1e6:
		return digits(bytes/1e6) + " MB"
	case bytes >= 1e3:
		return digits(bytes/1e3) + " kB"
	}
	return digits(bytes) + " B"
}
