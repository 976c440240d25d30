package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveTransactions = area{name: "Archives/Transactions", alone: true, behaviours: []behaviour{
	{"CommitTogether", archiveTxCommit},
	{"RolledBackLeaveNothing", archiveTxUndone},
	{"HideTheirWritesUntilTheyCommit", archiveTxHide},
	{"RefusalsLeaveThemUsable", archiveTxUsable},
	{"OfTheAppCommitAndRollBack", eachAppTx(archiveTxOfApp)},
	{"StopWhenTheContextHasEnded", archiveCallsStop},
	{"ThatOnlyReadRefuseWrites", archiveCallsReadOnly},
	{"ThatHaveEndedRefuseAll", archiveCallsEnded},
	{"OfAClosedPoolRefuseAll", archiveCallsClosed},
	{"AreAloneInTheirSchema", archiveSchemas},
}}

// archiveCalls are all methods of the repository but those of ArchiveWork.
func archiveCalls(archive driver.Archive) []repositoryCall {
	return []repositoryCall{
		{"Archives.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Save(ctx, newArchive()))
		}},
		{"Archives.Update", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Update(ctx, archive))
		}},
		{"Archives.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Delete(ctx, archive.ID))
		}},
		{"Archives.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetByID(ctx, archive.ID))
		}},
		{"Archives.Exists", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Exists(ctx, archive.ID))
		}},
		{"Archives.GetByStatus", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetByStatus(ctx, driver.ArchivePending, 0))
		}},
		{"Archives.GetByDateRange", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetByDateRange(ctx, longAgo, longAgo.Add(time.Hour), 0))
		}},
		{"Archives.GetByAggregate", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetByAggregate(ctx, newAggregate(), 0))
		}},
		{"Archives.GetByPosition", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetByPosition(ctx, 0, 0))
		}},
		{"Archives.GetExpired", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetExpired(ctx, 0))
		}},
		{"Archives.GetStats", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().GetStats(ctx))
		}},
	}
}

// changeArchives writes through tx in every way there is.
func (t *test) changeArchives(tx driver.Store, kept, doomed driver.Archive) {
	t.Helper()
	must(t, tx.Archives().Save, fullArchive())
	must(t, tx.Archives().Update, changed(kept, func(a *driver.Archive) { a.Name, a.Tags = "Changed", map[string]string{"a": "b"} }))
	equal(t, "deleted", must(t, tx.Archives().Delete, doomed.ID), true)
}

func archiveTxCommit(t *test) {
	kept, doomed := t.archiveNew(2), t.plan()
	var inside []driver.Archive
	t.inTx(func(tx driver.Store) {
		t.changeArchives(tx, kept, doomed)
		inside = t.archivesOf(tx)
	})
	equal(t, "archives", len(inside), 2)
	t.wantArchives(t.store, inside)
}

func archiveTxUndone(t *test) {
	kept, doomed := t.archiveNew(2), t.plan()
	before := t.archivesOf(t.store)
	t.undone(t.store, func(tx driver.Store) { t.changeArchives(tx, kept, doomed) })
	t.wantArchives(t.store, before)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeArchives(nested, kept, doomed) })
		t.wantArchives(tx, before)
	})
	t.wantArchives(t.store, before)
}

func archiveTxHide(t *test) {
	t.needsReadsBeside()
	kept, doomed := t.archiveNew(2), t.plan()
	before := t.archivesOf(t.store)
	end := t.hold(t.store, func(tx driver.Store) error {
		t.changeArchives(tx, kept, doomed)
		return nil
	})
	t.wantArchives(t.store, before)
	end(nil)
	equal(t, "exists after the commit", must(t, t.store.Archives().Exists, doomed.ID), false)
	equal(t, "Name after the commit", t.archiveNow(kept.ID).Name, "Changed")
}

func archiveTxUsable(t *test) {
	stored := t.archiveNew(1)
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		archives := tx.Archives()
		before := t.archivesOf(tx)
		_, err := archives.Save(t.ctx, stored)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Archives.Save", "archive", stored.ID.String())
		_, err = archives.Save(t.ctx, driver.Archive{})
		t.wantInvalid(err, "Archives.Save", "name")
		_, err = archives.Update(t.ctx, driver.Archive{})
		t.wantInvalid(err, "Archives.Update", "name")
		_, err = archives.Update(t.ctx, changed(stored, func(a *driver.Archive) { a.Revision++ }))
		t.wantErrOn(err, driver.ErrConflict, "Archives.Update", "archive", stored.ID.String())
		_, err = archives.Update(t.ctx, changed(stored, func(a *driver.Archive) { a.ID = newID() }))
		t.wantErr(err, driver.ErrNotFound, "Archives.Update")
		_, err = archives.Delete(t.ctx, stored.ID)
		t.wantErr(err, driver.ErrState, "Archives.Delete")
		_, err = archives.GetByID(t.ctx, newID())
		t.wantErr(err, driver.ErrNotFound, "Archives.GetByID")
		_, err = archives.GetByStatus(t.ctx, "done", 0)
		t.wantInvalid(err, "Archives.GetByStatus", "status")
		_, err = archives.GetExpired(t.ctx, -1)
		t.wantInvalid(err, "Archives.GetExpired", "limit")
		t.wantArchives(tx, before)
	})
}

