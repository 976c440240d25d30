package conformance

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var actionTransactions = area{name: "Actions/Transactions", behaviours: []behaviour{
	{"LeaveNothingWhenRolledBack", actionTxRollsBack},
	{"CommitAllTogether", actionTxCommits},
	{"StayUsableAfterRefusals", actionTxRefusals},
	{"HideTheirWritesUntilTheyCommit", actionTxHides},
	{"OfTheAppCommitAndRollBack", eachAppTx(actionTxOfApp)},
	{"KeepSchemasApart", actionTxSchemas},
}}

// changeActions writes through tx in every way there is: an action is deleted, another one changes,
// and executions get to each of their states.
func (t *test) changeActions(tx driver.Store, doomed, kept driver.Action) {
	t.Helper()
	actions, executions := tx.Actions(), tx.Executions()
	must(t, actions.Save, fullAction())
	kept.EventTypes = []string{"user.*"}
	must(t, actions.Update, kept)
	equal(t, "counted", must2(t, actions.UpdateStatistics, kept.ID, driver.ActionStatistics{Triggered: 2, Failed: 1}), true)
	equal(t, "deleted", must(t, actions.Delete, doomed.ID), true)
	for range 4 {
		t.saveExecutionTo(tx, kept.ID)
	}
	claimed := must2(t, executions.ClaimPending, 3, 0)
	equal(t, "claimed", len(claimed), 3)
	must2(t, executions.Complete, claimed[0].ID, driver.ExecutionOutcome{Status: driver.ExecutionFailed, LeaseToken: claimed[0].LeaseToken})
	must(t, executions.Retry, claimed[0].ID)
	claimed[1].Status, claimed[1].Result = driver.ExecutionSuccess, json.RawMessage(`[1]`)
	must(t, executions.Update, claimed[1])
	_, err := executions.DeleteOlderThan(t.ctx, claimed[2].CreatedAt, driver.ExecutionCancelled)
	t.ok(err)
}

// twoActions saves two actions, each with executions in all statuses but pending.
func (t *test) twoActions() (doomed, kept driver.Action) {
	t.Helper()
	doomed, kept = t.saveAction(), t.saveAction()
	for _, action := range []driver.Action{doomed, kept} {
		for _, status := range executionStatuses[1:] {
			t.saveExecution(action.ID, inStatus(status))
		}
	}
	return doomed, kept
}

func actionTxRollsBack(t *test) {
	doomed, kept := t.twoActions()
	before := t.actionStateOf(t.store)
	t.undone(t.store, func(tx driver.Store) { t.changeActions(tx, doomed, kept) })
	t.wantActionState(t.store, before)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeActions(nested, doomed, kept) })
		t.wantActionState(tx, before)
	})
	t.wantActionState(t.store, before)
	t.wantForEvent("order.placed", driver.ActionOptions{}, doomed, kept)
	t.wantForEvent("user.created", driver.ActionOptions{})
}

func actionTxCommits(t *test) {
	doomed, kept := t.twoActions()
	var inside actionState
	t.inTx(func(tx driver.Store) {
		t.changeActions(tx, doomed, kept)
		inside = t.actionStateOf(tx)
	})
	t.wantActionState(t.store, inside)
	t.wantCounters(kept.ID, 3, 0, 2)
	equal(t, "deleted action exists", must(t, t.store.Actions().Exists, doomed.ID), false)
	t.wantForEvent("user.created", driver.ActionOptions{}, t.action(kept.ID))
	t.wantForEvent("order.placed", driver.ActionOptions{})
}

