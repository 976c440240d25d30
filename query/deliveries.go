package query

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// deliveries implements driver.DeliveryRepository.
type deliveries struct {
	repository[driver.Delivery]
	sql *deliverySQL
}

func (r *deliveries) at(x Executor) *deliveries { return &deliveries{*r.on(x), r.sql} }

func (r *deliveries) Save(ctx context.Context, delivery driver.Delivery) (driver.Delivery, error) {
	err := delivery.Prepare(r.config.MaxPayload)
	if err != nil {
		return driver.Delivery{}, r.fail("Save", err)
	}
	wanted := delivery.Status
	err = r.retried(ctx, func(x Executor) error {
		tx := r.at(x)
		policy, now, err := tx.policy(ctx, delivery.EndpointID)
		if err != nil {
			return err
		}
		delivery.Begin(policy, now)
		for i := range delivery.Attempts {
			// History: the pause begins when the attempt ended.
			ended := delivery.Attempts[i].CompletedAt
			if ended.IsZero() || ended.After(now) {
				ended = now
			}
			if err := delivery.Record(&delivery.Attempts[i], ended); err != nil {
				return err
			}
		}
		if wanted != "" && wanted != delivery.Status {
			return stateError("its attempts lead to status " + string(delivery.Status))
		}
		attempts := delivery.Attempts
		if err := tx.insert(ctx, &delivery); err != nil {
			return err
		}
		delivery.Attempts = attempts
		for i := range attempts {
			if err := tx.saveAttempt(ctx, delivery.ID, &attempts[i]); err != nil {
				return err
			}
		}
		return tx.health(ctx, &delivery)
	})
	if err != nil {
		return driver.Delivery{}, r.failID("Save", delivery.ID, err)
	}
	return delivery, nil
}

// policy reads how an endpoint wants its deliveries, and the present moment.
func (r *deliveries) policy(ctx context.Context, endpointID uuid.UUID) (policy driver.Endpoint, now time.Time, err error) {
	found := false
	targets := []any{&policy.MaxRetryAttempts, &policy.RetryBackoffSeconds, &policy.RetryBackoffMultiplier, &policy.RetryJitter, &now}
	err = r.exec.Query(ctx, r.sql.policy, []any{endpointID}, targets, func() { found = true })
	if err == nil && !found {
		err = missingReference(reference{"endpoint_id", endpointsTable, "endpoint"}, endpointID.String())
	}
	return policy, now, err
}

func (r *deliveries) saveAttempt(ctx context.Context, id uuid.UUID, attempt *driver.Attempt) error {
	attempt.LeaseToken = nil
	_, err := r.exec.Exec(ctx, r.sql.insertAttempt, append([]any{id}, attemptValues(attempt)...))
	return err
}

// health tells the endpoint how a delivery ended.
func (r *deliveries) health(ctx context.Context, d *driver.Delivery) (err error) {
	switch d.Status {
	case driver.DeliverySuccess:
		_, err = r.exec.Exec(ctx, r.endpointSQL().succeeded, []any{d.EndpointID})
	case driver.DeliveryFailed:
		disabled := false // by this failure
		err = r.exec.Query(ctx, r.endpointSQL().failed, []any{d.EndpointID}, []any{&disabled}, nil)
		if err == nil && disabled {
			_, err = r.exec.Exec(ctx, r.endpointSQL().park, []any{d.EndpointID})
		}
	}
	return err
}

func (r *deliveries) SaveForEvent(ctx context.Context, event driver.Event, subscriptions []driver.Subscription) ([]driver.Delivery, error) {
	endpointIDs, err := matching(&event, subscriptions)
	if err != nil || len(endpointIDs) == 0 {
		return []driver.Delivery{}, r.fail("SaveForEvent", err)
	}
	ids := make([]uuid.UUID, len(endpointIDs))
	for i := range ids {
		if ids[i], err = uuid.NewV7(); err != nil {
			return nil, r.fail("SaveForEvent", err)
		}
	}
	var saved []driver.Delivery
	err = r.retried(ctx, func(x Executor) error {
		tx := r.at(x)
		if _, err := x.Exec(ctx, r.sql.fanOut, append(r.dialect.PairArgs(ids, endpointIDs), event.ID)); err != nil {
			return err
		}
		if saved, err = tx.query(ctx, r.sql.ofEvent, []any{event.ID, endpointIDs}); err != nil || len(saved) > 0 {
			return err
		}
		exists := false
		if err := x.Query(ctx, r.sql.eventExists, []any{event.ID}, []any{&exists}, nil); err != nil || exists {
			return err
		}
		return missingReference(deliveryMapping.references[0], event.ID.String())
	})
	if err != nil {
		return nil, r.fail("SaveForEvent", err)
	}
	return saved, nil
}

