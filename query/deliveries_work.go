package query

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *deliveries) GetPendingRetries(ctx context.Context, limit int) ([]driver.Delivery, error) {
	return r.list(ctx, "GetPendingRetries", r.sql.due, limit)
}

func (r *deliveries) ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]driver.Delivery, error) {
	claimed, err := r.claim(ctx, r.sql.claim, limit, lease)
	if err != nil {
		return nil, r.fail("ClaimDue", err)
	}
	slices.SortFunc(claimed, func(a, b driver.Delivery) int { // RETURNING has no order
		if c := a.NextRetryAt.Compare(*b.NextRetryAt); c != 0 {
			return c
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return claimed, nil
}

func (r *deliveries) Release(ctx context.Context, claimed []driver.Delivery) (int, error) {
	byToken := map[uuid.UUID][]uuid.UUID{}
	for _, d := range claimed {
		if d.LeaseToken != nil {
			byToken[*d.LeaseToken] = append(byToken[*d.LeaseToken], d.ID)
		}
	}
	released := 0
	for token, ids := range byToken { // one, for what one call claimed
		n, err := r.exec.Exec(ctx, r.sql.release, []any{ids, token})
		if err != nil {
			return released, r.fail("Release", err)
		}
		released += int(n)
	}
	return released, nil
}

func (r *deliveries) Replay(ctx context.Context, id uuid.UUID) (driver.Delivery, error) {
	var replay driver.Delivery
	err := r.retried(ctx, func(x Executor) error {
		tx := r.at(x)
		original, err := tx.get(ctx, r.table.byID, id)
		if err == nil && !original.Status.Final() {
			err = stateError("delivery is " + string(original.Status) + "; only one that has ended can be replayed")
		}
		if err != nil {
			return err
		}
		policy, now, err := tx.policy(ctx, original.EndpointID)
		if err != nil {
			return err
		}
		if replay, err = replayOf(&original, policy, now); err != nil {
			return err
		}
		return tx.insert(ctx, &replay)
	})
	if err != nil {
		return driver.Delivery{}, r.failID("Replay", id, err)
	}
	return replay, nil
}

func replayOf(original *driver.Delivery, policy driver.Endpoint, now time.Time) (driver.Delivery, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return driver.Delivery{}, err
	}
	replay := driver.Delivery{ID: id, EndpointID: original.EndpointID, EventID: original.EventID, ReplayOf: &original.ID}
	replay.Begin(policy, now)
	return replay, nil
}

func (r *deliveries) Recover(ctx context.Context, endpointID uuid.UUID, since time.Time) (int, error) {
	if err := driver.CheckTime("since", since); err != nil {
		return 0, driver.Fail("Deliveries.Recover", r.schema, "endpoint", endpointID.String(), err)
	}
	var replays []driver.Delivery
	err := r.retried(ctx, func(x Executor) error {
		tx := r.at(x)
		replays = nil
		// Who recovers the same endpoint waits here, and then finds nothing left to do.
		var locked uuid.UUID
		err := x.Query(ctx, r.sql.lockEndpoint, []any{endpointID}, []any{&locked}, nil)
		if err == nil && locked == uuid.Nil {
			err = driver.ErrNotFound
		}
		if err != nil {
			return err
		}
		failed, err := tx.query(ctx, r.sql.failedSince, []any{endpointID, since})
		if err != nil || len(failed) == 0 {
			return err
		}
		policy, now, err := tx.policy(ctx, endpointID)
		if err != nil {
			return err
		}
		for i := range failed {
			replay, err := replayOf(&failed[i], policy, now)
			if err != nil {
				return err
			}
			replays = append(replays, replay)
		}
		columns := r.table.save
		return x.Insert(ctx, Table{r.schema, deliveriesTable}, namesOf(columns), len(replays), func(i int) []any {
			return valueArgs(&replays[i], columns)
		})
	})
	if err != nil {
		return 0, driver.Fail("Deliveries.Recover", r.schema, "endpoint", endpointID.String(), err)
	}
	return len(replays), nil
}

func (r *deliveries) GetStats(ctx context.Context, endpointID uuid.UUID, days int) (driver.DeliveryStats, error) {
	stats, err := r.stats(ctx, endpointID, days)
	if err != nil {
		return driver.DeliveryStats{}, driver.Fail("Deliveries.GetStats", r.schema, "endpoint", endpointID.String(), err)
	}
	return stats, nil
}

func (r *deliveries) stats(ctx context.Context, endpointID uuid.UUID, days int) (driver.DeliveryStats, error) {
	since, days, err := r.since(ctx, days)
	if err != nil {
		return driver.DeliveryStats{}, err
	}
	stats := driver.DeliveryStats{Since: since, Days: make([]driver.DeliveryDay, days)}
	for i := range stats.Days {
		stats.Days[i].Day = since.AddDate(0, 0, i)
	}
	var day, count, attempts, sum int64
	var status string
	err = r.exec.Query(ctx, r.sql.daily, []any{endpointID, since}, []any{&day, &status, &count, &attempts}, func() {
		// What was made after midnight, just now, counts for the last day.
		i := min(int(day-since.Unix()/86400), days-1)
		stats.Total += count
		stats.Attempts += attempts
		stats.Days[i].Total += count
		switch driver.DeliveryStatus(status) {
		case driver.DeliverySuccess:
			stats.Success += count
			stats.Days[i].Success += count
		case driver.DeliveryFailed:
			stats.Failed += count
			stats.Days[i].Failed += count
		case driver.DeliveryCancelled:
			stats.Cancelled += count
		default:
			stats.Pending += count
		}
	})
	if err == nil {
		err = r.exec.Query(ctx, r.sql.timeouts, []any{endpointID, since}, []any{&stats.Timeouts}, nil)
	}
	if err == nil {
		err = r.exec.Query(ctx, r.sql.responseTimes, []any{endpointID, since}, scanSpread(&stats.ResponseTime, &sum), nil)
	}
	stats.ResponseTime.Average = driver.Rate(sum, stats.ResponseTime.Count)
	stats.SuccessRate = driver.Rate(stats.Success, stats.Success+stats.Failed)
	stats.AverageAttempts = driver.Rate(stats.Attempts, stats.Total)
	return stats, err
}
