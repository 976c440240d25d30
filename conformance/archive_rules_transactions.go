package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleTransactions = area{name: "ArchiveRules/Transactions", alone: true, behaviours: []behaviour{
	{"LeaveNothingWhenRolledBack", ruleTxRollsBack},
	{"CommitAllTogether", ruleTxCommits},
	{"StayUsableAfterRefusals", ruleTxUsable},
	{"ATakenNameOfAnOpenOneWaitsForItsEnd", ruleTxWaits},
	{"SeeANameThatTheyFreed", ruleTxFrees},
	{"HoldUpARunUntilTheyEnd", ruleTxHoldRun},
	{"FenceClaimsThatWereRolledBack", ruleTxFence},
	{"OfTheAppCommitAndRollBack", eachAppTx(ruleTxOfApp)},
	{"StopWhenTheContextHasEnded", ruleCallsStop},
	{"ThatOnlyReadRefuseWrites", ruleCallsReadOnly},
	{"ThatOnlyReadRefuseWritesWithNothingToDo", ruleCallsReadOnlyNothing},
	{"ThatHaveEndedRefuseAll", ruleCallsEnded},
	{"OfAClosedPoolRefuseAll", ruleCallsClosed},
	{"AreAloneInTheirSchema", ruleSchemas},
}}

// rulesInStates are rules for calls and changes.
type rulesInStates struct {
	free, due, leased, doomed driver.ArchiveRule
}

func (t *test) rulesInStates() rulesInStates {
	t.Helper()
	t.saveDueRule()
	s := rulesInStates{leased: t.claimRule(time.Hour)}
	s.free, s.due, s.doomed = t.saveRule(), t.saveDueRule(), t.saveRule()
	return s
}

// ruleCalls are all methods of the repository.
func ruleCalls(s rulesInStates) []repositoryCall {
	token := *s.leased.LeaseToken
	return []repositoryCall{
		{"ArchiveRules.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().Save(ctx, newArchiveRule("new")))
		}},
		{"ArchiveRules.Update", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().Update(ctx, s.free))
		}},
		{"ArchiveRules.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().GetByID(ctx, s.free.ID))
		}},
		{"ArchiveRules.GetByName", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().GetByName(ctx, s.free.Name))
		}},
		{"ArchiveRules.Exists", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().Exists(ctx, s.free.ID))
		}},
		{"ArchiveRules.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().Delete(ctx, s.doomed.ID))
		}},
		{"ArchiveRules.GetAll", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().GetAll(ctx, 0))
		}},
		{"ArchiveRules.GetEnabled", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().GetEnabled(ctx, 0))
		}},
		{"ArchiveRules.GetDue", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().GetDue(ctx, 0))
		}},
		{"ArchiveRules.ClaimDue", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().ClaimDue(ctx, 0, 0))
		}},
		{"ArchiveRules.Extend", true, func(ctx context.Context, store driver.Store) error {
			return store.ArchiveRules().Extend(ctx, s.leased.ID, token, 0)
		}},
		{"ArchiveRules.Ran", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveRules().Ran(ctx, s.leased.ID, token))
		}},
	}
}

// changeRules writes through tx in every way there is.
func (t *test) changeRules(tx driver.Store, s rulesInStates) {
	t.Helper()
	rules := tx.ArchiveRules()
	must(t, rules.Save, fullArchiveRule("new"))
	must(t, rules.Update, changed(s.free, func(r *driver.ArchiveRule) { r.Name, r.Schedule = "renamed", "0 12 29 2 *" }))
	equal(t, "deleted", must(t, rules.Delete, s.doomed.ID), true)
	equalList(t, "ids claimed", entityIDs(must2(t, rules.ClaimDue, 0, time.Hour)), []uuid.UUID{s.due.ID})
	t.ok(rules.Extend(t.ctx, s.leased.ID, *s.leased.LeaseToken, time.Minute))
	must2(t, rules.Ran, s.leased.ID, *s.leased.LeaseToken)
}

