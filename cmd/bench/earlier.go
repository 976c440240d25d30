package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
)

// fileError is a file that is not what it was given for.
type fileError struct {
	path string
	want string // what it should be
	err  error
}

func (e *fileError) Error() string { return fmt.Sprintf("%s is not %s: %v", e.path, e.want, e.err) }
func (e *fileError) Unwrap() error { return e.err }

// readReport reads what -json wrote.
func readReport(path string) (*report, error) {
	r := new(report)
	if err := readJSON(path, "a report that -json wrote", r, func() error { return r.check() }); err != nil {
		return nil, err
	}
	return r, nil
}

// readJSON reads a file into value and checks it.
func readJSON(path, want string, value any, check func() error) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err = json.Unmarshal(text, value); err == nil {
		err = check()
	}
	if err != nil {
		return &fileError{path, want, err}
	}
	return nil
}

// check tells what a report lacks that was read from a file.
func (r *report) check() error {
	switch {
	case r.Backend == "":
		return errors.New("it names no backend")
	case r.Results == nil:
		return errors.New("it has no results")
	}
	for i := range r.Results {
		row := &r.Results[i]
		switch {
		case row.Scenario == "":
			return fmt.Errorf("result %d names no scenario", i+1)
		case !isFigure(row.PerSecond) || !isFigure(row.P50):
			return fmt.Errorf("result %d, %s, has a figure that can't be", i+1, row.Scenario)
		}
		for _, p := range row.Latency {
			if !isFigure(p.Time) || !(p.Percent > 0 && p.Percent <= 100) {
				return fmt.Errorf("result %d, %s, has a percentile that can't be", i+1, row.Scenario)
			}
		}
		for _, run := range row.Runs {
			if !isFigure(run.PerSecond) || !isFigure(run.P50) {
				return fmt.Errorf("result %d, %s, has a run whose figure can't be", i+1, row.Scenario)
			}
		}
	}
	return nil
}

// isFigure tells whether a rate or a time is one that can have been measured.
func isFigure(x float64) bool { return x >= 0 && x < math.MaxInt64 }
