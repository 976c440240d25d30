package history_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
)

// past is a history and how it ended.
type past struct {
	ops []history.Op
	end history.End
}

// real is what clients of SQLite in memory were told. It is made once.
var real = sync.OnceValues(func() (past, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var p past
	db, err := driver.Connect(ctx, "sqlite::memory:", driver.WithLogger(nil))
	if err != nil {
		return p, err
	}
	defer db.Close()
	var log bytes.Buffer
	o := clients.Options{Operations: 2500, Lease: 200 * time.Millisecond, Record: history.NewRecorder(&log)}
	for _, name := range []string{"acme", "globex", "initech"} {
		store, err := db.Store(ctx, name)
		if err != nil {
			return p, err
		}
		o.Tenants = append(o.Tenants, clients.Tenant{Name: name, Store: store})
	}
	for o.Seed = 1; len(missing(p.ops)) > 0; o.Seed++ { // what is rare may not come by the first time
		if err := clients.Run(ctx, o); err != nil {
			return p, err
		}
		if p.ops, err = history.Read(bytes.NewReader(log.Bytes())); err != nil {
			return p, err
		}
	}
	if err := clients.Settle(ctx, o); err != nil {
		return p, err
	}
	if p.end, err = clients.Look(ctx, o.Tenants); err != nil {
		return p, err
	}
	p.ops, err = history.Read(&log)
	return p, err
})

// missing are the kinds of calls that nobody made with success.
func missing(ops []history.Op) (kinds []history.Kind) {
	for _, kind := range []history.Kind{
		history.Saved, history.Seen, history.Claimed, history.Acked, history.Retried, history.Released, history.Extended,
		history.DeadLettered, history.Requeued, history.Marked, history.Processed, history.Committed, history.Delivered, history.Due,
		history.Attempted, history.GivenUp,
	} {
		if !slices.ContainsFunc(ops, func(op history.Op) bool { return op.Kind == kind && op.Outcome == history.OK }) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func realPast(t *testing.T) past {
	t.Helper()
	p, err := real()
	if err != nil {
		t.Fatal(err)
	}
	return p.clone()
}

// clone copies what harms change.
func (p past) clone() past {
	ops := slices.Clone(p.ops)
	for i := range ops {
		ops[i].Rows = slices.Clone(ops[i].Rows)
	}
	tenants := slices.Clone(p.end.Tenants)
	for i := range tenants {
		tenants[i].Events = slices.Clone(tenants[i].Events)
		tenants[i].Deliveries = slices.Clone(tenants[i].Deliveries)
	}
	return past{ops, history.End{Tenants: tenants}}
}

func TestARealHistoryIsClean(t *testing.T) {
	p := realPast(t)
	report := history.Check(p.ops, p.end)
	if err := report.Failed(); err != nil {
		t.Error(err)
	}
	if report.Operations < 2500 {
		t.Errorf("%d operations, want 2500 at least", report.Operations)
	}
}

// A call whose answer got lost is no reason to find anything: it may have had its effect.
func TestWhatNobodyWasToldIsNoFinding(t *testing.T) {
	p := realPast(t)
	for i := range p.ops {
		switch p.ops[i].Kind {
		case history.Seen, history.Claimed, history.Due, history.Delivered:
		default:
			if i%3 == 0 && p.ops[i].Outcome == history.OK && p.ops[i].Tx == 0 {
				p.ops[i].Outcome, p.ops[i].Error = history.Unknown, "the connection was lost"
			}
		}
	}
	report := history.Check(p.ops, p.end)
	if err := report.Failed(); err != nil {
		t.Error(err)
	}
	if report.Unknown < 100 {
		t.Errorf("%d unknown, want some hundred", report.Unknown)
	}
}

// Whoever is killed leaves calls without an answer, and perhaps half a line.
func TestACallThatWasKilledIsUnknown(t *testing.T) {
	var log bytes.Buffer
	recorder := history.NewRecorder(&log)
	begun := history.Op{Tenant: "acme", Kind: history.Saved}
	recorder.Begin(&begun)
	ended := history.Op{Tenant: "acme", Kind: history.Acked}
	recorder.Begin(&ended)
	ended.Outcome = history.OK
	recorder.End(&ended)
	log.WriteString(`{"n":1,"k":"sa`)

	ops, err := history.Read(&log)
	if err != nil {
		t.Fatal(err)
	}
	if len(ops) != 2 || ops[0].Outcome != history.Unknown || ops[0].Return != 0 || ops[1].Outcome != history.OK || ops[1].Return == 0 {
		t.Errorf("read %+v, want an unknown save without a return and an acknowledgement", ops)
	}
	if _, err := history.Read(strings.NewReader("{\n{}\n")); err == nil {
		t.Error("half a line in the middle was read without an error")
	}
}
