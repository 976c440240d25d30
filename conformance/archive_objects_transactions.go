package conformance

import (
	"bytes"

	"github.com/neomultitenant/neoevents/driver"
)

var objectTransactions = area{name: "ArchiveObjects/Transactions", alone: true, behaviours: []behaviour{
	{"CommitTogether", objectTxCommit},
	{"RolledBackLeaveNothing", objectTxUndone},
	{"HideTheirWritesUntilTheyCommit", objectTxHide},
	{"MakeAnotherWriterWait", objectTxWait},
	{"RefusalsLeaveThemUsable", objectTxUsable},
	{"OfTheAppKeepEveryByte", eachAppTx(objectTxOfApp)},
	{"StopWhenTheContextHasEnded", objectCallsStop},
	{"ThatOnlyReadRefuseWrites", objectCallsReadOnly},
	{"ThatHaveEndedRefuseAll", objectCallsEnded},
	{"OfAClosedPoolRefuseAll", objectCallsClosed},
	{"AreAloneInTheirSchema", objectSchemas},
}}

// changeObjects writes through tx in every way there is, to an object "begun" with one chunk and another
// one, "doomed".
func (t *test) changeObjects(tx driver.Store) {
	t.Helper()
	t.createObjectIn(tx, "new", []byte("1"), []byte("2"))
	t.ok(tx.ArchiveObjects().Append(t.ctx, "begun", 1, []byte("more")))
	must2(t, tx.ArchiveObjects().Commit, "begun", "complete")
	equal(t, "deleted", must(t, tx.ArchiveObjects().Delete, "doomed"), true)
}

// objectsToChange creates what changeObjects changes.
func (t *test) objectsToChange() {
	t.Helper()
	t.createObject("begun", []byte("some"))
	t.completeObject("doomed", []byte("3"))
}

func objectTxCommit(t *test) {
	t.objectsToChange()
	var inside []driver.ArchiveObject
	t.inTx(func(tx driver.Store) {
		t.changeObjects(tx)
		inside = t.objects(tx)
	})
	equal(t, "objects", len(inside), 2)
	t.wantObjects(inside...)
	t.wantObject(inside[0], []byte("some"), []byte("more"))
	t.wantObject(inside[1], []byte("1"), []byte("2"))
}

func objectTxUndone(t *test) {
	t.objectsToChange()
	before := t.objects(t.store)
	t.undone(t.store, t.changeObjects)
	t.wantObjects(before...)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, t.changeObjects)
		sameEntities(t, "objects", t.objects(tx), before)
	})
	t.wantObject(before[0], []byte("some"))
	t.wantObject(before[1], []byte("3"))
}

func objectTxHide(t *test) {
	t.needsReadsBeside()
	t.objectsToChange()
	before := t.objects(t.store)
	end := t.hold(t.store, func(tx driver.Store) error {
		t.changeObjects(tx)
		return nil
	})
	t.wantObjects(before...)
	t.wantObject(before[0], []byte("some"))
	end(nil)
	t.wantObject(must(t, t.store.ArchiveObjects().Get, "complete"), []byte("some"), []byte("more"))
}

// objectTxWait has a second writer of an object to which an open transaction appended, which then commits
// or not.
func objectTxWait(t *test) {
	for _, verdict := range []error{errUndo, nil} {
		name := "a"
		if verdict == nil {
			name = "b"
		}
		t.createObject(name)
		end := t.hold(t.store, func(tx driver.Store) error {
			return tx.ArchiveObjects().Append(t.ctx, name, 0, []byte("first"))
		})
		second := inBackground(func() error {
			err := t.store.ArchiveObjects().Append(t.ctx, name, 0, []byte("second"))
			if verdict == nil {
				return asError(faultOf(err, driver.ErrConflict, "ArchiveObjects.Append"))
			}
			return err
		})
		t.waitsUntil(func() { end(verdict) }, second)
	}
	t.wantObject(must(t, t.store.ArchiveObjects().Get, "a"), []byte("second"))
	t.wantObject(must(t, t.store.ArchiveObjects().Get, "b"), []byte("first"))
}

