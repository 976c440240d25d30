package main

import (
	"strings"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// TestNothingGrows is the command in short.
func TestNothingGrows(t *testing.T) {
	for _, backend := range []string{"sqlite", "postgres"} {
		t.Run(backend, func(t *testing.T) {
			if backend == "postgres" {
				pgtest.DSN(t) // skips where there is none
			}
			cfg := config{length: 2 * time.Second, round: 250 * time.Millisecond, clients: 4, lease: 300 * time.Millisecond, seed: 1}
			var out strings.Builder
			err := cfg.soak(t.Context(), backend, &out, t.Output())
			t.Log(out.String())
			if err != nil {
				t.Errorf("expected that nothing is lost and nothing grows, got: %v\nin long: make soak BACKENDS=%s MINUTES=5", err, backend)
			}
		})
	}
}

func TestWhatGrowsIsFound(t *testing.T) {
	const rounds = 40
	for name, test := range map[string]struct {
		value func(round int) float64
		grows bool
	}{
		"the same in each round":         {func(int) float64 { return 20 * mib }, false},
		"up and down":                    {func(n int) float64 { return float64(20+n%3) * mib }, false},
		"a warm-up":                      {func(n int) float64 { return float64(min(n, 9)) * 3 * mib }, false},
		"a little in each round":         {func(n int) float64 { return float64(20+n/2) * mib }, true},
		"nothing, and a leak at the end": {func(n int) float64 { return float64(20+max(0, n-30)*2) * mib }, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{}
			for n := range rounds {
				r.gauges = append(r.gauges, []gauge{{name: "heap", bytes: true, value: test.value(n), room: 2 * mib}})
			}
			if grows := r.failed() != nil; grows != test.grows {
				t.Errorf("grows: %t, expected %t (%v)", grows, test.grows, r.grown())
			}
		})
	}
}
