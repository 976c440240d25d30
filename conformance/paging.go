package conformance

import (
	"sync"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventPaging = area{name: "Events/Paging", behaviours: []behaviour{
	{"VisitsEachEventOnce", pagingVisitsEach},
	{"StartsBehindAPosition", pagingStartsBehind},
	{"NeitherRepeatsNorSkipsWhileTheQueueChanges", pagingWhileItChanges},
	{"NeitherRepeatsNorSkipsWhileOthersWork", pagingWhileOthersWork},
	{"OutlivesTheEventItStandsOn", pagingOutlives},
}}

// page visits the queue in pages of size and returns the ids in the order of the visit. Between two pages it calls between.
func (t *test) page(size int, between func(seen []uuid.UUID)) []uuid.UUID {
	t.Helper()
	var seen []uuid.UUID
	after := int64(0)
	for {
		events, err := t.events.GetUnprocessedPage(t.ctx, after, size)
		t.ok(err)
		if len(events) == 0 {
			return seen
		}
		for _, event := range events {
			if event.Position <= after {
				t.Fatalf("position: got %d, want it above %d, the one before", event.Position, after)
			}
			seen, after = append(seen, event.ID), event.Position
		}
		between(seen)
	}
}

func pagingVisitsEach(t *test) {
	want := idsOf(t.saveAll(newEvents(23)))
	for _, size := range []int{1, 5, 23, 100} {
		seen := t.page(size, func([]uuid.UUID) {})
		equalList(t, "visited", seen, want)
	}
}

func pagingStartsBehind(t *test) {
	saved := t.saveAll(newEvents(5))
	for i, event := range saved {
		found, err := t.events.GetUnprocessedPage(t.ctx, event.Position, 2)
		t.ok(err)
		t.sameEvents("page", found, saved[i+1:min(i+3, len(saved))])
	}
	found, err := t.events.GetUnprocessedPage(t.ctx, -5, 2)
	t.ok(err)
	t.sameEvents("page from before the start", found, saved[:2])
}

func pagingWhileItChanges(t *test) {
	saved := idsOf(t.saveAll(newEvents(40)))
	gone := map[uuid.UUID]bool{}
	process := func(id uuid.UUID) {
		if !gone[id] {
			gone[id] = true
			t.mark(id)
		}
	}
	rounds := 0
	seen := t.page(4, func(seen []uuid.UUID) {
		process(seen[len(seen)-1]) // the one it stands on
		process(seen[0])
		process(saved[(len(seen)+7)%len(saved)]) // maybe one that it has not seen yet
		if rounds++; rounds <= 5 {
			t.saveAll(newEvents(3))
		}
	})
	t.wantVisitedOnce(seen, saved, gone)
}

// wantVisitedOnce fails the test if an event was visited twice, or one that was present throughout never.
func (t *test) wantVisitedOnce(seen, saved []uuid.UUID, gone map[uuid.UUID]bool) {
	t.Helper()
	visits := map[uuid.UUID]int{}
	for _, id := range seen {
		if visits[id]++; visits[id] > 1 {
			t.Errorf("event %s was visited %d times", id, visits[id])
		}
	}
	for i, id := range saved {
		if !gone[id] && visits[id] == 0 {
			t.Errorf("event %d of %d, which was there throughout, was not visited", i, len(saved))
		}
	}
}

func pagingWhileOthersWork(t *test) {
	saved := idsOf(t.saveAll(newEvents(scale(200, 50))))
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				own, err := t.events.SaveBatch(t.ctx, newEvents(3))
				if err == nil {
					_, err = t.events.MarkMultipleAsProcessed(t.ctx, idsOf(own))
				}
				if err != nil {
					t.Errorf("working beside: %v", err)
					return
				}
			}
		})
	}
	seen := t.pageUntil(saved[len(saved)-1], 5)
	close(stop)
	others.Wait()
	t.wantVisitedOnce(seen, saved, nil)
}

// pageUntil visits the queue in pages of size until one has the event last: behind it others may go on for ever.
func (t *test) pageUntil(last uuid.UUID, size int) []uuid.UUID {
	t.Helper()
	var seen []uuid.UUID
	after := int64(0)
	for {
		events, err := t.events.GetUnprocessedPage(t.ctx, after, size)
		t.ok(err)
		if len(events) == 0 {
			t.Fatalf("the queue ended after %d events without the last one", len(seen))
		}
		for _, event := range events {
			if seen, after = append(seen, event.ID), event.Position; event.ID == last {
				return seen
			}
		}
	}
}

func pagingOutlives(t *test) {
	saved := t.saveAll(newEvents(4))
	t.mark(saved[0].ID, saved[1].ID)
	found, err := t.events.GetUnprocessedPage(t.ctx, saved[1].Position, 0)
	t.ok(err)
	t.sameEvents("page behind a processed event", found, []driver.Event{saved[2], saved[3]})
}
