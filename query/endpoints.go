package query

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// endpointSQL is the statements on endpoints.
type endpointSQL struct {
	table *table[endpointRow]

	byContext, withoutContext, active listSQL

	used, verified       string
	rotate, rotateAtOnce string
	cancelDeliveries     string
	park, unpark         string // its deliveries that have not ended

	outdated, reencrypt string // the secrets that are not under the current key, and one row's under it

	succeeded, failed string // a delivery ended, for the endpoint's health
}

func newEndpointSQL(s *schemaSQL) *endpointSQL {
	t := newTable(s, endpointMapping)
	name := s.quote(endpointsTable)
	now := s.dialect.Now
	seal := sq.Update(name).Set("key_id", sq.Expr("?")).Set("secret_token", sq.Expr("?")).
		Set("previous_secret_token", sq.Expr("?")).Set("custom_headers", sq.Expr("?")) // to sealedArgs
	rotate := func(until string) string {
		return s.render(seal.Set("previous_secret_until", sq.Expr(until)).
			Set("updated_at", sq.Expr(now)).Set("revision", sq.Expr("revision + 1")).
			Where("id = ? AND revision = ?").Suffix(t.returning()))
	}
	deliveries := s.quote(deliveriesTable)
	open := sq.Select("id").From(deliveries).Where("endpoint_id = ? AND next_retry_at IS NOT NULL")
	// Who holds one may wait for the endpoint. It is not due even if it is not parked.
	toPark := s.locking(open.Where("NOT is_parked"), "FOR UPDATE SKIP LOCKED")
	parked := s.locking(open.Where("is_parked").OrderBy("id"), "FOR UPDATE")
	// None is skipped, for 0 means that all are done. Those who only refer to them need not wait.
	outdated := s.locking(t.read().Where("key_id <> ?").OrderBy("key_id", "id").Suffix("LIMIT ?"), "FOR NO KEY UPDATE")
	return &endpointSQL{
		table:          t,
		byContext:      t.lists("context_id = ?", "is_active", oldestFirst),
		withoutContext: t.lists("context_id IS NULL", "is_active", oldestFirst),
		active:         t.lists("1 = 1", "is_active", oldestFirst),

		used: s.render(sq.Update(name).Set("last_used_at", sq.Expr(s.forward("last_used_at"))).Where("id = ?")),
		verified: s.render(sq.Update(name).Set("is_verified", sq.Expr("TRUE")).
			Set("verified_at", sq.Expr("CASE WHEN is_verified THEN verified_at ELSE "+now+" END")).
			Set("updated_at", sq.Expr(now)).Set("revision", sq.Expr("revision + 1")).Where("endpoint_url = ? AND id = ?")),
		rotate:           rotate(s.dialect.After),
		rotateAtOnce:     rotate("NULL"),
		cancelDeliveries: s.render(s.cancel().Where("endpoint_id = ? AND next_retry_at IS NOT NULL")),
		park: s.render(sq.Update(deliveries).Set("is_parked", sq.Expr("TRUE")).Where("id IN (SELECT id FROM open)").
			PrefixExpr(sq.Expr("WITH open AS MATERIALIZED (?)", toPark))),
		unpark: s.render(sq.Update(deliveries).Set("is_parked", sq.Expr("FALSE")).Where("id IN (SELECT id FROM locked)").
			PrefixExpr(sq.Expr("WITH locked AS MATERIALIZED (?)", parked))),

		outdated:  s.render(outdated),
		reencrypt: s.render(seal.Where("id = ?")),

		succeeded: s.render(sq.Update(name).Set("consecutive_failures", sq.Expr("0")).Set("failing_since", sq.Expr("NULL")).
			Where("id = ? AND consecutive_failures > 0")),
		failed: s.failedSQL(name),
	}
}

// oldestFirst is the order of most lists.
const oldestFirst = "created_at, id"

// listSQL is a list of those that are active, or enabled, and one of all.
type listSQL struct{ active, all string }

func (l listSQL) of(opts driver.ListOptions) string {
	if opts.IncludeInactive {
		return l.all
	}
	return l.active
}

func (t *table[E]) lists(where, active, order string) listSQL {
	return listSQL{
		active: t.list(t.read().Where(where).Where(active), order),
		all:    t.list(t.read().Where(where), order),
	}
}

