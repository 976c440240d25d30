package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleMapping = &mapping[driver.ArchiveRule]{
	table:      archiveRulesTable,
	repository: "ArchiveRules",
	entity:     "archive rule",
	columns: []column[driver.ArchiveRule]{
		{name: "id", at: func(r *driver.ArchiveRule) any { return &r.ID }, set: bySave},
		{name: "name", at: func(r *driver.ArchiveRule) any { return &r.Name }, set: byBoth},
		{name: "description", at: func(r *driver.ArchiveRule) any { return &r.Description }, set: byBoth},
		{name: "policy", at: func(r *driver.ArchiveRule) any { return (*string)(&r.Policy) }, set: byBoth},
		{name: "include_types", at: func(r *driver.ArchiveRule) any { return encoded{&r.IncludeTypes} }, set: byBoth},
		{name: "exclude_types", at: func(r *driver.ArchiveRule) any { return encoded{&r.ExcludeTypes} }, set: byBoth},
		{name: "include_contexts", at: func(r *driver.ArchiveRule) any { return encoded{&r.IncludeContexts} }, set: byBoth},
		{name: "exclude_contexts", at: func(r *driver.ArchiveRule) any { return encoded{&r.ExcludeContexts} }, set: byBoth},
		{name: "archive_after_days", at: func(r *driver.ArchiveRule) any { return &r.ArchiveAfterDays }, set: byBoth},
		{name: "max_event_count", at: func(r *driver.ArchiveRule) any { return &r.MaxEventCount }, set: byBoth},
		{name: "max_table_bytes", at: func(r *driver.ArchiveRule) any { return &r.MaxTableBytes }, set: byBoth},
		{name: "past_consumers", at: func(r *driver.ArchiveRule) any { return &r.PastConsumers }, set: byBoth},
		{name: "schedule", at: func(r *driver.ArchiveRule) any { return &r.Schedule }, set: byBoth},
		{name: "storage_type", at: func(r *driver.ArchiveRule) any { return (*string)(&r.StorageType) }, set: byBoth},
		{name: "location_template", at: func(r *driver.ArchiveRule) any { return &r.LocationTemplate }, set: byBoth},
		{name: "encrypt", at: func(r *driver.ArchiveRule) any { return &r.Encrypt }, set: byBoth},
		{name: "retention_days", at: func(r *driver.ArchiveRule) any { return &r.RetentionDays }, set: byBoth},
		{name: "auto_delete_after_days", at: func(r *driver.ArchiveRule) any { return &r.AutoDeleteAfterDays }, set: byBoth},
		{name: "is_enabled", at: func(r *driver.ArchiveRule) any { return &r.IsEnabled }, set: byBoth},
		{name: "created_by_user_id", at: func(r *driver.ArchiveRule) any { return &r.CreatedByUserID }, set: byBoth},
		{name: "next_run_at", at: func(r *driver.ArchiveRule) any { return &r.NextRunAt }, set: bySave},
		{name: "last_run_at", at: func(r *driver.ArchiveRule) any { return &r.LastRunAt }},
		{name: "lease_token", at: func(r *driver.ArchiveRule) any { return &r.LeaseToken }},
		{name: "lease_until", at: func(r *driver.ArchiveRule) any { return &r.LeaseUntil }},
		{name: "created_at", at: func(r *driver.ArchiveRule) any { return &r.CreatedAt }},
		{name: "updated_at", at: func(r *driver.ArchiveRule) any { return &r.UpdatedAt }},
		{name: "revision", at: func(r *driver.ArchiveRule) any { return &r.Revision }},
	},
	// A rule that was renamed stays due when it was.
	derived: []column[driver.ArchiveRule]{{
		name:       "next_run_at",
		expression: expression("CASE WHEN schedule = ? AND policy = ? AND is_enabled = ? THEN next_run_at ELSE ? END"),
		args: func(r *driver.ArchiveRule) []any {
			return []any{r.Schedule, string(r.Policy), r.IsEnabled, r.NextRunAt}
		},
	}},
	unique: []unique{{columns: []string{"name"}}},
}

// archiveRuleSQL is the statements on archive rules.
type archiveRuleSQL struct {
	table *table[driver.ArchiveRule]

	clock     string
	byName    string
	all       listSQL
	forUpdate string

	due, claim  string
	extend, ran string
}

