package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(envChild); text != "" {
		os.Exit(beChild(text))
	}
	_ = intercept()                    // who needs it asks once more
	_ = flag.Set("test.parallel", "8") // unless somebody says otherwise: faults wait a lot
	pgtest.Main(m)
}

// inShort are the faults of which go test -short has the result: one of each kind.
var inShort = map[string]bool{"postmaster-kill": true, "terminate": true, "cut-commit": true, "read-only": true, "cancel": true}

// TestFaults is the short form of make faults.
func TestFaults(t *testing.T) {
	for _, f := range all {
		t.Run(f.backend+"/"+f.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && f.backend == "postgres" && !inShort[f.name] {
				t.Skip("left out in short: make faults FAULTS=" + f.name)
			}
			cfg := config{operations: 150, injections: 2, seed: 1}
			result, err := f.run(t.Context(), cfg, t.Output())
			if err != nil {
				t.Errorf("%v: %v\nrun it again: %s", result, err, f.again(cfg))
			}
			if result == nil {
				return
			}
			t.Log(result)
			if result.leftOut != "" {
				t.Skip(result.leftOut)
			}
			if result.operations < cfg.operations || result.injected < cfg.injections {
				t.Errorf("%s, want at least %d operations and %d injections", result, cfg.operations, cfg.injections)
			}
		})
	}
}

func TestFlagsThatNameNothingAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-backends", "oracle"},
		{"-faults", "flood"},
		{"-ops", "0"},
		{"-injections", "0"},
		{"-minutes", "-1"},
		{"and an argument"},
	} {
		if code := command(context.Background(), args); code != 2 {
			t.Errorf("%s: exit code %d, want 2", strings.Join(args, " "), code)
		}
	}
}