// forward moves a moment to now, never back.
func (s *schemaSQL) forward(column string) string {
	return "CASE WHEN " + column + " > " + s.dialect.Now + " THEN " + column + " ELSE " + s.dialect.Now + " END"
}

// failedSQL counts a delivery that failed for good, and deactivates the endpoint where its policy
// says so.
func (s *schemaSQL) failedSQL(name string) string {
	now := s.dialect.Now
	tooMany := "(disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures)"
	tooLong := "(disable_after_days > 0 AND failing_since IS NOT NULL AND " +
		s.dialect.Plus("failing_since", "disable_after_days * 86400") + " <= " + now + ")"
	disables := "is_active AND (" + tooMany + " OR " + tooLong + ")"
	when := func(then, otherwise string) sq.Sqlizer {
		return sq.Expr("CASE WHEN " + disables + " THEN " + then + " ELSE " + otherwise + " END")
	}
	return s.render(sq.Update(name).
		Set("consecutive_failures", sq.Expr("consecutive_failures + 1")).
		Set("failing_since", sq.Expr("coalesce(failing_since, "+now+")")).
		Set("is_active", when("FALSE", "is_active")).
		Set("disabled_at", when(now, "disabled_at")).
		Set("disabled_reason", when("CASE WHEN "+tooMany+" THEN 'disable_after_failures: as many deliveries in a row have failed'"+
			" ELSE 'disable_after_days: deliveries have failed for as long' END", "disabled_reason")).
		Set("updated_at", when(now, "updated_at")).
		Set("revision", when("revision + 1", "revision")).
		Where("id = ?").Suffix("RETURNING NOT is_active AND disabled_at IS NOT NULL AND disabled_at = " + now))
}

// endpoints implements driver.EndpointRepository.
type endpoints struct {
	repository[endpointRow]
	sql *endpointSQL
}

var errHeaders = errors.New("stored headers can't be decoded")

func (r *endpoints) Save(ctx context.Context, endpoint driver.Endpoint) (driver.Endpoint, error) {
	row := endpointRow{Endpoint: endpoint}
	err := row.Prepare()
	if err == nil && row.SecretToken.IsZero() {
		row.SecretToken = newSecret()
	}
	if err == nil {
		err = r.seal(&row)
	}
	if err != nil {
		return driver.Endpoint{}, r.fail("Save", err)
	}
	if err := r.insert(ctx, &row); err != nil {
		return driver.Endpoint{}, r.failID("Save", row.ID, err)
	}
	return row.Endpoint, nil
}

// newSecret makes a secret as Standard Webhooks has it.
func newSecret() driver.Secret {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return driver.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(secret))
}

func (r *endpoints) Update(ctx context.Context, endpoint driver.Endpoint) (driver.Endpoint, error) {
	row := endpointRow{Endpoint: endpoint}
	if err := row.Prepare(); err != nil {
		return driver.Endpoint{}, r.fail("Update", err)
	}
	// The secrets stay and are sealed anew with the headers: a row is under one key. Should they
	// change meanwhile, so does the revision.
	stored, err := r.get(ctx, r.table.byID, endpoint.ID)
	if err == nil {
		row.SecretToken, row.PreviousSecretToken = stored.SecretToken, stored.PreviousSecretToken
		err = r.seal(&row)
	}
	switch {
	case err != nil:
	case row.IsActive == stored.IsActive:
		err = r.replace(ctx, &row)
	default:
		given := row
		err = r.retried(ctx, func(x Executor) error {
			row = given // replace reads it back, and a run that was undone must leave nothing
			if given.IsActive {
				// First, as those who record attempts have the delivery before the endpoint. Nobody
				// parks another one before it is active: that is done with the change to inactive.
				if _, err := x.Exec(ctx, r.sql.unpark, []any{row.ID}); err != nil {
					return err
				}
			}
			if err := r.on(x).replace(ctx, &row); err != nil || given.IsActive {
				return err
			}
			_, err := x.Exec(ctx, r.sql.park, []any{row.ID})
			return err
		})
	}
	if err != nil {
		return driver.Endpoint{}, r.failID("Update", endpoint.ID, err)
	}
	return row.Endpoint, nil
}

func (r *endpoints) GetByID(ctx context.Context, id uuid.UUID) (driver.Endpoint, error) {
	row, err := r.get(ctx, r.table.byID, id)
	return row.Endpoint, r.failID("GetByID", id, err)
}

