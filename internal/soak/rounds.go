package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
	"github.com/neomultitenant/neoevents/internal/invariants"
)

// schemas are the tenants of each database.
var schemas = []string{"acme", "globex", "initech"}

// place is where a database is.
type place struct {
	backend string
	dsn     string
	dir     string
}

// file is that of SQLite.
func (p *place) file() string { return filepath.Join(p.dir, "soak.db") }

// run is the work on a database.
type run struct {
	*place
	config
	progress io.Writer

	db      driver.DB
	sql     *sql.DB // a way to the tables that is not the library's
	tenants []clients.Tenant

	began  time.Time
	report history.Report // of all rounds together
	gauges [][]gauge      // of each round
}

func (p *place) open(ctx context.Context, cfg config, progress io.Writer) (r *run, err error) {
	r = &run{place: p, config: cfg, progress: progress, began: time.Now()}
	if r.db, err = driver.Connect(ctx, p.dsn, driver.WithLogger(nil)); err != nil {
		return nil, err
	}
	for _, schema := range schemas {
		store, err := r.db.Store(ctx, schema)
		if err != nil {
			return nil, errors.Join(err, r.db.Close())
		}
		r.tenants = append(r.tenants, clients.Tenant{Name: schema, Store: store})
	}
	if r.sql, err = invariants.Open(p.backend, p.dsn); err != nil {
		return nil, errors.Join(err, r.db.Close())
	}
	return r, nil
}

func (r *run) close() { _, _ = r.sql.Close(), r.db.Close() }

// rounds works until its time is over, and reads the gauges after each round.
func (r *run) rounds(ctx context.Context) error {
	for n := uint64(1); time.Since(r.began) < r.length || len(r.gauges) < leastRounds; n++ {
		if err := r.once(ctx, n); err != nil {
			return fmt.Errorf("in round %d: %w", n, err)
		}
		gauges, err := r.read(ctx)
		if err != nil {
			return err
		}
		r.gauges = append(r.gauges, gauges)
		texts := make([]string, len(gauges))
		for i, g := range gauges {
			texts[i] = g.name + " " + g.text(g.value)
		}
		fmt.Fprintf(r.progress, "soak %s: round %d, %d operations, %s\n", r.backend, n, r.report.Operations, strings.Join(texts, ", "))
	}
	return nil
}

// once is a round.
func (r *run) once(ctx context.Context, n uint64) error {
	record, err := os.Create(filepath.Join(r.dir, "history.jsonl"))
	if err != nil {
		return err
	}
	defer func() { _ = record.Close() }() // it is read before
	options := clients.Options{Tenants: r.tenants, Clients: r.clients, Lease: r.lease, Seed: r.seed + n, Record: history.NewRecorder(record)}

	working, cancel := context.WithTimeout(ctx, r.round)
	err = clients.Run(working, options)
	cancel()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = clients.Settle(ctx, options)
	}
	if err == nil {
		err = r.check(ctx, record)
	}
	if err != nil {
		return err
	}
	for _, tenant := range r.tenants {
		if err := r.empty(ctx, tenant); err != nil {
			return fmt.Errorf("empty tenant %s: %w", tenant.Name, err)
		}
	}
	return nil
}

// check compares what there is with what the clients were told, and with the rules.
func (r *run) check(ctx context.Context, record io.ReadSeeker) error {
	end, err := clients.Look(ctx, r.tenants)
	if err != nil {
		return err
	}
	if _, err := record.Seek(0, io.SeekStart); err != nil {
		return err
	}
	ops, err := history.Read(record)
	if err != nil {
		return err
	}
	report := history.Check(ops, end)
	r.report.Operations += report.Operations
	r.report.Lost += report.Lost
	r.report.Doubled += report.Doubled
	r.report.Crossed += report.Crossed
	r.report.Disordered += report.Disordered
	if err := report.Failed(); err != nil {
		return err
	}
	return invariants.CheckAll(ctx, r.sql, r.backend, schemas)
}

// empty archives all events of a tenant, reads the archives, and purges them. It also deletes the endpoints, so that
// the next round begins with none; their deliveries stay.
func (r *run) empty(ctx context.Context, tenant clients.Tenant) error {
	endpoints, err := tenant.Store.Endpoints().GetActive(ctx, driver.MaxLimit)
	if err != nil {
		return err
	}
	for i := range endpoints {
		if _, err := tenant.Store.Endpoints().Delete(ctx, endpoints[i].ID); err != nil {
			return err
		}
	}
	dir, err := archive.OpenDir(filepath.Join(r.dir, tenant.Name))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	archiver, err := archive.New(tenant.Store, archive.Storages{driver.StorageCold: dir}, archive.Options{})
	if err != nil {
		return err
	}
	rule := driver.NewArchiveRule("everything", 0)
	rule.Policy = driver.PolicyCustom // of any age
	if _, err := archiver.Run(ctx, rule); err != nil {
		return err
	}
	archives, err := tenant.Store.Archives().GetByStatus(ctx, driver.ArchiveCompleted, driver.MaxLimit)
	if err != nil {
		return err
	}
	for _, made := range archives {
		if err := archiver.Verify(ctx, made.ID); err != nil {
			return err
		}
		if err := archiver.Purge(ctx, made.ID); err != nil {
			return err
		}
	}
	return nil
}

// line is what became of the work.
func (r *run) line() string {
	texts := make([]string, 0, len(r.gauges[0]))
	for _, g := range r.grown() {
		texts = append(texts, g.String())
	}
	verdict := "flat"
	if r.failed() != nil {
		verdict = "growing"
	}
	return fmt.Sprintf("soak %s: minutes %.0f rounds %d operations %d lost %d doubled %d crossed %d; %s: %s",
		r.backend, time.Since(r.began).Minutes(), len(r.gauges), r.report.Operations,
		r.report.Lost, r.report.Doubled, r.report.Crossed, strings.Join(texts, ", "), verdict)
}
