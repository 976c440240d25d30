package query

import (
	"context"
	"iter"
	"math"
	"slices"

	"github.com/neomultitenant/neoevents/driver"
)

// What iterators read at a time. They hold about so many bytes of events, however large these are.
const (
	firstPage = driver.DefaultLimit // when nobody knows yet how large the events are
	pageBytes = 4 << 20
)

// page is what is read of a list: events up to a limit, and of these the first ones that have no more bytes of
// JSON together than are allowed, one at least.
type page struct {
	limit, allowed int
	order          func(a, b driver.Event) int // nil: that in which they arrive

	events []driver.Event
	bytes  int
	cut    *driver.Event // the first one that was let go; nil: none was
}

// upTo is a page of so many events, however large they are: who asks for it has said how many.
func upTo(limit int) *page { return &page{limit: limit, allowed: math.MaxInt} }

// add adds an event that was read, and lets go of the last ones as long as they are too many bytes.
func (p *page) add(event driver.Event) {
	if p.cut != nil && p.compare(*p.cut, event) < 0 {
		return
	}
	p.events, p.bytes = append(p.events, event), p.bytes+jsonBytes(event)
	for p.bytes > p.allowed && len(p.events) > 1 {
		last := 0
		for i := range p.events {
			if p.compare(p.events[last], p.events[i]) < 0 {
				last = i
			}
		}
		cut := p.events[last]
		p.events, p.bytes = slices.Delete(p.events, last, last+1), p.bytes-jsonBytes(cut)
		cut.EventData, cut.EventMetadata = nil, nil
		p.cut = &cut
	}
}

func (p *page) compare(earlier, later driver.Event) int {
	if p.order == nil {
		return -1
	}
	return p.order(earlier, later)
}

func jsonBytes(e driver.Event) int { return len(e.EventData) + len(e.EventMetadata) }

// pages yields the events of page after page, of size events at the most, until there are no more. next reads a
// page behind the last event of the one before, nil at first.
func pages(size int, next func(last *driver.Event, p *page) ([]driver.Event, error)) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		var last *driver.Event
		limit := min(size, firstPage)
		for {
			p := &page{limit: limit, allowed: pageBytes}
			found, err := next(last, p)
			if err != nil {
				yield(driver.Event{}, err)
				return
			}
			for _, event := range found {
				if !yield(event, nil) {
					return
				}
			}
			if p.cut == nil && len(found) < limit {
				return
			}
			last = &found[len(found)-1]
			alike := len(found) * pageBytes / (p.bytes + 1) // so many fit if the next ones are as large
			limit = max(min(alike, 2*limit, size), 1)
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

// read reads the columns of the events of a page.
func (r *events) read(ctx context.Context, sql string, columns []driver.EventColumn, p *page, args ...any) ([]driver.Event, error) {
	var event driver.Event
	p.events = make([]driver.Event, 0, min(p.limit, driver.DefaultLimit))
	err := r.exec.Query(ctx, sql, args, eventTargets(&event, columns), func() {
		p.add(event)
		event = driver.Event{}
	})
	if err != nil {
		return nil, err
	}
	return p.events, nil
}
