package conformance

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var objectWrite = area{name: "ArchiveObjects/Write", behaviours: []behaviour{
	{"CreateBeginsAnObjectWithoutChunks", objectCreate},
	{"CreateRefusesATakenName", objectCreateTaken},
	{"TellNamesApartByTheirBytes", objectNames},
	{"AppendCountsChunksAndBytes", objectAppend},
	{"AppendRefusesAnotherNumberOfChunks", objectAppendConflict},
	{"AppendsAtOnceSucceedOnce", objectAppendRace},
	{"CommitMakesItComplete", objectCommit},
	{"CommitGivesItItsName", objectCommitAs},
	{"CommitRefusesATakenName", objectCommitTaken},
	{"CommitsToOneNameAtOnceSucceedOnce", objectCommitRace},
	{"ACompleteOneNeverChanges", objectComplete},
	{"OfAnUnknownOneAreNotFound", objectUnknown},
	{"DeleteTellsWhetherThereWasOne", objectDelete},
	{"DeleteTakesTheChunks", objectDeleteChunks},
	{"RefuseWhatCanNotBeBeforeAnythingIsSent", objectWriteRefuses},
}}

// createObject begins an object and appends chunks to it.
func (t *test) createObject(name string, chunks ...[]byte) driver.ArchiveObject {
	t.Helper()
	return t.createObjectIn(t.store, name, chunks...)
}

func (t *test) createObjectIn(store driver.Store, name string, chunks ...[]byte) driver.ArchiveObject {
	t.Helper()
	object := must(t, store.ArchiveObjects().Create, name)
	for i, chunk := range chunks {
		t.ok(store.ArchiveObjects().Append(t.ctx, name, i, chunk))
		object.Chunks++
		object.SizeBytes += int64(len(chunk))
	}
	return object
}

// completeObject is createObject and Commit.
func (t *test) completeObject(name string, chunks ...[]byte) driver.ArchiveObject {
	t.Helper()
	t.createObject(name, chunks...)
	return must2(t, t.store.ArchiveObjects().Commit, name, name)
}

// wantObject fails the test unless an object is stored as given, with these chunks and no more.
func (t *test) wantObject(want driver.ArchiveObject, chunks ...[]byte) {
	t.Helper()
	sameEntity(t, "object read back", must(t, t.store.ArchiveObjects().Get, want.Name), want)
	equal(t, "Chunks", want.Chunks, len(chunks))
	size := 0
	for i, chunk := range chunks {
		size += len(chunk)
		if got := must2(t, t.store.ArchiveObjects().ReadChunk, want.Name, i); !bytes.Equal(got, chunk) {
			t.Errorf("chunk %d of %.50q: got %d bytes, want others, or not %d", i, want.Name, len(got), len(chunk))
		}
	}
	equal(t, "SizeBytes", want.SizeBytes, int64(size))
	_, err := t.store.ArchiveObjects().ReadChunk(t.ctx, want.Name, len(chunks))
	t.wantErr(err, driver.ErrNotFound, "ArchiveObjects.ReadChunk")
}

// objects returns all objects there are.
func (t *test) objects(store driver.Store) []driver.ArchiveObject {
	t.Helper()
	all, err := store.ArchiveObjects().List(t.ctx, "", "", driver.MaxLimit)
	t.ok(err)
	return all
}

// wantObjects fails the test unless these are all objects there are, by name.
func (t *test) wantObjects(want ...driver.ArchiveObject) {
	t.Helper()
	sameEntities(t, "objects", t.objects(t.store), want)
}

func objectCreate(t *test) {
	before := t.now()
	created := must(t, t.store.ArchiveObjects().Create, "acme/2024/orders")
	sameEntity(t, "object created", created, driver.ArchiveObject{ID: created.ID, Name: "acme/2024/orders", CreatedAt: created.CreatedAt})
	t.wantBetween("CreatedAt", &created.CreatedAt, before, t.now())
	equal(t, "has an ID", created.ID != uuid.Nil, true)
	t.wantObject(created)
}

func objectCreateTaken(t *test) {
	begun, complete := t.createObject("a", []byte("1")), t.completeObject("b", []byte("2"))
	for _, name := range []string{"a", "b"} {
		got, err := t.store.ArchiveObjects().Create(t.ctx, name)
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveObjects.Create", "object", name)
		sameEntity(t, "object beside the error", got, driver.ArchiveObject{})
	}
	t.wantObjects(begun, complete)
}

// objectNameList is names that only their bytes tell apart, and such that are special elsewhere, in the
// order of their bytes.
var objectNameList = []string{
	"\x01", " a", "%", "A", "\\", "_", "a", "a\x01", "a ", "a%", "a/", "a//b", "a/B", "a/b", "ae", "a\u00e4", "a\u0308", "b", "\u00e4", "\ud7ff", "\ue000", "\U0010ffff",
}

