// Package tenanttest has what the tests of backends ask of many tenants on one pool: that not one row crosses
// from one to another.
package tenanttest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/migrate"
)

// Database is a database of its own, and the means to look into it beside the library.
type Database struct {
	// DB is the one pool of all tenants.
	DB driver.DB
	// Rows returns every row of each of a schema's tables, as text.
	Rows func(t *testing.T, schema string) map[string][]string
}

// Size is how much is done.
type Size struct {
	Tenants, Workers, Steps int // steps of all workers together
	Remade                  int // how often a tenant is dropped and made anew meanwhile
}

// patience is how long what must come is waited for.
const patience = 5 * time.Minute

// Isolation has workers do all that the repositories can do, for tenants whose names are easily taken for each
// other, on one pool. Every tenant uses the same ids as the others, and ids of its own, and says in each text whose
// it is. Whatever is read must be the reader's, what is another's can't be read, changed or acknowledged, and at
// the end every table of every schema has the rows that its tenant stored, and no others.
func Isolation(t *testing.T, db Database, size Size) {
	seed := rand.Uint64()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	names := Names(size.Tenants)
	if err := migrate.Up(ctx, db.DB, names...); err != nil {
		t.Fatal(err)
	}
	all := make([]*tenant, size.Tenants)
	for i, name := range names {
		all[i] = &tenant{name: name, number: i}
		if err := all[i].begin(ctx, db.DB); err != nil {
			t.Fatal(err)
		}
	}
	r := &run{t: t, ctx: ctx, db: db, tenants: all[2:], failed: make(chan struct{})}
	silent, bell := all[0], all[1]

	stop := r.beside(silent, bell)
	var steps, remade atomic.Int64
	var workers sync.WaitGroup
	for i := range size.Workers {
		w := &worker{run: r, number: i, rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		workers.Go(func() {
			for !r.over() {
				n := steps.Add(1)
				if n > int64(size.Steps) {
					return
				}
				if n*int64(size.Remade) >= (remade.Load()+1)*int64(size.Steps) {
					remade.Add(1)
					w.remake()
				}
				w.step()
			}
		})
	}
	workers.Wait()
	stop()
	if !t.Failed() {
		r.scan(all)
	}
	if t.Failed() {
		t.Fatalf("on %s, with seed %d (workers take turns as they like, so another run with it may differ); to run it alone: go test ./driver/%s -run '^%s$'",
			db.DB.Stats().Backend, seed, db.DB.Stats().Backend, t.Name())
	}
	t.Logf("%d tenants, %d steps by %d workers, %d tenants made anew, %d reads checked, %d rows scanned: 0 crossed",
		len(all), size.Steps, size.Workers, remade.Load(), r.reads.Load(), r.rows.Load())
}

// run is what all workers share.
type run struct {
	t       *testing.T
	ctx     context.Context
	db      Database
	tenants []*tenant
	reads   atomic.Int64 // entities that were read, and checked
	rows    atomic.Int64 // rows that the scan saw

	failing sync.Once
	failed  chan struct{}
}

func (r *run) fail(format string, args ...any) {
	r.failing.Do(func() { // what follows a first failure says nothing new
		r.t.Errorf(format, args...)
		close(r.failed)
	})
}

func (r *run) over() bool {
	select {
	case <-r.failed:
		return true
	case <-r.ctx.Done():
		r.fail("it took longer than %s", patience)
		return true
	default:
		return false
	}
}

// beside has somebody wait for events all the while: of a tenant that never has one, however many others have,
// and of one that gets one after the other, each when the one before was claimed. stop ends that.
func (r *run) beside(silent, bell *tenant) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for ctx.Err() == nil {
			err := silent.store.Events().Wait(ctx)
			if claims, failed := silent.store.Events().Claim(r.ctx, driver.ClaimOptions{}); failed != nil || len(claims) > 0 {
				r.fail("schema %s, without events: claimed %d of them, error %v", silent.name, len(claims), failed)
				return
			}
			if err != nil && ctx.Err() == nil {
				r.fail("Wait: %v", err)
			}
		}
	})
	const rings = 20
	waiting.Go(func() {
		for range rings {
			saved, err := bell.store.Events().Save(r.ctx, bell.event())
			if err != nil {
				r.fail("Save: %v", err)
				return
			}
			bell.count("events", 1)
			for heard := false; !heard; {
				if err := bell.store.Events().Wait(r.ctx); err != nil {
					r.fail("schema %s, with an event: Wait: %v", bell.name, err)
					return
				}
				claims, err := bell.store.Events().Claim(r.ctx, driver.ClaimOptions{Limit: 1})
				heard = len(claims) == 1
				if err == nil && heard {
					own(r, bell, "Claim", claims[0].Event, saved)
					err = bell.store.Events().Ack(r.ctx, claims)
				}
				if err != nil {
					r.fail("Claim and Ack: %v", err)
					return
				}
			}
		}
	})
	return func() {
		cancel()
		waiting.Wait()
	}
}

// scan reads every table of every schema, beside the library: each row must be of the tenant whose schema it is
// in, and they must be as many as that one stored.
func (r *run) scan(all []*tenant) {
	schemas, err := r.db.DB.Schemas(r.ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	want := make([]string, len(all))
	for i, one := range all {
		want[i] = one.name
	}
	slices.Sort(want)
	if !slices.Equal(schemas, want) {
		r.t.Errorf("schemas: got %q, want %q", schemas, want)
	}
	for _, one := range all {
		tables := r.db.Rows(r.t, one.name)
		if len(tables) < len(counted) {
			r.t.Fatalf("schema %s: the scan sees %d tables", one.name, len(tables))
		}
		for table, rows := range tables {
			r.rows.Add(int64(len(rows)))
			for _, row := range rows {
				if foreign := one.foreign(row); foreign != "" {
					r.t.Errorf("schema %s (%s): table %s has a row of %s: %.300s", one.name, one.tag(), table, foreign, row)
				}
			}
		}
		for _, table := range counted {
			found := len(tables[table])
			if table == "events" { // the others are in archives, and their keys here
				found += len(tables["event_keys"])
			}
			if stored := one.stored(table); int64(found) != stored {
				r.t.Errorf("schema %s: table %s has %d rows, and its tenant stored %d", one.name, table, found, stored)
			}
		}
		if places := len(tables["event_queue"]) + len(tables["event_processed"]) + len(tables["event_dead_letters"]); places != len(tables["events"]) {
			r.t.Errorf("schema %s: %d events are in the queue, processed or dead, of %d", one.name, places, len(tables["events"]))
		}
	}
}
