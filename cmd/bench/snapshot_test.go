package main

import (
	"fmt"
	"testing"
	"time"
)

func TestTenths(t *testing.T) {
	start := time.Now()
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for _, test := range []struct {
		name  string
		ticks []tick
		want  string
	}{
		{"nothing done", nil, "[]"},
		{"one call", []tick{{at(2), 100}}, "[50 50 50 50 50 50 50 50 50 50]"},
		{"half as fast", []tick{{at(1), 50}, {at(3), 50}}, "[50 50 50 50 50 25 25 25 25 25]"},
		{"in the order of time", []tick{{at(3), 50}, {at(1), 50}}, "[50 50 50 50 50 25 25 25 25 25]"},
		{"a call over the end of a tenth", []tick{{at(1), 15}, {at(2), 5}, {at(10), 80}}, "[15 7 10 10 10 10 10 10 10 10]"},
		{"calls for nothing", []tick{{at(1), 0}, {at(2), 100}, {at(3), 0}}, "[50 50 50 50 50 50 50 50 50 50]"},
		{"fewer than ten", []tick{{at(1), 1}, {at(2), 1}}, "[1 1 1 1 1 1 1 1 1 1]"},
	} {
		if got := fmt.Sprintf("%.0f", tenths(start, test.ticks)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
