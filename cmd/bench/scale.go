package main

import (
	"math"
	"slices"
	"strconv"

	"github.com/neomultitenant/neoevents/internal/figures"
)

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

// counted writes a number of things: 950, 1,000, 20k, 1M.
func counted(x float64) string {
	if x < 1e4 {
		return figures.Grouped(int(x))
	}
	return short(x)
}

// short writes a number in few letters: 950, 1.5k, 20k, 1.5M.
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

// times writes a ratio.
func times(ratio float64) string {
	if ratio < 0.1 {
		return strconv.FormatFloat(ratio, 'g', 2, 64)
	}
	return strconv.FormatFloat(ratio, 'f', 2, 64)
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
