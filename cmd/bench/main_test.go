package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// command runs the command and returns its exit code and output.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// rows are the scenarios of a table, in order.
func rows(table string) []string {
	_, table, _ = strings.Cut(table, "\n\n")
	var names []string
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i > 0 && !strings.HasPrefix(line, " ") { // a note
			names = append(names, strings.Fields(line)[0])
		}
	}
	return names
}

var allRows = []string{
	"save", "save_batch", "mark_one", "mark_bulk", "claim_locked", "claim_locked", "claim_lease", "claim_lease",
	"claim_ordered_hot", "claim_ordered_hot", "claim_ordered_cold", "claim_ordered_cold", "consumer",
	"latency", "latency_other_pool", "held_snapshot", "parked", "held_back",
	"archive", "restore", "read_archive", "archive_load", "archive_load",
	"hot_mark_bulk", "hot_claim_lease", "hot_save", "hot_save_batch",
}

var smallSizes = []string{"-events", "50", "-batch", "20", "-workers", "3", "-backlog", "45", "-archived", "65"}

func TestAllScenarios(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary) // where the database goes when no DSN is given
	path := filepath.Join(t.TempDir(), "result.json")
	code, stdout, stderr := command(t, append(smallSizes, "-json", path)...)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	if got := rows(stdout); !slices.Equal(got, allRows) {
		t.Errorf("rows %q, want %q in\n%s", got, allRows, stdout)
	}
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("%s was left behind", left[0].Name())
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Backend, Version string
		CPUs             int
		Results          []map[string]any
	}
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	if written.Backend != "sqlite" || written.Version == "" || written.CPUs < 1 || len(written.Results) != len(allRows) {
		t.Errorf("JSON is\n%s", text)
	}
	for i, result := range written.Results {
		if result["scenario"] != allRows[i] || result["events"] != 50.0 {
			t.Errorf("result %d is %v", i, result)
		}
		fields := []string{"workers", "batch", "seconds", "per_second"}
		if !strings.HasPrefix(allRows[i], "latency") { // may be 0, and is no multiple of save's
			fields = append(fields, "ratio_to_save", "p50_ms", "p99_ms")
		}
		wantNumbers(t, allRows[i], result, append(fields, fieldsOf[allRows[i]]...)...)
		if isArchives := result["files"] != nil; isArchives != slices.Contains([]string{"archive", "restore", "read_archive"}, allRows[i]) {
			t.Errorf("result %d, %s: files are %v", i, allRows[i], result["files"])
		} else if isArchives {
			wantNumbers(t, allRows[i], result["files"].(map[string]any),
				"archives", "raw_bytes", "size_bytes", "raw_bytes_per_second", "compression_ratio", "peak_heap_bytes")
		}
		workers := 1.0
		if i > 0 && allRows[i] == allRows[i-1] {
			workers = 3
		}
		if result["workers"] != workers {
			t.Errorf("result %d, %s: %v workers, want %v", i, allRows[i], result["workers"], workers)
		}
		if tenths, _ := result["tenths_per_second"].([]any); allRows[i] == "held_snapshot" && len(tenths) != 10 {
			t.Errorf("result %d, %s: tenths are %v, want 10", i, allRows[i], result["tenths_per_second"])
		}
	}
	for _, note := range []string{
		"\n    per tenth: ", "\n    with 45 events out of reach; without ", "\n    archives 1; ",
		"\n    with a Run, in ", "\n    with 65 events in archives; without ",
	} {
		if !strings.Contains(stdout, note) {
			t.Errorf("no line begins with %q in\n%s", note, stdout)
		}
	}
}

// fieldsOf are those that only some scenarios have.
var fieldsOf = map[string][]string{
	"parked":          {"backlog", "per_second_without", "ratio_to_without"},
	"held_back":       {"backlog", "per_second_without", "ratio_to_without"},
	"archive_load":    {"run_share", "per_second_without", "ratio_to_without"},
	"hot_mark_bulk":   {"archived", "per_second_without", "ratio_to_without"},
	"hot_claim_lease": {"archived", "per_second_without", "ratio_to_without"},
	"hot_save":        {"archived", "per_second_without", "ratio_to_without"},
	"hot_save_batch":  {"archived", "per_second_without", "ratio_to_without"},
}

// wantNumbers fails the test unless all these fields are above 0.
func wantNumbers(t *testing.T, row string, fields map[string]any, names ...string) {
	t.Helper()
	for _, name := range names {
		if n, ok := fields[name].(float64); !ok || n <= 0 {
			t.Errorf("%s: %s is %v", row, name, fields[name])
		}
	}
}

func TestScenariosThatADatabaseCanNotDoAreLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	code, stdout, stderr := command(t, "-dsn", "sqlite::memory:", "-events", "10", "-scenarios", "held_snapshot,latency_other_pool,claim_lease", "-workers", "1", "-json", path)
	if want := []string{"claim_lease", "latency_other_pool", "held_snapshot"}; code != 0 || !slices.Equal(rows(stdout), want) {
		t.Fatalf("exit code %d, stderr %q, want rows %q in\n%s", code, stderr, want, stdout)
	}
	if want := "held_snapshot          left out: there is one connection only\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("the table does not end with %q:\n%s", want, stdout)
	}
	var written report
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &written); err != nil || len(written.Results) != 1 || len(written.LeftOut) != 2 {
		t.Errorf("error %v, JSON is\n%s", err, text)
	}
}

func TestScenariosAreChosen(t *testing.T) {
	code, stdout, _ := command(t, "-dsn", "sqlite::memory:", "-events", "10", "-workers", "1", "-scenarios", "claim_locked, mark_bulk")
	if want := []string{"mark_bulk", "claim_locked"}; code != 0 || !slices.Equal(rows(stdout), want) {
		t.Errorf("exit code %d, want rows %q in\n%s", code, want, stdout)
	}
}