func (t *test) rulesOf(store driver.Store) []driver.ArchiveRule {
	t.Helper()
	return must(t, store.ArchiveRules().GetAll, driver.MaxLimit)
}

func ruleTxRollsBack(t *test) {
	s := t.rulesInStates()
	before := t.rulesOf(t.store)
	t.undone(t.store, func(tx driver.Store) { t.changeRules(tx, s) })
	t.wantRules(before...)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeRules(nested, s) })
		sameEntities(t, "rules after the rollback of a nested one", t.rulesOf(tx), before)
	})
	t.wantRules(before...)
	sameEntities(t, "due rules", t.dueRules(), []driver.ArchiveRule{s.due})
	must2(t, t.store.ArchiveRules().Ran, s.leased.ID, *s.leased.LeaseToken)
}

func ruleTxCommits(t *test) {
	s := t.rulesInStates()
	var inside []driver.ArchiveRule
	t.inTx(func(tx driver.Store) {
		t.changeRules(tx, s)
		inside = t.rulesOf(tx)
	})
	t.wantRules(inside...)
	equal(t, "rules", len(inside), 4)
	equal(t, "rules due", len(t.dueRules()), 0)
	t.wantRuleLost(s.leased.ID, *s.leased.LeaseToken)
}

// ruleTxUsable has every refusal there is in a transaction that goes on and commits.
func ruleTxUsable(t *test) {
	s := t.rulesInStates()
	before := t.rulesOf(t.store)
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		rules, unknown := tx.ArchiveRules(), newID()
		_, err := rules.Save(t.ctx, s.free)
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Save", "archive rule", s.free.ID.String())
		_, err = rules.Save(t.ctx, newArchiveRule(s.free.Name))
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Save", "archive rule", s.free.Name)
		_, err = rules.Save(t.ctx, driver.ArchiveRule{})
		t.wantInvalid(err, "ArchiveRules.Save", "name")
		_, err = rules.Update(t.ctx, changed(s.free, func(r *driver.ArchiveRule) { r.Name = s.due.Name }))
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Update", "archive rule", s.due.Name)
		_, err = rules.Update(t.ctx, changed(s.free, func(r *driver.ArchiveRule) { r.Revision++ }))
		t.wantErr(err, driver.ErrConflict, "ArchiveRules.Update")
		_, err = rules.Update(t.ctx, changed(s.free, func(r *driver.ArchiveRule) { r.ID = unknown }))
		t.wantErr(err, driver.ErrNotFound, "ArchiveRules.Update")
		_, err = rules.GetByID(t.ctx, unknown)
		t.wantErr(err, driver.ErrNotFound, "ArchiveRules.GetByID")
		_, err = rules.GetByName(t.ctx, "unknown")
		t.wantErr(err, driver.ErrNotFound, "ArchiveRules.GetByName")
		_, err = rules.ClaimDue(t.ctx, -1, 0)
		t.wantInvalid(err, "ArchiveRules.ClaimDue", "limit")
		t.wantInvalid(rules.Extend(t.ctx, s.leased.ID, *s.leased.LeaseToken, -1), "ArchiveRules.Extend", "lease")
		t.wantErr(rules.Extend(t.ctx, s.leased.ID, newID(), 0), driver.ErrLeaseLost, "ArchiveRules.Extend")
		_, err = rules.Ran(t.ctx, s.leased.ID, newID())
		t.wantErr(err, driver.ErrLeaseLost, "ArchiveRules.Ran")
		_, err = rules.Ran(t.ctx, unknown, newID())
		t.wantErr(err, driver.ErrNotFound, "ArchiveRules.Ran")
		equal(t, "deleted", must(t, rules.Delete, unknown), false)
		sameEntities(t, "rules seen inside", t.rulesOf(tx), before)
	})
	t.wantRules(before...)
}

