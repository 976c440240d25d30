package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// gauge is something that must not grow, however long the work goes on.
type gauge struct {
	name  string
	bytes bool
	value float64
	room  float64 // by how much it may differ from round to round, besides a quarter
}

func (g gauge) text(value float64) string {
	if g.bytes {
		return fmt.Sprintf("%.1f MiB", value/mib)
	}
	return fmt.Sprintf("%.0f", value)
}

const mib = 1 << 20

// read reads the gauges, between two rounds.
func (r *run) read(ctx context.Context) ([]gauge, error) {
	debug.FreeOSMemory() // what nobody needs is no growth
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	tables, err := r.tables(ctx)
	if err != nil {
		return nil, err
	}
	gauges := []gauge{
		{name: "heap", bytes: true, value: float64(memory.HeapAlloc), room: 2 * mib},
		{name: "goroutines", value: float64(runtime.NumGoroutine()), room: 4},
		{name: "connections", value: float64(r.db.Stats().Open), room: 2},
		{name: "tables", bytes: true, value: tables, room: 2 * mib},
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil { // on Linux
		gauges = append(gauges, gauge{name: "open files", value: float64(len(files)), room: 4})
	}
	if r.backend == "sqlite" {
		wal, err := os.Stat(r.file() + "-wal")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		size := int64(0)
		if err == nil {
			size = wal.Size()
		}
		gauges = append(gauges, gauge{name: "write-ahead log", bytes: true, value: float64(size), room: 4 * mib})
	}
	return gauges, nil
}

// passing are the tables whose rows come and go.
var passing = []string{"events", "event_queue", "event_processed", "event_dead_letters", "event_consumers", "event_archiving"}

// tables is how many bytes they take, with their indexes, in all schemas together.
func (r *run) tables(ctx context.Context) (bytes float64, err error) {
	var names []string
	for _, schema := range schemas {
		for _, table := range passing {
			if r.backend == "sqlite" {
				names = append(names, "'"+schema+"__"+table+"'")
			} else {
				names = append(names, `'"`+schema+`"."`+table+`"'`)
			}
		}
	}
	statement := "SELECT sum(pg_total_relation_size(CAST(name AS regclass))) FROM unnest(ARRAY[" + strings.Join(names, ", ") + "]) AS t (name)"
	if r.backend == "sqlite" {
		statement = "SELECT sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name WHERE m.tbl_name IN (" + strings.Join(names, ", ") + ")"
	}
	err = r.sql.QueryRowContext(ctx, statement).Scan(&bytes)
	return bytes, err
}

// growth is what became of a gauge.
type growth struct {
	gauge
	early, late float64 // in the second quarter of the rounds, when all is warm, and in the last one
}

func (g growth) String() string {
	return fmt.Sprintf("%s %s to %s", g.name, strings.TrimSuffix(g.text(g.early), " MiB"), g.text(g.late))
}

func (g growth) grows() bool { return g.late > 1.25*g.early+g.room }

// grown compares the gauges.
func (r *run) grown() []growth {
	quarter := len(r.gauges) / 4
	all := make([]growth, len(r.gauges[0]))
	for i, g := range r.gauges[0] {
		values := make([]float64, len(r.gauges))
		for n := range r.gauges {
			values[n] = r.gauges[n][i].value
		}
		all[i] = growth{g, median(values[quarter : 2*quarter]), median(values[len(values)-quarter:])}
	}
	return all
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// failed tells what grows.
func (r *run) failed() error {
	var growing []string
	for _, g := range r.grown() {
		if g.grows() {
			growing = append(growing, g.String())
		}
	}
	if len(growing) > 0 {
		return errors.New("it grows: " + strings.Join(growing, ", "))
	}
	return nil
}