func TestSchemaIsDropped(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "app.db")
	for _, keep := range []bool{false, true} {
		args := []string{"-dsn", dsn, "-schema", "mine", "-events", "10", "-scenarios", "save,parked", "-backlog", "10"}
		if keep {
			args = append(args, "-keep")
		}
		if code, _, stderr := command(t, args...); code != 0 {
			t.Fatal(stderr)
		}
		db, err := driver.Connect(t.Context(), dsn, driver.WithLogger(nil))
		if err != nil {
			t.Fatal(err)
		}
		schemas, err := db.Schemas(t.Context())
		var want []string
		if keep {
			want = []string{"mine", "mine-2"}
		}
		if err != nil || !slices.Equal(schemas, want) {
			t.Errorf("keep %t: schemas %q, want %q, error %v", keep, schemas, want, err)
		}
		_ = db.Close()
	}
	code, _, stderr := command(t, "-dsn", dsn, "-schema", "mine", "-events", "10")
	if code != 2 || !strings.Contains(stderr, "schema mine is in use") {
		t.Errorf("a schema in use: exit code %d, stderr %q", code, stderr)
	}
}

func TestInputFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	good := `{"event_type":"order.placed","event_name":"Order placed","payload":{"b":1, "a":2.50}}`
	for _, test := range []struct{ name, text, want string }{
		{"good", good + "\n\n" + good, ""},
		{"not JSON", good + "\n{", ":2: unexpected end of JSON input"},
		{"no payload", good + "\n\n" + `{"event_type":"order.placed"}`, ":3: payload is missing"},
		{"payload is no object", `{"event_type":"order.placed","payload":[]}`, ":1: payload must be a JSON object"},
		{"bad type", `{"event_type":"order..placed","payload":{}}`, ":1: event_type must be words"},
		{"empty", "\n", " has no events"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := command(t, "-dsn", "sqlite::memory:", "-events", "5", "-workers", "1", "-scenarios", "save,claim_lease", "-input", path)
			switch {
			case test.want == "":
				if code != 0 {
					t.Errorf("exit code %d, stderr %q", code, stderr)
				}
			case code != 1 || !strings.Contains(stderr, path+test.want) || strings.Count(stderr, "\n") != 1:
				t.Errorf("exit code %d, stderr %q, want one line with %q", code, stderr, path+test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-scenarios", "save,fly"}, 2, `no scenario is named "fly"; there are save, save_batch, mark_one, mark_bulk, claim_locked`},
		{[]string{"-events", "0"}, 2, "must be a whole number from 1"},
		{[]string{"-batch", "many"}, 2, "must be a whole number from 1"},
		{[]string{"-payload", "10"}, 2, "-payload must be 0 or at least 11"},
		{[]string{"-payload", "100", "-input", "events.jsonl"}, 2, "-payload is for generated payloads"},
		{[]string{"-backlog", "9"}, 2, "must be a whole number from 10"},
		{[]string{"-level", "5"}, 2, "must be a whole number from 0 to 4"},
		{[]string{"-schema", strings.Repeat("a", 47)}, 2, "is too long"},
		{[]string{"-schema", "Mine"}, 2, "schema must be 1 to 48 characters"},
		{[]string{"-fast"}, 2, "-fast"},
		{[]string{"postgres://user:sesame@localhost/app"}, 2, "flags only"},
		{[]string{"-dsn", "oracle://user:sesame@localhost/app"}, 2, `scheme "oracle"`},
		{[]string{"-dsn", "postgres://user:sesame@127.0.0.1:1/app"}, 1, "unavailable"},
		{[]string{"-dsn", "sqlite:/nowhere/at/all.db"}, 1, "/nowhere/at/all.db"},
		{[]string{"-input", "/nowhere/at/all.jsonl"}, 1, "/nowhere/at/all.jsonl"},
		{[]string{"-dsn", "sqlite::memory:", "-json", "/nowhere/at/all.json"}, 1, "/nowhere/at/all.json"},
	} {
		code, stdout, stderr := command(t, test.args...)
		if code != test.code || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%q: exit code %d, want %d; stdout %q, stderr %q, want one line with %q", test.args, code, test.code, stdout, stderr, test.want)
		}
		if strings.Contains(stderr, "sesame") {
			t.Errorf("%q: stderr %q has the password", test.args, stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	code, stdout, stderr := command(t, "-h")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "-claim-batch") || !strings.Contains(stdout, "claim_locked") || !strings.Contains(stdout, "held_back") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// trigger calls a function when a text is written.
type trigger struct {
	bytes.Buffer
	text string
	call func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.call()
	}
	return w.Buffer.Write(p)
}

func TestInterruption(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "result.json")
	dsn := "sqlite:" + filepath.Join(directory, "app.db")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout := &trigger{text: "mark_one ", call: cancel} // when its row is written
	var stderr bytes.Buffer
	code := run(ctx, []string{"-dsn", dsn, "-events", "20", "-json", path}, stdout, &stderr)
	if code != 130 || stderr.String() != "bench: interrupted\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	if got, want := rows(stdout.String()), allRows[:3]; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	var written struct{ Results []result }
	if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, &written) != nil || len(written.Results) != 3 {
		t.Errorf("JSON is %s, error %v", text, err)
	}
	db, err := driver.Connect(t.Context(), dsn, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if schemas, err := db.Schemas(t.Context()); err != nil || len(schemas) > 0 {
		t.Errorf("schemas %q, error %v", schemas, err)
	}
}