func objectTxUsable(t *test) {
	begun, complete := t.createObject("begun", []byte("1")), t.completeObject("complete", []byte("2"))
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		objects := tx.ArchiveObjects()
		t.wantErr(failing(objects.Create(t.ctx, "begun")), driver.ErrAlreadyExists, "ArchiveObjects.Create")
		t.wantErr(failing(objects.Create(t.ctx, "complete")), driver.ErrAlreadyExists, "ArchiveObjects.Create")
		t.wantErr(failing(objects.Commit(t.ctx, "begun", "complete")), driver.ErrAlreadyExists, "ArchiveObjects.Commit")
		t.wantErr(failing(objects.Commit(t.ctx, "complete", "other")), driver.ErrState, "ArchiveObjects.Commit")
		t.wantErr(failing(objects.Commit(t.ctx, "unknown", "other")), driver.ErrNotFound, "ArchiveObjects.Commit")
		t.wantErr(objects.Append(t.ctx, "begun", 0, []byte("3")), driver.ErrConflict, "ArchiveObjects.Append")
		t.wantErr(objects.Append(t.ctx, "complete", 1, []byte("3")), driver.ErrState, "ArchiveObjects.Append")
		t.wantErr(objects.Append(t.ctx, "unknown", 0, []byte("3")), driver.ErrNotFound, "ArchiveObjects.Append")
		t.wantInvalid(objects.Append(t.ctx, "begun", 1, nil), "ArchiveObjects.Append", "data")
		t.wantErr(failing(objects.Get(t.ctx, "unknown")), driver.ErrNotFound, "ArchiveObjects.Get")
		t.wantErr(failing(objects.ReadChunk(t.ctx, "begun", 1)), driver.ErrNotFound, "ArchiveObjects.ReadChunk")
		t.wantInvalid(failing(objects.List(t.ctx, "", "", -1)), "ArchiveObjects.List", "limit")
		sameEntities(t, "objects", t.objects(tx), []driver.ArchiveObject{begun, complete})
	})
	t.wantObjects(begun, complete)
}

// objectTxOfApp appends in a transaction of the app, whose library may have ways of its own for bytes.
func objectTxOfApp(t *test, app *app) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	chunks := [][]byte{all, {0}, []byte(`\x00`), bytes.Repeat(all, driver.MaxObjectChunk/256)}
	t.objectsToChange()
	before := t.objects(t.store)
	for _, commits := range []bool{false, true} {
		tx := app.begin()
		joined := t.join(tx, t.store)
		t.wantErr(failing(joined.ArchiveObjects().Commit(t.ctx, "begun", "doomed")), driver.ErrAlreadyExists, "ArchiveObjects.Commit")
		app.placeOrder(tx, 1)
		t.changeObjects(joined)
		t.createObjectIn(joined, "object", chunks...)
		for i, chunk := range chunks {
			if got := must2(t, joined.ArchiveObjects().ReadChunk, "object", i); !bytes.Equal(got, chunk) {
				t.Errorf("chunk %d, read inside: got %d bytes, want others, or not %d", i, len(got), len(chunk))
			}
		}
		if !commits {
			t.ok(tx.Rollback())
			t.wantObjects(before...)
			continue
		}
		inside := t.objects(joined)
		t.ok(tx.Commit())
		t.wantObjects(inside...)
		t.wantObject(must(t, t.store.ArchiveObjects().Get, "object"), chunks...)
	}
	app.wantOrders(1)
}

func objectCallsStop(t *test) {
	before := t.createObject("begun", []byte("1"))
	t.wantStopped(objectCalls())
	t.wantObjects(before)
}

func objectCallsReadOnly(t *test) {
	before := t.createObject("begun", []byte("1"))
	t.wantReadOnly(objectCalls())
	t.wantObjects(before)
}

func objectCallsEnded(t *test) {
	before := t.createObject("begun", []byte("1"))
	t.wantEnded(objectCalls())
	t.wantObjects(before)
}

func objectCallsClosed(t *test) {
	own := t.alone()
	own.createObject("begun", []byte("1"))
	own.ok(own.db.Close())
	for _, call := range objectCalls() {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

// objectSchemas has another schema, with an object of the same name.
func objectSchemas(t *test) {
	here := t.createObject("a", []byte("here"))
	elsewhere := *t
	elsewhere.store = t.openStore(t.db, newSchema())
	other := elsewhere.store.ArchiveObjects()
	elsewhere.wantObjects()
	for op, err := range map[string]error{
		"ArchiveObjects.Get":       failing(other.Get(t.ctx, "a")),
		"ArchiveObjects.ReadChunk": failing(other.ReadChunk(t.ctx, "a", 0)),
		"ArchiveObjects.Append":    other.Append(t.ctx, "a", 1, []byte("there")),
		"ArchiveObjects.Commit":    failing(other.Commit(t.ctx, "a", "a")),
	} {
		t.wantErr(err, driver.ErrNotFound, op)
	}
	equal(t, "deleted there", must(t, other.Delete, "a"), false)
	there := elsewhere.completeObject("a", []byte("there"), []byte("more"))
	elsewhere.wantObject(there, []byte("there"), []byte("more"))
	t.wantObject(here, []byte("here"))
	equal(t, "deleted", must(t, t.store.ArchiveObjects().Delete, "a"), true)
	elsewhere.wantObject(there, []byte("there"), []byte("more"))
}
