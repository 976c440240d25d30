package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRepeatedRowsHaveTheMedianAndTheSpread(t *testing.T) {
	row := func(rate float64) result { return result{Scenario: "save", PerSecond: rate} }
	stopped := row(1)
	stopped.Interrupted = true
	for _, test := range []struct {
		name       string
		rows       []result
		figure     float64
		spread     float64
		runs       int
		interruped bool
	}{
		{"once", []result{row(70)}, 70, 0, 0, false},
		{"three times", []result{row(90), row(100), row(80)}, 90, 20. / 90, 3, false},
		{"an even number", []result{row(90), row(100)}, 90, 10. / 90, 2, false},
		{"interrupted the second time", []result{row(90), stopped}, 90, 0, 0, false},
		{"interrupted the first time", []result{stopped}, 1, 0, 0, true},
		{"by the time where the rate is no figure", []result{
			{PerSecond: 200, P50: 3, Paced: true}, {PerSecond: 200, P50: 4, Paced: true}, {PerSecond: 200, P50: 1, Paced: true},
		}, 3, 1, 3, false},
	} {
		got := middle(test.rows)
		if got.figure() != test.figure || got.Spread != test.spread || len(got.Runs) != test.runs || got.Interrupted != test.interruped {
			t.Errorf("%s: figure %v, spread %v of %d runs, interrupted %t; want %+v", test.name, got.figure(), got.Spread, len(got.Runs), got.Interrupted, test)
		}
	}
}

func TestRepeatedRunIsInterruptedInTheSecondPass(t *testing.T) {
	var stdout bytes.Buffer
	r, err := newReport(&stdout, "sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []result{{Scenario: "save", PerSecond: 100}, {Scenario: "consumer", PerSecond: 300}, {Scenario: "save", PerSecond: 110}} {
		err = errors.Join(err, r.measured(row, false))
	}
	if err = errors.Join(err, r.finish()); err != nil || len(r.Results) != 2 || len(r.Results[0].Runs) != 2 || len(r.Results[1].Runs) != 0 {
		t.Errorf("error %v, results %+v, want save measured twice and consumer once", err, r.Results)
	}
}

// twice returns a row with two runs.
func twice(scenario string, workers int, first, second float64) result {
	return middle([]result{{Scenario: scenario, Workers: workers, PerSecond: first}, {Scenario: scenario, Workers: workers, PerSecond: second}})
}

func TestComparisonTellsWhatMoved(t *testing.T) {
	once := result{Scenario: "consumer", Workers: 1, PerSecond: 100}
	late := middle([]result{{Scenario: "latency", P50: 2, Paced: true}, {Scenario: "latency", P50: 2.1, Paced: true}})
	soon := middle([]result{{Scenario: "latency", P50: 1, Paced: true}, {Scenario: "latency", P50: 1.1, Paced: true}})
	before := &earlier{"old.json", &report{Backend: "sqlite", CPUs: 2, Results: []result{
		twice("save", 1, 100, 110), twice("save_batch", 1, 100, 110), twice("claim_lease", 1, 100, 110), twice("claim_lease", 4, 50, 55),
		late, once, twice("parked", 1, 10, 11),
	}}}
	now := &report{Backend: "postgres", CPUs: 2, Results: []result{
		twice("save", 1, 200, 210), twice("save_batch", 1, 115, 125), twice("claim_lease", 1, 70, 80), twice("claim_lease", 8, 50, 55),
		soon, once,
	}}
	var out bytes.Buffer
	if err := before.compare(&out, now); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"compared with old.json",
		"other backend: sqlite, then postgres",
		"scenario workers batch old new new/old",
		"save 1 0 100 200 2.00 faster",
		"save_batch 1 0 100 115 1.15 within the noise",
		"claim_lease 1 0 100 70 0.70 slower",
		"claim_lease 8 0 only in the new one",
		"latency 0 0 2.00 ms 1.00 ms 0.50 faster",
		"consumer 1 0 100 100 1.00 noise unknown: measured once",
		"claim_lease 4 0 only in the old one",
		"parked 1 0 only in the old one",
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if text := strings.Join(strings.Fields(line), " "); text != "" {
			got = append(got, text)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRunsAreRepeatedAndComparedByTheCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	args := []string{"-dsn", "sqlite::memory:", "-events", "10", "-workers", "1", "-scenarios", "mark_bulk,claim_lease", "-repeat", "3", "-json", path}
	if code, stdout, stderr := command(t, args...); code != 0 || !slices.Equal(rows(stdout), []string{"mark_bulk", "claim_lease"}) {
		t.Fatalf("exit code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	written, err := readReport(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range written.Results {
		if len(row.Runs) != 3 || row.Spread <= 0 || len(row.Latency) != len(reported) || row.Calls == 0 {
			t.Errorf("%s: %+v, want 3 runs, a spread, and percentiles", row.Scenario, row)
		}
	}
	code, stdout, stderr := command(t, append(args, "-compare", path)...)
	if _, compared, ok := strings.Cut(stdout, "\ncompared with "+path); code != 0 || !ok || strings.Count(compared, "\n") != 4 {
		t.Errorf("exit code %d, stderr %q, want a comparison of two rows in\n%s", code, stderr, stdout)
	}
}

func TestFilesThatAreNoReports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.json")
	for text, want := range map[string]string{
		"":                     "unexpected end of JSON input",
		"[]":                   "cannot unmarshal array",
		`{"results":[]}`:       "it names no backend",
		`{"backend":"sqlite"}`: "it has no results",
		`{"backend":"sqlite","results":[{"path":"save"}]}`:                                             "result 1 names no scenario",
		`{"backend":"sqlite","results":[{"scenario":"save","per_second":-1}]}`:                         "result 1, save, has a figure that can't be",
		`{"backend":"sqlite","results":[{"scenario":"save","runs":[{"per_second":1},{"p50_ms":-1}]}]}`: "result 1, save, has a run whose figure can't be",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readReport(path)
		if refused := (*fileError)(nil); !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), path+" is not a report that -json wrote: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	for _, missing := range []string{"-compare"} {
		if code, stdout, stderr := command(t, missing, "/nowhere/at/all.json"); code != 1 || stdout != "" || !strings.Contains(stderr, "/nowhere/at/all.json") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", missing, code, stdout, stderr)
		}
	}
}