func newArchiveRuleSQL(s *schemaSQL) *archiveRuleSQL {
	t := newTable(s, archiveRuleMapping)
	d, rules := s.dialect, s.quote(archiveRulesTable)
	due := "next_run_at <= " + d.Clock + " AND (lease_until IS NULL OR lease_until <= " + d.Clock + ")"
	dueFirst := sq.Select("id").From(rules).Where(due).OrderBy("next_run_at", "id").Suffix("LIMIT ?")
	return &archiveRuleSQL{
		table:     t,
		clock:     s.render(sq.Select(d.Clock)),
		byName:    s.render(t.read().Where("name = ?")),
		all:       t.lists("1 = 1", "is_enabled", d.Bytewise("name")),
		forUpdate: s.render(s.locking(sq.Select(append(t.names(""), d.Clock)...).From(rules).Where("id = ?"), "FOR UPDATE")),

		due: s.list(t.read().Where(due), "next_run_at, id"),
		claim: s.render(sq.Update(rules).Set("lease_token", sq.Expr("?")).Set("lease_until", sq.Expr(d.After)).
			Where("id IN (SELECT id FROM due)").Suffix(t.returning()).
			PrefixExpr(sq.Expr("WITH due AS MATERIALIZED (?)", s.locking(dueFirst, "FOR UPDATE SKIP LOCKED")))),
		extend: s.render(sq.Update(rules).Set("lease_until", sq.Expr(d.After)).Where("id = ? AND lease_token = ?")),
		ran: s.render(sq.Update(rules).Set("last_run_at", sq.Expr("?")).Set("next_run_at", sq.Expr("?")).
			Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).Where("id = ?").Suffix(t.returning())),
	}
}

// archiveRules implements driver.ArchiveRuleRepository.
type archiveRules struct {
	repository[driver.ArchiveRule]
	sql *archiveRuleSQL
}

func (r *archiveRules) Save(ctx context.Context, rule driver.ArchiveRule) (driver.ArchiveRule, error) {
	return r.write(ctx, "Save", r.scheduled(r.insert), &rule, rule.Prepare())
}

func (r *archiveRules) Update(ctx context.Context, rule driver.ArchiveRule) (driver.ArchiveRule, error) {
	return r.write(ctx, "Update", r.scheduled(r.replace), &rule, rule.Prepare())
}

// scheduled makes a rule due as it says from now on, before it is written.
func (r *archiveRules) scheduled(
	write func(context.Context, *driver.ArchiveRule) error,
) func(context.Context, *driver.ArchiveRule) error {
	return func(ctx context.Context, rule *driver.ArchiveRule) error {
		var now time.Time
		if err := r.exec.Query(ctx, r.sql.clock, nil, []any{&now}, nil); err != nil {
			return err
		}
		rule.NextRunAt = rule.Next(now)
		return write(ctx, rule)
	}
}

func (r *archiveRules) GetByID(ctx context.Context, id uuid.UUID) (driver.ArchiveRule, error) {
	found, err := r.get(ctx, r.table.byID, id)
	return found, r.failID("GetByID", id, err)
}

func (r *archiveRules) GetByName(ctx context.Context, name string) (driver.ArchiveRule, error) {
	if err := driver.CheckArchiveRuleName(name); err != nil {
		return driver.ArchiveRule{}, r.fail("GetByName", err) // without the name, which may be anything
	}
	found, err := r.get(ctx, r.sql.byName, name)
	return found, driver.Fail("ArchiveRules.GetByName", r.schema, r.table.entity, name, err)
}

func (r *archiveRules) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	return r.changes(ctx, "Delete", r.table.deleteRow, id)
}

func (r *archiveRules) GetAll(ctx context.Context, limit int) ([]driver.ArchiveRule, error) {
	return r.list(ctx, "GetAll", r.sql.all.all, limit)
}

func (r *archiveRules) GetEnabled(ctx context.Context, limit int) ([]driver.ArchiveRule, error) {
	return r.list(ctx, "GetEnabled", r.sql.all.active, limit)
}

func (r *archiveRules) GetDue(ctx context.Context, limit int) ([]driver.ArchiveRule, error) {
	return r.list(ctx, "GetDue", r.sql.due, limit)
}

func (r *archiveRules) ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]driver.ArchiveRule, error) {
	claimed, err := r.claim(ctx, r.sql.claim, limit, lease)
	if err != nil {
		return nil, r.fail("ClaimDue", err)
	}
	slices.SortFunc(claimed, func(a, b driver.ArchiveRule) int { // RETURNING has no order
		return cmp.Or(a.NextRunAt.Compare(*b.NextRunAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return claimed, nil
}

var errRuleLost = &driver.Error{Kind: driver.ErrLeaseLost, Err: errors.New("it ended, or went to another scheduler")}

func (r *archiveRules) Extend(ctx context.Context, id, token uuid.UUID, lease time.Duration) error {
	return r.extend(ctx, r.sql.extend, id, token, lease, errRuleLost)
}

func (r *archiveRules) Ran(ctx context.Context, id, token uuid.UUID) (driver.ArchiveRule, error) {
	var ran driver.ArchiveRule
	err := r.retried(ctx, func(x Executor) error {
		tx := r.on(x)
		rule, now, err := tx.lock(ctx, r.sql.forUpdate, id)
		if err == nil && (rule.LeaseToken == nil || *rule.LeaseToken != token) {
			err = errRuleLost
		}
		if err == nil {
			ran, err = tx.get(ctx, r.sql.ran, now, rule.Next(now), id)
		}
		return err
	})
	if err != nil {
		return driver.ArchiveRule{}, r.failID("Ran", id, err)
	}
	return ran, nil
}
