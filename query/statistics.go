package query

import (
	"context"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// since returns the start of the first of so many days up to today, in UTC, by the database's clock.
func (r *repository[E]) since(ctx context.Context, days int) (start time.Time, checked int, err error) {
	if checked, err = driver.CheckStatsDays(days); err != nil {
		return start, 0, err
	}
	err = r.exec.Query(ctx, r.nowSQL, nil, []any{&start}, nil)
	year, month, day := start.UTC().Date()
	return time.Date(year, month, day-checked+1, 0, 0, 0, 0, time.UTC), checked, err
}