// matching returns the endpoints of the subscriptions that match the event, each once.
func matching(event *driver.Event, subscriptions []driver.Subscription) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	seen := map[uuid.UUID]bool{}
	for i := range subscriptions {
		s := &subscriptions[i]
		matches, err := s.Matches(event)
		switch {
		case err != nil:
			return nil, err
		case s.EndpointID == uuid.Nil:
			return nil, &driver.InvalidError{Field: "endpoint_id", Reason: "is missing; read it, too"}
		case !matches || seen[s.EndpointID]:
			continue
		}
		seen[s.EndpointID] = true
		ids = append(ids, s.EndpointID)
	}
	return ids, nil
}

func (r *deliveries) GetByID(ctx context.Context, id uuid.UUID) (driver.Delivery, error) {
	var found driver.Delivery
	var attempt driver.Attempt
	var attempts []driver.Attempt
	rows := 0
	targets := append(r.table.targets(&found), attemptTargets(&attempt)...)
	err := r.exec.Query(ctx, r.sql.withAttempts, []any{id}, targets, func() {
		rows++
		if attempt.Number > 0 {
			attempts = append(attempts, attempt)
		}
		attempt = driver.Attempt{}
	})
	if err == nil && rows == 0 {
		err = driver.ErrNotFound
	}
	if err != nil {
		return driver.Delivery{}, r.failID("GetByID", id, err)
	}
	found.Attempts = attempts
	return found, nil
}

func (r *deliveries) RecordAttempt(ctx context.Context, id uuid.UUID, attempt driver.Attempt) (driver.Delivery, error) {
	if err := attempt.Prepare(r.config.MaxPayload); err != nil {
		return driver.Delivery{}, r.failID("RecordAttempt", id, err)
	}
	var recorded driver.Delivery
	err := r.retried(ctx, func(x Executor) error {
		tx, attempt := r.at(x), attempt
		d, now, err := tx.lock(ctx, r.sql.forUpdate, id)
		if err == nil && !d.Status.Final() { // of one that has ended Record says so
			err = checkLeased(d.LeaseToken, d.LeaseUntil, attempt.LeaseToken, now)
		}
		if err == nil {
			err = d.Record(&attempt, now)
		}
		if err != nil {
			return err
		}
		recorded, err = tx.get(ctx, r.sql.advance, string(d.Status), int64(d.AttemptCount), d.NextRetryAt, d.MaxAttemptsReached, d.CompletedAt, id)
		if err != nil {
			return err
		}
		if err := tx.saveAttempt(ctx, id, &attempt); err != nil {
			return err
		}
		recorded.Attempts = []driver.Attempt{attempt}
		return tx.health(ctx, &recorded)
	})
	if err != nil {
		return driver.Delivery{}, r.failID("RecordAttempt", id, err)
	}
	return recorded, nil
}

func (r *deliveries) Cancel(ctx context.Context, id uuid.UUID, reason string) (driver.Delivery, error) {
	if err := driver.ValidateCancelReason(reason); err != nil {
		return driver.Delivery{}, r.failID("Cancel", id, err)
	}
	var cancelled driver.Delivery
	err := r.retried(ctx, func(x Executor) error {
		tx := r.at(x)
		d, _, err := tx.lock(ctx, r.sql.forUpdate, id)
		if err == nil && d.Status.Final() {
			err = stateError("delivery is " + string(d.Status) + " already")
		}
		if err == nil {
			cancelled, err = tx.get(ctx, r.sql.cancel, reason, id)
		}
		return err
	})
	if err != nil {
		return driver.Delivery{}, r.failID("Cancel", id, err)
	}
	return cancelled, nil
}

func (r *deliveries) GetByEndpoint(ctx context.Context, endpointID uuid.UUID, limit int) ([]driver.Delivery, error) {
	return r.list(ctx, "GetByEndpoint", r.sql.byEndpoint, limit, endpointID)
}

func (r *deliveries) GetByEvent(ctx context.Context, eventID uuid.UUID, limit int) ([]driver.Delivery, error) {
	return r.list(ctx, "GetByEvent", r.sql.byEvent, limit, eventID)
}
