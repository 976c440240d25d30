package query

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/neomultitenant/neoevents/driver"
)

// numberEach gives events without a version the next one of their aggregate, as if they were saved
// one after the other.
func numberEach(ctx context.Context, r *events, rows []driver.Event) error {
	var unnumbered []*driver.Event
	for i := range rows {
		if rows[i].AggregateVersion == 0 {
			unnumbered = append(unnumbered, &rows[i])
		}
	}
	last, err := r.lastVersions(ctx, unnumbered)
	if err != nil {
		return err
	}
	type slot struct {
		aggregate driver.Aggregate
		version   int64
	}
	taken := make(map[slot]struct{}, len(rows))
	for i := range rows {
		e, aggregate := &rows[i], rows[i].Aggregate()
		if e.AggregateVersion == 0 {
			if err := checkRoom(last[aggregate], 1); err != nil {
				return err
			}
			e.AggregateVersion = last[aggregate] + 1
		}
		if _, twice := taken[slot{aggregate, e.AggregateVersion}]; twice {
			return &driver.VersionConflictError{Aggregate: aggregate, Expected: e.AggregateVersion - 1, Actual: last[aggregate]}
		}
		taken[slot{aggregate, e.AggregateVersion}] = struct{}{}
		last[aggregate] = max(last[aggregate], e.AggregateVersion)
	}
	return nil
}

// numberAfter numbers the events of one aggregate from the version that it is expected to be at.
func numberAfter(aggregate driver.Aggregate, expected int64) numbering {
	return func(ctx context.Context, r *events, rows []driver.Event) error {
		last, err := r.lastVersion(ctx, aggregate)
		if err != nil {
			return err
		}
		if expected != driver.AnyVersion && expected != last {
			return &driver.VersionConflictError{Aggregate: aggregate, Expected: expected, Actual: last}
		}
		if err := checkRoom(last, len(rows)); err != nil {
			return err
		}
		for i := range rows {
			rows[i].AggregateVersion = last + 1 + int64(i)
		}
		return nil
	}
}

// lastVersion is the aggregate's last version, 0 if it has no events.
func (r *events) lastVersion(ctx context.Context, a driver.Aggregate) (last int64, err error) {
	err = r.exec.Query(ctx, r.sql.lastVersion, r.sql.locks.both(a.Type, a.ID), []any{&last}, nil)
	return last, err
}

// lastVersions is lastVersion for the aggregates of many events in one statement.
func (r *events) lastVersions(ctx context.Context, of []*driver.Event) (map[driver.Aggregate]int64, error) {
	last := make(map[driver.Aggregate]int64, len(of))
	var aggregates []driver.Aggregate
	for _, e := range of {
		if _, known := last[e.Aggregate()]; !known {
			last[e.Aggregate()] = 0
			aggregates = append(aggregates, e.Aggregate())
		}
	}
	if len(aggregates) == 0 {
		return last, nil
	}
	var number, version int64
	err := r.exec.Query(ctx, r.sql.lastVersions, r.dialect.AggregateArgs(aggregates), []any{&number, &version}, func() {
		last[aggregates[number]] = version
	})
	return last, err
}

// checkRoom reports that n versions don't fit between the last one and the largest there is.
func checkRoom(last int64, n int) error {
	if last > math.MaxInt64-int64(n) {
		return &driver.Error{Kind: driver.ErrState, Err: errors.New("the aggregate is at the largest version there is")}
	}
	return nil
}

func contended(a driver.Aggregate) error {
	return &driver.UnavailableError{Err: fmt.Errorf("others keep saving to aggregate %s first", a)}
}
