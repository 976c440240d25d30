package main

import (
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) {
	if order := os.Getenv(envWorker); order != "" {
		os.Exit(beWorker(order))
	}
	pgtest.Main(m)
}

func TestKilledWorkersLoseAndDoubleNothingOnSQLite(t *testing.T) {
	dir := t.TempDir()
	testCrash(t, "sqlite", sqliteDSN(dir), dir)
}

func TestKilledWorkersLoseAndDoubleNothingOnPostgres(t *testing.T) {
	testCrash(t, "postgres", pgtest.DSN(t), t.TempDir())
}

func testCrash(t *testing.T, backend, dsn, dir string) {
	cfg := config{events: 1500, kills: 12, seed: 1}
	result, err := crash(t.Context(), backend, dsn, dir, cfg, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := result.failure(t.Output()); err != nil {
		t.Error(err)
	}
	if result.events < cfg.events || result.kills != cfg.kills {
		t.Errorf("%s, want at least %d events and %d kills", result.line(backend), cfg.events, cfg.kills)
	}
}

// The checks are worth as much as what they find.
func TestChecksFindWhatIsWrong(t *testing.T) {
	one, two := uuid.New(), uuid.New()
	for name, test := range map[string]struct {
		records       []record
		unprocessed   bool
		lost, doubled bool
	}{
		"all is well":                  {records: []record{{what: handled, token: one, attempt: 1}, {what: acking, token: one, attempt: 1}, {what: acked, token: one, attempt: 1}}},
		"killed while it acknowledged": {records: []record{{what: handled, token: one, attempt: 1}, {what: acking, token: one, attempt: 1}}},
		"killed before it acknowledged": {records: []record{
			{what: handled, token: one, attempt: 1},
			{what: acking, token: one, attempt: 1},
			{what: handled, token: two, attempt: 2},
			{what: acked, token: two, attempt: 2, place: 1},
		}},
		"late and refused": {records: []record{
			{what: handled, token: one, attempt: 1},
			{what: handled, token: two, attempt: 2},
			{what: acking, token: one, attempt: 1},
			{what: refused, token: one, attempt: 1},
			{what: acked, token: two, attempt: 2, place: 1},
		}},
		"never handed out": {lost: true},
		"not processed":    {records: []record{{what: handled, token: one, attempt: 1}}, unprocessed: true, lost: true},
		"acknowledged, but not processed": {
			records:     []record{{what: handled, token: one, attempt: 1}, {what: acked, token: one, attempt: 1, place: 1}},
			unprocessed: true, lost: true,
		},
		"processed by nobody": {records: []record{{what: handled, token: one, attempt: 1}}, lost: true},
		"refused to all": {
			records: []record{{what: handled, token: one, attempt: 1}, {what: acking, token: one, attempt: 1}, {what: refused, token: one, attempt: 1}},
			lost:    true,
		},
		"acknowledged twice": {
			records: []record{
				{what: handled, token: one, attempt: 1},
				{what: acking, token: one, attempt: 1},
				{what: acked, token: one, attempt: 1},
				{what: acked, token: one, attempt: 1, place: 1},
			},
			doubled: true,
		},
		"acknowledged by who had lost it": {
			records: []record{
				{what: handled, token: one, attempt: 1},
				{what: handled, token: two, attempt: 2},
				{what: acked, token: one, attempt: 1, place: 1},
			},
			doubled: true,
		},
	} {
		if got := lossOf(test.records, !test.unprocessed); (len(got) > 0) != test.lost {
			t.Errorf("%s: lost %q, want %t", name, got, test.lost)
		}
		if got := doublingOf(test.records); (len(got) > 0) != test.doubled {
			t.Errorf("%s: doubled %q, want %t", name, got, test.doubled)
		}
	}
}

func TestChecksFindDisorder(t *testing.T) {
	aggregates := []uuid.UUID{uuid.New(), uuid.New()}
	known := map[uuid.UUID]saved{}
	ids := make([][]uuid.UUID, len(aggregates))
	for i, aggregate := range aggregates {
		for version := int64(1); version <= 4; version++ {
			id := uuid.New()
			ids[i] = append(ids[i], id)
			known[id] = saved{id, aggregate, version}
		}
	}
	a, b := ids[0], ids[1]
	for name, test := range map[string]struct{ rows, want []uuid.UUID }{
		"in order":            {rows: []uuid.UUID{a[0], b[0], b[1], a[1], a[2], b[2], a[3], b[3]}},
		"one left out":        {rows: []uuid.UUID{a[0], a[1], a[3]}, want: []uuid.UUID{a[3]}},
		"one too late":        {rows: []uuid.UUID{a[1], a[0], a[2], a[3], b[0]}, want: []uuid.UUID{a[1]}},
		"two before the last": {rows: []uuid.UUID{a[0], a[2], a[3], a[1]}, want: []uuid.UUID{a[2], a[3]}},
	} {
		var rows []record
		for _, id := range test.rows {
			rows = append(rows, record{what: acked, event: id})
		}
		var got []uuid.UUID
		for _, f := range disorderOf(known, rows) {
			got = append(got, f.event)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