func archiveTxOfApp(t *test, app *app) {
	kept, doomed := t.archiveNew(2), t.plan()
	before := t.archivesOf(t.store)
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.changeArchives(t.join(tx, t.store), kept, doomed)
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantArchives(t.store, before)

	tx = app.begin()
	joined := t.join(tx, t.store)
	_, err := joined.Archives().Save(t.ctx, kept)
	t.wantErr(err, driver.ErrAlreadyExists, "Archives.Save")
	app.placeOrder(tx, 2)
	t.changeArchives(joined, kept, doomed)
	inside, stats := t.archivesOf(joined), t.archiveStatsOf(joined)
	found, err := joined.Archives().GetByDateRange(t.ctx, *kept.EventsFrom, kept.EventsTo.Add(1), 0)
	t.ok(err)
	sameEntities(t, "archives of the time, seen inside", found, []driver.Archive{must(t, joined.Archives().GetByID, kept.ID)})
	t.ok(tx.Commit())
	app.wantOrders(1)
	t.wantArchives(t.store, inside)
	t.wantArchiveStats(t.store, stats)
}

func archiveCallsStop(t *test) {
	before := t.plan()
	t.wantStopped(archiveCalls(before))
	t.wantArchives(t.store, []driver.Archive{before})
}

func archiveCallsReadOnly(t *test) {
	before := t.plan()
	t.wantReadOnly(archiveCalls(before))
	t.wantArchives(t.store, []driver.Archive{before})
}

func archiveCallsEnded(t *test) {
	before := t.plan()
	t.wantEnded(archiveCalls(before))
	t.wantArchives(t.store, []driver.Archive{before})
}

func archiveCallsClosed(t *test) {
	own := t.alone()
	calls := archiveCalls(own.plan())
	own.ok(own.db.Close())
	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

// archiveSchemas has another schema, which knows nothing of the archives of this one.
func archiveSchemas(t *test) {
	aggregate, events := history(2)
	archive, _ := t.archive(events, expiresAfter(1))
	archive = t.archivedAt(archive, longAgo)
	elsewhere := *t
	elsewhere.store = t.openStore(t.db, newSchema())
	elsewhere.events = elsewhere.store.Events()
	other := elsewhere.store.Archives()
	for _, call := range []struct {
		op  string
		err error
	}{
		{"Archives.GetByID", failing(other.GetByID(t.ctx, archive.ID))},
		{"Archives.Update", failing(other.Update(t.ctx, archive))},
	} {
		t.wantErr(call.err, driver.ErrNotFound, call.op)
	}
	equal(t, "exists there", must(t, other.Exists, archive.ID), false)
	equal(t, "deleted there", must(t, other.Delete, archive.ID), false)
	t.wantArchives(elsewhere.store, nil)
	sameEntities(t, "by time", elsewhere.archivesFrom(time.Time{}, time.Now().Add(oneDay)), nil)
	sameEntities(t, "by aggregate", must2(t, other.GetByAggregate, aggregate, 0), nil)
	sameEntities(t, "by position", elsewhere.archivesAt(0), nil)
	sameEntities(t, "expired", elsewhere.expired(), nil)
	equal(t, "archives counted there", elsewhere.archiveStatsOf(elsewhere.store).Archives, 0)
	same := must(t, other.Save, changed(newArchive(), func(a *driver.Archive) { a.ID = archive.ID }))
	there, _ := elsewhere.archive(moreHistory(aggregate, 1))
	equalList(t, "archives there", entityIDs(t.archivesOf(elsewhere.store)), []uuid.UUID{same.ID, there.ID})
	t.wantArchives(t.store, []driver.Archive{archive})
	sameEntities(t, "by aggregate, here", must2(t, t.store.Archives().GetByAggregate, aggregate, 0), []driver.Archive{archive})
}
