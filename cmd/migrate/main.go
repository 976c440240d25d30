// Command migrate brings the tables of neoevents to the version that this library needs, and back.
//
//	migrate -dsn DSN -schema tenant_a,tenant_b up       create and update the tables
//	migrate -dsn DSN -schema tenant_c -event-partitions 1000000 up
//	                                                    the same; a new schema's events are partitioned
//	migrate -dsn DSN -schema tenant_a verify            fail unless they are up to date
//	migrate -dsn DSN version                            where each installed schema stands
//	migrate -dsn DSN -schema tenant_a -to 0 down        back to a version; what later ones store is lost
//	migrate -dsn DSN -schema tenant_a -role app grants  print what that role needs to run an app, as SQL
//
// Without -schema, all schemas in which neoevents is installed. DSN may come from NEOEVENTS_DSN
// instead, to keep a password out of the process list. Exit status: 0, 1 for a failure, 2 for wrong
// usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/migrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = "usage: migrate -dsn DSN [-schema NAME[,NAME…]] [-event-partitions SIZE] [-to VERSION] [-role ROLE] up|verify|version|down|grants"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, usage)
		flags.PrintDefaults()
	}
	dsn := flags.String("dsn", os.Getenv("NEOEVENTS_DSN"), "the database (default $NEOEVENTS_DSN)")
	schema := flags.String("schema", "", "schemas, separated by commas (default all installed ones)")
	to := flags.Int("to", -1, "the version to go down to; 0 removes everything")
	partitions := flags.Int64("event-partitions", 0, "the positions of each partition of the events of a schema that up creates, on PostgreSQL; 0: not partitioned")
	role := flags.String("role", "", "the role, on PostgreSQL, for which grants prints what it needs")
	flags.Lookup("dsn").DefValue = "" // -h must not print the environment's password
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	command := flags.Arg(0)
	down, grants := command == "down", command == "grants"
	switch {
	case *dsn == "", flags.NArg() != 1, !strings.Contains(" up verify version down grants ", " "+command+" "),
		down && (*schema == "" || *to < 0), !down && *to >= 0, command != "up" && *partitions != 0, grants != (*role != ""):
		fmt.Fprintln(stderr, usage)
		fmt.Fprintln(stderr, "down takes -schema and -to, the others no -to; up alone takes -event-partitions; grants takes -role, the others do not")
		return 2
	}
	if err := work(ctx, command, *dsn, *schema, *role, *to, *partitions, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func work(ctx context.Context, command, dsn, names, role string, to int, partitions int64, stdout io.Writer) error {
	db, err := driver.Connect(ctx, dsn, driver.WithEventPartitions(partitions))
	if err != nil {
		return err
	}
	defer db.Close()
	schemas := strings.Split(names, ",")
	if names == "" {
		if schemas, err = db.Schemas(ctx); err != nil {
			return err
		}
		if len(schemas) == 0 {
			return errors.New("neoevents is not installed in this database; name the schemas with -schema")
		}
	}
	var failures []error
	switch command {
	case "grants":
		for _, schema := range schemas {
			script, err := migrate.Grants(db, schema, role)
			failures = append(failures, err)
			fmt.Fprint(stdout, script)
		}
		return errors.Join(failures...)
	case "up":
		failures = append(failures, migrate.Up(ctx, db, schemas...))
	case "verify":
		failures = append(failures, migrate.Verify(ctx, db, schemas...))
	case "down":
		for _, schema := range schemas {
			failures = append(failures, migrate.Down(ctx, db, schema, to))
		}
	}
	for _, schema := range schemas {
		status, err := migrate.Version(ctx, db, schema)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		fmt.Fprintf(stdout, "%s\tversion %d of %d\n", status.Schema, status.Version, status.Latest)
	}
	return errors.Join(failures...)
}
