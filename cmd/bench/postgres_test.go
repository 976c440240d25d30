package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestAllScenariosOnPostgres(t *testing.T) {
	code, stdout, stderr := command(t, append(smallSizes, "-dsn", pgtest.DSN(t))...)
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
