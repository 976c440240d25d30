package query

import (
	"context"
	"iter"
	"math"

	"github.com/neomultitenant/neoevents/driver"
)

// What iterators read at a time. They hold about so many bytes of events, however large these are.
const (
	firstPage = driver.DefaultLimit // when nobody knows yet how large the events are
	pageBytes = 4 << 20
)

// page is what is to be read of a list: events up to a limit, as long as they have no more bytes of JSON
// than are allowed. If they have, none is kept, and bytes tells how many it would have taken.
type page struct {
	limit, allowed int
	bytes          int
}

// upTo is a page of so many events, however large they are: who asks for it has said how many.
func upTo(limit int) *page { return &page{limit: limit, allowed: math.MaxInt} }

// pages yields the events of page after page, of size events at the most, until one has fewer than it may
// have. next is given the last event of the page before, nil at first.
func pages(size int, next func(last *driver.Event, p *page) ([]driver.Event, error)) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		var last *driver.Event
		limit := min(size, firstPage)
		for {
			p := &page{limit: limit, allowed: pageBytes}
			if limit == 1 {
				p.allowed = math.MaxInt
			}
			found, err := next(last, p)
			if err != nil {
				yield(driver.Event{}, err)
				return
			}
			fitting := limit * pageBytes / (p.bytes + 1) // if the next ones are as large
			if p.bytes > p.allowed {
				limit = max(min(fitting, limit/2), 1)
				continue
			}
			for _, event := range found {
				if !yield(event, nil) {
					return
				}
			}
			if len(found) < limit {
				return
			}
			last = &found[len(found)-1]
			limit = max(min(fitting, 2*limit, size), 1)
		}
	}
}

// list reads the columns of events with a statement whose last argument is the limit.
func (r *events) list(ctx context.Context, op, sql string, columns []driver.EventColumn, p *page, args ...any) ([]driver.Event, error) {
	var err error
	if p.limit, err = driver.CheckLimit(p.limit); err != nil {
		return nil, r.fail(op, err)
	}
	found, err := r.read(ctx, sql, columns, p, append(args, int64(p.limit))...)
	return found, r.fail(op, err)
}

// read reads the columns of events.
func (r *events) read(ctx context.Context, sql string, columns []driver.EventColumn, p *page, args ...any) ([]driver.Event, error) {
	var event driver.Event
	found := make([]driver.Event, 0, min(p.limit, driver.DefaultLimit))
	err := r.exec.Query(ctx, sql, args, eventTargets(&event, columns), func() {
		if p.bytes += len(event.EventData) + len(event.EventMetadata); p.bytes <= p.allowed {
			found = append(found, event)
		} else {
			found = nil
		}
		event = driver.Event{}
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