func (r *endpoints) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	deleted := int64(0)
	err := r.retried(ctx, func(x Executor) (err error) {
		if deleted, err = x.Exec(ctx, r.table.deleteRow, []any{id}); err != nil || deleted == 0 {
			return err
		}
		_, err = x.Exec(ctx, r.sql.cancelDeliveries, []any{"the endpoint was deleted", id})
		return err
	})
	return deleted > 0, r.failID("Delete", id, err)
}

func (r *endpoints) GetByContext(ctx context.Context, contextID *uuid.UUID, opts driver.ListOptions) ([]driver.Endpoint, error) {
	if contextID == nil {
		return r.endpoints(r.list(ctx, "GetByContext", r.sql.withoutContext.of(opts), opts.Limit))
	}
	return r.endpoints(r.list(ctx, "GetByContext", r.sql.byContext.of(opts), opts.Limit, *contextID))
}

func (r *endpoints) GetActive(ctx context.Context, limit int) ([]driver.Endpoint, error) {
	return r.endpoints(r.list(ctx, "GetActive", r.sql.active.active, limit))
}

func (r *endpoints) endpoints(rows []endpointRow, err error) ([]driver.Endpoint, error) {
	if err != nil {
		return nil, err
	}
	found := make([]driver.Endpoint, len(rows))
	for i := range rows {
		found[i] = rows[i].Endpoint
	}
	return found, nil
}

func (r *endpoints) UpdateLastUsed(ctx context.Context, id uuid.UUID) (bool, error) {
	return r.changes(ctx, "UpdateLastUsed", r.sql.used, id)
}

func (r *endpoints) MarkVerified(ctx context.Context, id uuid.UUID, endpointURL string) (bool, error) {
	return r.changes(ctx, "MarkVerified", r.sql.verified, id, endpointURL)
}

func (r *endpoints) RotateSecret(ctx context.Context, id uuid.UUID, opts driver.RotateOptions) (driver.Endpoint, error) {
	if err := opts.Validate(); err != nil {
		return driver.Endpoint{}, r.fail("RotateSecret", err)
	}
	if opts.Secret.IsZero() {
		opts.Secret = newSecret()
	}
	if opts.Grace == 0 {
		opts.Grace = driver.DefaultSecretGrace
	}
	for range saveAttempts {
		row, err := r.get(ctx, r.table.byID, id)
		if err != nil {
			return driver.Endpoint{}, r.failID("RotateSecret", id, err)
		}
		if row.SecretToken.Equal(opts.Secret) { // the same call again: what is previous stays so
			return row.Endpoint, nil
		}
		row.SecretToken, row.PreviousSecretToken = opts.Secret, row.SecretToken
		if opts.Grace < 0 {
			row.PreviousSecretToken = driver.Secret{}
		}
		if err := r.seal(&row); err != nil {
			return driver.Endpoint{}, r.failID("RotateSecret", id, err)
		}
		sql, args := r.sql.rotateAtOnce, row.sealedArgs()
		if opts.Grace > 0 {
			sql, args = r.sql.rotate, append(args, opts.Grace.Microseconds())
		}
		rotated, err := r.returning(ctx, sql, append(args, id, row.Revision))
		if err != nil {
			return driver.Endpoint{}, r.failID("RotateSecret", id, err)
		}
		if len(rotated) == 1 {
			return rotated[0].Endpoint, nil
		}
	}
	return driver.Endpoint{}, r.failID("RotateSecret", id, errContended)
}

func (r *endpoints) ReencryptSecrets(ctx context.Context, limit int) (int, error) {
	n, err := driver.CheckLimit(limit)
	if err == nil && r.config.Keys.Current() == "" {
		err = &driver.InvalidError{Field: "keys", Reason: "are not set; connect with driver.WithKeyRing"}
	}
	if err != nil {
		return 0, r.fail("ReencryptSecrets", err)
	}
	done := 0
	err = r.retried(ctx, func(x Executor) error {
		rows, err := r.on(x).query(ctx, r.sql.outdated, []any{r.config.Keys.Current(), int64(n)})
		if err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			if err := r.seal(row); err != nil {
				return err
			}
			if _, err := x.Exec(ctx, r.sql.reencrypt, append(row.sealedArgs(), row.ID)); err != nil {
				return err
			}
		}
		done = len(rows)
		return nil
	})
	if err != nil {
		return 0, r.fail("ReencryptSecrets", err)
	}
	return done, nil
}
