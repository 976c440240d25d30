package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// sweepRows are how often the table has each row.
var sweepRows = map[string]int{
	"by_workers/save": 6, "by_workers/claim_lease": 6, "by_batch/save_batch": 4, "by_batch/claim_lease": 4, "by_backlog/claim_lease": 1,
	"by_payload/save_batch": 4, "by_payload/claim_lease": 4, "by_tenants/mixed": 2, "bloat": 1,
}

func TestSweeps(t *testing.T) {
	written, stdout := sweep(t, "sqlite:"+filepath.Join(t.TempDir(), "app.db"), "sweeps")
	got := map[string]int{}
	for _, name := range rows(stdout) {
		got[name]++
	}
	if !maps.Equal(got, sweepRows) {
		t.Errorf("rows %v, want %v in\n%s", got, sweepRows, stdout)
	}
	checkTenants(t, written)
	checkBloat(t, written)
}

// TestSweepsThatLookAtTheServer has those whose figures are not the driver's alone.
func TestSweepsThatLookAtTheServer(t *testing.T) {
	written, stdout := sweep(t, pgtest.DSN(t), "by_tenants,bloat")
	checkTenants(t, written)
	checkBloat(t, written)
	if !strings.Contains(stdout, ", PostgreSQL ") || !strings.Contains(stdout, "\ndurability  fsync ") {
		t.Errorf("nothing tells the server's version and fsync in\n%s", stdout)
	}
}

// sweep runs sweeps with small sizes.
func sweep(t *testing.T, dsn, scenarios string) (written *report, stdout string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "result.json")
	code, stdout, stderr := command(t, "-dsn", dsn, "-scenarios", scenarios, "-json", path,
		"-events", "60", "-batch", "20", "-workers", "2", "-max-waiting", "100", "-max-tenants", "10", "-duration", "300ms")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	written, err := readReport(path)
	if err != nil {
		t.Fatal(err)
	}
	return written, stdout
}

func checkTenants(t *testing.T, r *report) {
	t.Helper()
	i := slices.IndexFunc(r.Results, func(row result) bool { return row.Tenants == 10 })
	if i < 0 {
		t.Fatal("no row is of 10 tenants")
	}
	row := r.Results[i]
	if row.RatioToOneTenant <= 0 || row.Memory == nil || row.Memory.Heap == 0 || row.Events != row.Calls || row.Events == 0 {
		t.Errorf("10 tenants: %+v, want calls, a ratio and memory", row)
	}
	if known, why := row.Memory.ServerProcesses > 0, row.Memory.ServerLeftOut; known == (why != "") {
		t.Errorf("10 tenants: memory %+v, want that of the server, or why not", row.Memory)
	}
}

func checkBloat(t *testing.T, r *report) {
	t.Helper()
	i := slices.IndexFunc(r.Results, func(row result) bool { return row.Sweep == sweepBloat })
	if i < 0 {
		t.Fatal("no row is bloat")
	}
	samples := r.Results[i].Samples
	if len(samples) < 2 || len(samples[len(samples)-1].Parts) == 0 {
		t.Fatalf("samples %+v, want several, with sizes", samples)
	}
	for _, part := range samples[len(samples)-1].Parts {
		if part.Name == "" || part.Bytes <= 0 {
			t.Errorf("part %+v", part)
		}
	}
}

func TestSizesAreLeftOutWithTheReason(t *testing.T) {
	code, stdout, stderr := command(t, "-dsn", "sqlite::memory:", "-workers", "1", "-events", "10", "-scenarios", "bloat,by_tenants", "-duration", "50ms")
	if code != 0 || !strings.Contains(stdout, "\n    sizes left out: the database is in memory\n") {
		t.Errorf("exit code %d, stderr %q, want the reason in\n%s", code, stderr, stdout)
	}
	if want := "by_tenants             left out: there is one connection only\n"; !strings.Contains(stdout, want) {
		t.Errorf("no line is %q in\n%s", want, stdout)
	}
}

func TestWrongResultsOfASteadyRunAreFailures(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	for name, done := range map[string][]uuid.UUID{"done twice": {a, a}, "never saved": {b}} {
		st := &steady{saved: []uuid.UUID{a}}
		if err := st.check(t.Context(), done); err == nil || !strings.HasPrefix(err.Error(), "wrong result: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestGroupsOfScenarios(t *testing.T) {
	for list, want := range map[string]int{"sweeps": len(sweepScenarios), "all": len(scenarios), "save,sweeps,bloat": 1 + len(sweepScenarios)} {
		if got, err := selectScenarios(list); err != nil || len(got) != want {
			t.Errorf("%s: %d scenarios, want %d, error %v", list, len(got), want, err)
		}
	}
}

func TestPartsThatSayNothingAreLeftOut(t *testing.T) {
	samples := changed([]sample{
		{Parts: []part{{"grows", 10_000, 0}, {"stays, large", 9_000_000, 0}, {"stays, small", 80_000, 0}, {"tiny", 10, 0}, {"dead rows", 50_000, 0}}},
		{Parts: []part{{"grows", 20_000, 0}, {"stays, large", 9_000_000, 0}, {"stays, small", 80_000, 0}, {"tiny", 20, 0}, {"dead rows", 50_000, 7}}},
	})
	for i, sample := range samples {
		var names []string
		for _, part := range sample.Parts {
			names = append(names, part.Name)
		}
		if want := []string{"grows", "stays, large", "dead rows"}; !slices.Equal(names, want) {
			t.Errorf("sample %d has %q, want %q", i, names, want)
		}
	}
}