func actionTxRefusals(t *test) {
	doomed, kept := t.twoActions()
	running := must2(t, t.store.Executions().GetByAction, kept.ID, 0)
	finished := ofStatus(running, driver.ExecutionSuccess)[0]
	refusals := []func(tx driver.Store) (error, error){
		func(tx driver.Store) (error, error) {
			_, err := tx.Actions().Save(t.ctx, changed(newAction(), func(a *driver.Action) { a.ID = kept.ID }))
			return err, driver.ErrAlreadyExists
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Actions().Update(t.ctx, changed(kept, func(a *driver.Action) { a.Revision += 5 }))
			return err, driver.ErrConflict
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Actions().Update(t.ctx, changed(kept, func(a *driver.Action) { a.ID = newID() }))
			return err, driver.ErrNotFound
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Actions().UpdateStatistics(t.ctx, kept.ID, driver.ActionStatistics{Failed: 1})
			return err, driver.ErrState
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Actions().GetByID(t.ctx, newID())
			return err, driver.ErrNotFound
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Actions().GetActionsForEvent(t.ctx, "order.*", driver.ActionOptions{})
			return err, driver.ErrInvalid
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().Save(t.ctx, changed(newExecution(kept.ID), func(e *driver.Execution) { e.ID = finished.ID }))
			return err, driver.ErrAlreadyExists
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().Save(t.ctx, newExecution(newID()))
			return err, driver.ErrMissingReference
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().Update(t.ctx, finished)
			return err, driver.ErrState
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().Complete(t.ctx, finished.ID, succeeded)
			return err, driver.ErrState
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().Retry(t.ctx, finished.ID)
			return err, driver.ErrState
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().ClaimPending(t.ctx, -1, 0)
			return err, driver.ErrInvalid
		},
		func(tx driver.Store) (error, error) {
			_, err := tx.Executions().GetByID(t.ctx, newID())
			return err, driver.ErrNotFound
		},
	}
	t.inTx(func(tx driver.Store) {
		before := t.actionStateOf(tx)
		for _, refused := range refusals {
			err, kind := refused(tx)
			t.wantErr(err, kind, "")
			t.wantActionState(tx, before)
		}
		t.changeActions(tx, doomed, kept)
	})
	t.wantCounters(kept.ID, 3, 0, 2)
}

func actionTxHides(t *test) {
	t.needsReadsBeside()
	doomed, kept := t.twoActions()
	before := t.actionStateOf(t.store)
	var inside actionState
	end := t.hold(t.store, func(tx driver.Store) error {
		t.changeActions(tx, doomed, kept)
		inside = t.actionStateOf(tx)
		return nil
	})
	t.wantActionState(t.store, before)
	t.wantForEvent("order.placed", driver.ActionOptions{}, doomed, kept)
	end(nil)
	t.wantActionState(t.store, inside)
}

func actionTxOfApp(t *test, app *app) {
	doomed, kept := t.twoActions()
	before := t.actionStateOf(t.store)
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.changeActions(t.join(tx, t.store), doomed, kept)
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantActionState(t.store, before)

	tx = app.begin()
	joined := t.join(tx, t.store)
	_, err := joined.Executions().Save(t.ctx, newExecution(newID()))
	t.wantErr(err, driver.ErrMissingReference, "Executions.Save")
	_, err = joined.Actions().Save(t.ctx, changed(newAction(), func(a *driver.Action) { a.ID = kept.ID }))
	t.wantErr(err, driver.ErrAlreadyExists, "Actions.Save")
	app.placeOrder(tx, 2)
	t.changeActions(joined, doomed, kept)
	inside := t.actionStateOf(joined)
	t.ok(tx.Commit())
	app.wantOrders(1)
	t.wantActionState(t.store, inside)
}

func actionTxSchemas(t *test) {
	action := t.saveAction()
	execution := t.saveExecution(action.ID)
	other := t.openStore(t.db, newSchema())
	t.wantActionState(other, actionState{})
	_, err := other.Executions().Save(t.ctx, newExecution(action.ID))
	t.wantMissing(err, "Executions.Save", "action_id", "action", action.ID)
	equal(t, "deleted", must(t, other.Actions().Delete, action.ID), false)
	_, err = other.Executions().Complete(t.ctx, execution.ID, succeeded)
	t.wantErr(err, driver.ErrNotFound, "Executions.Complete")
	equal(t, "claimed", len(must2(t, other.Executions().ClaimPending, 0, 0)), 0)
	same := must(t, other.Actions().Save, changed(newAction(), func(a *driver.Action) { a.ID = action.ID }))
	equalList(t, "actions of the other schema", entityIDs(must(t, other.Actions().GetActive, 0)), []uuid.UUID{same.ID})
	t.wantActionState(t.store, actionState{[]driver.Action{action}, []driver.Execution{execution}})
}