func objectNames(t *test) {
	var want []driver.ArchiveObject
	for _, name := range objectNameList {
		want = append(want, t.createObject(name, []byte(name)))
	}
	for i, name := range objectNameList {
		t.wantObject(want[i], []byte(name))
	}
	longest := strings.Repeat("\u00e4", driver.MaxObjectName/2)
	t.wantObject(t.createObject(longest, []byte{0}), []byte{0})
}

func objectAppend(t *test) {
	chunks := [][]byte{{0}, []byte("a"), {0xff, 0, 0x80, '\\', '\''}, bytes.Repeat([]byte{1, 2, 0}, 1000)}
	other := t.createObject("other", []byte("x"))
	t.wantObject(t.createObject("object", chunks...), chunks...)
	t.wantObject(other, []byte("x"))
	largest := bytes.Repeat([]byte("0123456789abcdef"), driver.MaxObjectChunk/16)
	t.wantObject(t.createObject("large", largest, largest[1:]), largest, largest[1:])
}

func objectAppendConflict(t *test) {
	objects := t.store.ArchiveObjects()
	t.createObject("a")
	for _, chunks := range []int{1, 2, driver.MaxObjectChunks - 1} {
		t.wantErrOn(objects.Append(t.ctx, "a", chunks, []byte("early")), driver.ErrConflict, "ArchiveObjects.Append", "object", "a")
	}
	t.ok(objects.Append(t.ctx, "a", 0, []byte("first")))
	for _, chunks := range []int{0, 2} {
		t.wantErr(objects.Append(t.ctx, "a", chunks, []byte("again")), driver.ErrConflict, "ArchiveObjects.Append")
	}
	t.wantObject(must(t, objects.Get, "a"), []byte("first"))
}

// objectAppendRace has several writers of one object, which don't know of each other.
func objectAppendRace(t *test) {
	const writers = 4
	objects := t.store.ArchiveObjects()
	t.createObject("a")
	var written [][]byte
	for number := range scale(20, 5) {
		won := make([]bool, writers)
		t.together(writers, func(i int) error {
			err := objects.Append(t.ctx, "a", number, fmt.Appendf(nil, "%d by %d", number, i))
			won[i] = err == nil
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrConflict, "ArchiveObjects.Append"))
		})
		equal(t, "writers that succeeded", count(won), 1)
		for i, w := range won {
			if w {
				written = append(written, fmt.Appendf(nil, "%d by %d", number, i))
			}
		}
	}
	t.wantObject(must(t, objects.Get, "a"), written...)
}

func objectCommit(t *test) {
	for name, chunks := range map[string][][]byte{"empty": nil, "one": {{1}}, "more": {{1}, {2}, {3, 3}}} {
		want := t.createObject(name, chunks...)
		want.IsComplete = true
		sameEntity(t, "object committed", must2(t, t.store.ArchiveObjects().Commit, name, name), want)
		t.wantObject(want, chunks...)
	}
}

func objectCommitAs(t *test) {
	want := t.createObject(".unfinished/1", []byte("a"), []byte("b"))
	want.Name, want.IsComplete = "acme/orders", true
	sameEntity(t, "object committed", must2(t, t.store.ArchiveObjects().Commit, ".unfinished/1", "acme/orders"), want)
	t.wantObject(want, []byte("a"), []byte("b"))
	t.wantObjects(want)
	t.createObject(".unfinished/1") // its old name is free
}

func objectCommitTaken(t *test) {
	begun, complete := t.createObject("begun", []byte("1")), t.completeObject("complete", []byte("2"))
	mine := t.createObject("mine", []byte("3"))
	for _, as := range []string{"begun", "complete"} {
		got, err := t.store.ArchiveObjects().Commit(t.ctx, "mine", as)
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveObjects.Commit", "object", as)
		sameEntity(t, "object beside the error", got, driver.ArchiveObject{})
	}
	t.wantObjects(begun, complete, mine)
	t.ok(t.store.ArchiveObjects().Append(t.ctx, "mine", 1, []byte("4"))) // nothing happened to it
}

func objectCommitRace(t *test) {
	const writers = 5
	for i := range writers {
		t.createObject(fmt.Sprintf(".unfinished/%d", i), []byte{byte(i)})
	}
	won := make([]bool, writers)
	t.together(writers, func(i int) error {
		_, err := t.store.ArchiveObjects().Commit(t.ctx, fmt.Sprintf(".unfinished/%d", i), "a")
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "ArchiveObjects.Commit"))
	})
	equal(t, "writers that succeeded", count(won), 1)
	equal(t, "objects", len(t.objects(t.store)), writers)
	for i, w := range won {
		if w {
			t.wantObject(must(t, t.store.ArchiveObjects().Get, "a"), []byte{byte(i)})
		}
	}
}

