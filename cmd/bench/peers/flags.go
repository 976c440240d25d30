package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

// config is what the flags say.
type config struct {
	dsn     string // empty: SQLite, in a temporary folder
	events  int
	input   string // empty: payloads as payload says
	payload string // bytes of each, 0 as real ones have them; or the one that all have, as JSON
	repeat  int
	peers   []peer
	paths   []path
	json    string // empty: none
}

const (
	defaultEvents = 20_000
	defaultRepeat = 3
	seed          = 1 // of generated payloads
)

// parseFlags reads the command line. Its errors are usageErrors, or flag.ErrHelp after help was
// written to help.
func parseFlags(args []string, help io.Writer) (config, error) {
	cfg := config{peers: peers, paths: paths}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringVar(&cfg.dsn, "dsn", "", "`DSN` of a PostgreSQL database (default SQLite in a temporary folder)")
	flags.IntVar(&cfg.events, "events", defaultEvents, fmt.Sprintf("`number` of events; save, and workers without batches, take %d at the most, save_32 %d", singles, concurrents))
	flags.StringVar(&cfg.input, "input", "", "JSON Lines `file` of events, event_type, event_name and payload each (default generated)")
	flags.StringVar(&cfg.payload, "payload", "0", "`bytes` of every generated payload, 0 for sizes as real webhooks have them, or the JSON object that every payload is")
	flags.IntVar(&cfg.repeat, "repeat", defaultRepeat, "`number` of runs of each path and peer")
	flags.Func("peers", "`list` of peers, separated by commas (default all)", func(list string) (err error) {
		cfg.peers, err = choose(peers, list, "peer", func(p peer) string { return p.name })
		return err
	})
	flags.Func("paths", "`list` of paths, separated by commas (default all)", func(list string) (err error) {
		cfg.paths, err = choose(paths, list, "path", func(p path) string { return p.name })
		return err
	})
	flags.StringVar(&cfg.json, "json", "", "`file` to write the results to as JSON")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		writeHelp(help, flags)
		return cfg, err
	case err != nil:
		return cfg, usageError{err}
	case flags.NArg() > 0: // not repeated: it may be a DSN
		return cfg, usageError{errors.New("flags only, no other arguments; -h lists them")}
	case cfg.dsn != "" && !strings.HasPrefix(cfg.dsn, "postgres://") && !strings.HasPrefix(cfg.dsn, "postgresql://"):
		return cfg, usageError{errors.New("-dsn is for PostgreSQL, postgres://…; leave it out for SQLite")}
	case cfg.events < 1:
		return cfg, usageError{errors.New("-events must be at least 1")}
	case cfg.repeat < 1:
		return cfg, usageError{errors.New("-repeat must be at least 1")}
	}
	return cfg, nil
}

// choose returns those that a list names, in the order in which they are known.
func choose[T any](known []T, list, kind string, name func(T) string) ([]T, error) {
	var names []string
	for _, one := range known {
		names = append(names, name(one))
	}
	wanted := strings.Split(list, ",")
	for i := range wanted {
		wanted[i] = strings.TrimSpace(wanted[i])
		if !slices.Contains(names, wanted[i]) {
			return nil, fmt.Errorf("no %s is named %q; there are %s", kind, wanted[i], strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(one T) bool { return !slices.Contains(wanted, name(one)) }), nil
}

func writeHelp(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintln(w, "Usage: peers [flags]\n\nPeers:")
	for _, p := range peers {
		fmt.Fprintf(w, "  %-12s  %s\n", p.name, p.about)
	}
	fmt.Fprintln(w, "\nPaths:")
	for _, p := range paths {
		fmt.Fprintf(w, "  %-12s  %s\n", p.name, p.doc)
	}
	fmt.Fprintln(w, "\nFlags:")
	flags.SetOutput(w)
	flags.PrintDefaults()
}

// source returns what makes the events.
func (c config) source() (*payloads.Source, error) {
	switch size, err := strconv.Atoi(c.payload); {
	case c.input != "" && c.payload != "0":
		return nil, usageError{errors.New("-payload is for payloads without a file; leave it out with -input")}
	case c.input != "":
		return payloads.FromFile(c.input)
	case err != nil:
		source, err := payloads.Fixed(json.RawMessage(c.payload))
		if err != nil {
			return nil, usageError{fmt.Errorf("-payload must be a number of bytes or a JSON object: %w", err)}
		}
		return source, nil
	case size != 0 && (size < payloads.MinSize || size > driver.DefaultMaxPayload):
		return nil, usageError{fmt.Errorf("-payload must be 0, or from %d to %d bytes", payloads.MinSize, driver.DefaultMaxPayload)}
	default:
		return payloads.Generated(c.events, size, seed), nil
	}
}
