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
	write func(float64) string // a label
	full  func(float64) string // a figure; nil: as a label
	marks []float64            // where the labels are; nil: where they fit
}

// figure writes a value that is not just a label.
func (a axis) figure(value float64) string {
	if a.full != nil {
		return a.full(value)
	}
	return a.write(value)
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
	c.Marks = append(c.Marks, stroke("grid", "M%s %sH%s", left, bottom, right),
		text("axis", "start", 0, 11, y.title), text("axis", "middle", (left+right)/2, c.Height-4, x.title))
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
		if s.name != "" {
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
		dots = append(dots, mark{Class: class, Dot: true, X: pixels(px), Y: pixels(py), Text: fmt.Sprintf("%s: %s", x.write(p.x), y.figure(p.y))})
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
					cell = y.figure(p.y)
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
		value := unit.figure(b.value)
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
