package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// lanesOf returns lanes that nobody connects.
func lanesOf(t *testing.T, n int32) *lanes {
	t.Helper()
	config, err := pgxpool.ParseConfig("host=nowhere")
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = n
	l, err := newLanes(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func (l *lanes) mustTake(t *testing.T, schema string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lane, err := l.take(ctx, schema)
	if err != nil {
		t.Fatalf("a lane for %q: %v", schema, err)
	}
	return lane
}

// meetMany makes l one of more than a few schemas.
func (l *lanes) meetMany(t *testing.T) {
	t.Helper()
	for i := range few {
		l.give(l.mustTake(t, fmt.Sprint("many", i)))
	}
}

func (l *lanes) queue() []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}

// homeOf returns the lane that a schema prefers, and another schema's name that prefers the same.
func (l *lanes) homeOf(t *testing.T, schema string) (lane int, other string) {
	t.Helper()
	lane = l.mustTake(t, schema)
	l.give(lane)
	for i := 0; ; i++ {
		other = fmt.Sprint("other", i)
		found := l.mustTake(t, other)
		l.give(found)
		if found == lane {
			return lane, other
		}
	}
}

func (l *lanes) wantAllFree(t *testing.T) {
	t.Helper()
	_, _, inUse := l.stats()
	if inUse != 0 || len(l.waiting) != 0 {
		t.Errorf("afterwards: got %d lanes in use, %d waiters, want none", inUse, len(l.waiting))
	}
}

func TestASchemaComesBackOnItsConnection(t *testing.T) {
	l := lanesOf(t, 8)
	homes := map[string]int{}
	for range 3 {
		for i := range 50 {
			schema := fmt.Sprint("tenant", i)
			lane := l.mustTake(t, schema)
			if home, seen := homes[schema]; seen && home != lane {
				t.Errorf("%s: got lane %d, want %d as before", schema, lane, home)
			}
			homes[schema] = lane
			l.give(lane)
		}
	}
	l.wantAllFree(t)
}

func TestASchemaAloneHasAllConnections(t *testing.T) {
	l := lanesOf(t, 8)
	taken := map[int]bool{}
	for range 8 {
		taken[l.mustTake(t, "tenant")] = true // and waits for none
	}
	if len(taken) != 8 {
		t.Errorf("lanes of 8 transactions at the same time: got %d different ones, want 8", len(taken))
	}
	for lane := range taken { // each is as good as any other
		l.give(lane)
		if again := l.mustTake(t, "tenant"); again != lane {
			t.Errorf("lane %d was given back: got %d next", lane, again)
		}
	}
	for lane := range taken {
		l.give(lane)
	}
	l.wantAllFree(t)
}

func TestFewSchemasWaitForNoConnectionWhileAnotherIsFree(t *testing.T) {
	l := lanesOf(t, 2)
	_, other := l.homeOf(t, "tenant")
	l.usual = time.Hour
	first := l.mustTake(t, "tenant")
	second := l.mustTake(t, other)
	l.give(first)
	l.give(second)
	l.wantAllFree(t)
}

func TestALongTransactionKeepsNobodyFromOtherConnections(t *testing.T) {
	l := lanesOf(t, 2)
	l.meetMany(t)
	home, other := l.homeOf(t, "tenant")
	if lane := l.mustTake(t, "tenant"); lane != home {
		t.Fatalf("lane of a tenant alone: got %d, want %d", lane, home)
	}
	lane := l.mustTake(t, other) // waits for a while, but not until the first gives it back
	if lane == home {
		t.Fatalf("lane %d was given to two", home)
	}
	l.give(lane)
	l.give(home)
	l.wantAllFree(t)
}

func TestASchemaOfManyWaitsForItsConnection(t *testing.T) {
	l := lanesOf(t, 2)
	l.meetMany(t)
	home, other := l.homeOf(t, "tenant")
	l.usual = time.Hour
	l.mustTake(t, "tenant")
	given := make(chan int)
	go func() { given <- l.mustTake(t, other) }()
	for len(l.queue()) == 0 {
		time.Sleep(time.Millisecond)
	}
	l.give(home)
	if lane := <-given; lane != home {
		t.Errorf("lane: got %d, want %d, which was waited for", lane, home)
	}
	l.give(home)
	l.wantAllFree(t)
}

func TestWhoWaitsIsGivenWhatIsGivenBack(t *testing.T) {
	l := lanesOf(t, 1)
	l.mustTake(t, "tenant")
	given := make(chan int)
	for i := range 3 {
		go func() { given <- l.mustTake(t, fmt.Sprint("other", i)) }()
	}
	for range 3 {
		l.give(0)
		<-given
	}
	l.give(0)
	l.wantAllFree(t)
}

func TestWhoStopsWaitingTakesNothingAlong(t *testing.T) {
	l := lanesOf(t, 1)
	l.mustTake(t, "tenant")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := l.take(ctx, "other")
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("take: got %v, want %v", err, context.Canceled)
	}
	l.give(0)
	l.wantAllFree(t)
}

// Many at once, some of which give up: no lane is had by two, none is lost.
func TestLanesUnderLoad(t *testing.T) {
	l := lanesOf(t, 4)
	var holders [4]sync.Mutex
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
				schema := ""
				if n := rand.IntN(10); n > 0 {
					schema = fmt.Sprint("tenant", n)
				}
				lane, err := l.take(ctx, schema)
				cancel()
				if err != nil {
					continue
				}
				if !holders[lane].TryLock() {
					t.Errorf("lane %d was given to two", lane)
					return
				}
				time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
				holders[lane].Unlock()
				l.give(lane)
			}
		})
	}
	group.Wait()
	l.wantAllFree(t)
}

// The same through real connections: what the server's processes saw.
func TestTenantsStayOnTheirConnections(t *testing.T) {
	config, err := pgxpool.ParseConfig(pgtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns, config.MinConns = 4, 2
	l, err := newLanes(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	process := map[string]int{}
	for range 3 {
		for i := range 20 {
			schema, pid := fmt.Sprint("tenant", i), 0
			conn, err := l.acquire(t.Context(), schema)
			if err == nil {
				err = conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid)
				conn.Release()
			}
			if err != nil {
				t.Fatal(err)
			}
			if before, seen := process[schema]; seen && before != pid {
				t.Errorf("%s: got the connection of server process %d, want %d as before", schema, pid, before)
			}
			process[schema] = pid
		}
	}
	if maxConns, open, inUse := l.stats(); maxConns != 4 || open < 2 || open > 4 || inUse != 0 {
		t.Errorf("stats: got %d, %d open, %d in use, want 4, 2 to 4 open, none in use", maxConns, open, inUse)
	}
}