// ruleTxWaits saves a name that a transaction has saved, or has renamed another one to, and not
// committed: who comes second is told what became of the first.
func ruleTxWaits(t *test) {
	t.needsConcurrent()
	for _, verdict := range []error{nil, errUndo} {
		for _, first := range []func(tx driver.Store) error{
			func(tx driver.Store) error { return failing(tx.ArchiveRules().Save(t.ctx, newArchiveRule("orders"))) },
			func(tx driver.Store) error {
				stored, err := tx.ArchiveRules().Save(t.ctx, newArchiveRule("others"))
				if err != nil {
					return err
				}
				stored.Name = "orders"
				return failing(tx.ArchiveRules().Update(t.ctx, stored))
			},
		} {
			end := t.hold(t.store, first)
			second := inBackground(func() error { return failing(t.store.ArchiveRules().Save(t.ctx, newArchiveRule("orders"))) })
			end(verdict)
			if err := <-second; verdict == nil {
				t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Save", "archive rule", "orders")
			} else {
				t.ok(err)
			}
			for _, stored := range t.rulesOf(t.store) {
				equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, stored.ID), true)
			}
		}
	}
}

func ruleTxFrees(t *test) {
	stored := t.saveRules("orders")[0]
	t.inTx(func(tx driver.Store) {
		must(t, tx.ArchiveRules().Update, changed(stored, func(r *driver.ArchiveRule) { r.Name = "others" }))
		again := must(t, tx.ArchiveRules().Save, newArchiveRule("orders"))
		equal(t, "deleted", must(t, tx.ArchiveRules().Delete, again.ID), true)
		must(t, tx.ArchiveRules().Save, newArchiveRule("orders"))
	})
	equalList(t, "names", t.ruleNames(t.rulesOf(t.store)), []string{"orders", "others"})
}

// ruleTxHoldRun ends a run of a rule that a transaction has changed and not committed: it goes by what
// became of that.
func ruleTxHoldRun(t *test) {
	t.needsConcurrent()
	for _, verdict := range []error{nil, errUndo} {
		stored := t.saveDueRule()
		token := *t.claimRule(0).LeaseToken
		end := t.hold(t.store, func(tx driver.Store) error {
			return failing(tx.ArchiveRules().Update(t.ctx, changed(stored, func(r *driver.ArchiveRule) { r.Schedule = "0 12 29 2 *" })))
		})
		var ran driver.ArchiveRule
		t.waitsUntil(func() { end(verdict) }, inBackground(func() (err error) {
			ran, err = t.store.ArchiveRules().Ran(t.ctx, stored.ID, token)
			return err
		}))
		now := t.rule(stored.ID)
		equal(t, "Schedule", now.Schedule == "0 12 29 2 *", verdict == nil)
		sameEntity(t, "rule that ran", ran, now)
		equal(t, "NextRunAt", instant(ran.NextRunAt), instant(now.Next(*ran.LastRunAt)))

		t.dueAt(now, longAgo)
		token = *t.claimRule(0).LeaseToken
		end = t.hold(t.store, func(tx driver.Store) error { return failing(tx.ArchiveRules().Ran(t.ctx, stored.ID, token)) })
		t.waitsUntil(func() { end(verdict) }, inBackground(func() error {
			_, err := t.store.ArchiveRules().Ran(t.ctx, stored.ID, token)
			if verdict != nil {
				return err
			}
			return asError(faultOf(err, driver.ErrLeaseLost, "ArchiveRules.Ran"))
		}))
	}
}

func ruleTxFence(t *test) {
	stored := t.saveDueRule()
	var claimed []driver.ArchiveRule
	t.undone(t.store, func(tx driver.Store) { claimed = must2(t, tx.ArchiveRules().ClaimDue, 0, 0) })
	equalList(t, "ids claimed", entityIDs(claimed), []uuid.UUID{stored.ID})
	t.wantRuleLost(stored.ID, *claimed[0].LeaseToken)
	t.wantRules(stored)
	t.claimRule(0)
	t.wantRuleLost(stored.ID, *claimed[0].LeaseToken)
}

