package main

import (
	"math"
	"time"
)

// percentileOf is the time that so many percent of the calls did not take longer than.
type percentileOf struct {
	Percent float64 `json:"percent"` // 100: the longest
	Time    float64 `json:"ms"`
}

// reported are the percentiles that a report has of each row.
var reported = []float64{1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100}

// percentiles returns those of the sorted durations, none if there are none.
func percentiles(sorted []time.Duration) []percentileOf {
	if len(sorted) == 0 {
		return nil
	}
	all := make([]percentileOf, len(reported))
	for i, p := range reported {
		all[i] = percentileOf{p, milliseconds(percentile(sorted, p))}
	}
	return all
}

// percentile returns the smallest of the sorted durations that p percent of them do not exceed.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	const rounding = 1e-9 // 99.9 percent of 1000 is a little more than 999
	return sorted[max(0, int(math.Ceil(float64(len(sorted))*p/100-rounding))-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
