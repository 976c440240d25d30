package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestAllScenariosOnPostgres(t *testing.T) {
	code, stdout, stderr := command(t, "-dsn", pgtest.DSN(t), "-events", "50", "-batch", "20", "-workers", "3", "-backlog", "45")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	if got := rows(stdout); !slices.Equal(got, allRows) {
		t.Errorf("rows %q, want %q in\n%s", got, allRows, stdout)
	}
	if want := "by another pool; the database notifies the worker's pool\n"; !strings.Contains(stdout, want) {
		t.Errorf("no line ends with %q in\n%s", want, stdout)
	}
}
