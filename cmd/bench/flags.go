package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

// config is what the flags say.
type config struct {
	dsn        string // empty: a temporary file
	schema     string
	events     int
	input      string // empty: generated
	payload    int    // bytes; 0: as real webhooks have them
	batch      int
	claimBatch int
	workers    int
	backlog    int
	archived   int
	level      int // 0: the default
	scenarios  []scenario
	partitions int // positions of each partition of the events; 0: not partitioned
	repeat     int // how often everything is measured
	waiting    int // events in the queue of by_backlog, at the most
	tenants    int // schemas of by_tenants, at the most
	duration   time.Duration
	json       string // empty: none
	compare    string // report to compare with; empty: none
	html       string // empty: none
	from       string // report to take instead of a run; empty: none
	peers      string // what was measured of others; empty: none
	seed       uint64
	keep       bool
	version    bool
}

const (
	maxEvents      = 10_000_000
	maxWorkers     = 1000
	maxRepeats     = 100
	lockedAtOnce   = 100 // claim batch unless -claim-batch or a smaller -batch is given
	defaultWorkers = 4
)

// parseFlags reads the command line. Its errors are usageErrors, or flag.ErrHelp after help was
// written to help.
func parseFlags(args []string, help io.Writer) (config, error) {
	cfg := config{
		schema:    fmt.Sprintf("bench_%08x", rand.Uint32()),
		events:    defaultEvents,
		batch:     driver.DefaultMarkBatch,
		workers:   defaultWorkers,
		backlog:   defaultBacklog,
		archived:  defaultArchived,
		repeat:    1,
		waiting:   defaultWaiting,
		tenants:   defaultTenants,
		duration:  defaultDuration,
		scenarios: defaultScenarios,
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	number := func(value *int, name string, lowest, highest int, usage string) {
		flags.Var(&bounded{value, lowest, highest}, name, usage)
	}
	flags.StringVar(&cfg.dsn, "dsn", "", "`DSN` of the database (default SQLite in a temporary file)")
	flags.Func("schema", "`name` of a schema that is not there yet; parked, held_back and archive_hot also use NAME-2, by_tenants NAME-1, NAME-2, … (default bench_ and a random number)", func(name string) error {
		cfg.schema = name
		if longest := "-" + strconv.Itoa(maxTenants); driver.ValidateSchema(name) == nil && driver.ValidateSchema(name+longest) != nil {
			return fmt.Errorf("is too long to have %s after it", longest)
		}
		return reason(driver.ValidateSchema(name))
	})
	number(&cfg.events, "events", 1, maxEvents, fmt.Sprintf("`number` of events; save and mark_one take %d at the most, latency and latency_other_pool %d", singles, latencies))
	flags.StringVar(&cfg.input, "input", "", "JSON Lines `file` of events, event_type, event_name and payload each (default generated)")
	number(&cfg.payload, "payload", 0, driver.DefaultMaxPayload, "`bytes` of every generated payload; 0 for sizes as real webhooks have them")
	number(&cfg.batch, "batch", 1, driver.MaxLimit, "`number` of events saved or marked at a time; a claim takes as many, but 100 at the most")
	number(&cfg.claimBatch, "claim-batch", 0, driver.MaxLimit, "`number` of events claimed at a time, whatever -batch says; 0 to go by -batch")
	number(&cfg.workers, "workers", 1, maxWorkers, "`number` of workers, a connection each, for the scenarios that run with one and with several")
	number(&cfg.backlog, "backlog", failingAggregates, maxEvents, "`number` of events that are out of reach in parked and held_back")
	number(&cfg.archived, "archived", 1, maxEvents, "`number` of events that are archived meanwhile in archive_load, and beforehand in archive_hot")
	number(&cfg.waiting, "max-waiting", 1, maxEvents, "`number` of events that wait in the longest queue of by_backlog")
	number(&cfg.tenants, "max-tenants", 1, maxTenants, "`number` of schemas that by_tenants goes up to")
	flags.DurationVar(&cfg.duration, "duration", cfg.duration, "how long each row of by_tenants, and bloat, is measured")
	number(&cfg.level, "level", 0, 4, "`number` that says how hard archives are compressed, from 1 (fastest) to 4 (smallest); 0 for the default")
	flags.Func("scenarios", "`list` of scenarios, separated by commas; sweeps is all of by_… and bloat, all is everything (default all but sweeps)", func(list string) (err error) {
		cfg.scenarios, err = selectScenarios(list)
		return err
	})
	number(&cfg.partitions, "event-partitions", 0, driver.MaxEventPartition, "`number` of positions of each partition of the events, on PostgreSQL; 0: they are not partitioned")
	number(&cfg.repeat, "repeat", 1, maxRepeats, "`number` of times that everything is measured: the report has the median and the spread")
	flags.StringVar(&cfg.json, "json", "", "`file` to write the results to as JSON")
	flags.StringVar(&cfg.compare, "compare", "", "`file` that an earlier run wrote with -json, to compare the results with")
	flags.StringVar(&cfg.html, "html", "", "`file` to write the results to as a page with charts")
	flags.StringVar(&cfg.from, "from", "", "`file` that an earlier run wrote with -json, to make the page and the comparison of, instead of a run")
	flags.StringVar(&cfg.peers, "peers", "", "`file` of what was measured of other libraries, for a chart in the page")
	flags.Uint64Var(&cfg.seed, "seed", 1, "`number` that generated payloads follow from")
	flags.BoolVar(&cfg.version, "version", false, "print the version of this command and of Go, and do nothing else")
	flags.BoolVar(&cfg.keep, "keep", false, "leave the last scenario's schema, and the temporary file")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		writeHelp(help, flags)
		return cfg, err
	case err != nil:
		return cfg, usageError{err}
	case flags.NArg() > 0: // not repeated: it may be a DSN
		return cfg, usageError{errors.New("flags only, no other arguments; -h lists them")}
	case cfg.input != "" && cfg.payload != 0:
		return cfg, usageError{errors.New("-payload is for generated payloads; leave it out with -input")}
	case cfg.payload != 0 && cfg.payload < payloads.MinSize:
		return cfg, usageError{fmt.Errorf("-payload must be 0 or at least %d", payloads.MinSize)}
	case cfg.from != "" && cfg.html == "" && cfg.compare == "":
		return cfg, usageError{errors.New("-from needs -html or -compare; else there is nothing to do")}
	case cfg.from != "" && cfg.json != "":
		return cfg, usageError{errors.New("-from is instead of a run; leave out -json")}
	case cfg.peers != "" && cfg.html == "":
		return cfg, usageError{errors.New("-peers is for the page; give -html, too")}
	case cfg.duration <= 0:
		return cfg, usageError{errors.New("-duration must be above 0")}
	}
	if cfg.claimBatch == 0 {
		cfg.claimBatch = min(cfg.batch, lockedAtOnce)
	}
	return cfg, nil
}

func writeHelp(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintln(w, "Usage: bench [flags]\n\nScenarios:")
	for _, s := range scenarios {
		fmt.Fprintf(w, "  %-18s  %s\n", s.name, s.doc)
	}
	fmt.Fprintln(w, "\nFlags:")
	flags.SetOutput(w)
	flags.PrintDefaults()
}

// bounded is a flag that takes a whole number within bounds.
type bounded struct {
	value           *int
	lowest, highest int
}

func (b *bounded) String() string {
	if b.value == nil {
		return "0"
	}
	return strconv.Itoa(*b.value)
}

func (b *bounded) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < b.lowest || n > b.highest {
		return fmt.Errorf("must be a whole number from %d to %d", b.lowest, b.highest)
	}
	*b.value = n
	return nil
}

// reason is the detail of an ErrInvalid, without the words around it.
func reason(err error) error {
	if invalid := (*driver.InvalidError)(nil); errors.As(err, &invalid) {
		return invalid
	}
	return err
}
