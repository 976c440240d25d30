package conformance

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// hands is who has which events of an aggregate, and what is done. A worker lets go before it tells
// the database, so that nobody who is given the aggregate afterwards can find it in other hands.
type hands struct {
	sync.Mutex
	held map[driver.Aggregate]int
	done map[driver.Aggregate][]int64
	left int
}

// take takes claims into a worker's hands. The fault is two workers with one aggregate, or events
// out of order.
func (h *hands) take(claims []driver.Claim) (runs [][]driver.Claim, fault error) {
	h.Lock()
	defer h.Unlock()
	byAggregate := map[driver.Aggregate][]driver.Claim{}
	for _, claim := range claims {
		aggregate := claim.Event.Aggregate()
		byAggregate[aggregate] = append(byAggregate[aggregate], claim)
	}
	for aggregate, run := range byAggregate {
		if h.held[aggregate] > 0 {
			return nil, fmt.Errorf("%s is handed out while another worker has %d events of it", aggregate, h.held[aggregate])
		}
		h.held[aggregate] = len(run)
		for i, claim := range run {
			if want := int64(len(h.done[aggregate]) + i + 1); claim.Event.AggregateVersion != want {
				return nil, fmt.Errorf("%s: got version %d, want %d", aggregate, claim.Event.AggregateVersion, want)
			}
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// finish tells that the first event of a run is done, and lets go of it.
func (h *hands) finish(claim driver.Claim) {
	h.Lock()
	defer h.Unlock()
	aggregate := claim.Event.Aggregate()
	h.held[aggregate]--
	h.done[aggregate] = append(h.done[aggregate], claim.Event.AggregateVersion)
	h.left--
}

func (h *hands) letGo(claim driver.Claim) {
	h.Lock()
	defer h.Unlock()
	h.held[claim.Event.Aggregate()] = 0
}

func (h *hands) finished() bool {
	h.Lock()
	defer h.Unlock()
	return h.left == 0
}

// orderManyWorkers acknowledges, gives back and saves at random.
func orderManyWorkers(t *test) {
	const workers, aggregates = 8, 6
	each := scale(40, 12)
	saved := t.saveInTurns(aggregates, each/2)
	h := &hands{held: map[driver.Aggregate]int{}, done: map[driver.Aggregate][]int64{}, left: aggregates * each}
	t.together(workers+1, func(i int) error {
		if i == workers { // saves the other half meanwhile
			for range each - each/2 {
				for _, event := range saved[:aggregates] {
					if _, err := t.events.SaveBatch(t.ctx, moreHistory(event.Aggregate(), 1)); err != nil {
						return err
					}
				}
			}
			return nil
		}
		for !h.finished() {
			opts := driver.ClaimOptions{Limit: 1 + rand.IntN(9), Lease: driver.MaxLease, MaxAttempts: driver.MaxMaxAttempts, PerAggregateOrder: true}
			claims, err := t.events.Claim(t.ctx, opts)
			if err != nil {
				return err
			}
			runs, fault := h.take(claims)
			err = cmp.Or(fault, t.workOff(h, runs))
			if err = cmp.Or(err, context.Cause(t.ctx)); err != nil {
				return err
			}
		}
		return nil
	})
	equal(t, "aggregates done", len(h.done), aggregates)
	for aggregate, versions := range h.done {
		equalList(t, "versions of "+aggregate.String(), versions, upTo(each))
	}
	t.wantWork(0, 0, 0)
}

// workOff works on runs of events until it fails, or gives up, at random.
func (t *test) workOff(h *hands, runs [][]driver.Claim) error {
	for _, run := range runs {
		for i, claim := range run {
			var err error
			chance := rand.IntN(10)
			switch {
			case chance == 0:
				h.letGo(claim)
				err = t.events.Retry(t.ctx, claim, 0, canary)
			case chance == 1:
				h.letGo(claim)
				err = t.events.Retry(t.ctx, claim, time.Duration(rand.IntN(int(5*time.Millisecond))), canary)
			case chance == 2:
				h.letGo(claim)
				err = t.events.Release(t.ctx, slices.Clone(run[i:]))
			default:
				h.finish(claim)
				err = t.events.Ack(t.ctx, []driver.Claim{claim})
			}
			if err != nil {
				return err
			}
			if chance <= 2 {
				break
			}
		}
	}
	return nil
}