func ruleTxOfApp(t *test, app *app) {
	s := t.rulesInStates()
	before := t.rulesOf(t.store)
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.changeRules(t.join(tx, t.store), s)
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantRules(before...)

	tx = app.begin()
	joined := t.join(tx, t.store)
	_, err := joined.ArchiveRules().Save(t.ctx, newArchiveRule(s.free.Name))
	t.wantErr(err, driver.ErrAlreadyExists, "ArchiveRules.Save")
	_, err = joined.ArchiveRules().Update(t.ctx, changed(s.free, func(r *driver.ArchiveRule) { r.Name = s.due.Name }))
	t.wantErr(err, driver.ErrAlreadyExists, "ArchiveRules.Update")
	app.placeOrder(tx, 2)
	t.changeRules(joined, s)
	inside := t.rulesOf(joined)
	t.ok(tx.Commit())
	app.wantOrders(1)
	t.wantRules(inside...)
}

func ruleCallsStop(t *test) {
	s := t.rulesInStates()
	before := t.rulesOf(t.store)
	t.wantStopped(ruleCalls(s))
	t.wantRules(before...)
}

func ruleCallsReadOnly(t *test) {
	s := t.rulesInStates()
	before := t.rulesOf(t.store)
	t.wantReadOnly(ruleCalls(s))
	t.wantRules(before...)
}

// ruleCallsReadOnlyNothing has methods that find nothing to do: whether there is any must not decide.
func ruleCallsReadOnlyNothing(t *test) {
	var none rulesInStates
	none.free = newArchiveRule("unknown")
	none.leased.LeaseToken = ptr(newID())
	for _, id := range []*uuid.UUID{&none.free.ID, &none.doomed.ID, &none.leased.ID} {
		*id = newID()
	}
	writes := map[string]func(context.Context, driver.Store) error{}
	for _, call := range ruleCalls(none) {
		if call.writes {
			writes[call.op] = call.run
		}
	}
	t.wantAllRefused(writes)
}

func ruleCallsEnded(t *test) { t.wantEnded(ruleCalls(t.rulesInStates())) }

func ruleCallsClosed(t *test) {
	own := t.alone()
	calls := ruleCalls(own.rulesInStates())
	own.ok(own.db.Close())
	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

// ruleSchemas has another schema, which knows nothing of the rules of this one, and has its own.
func ruleSchemas(t *test) {
	s := t.rulesInStates()
	before := t.rulesOf(t.store)
	elsewhere := *t
	elsewhere.store = t.openStore(t.db, newSchema())
	elsewhere.wantRules()
	rules := elsewhere.store.ArchiveRules()
	_, err := rules.GetByID(t.ctx, s.free.ID)
	t.wantErr(err, driver.ErrNotFound, "ArchiveRules.GetByID")
	_, err = rules.GetByName(t.ctx, s.free.Name)
	t.wantErr(err, driver.ErrNotFound, "ArchiveRules.GetByName")
	_, err = rules.Update(t.ctx, s.free)
	t.wantErr(err, driver.ErrNotFound, "ArchiveRules.Update")
	_, err = rules.Ran(t.ctx, s.leased.ID, *s.leased.LeaseToken)
	t.wantErr(err, driver.ErrNotFound, "ArchiveRules.Ran")
	t.wantErr(rules.Extend(t.ctx, s.leased.ID, *s.leased.LeaseToken, 0), driver.ErrLeaseLost, "ArchiveRules.Extend")
	equal(t, "exists", must(t, rules.Exists, s.free.ID), false)
	equal(t, "deleted", must(t, rules.Delete, s.doomed.ID), false)
	equal(t, "rules due", len(elsewhere.dueRules()), 0)
	equal(t, "rules claimed", len(elsewhere.claimRules(0)), 0)
	_, err = elsewhere.store.ArchiveJobs().Save(t.ctx, driver.ArchiveJob{RuleID: &s.free.ID})
	t.wantMissing(err, "ArchiveJobs.Save", "rule_id", "archive rule", s.free.ID)
	twin := must(t, rules.Save, s.free)
	elsewhere.wantRules(twin)
	equal(t, "deleted", must(t, rules.Delete, twin.ID), true)
	t.wantRules(before...)
}