func objectComplete(t *test) {
	objects := t.store.ArchiveObjects()
	complete := t.completeObject("a", []byte("1"))
	for _, chunks := range []int{0, 1, 2} {
		t.wantErrOn(objects.Append(t.ctx, "a", chunks, []byte("2")), driver.ErrState, "ArchiveObjects.Append", "object", "a")
	}
	for _, as := range []string{"a", "b"} {
		_, err := objects.Commit(t.ctx, "a", as)
		t.wantErrOn(err, driver.ErrState, "ArchiveObjects.Commit", "object", "a")
	}
	t.wantObject(complete, []byte("1"))
	t.wantObjects(complete)
}

func objectUnknown(t *test) {
	objects := t.store.ArchiveObjects()
	stored := t.createObject("a", []byte("1"))
	for _, name := range []string{"b", "A", "a ", "a/", "%", "_"} {
		t.wantErrOn(objects.Append(t.ctx, name, 0, []byte("2")), driver.ErrNotFound, "ArchiveObjects.Append", "object", name)
		_, err := objects.Commit(t.ctx, name, "c")
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveObjects.Commit", "object", name)
	}
	t.wantObjects(stored)
}

func objectDelete(t *test) {
	objects := t.store.ArchiveObjects()
	kept := t.createObject("kept", []byte("1"))
	t.createObject("begun", []byte("2"))
	t.completeObject("complete", []byte("3"))
	for _, name := range []string{"", "begun", "complete"} {
		if name != "" {
			equal(t, "deleted", must(t, objects.Delete, name), true)
		}
		equal(t, "deleted an unknown one", must(t, objects.Delete, name+"x"), false)
	}
	equal(t, "deleted again", must(t, objects.Delete, "begun"), false)
	t.wantObjects(kept)
	t.wantObject(kept, []byte("1"))
}

// objectDeleteChunks has a new object of a name that another one had, which is another one.
func objectDeleteChunks(t *test) {
	objects := t.store.ArchiveObjects()
	first := t.completeObject("a", []byte("1"), []byte("2"), []byte("3"))
	equal(t, "deleted", must(t, objects.Delete, "a"), true)
	for number := range 3 {
		_, err := objects.ReadChunk(t.ctx, "a", number)
		t.wantErr(err, driver.ErrNotFound, "ArchiveObjects.ReadChunk")
	}
	second := t.createObject("a", []byte("4"))
	t.wantObject(second, []byte("4"))
	equal(t, "has the same ID", second.ID == first.ID, false)
}

// spoiledNames are what no object can have for a name. Values have the canary, which errors must not tell.
var spoiledNames = []string{"", " \t", canary + "\x00", canary + "\xff", canary + strings.Repeat("x", driver.MaxObjectName)}

func objectWriteRefuses(t *test) {
	ended, objects := t.endedContext(), t.store.ArchiveObjects()
	stored := t.createObject("a", []byte("1"))
	for _, name := range spoiledNames {
		for op, err := range map[string]error{
			"ArchiveObjects.Create": failing(objects.Create(ended, name)),
			"ArchiveObjects.Append": objects.Append(ended, name, 0, []byte("1")),
			"ArchiveObjects.Commit": failing(objects.Commit(ended, name, "b")),
			"ArchiveObjects.Delete": failing(objects.Delete(ended, name)),
		} {
			t.wantInvalid(err, op, "name")
		}
		t.wantInvalid(failing(objects.Commit(ended, "a", name)), "ArchiveObjects.Commit", "as")
	}
	for _, data := range [][]byte{nil, {}, make([]byte, driver.MaxObjectChunk+1)} {
		t.wantInvalid(objects.Append(ended, "a", 1, data), "ArchiveObjects.Append", "data")
	}
	for _, chunks := range []int{-1, math.MinInt, driver.MaxObjectChunks, math.MaxInt} {
		t.wantInvalid(objects.Append(ended, "a", chunks, []byte("2")), "ArchiveObjects.Append", "chunks")
	}
	t.wantObjects(stored)
}

// objectCalls are all methods of the repository, for an object "begun" with one chunk.
func objectCalls() []repositoryCall {
	return []repositoryCall{
		{"ArchiveObjects.Create", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveObjects().Create(ctx, "new"))
		}},
		{"ArchiveObjects.Append", true, func(ctx context.Context, store driver.Store) error {
			return store.ArchiveObjects().Append(ctx, "begun", 1, []byte("2"))
		}},
		{"ArchiveObjects.Commit", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveObjects().Commit(ctx, "begun", "complete"))
		}},
		{"ArchiveObjects.Get", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveObjects().Get(ctx, "begun"))
		}},
		{"ArchiveObjects.ReadChunk", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveObjects().ReadChunk(ctx, "begun", 0))
		}},
		{"ArchiveObjects.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveObjects().Delete(ctx, "begun"))
		}},
		{"ArchiveObjects.List", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveObjects().List(ctx, "", "", 0))
		}},
	}
}
