package conformance

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

var objectRead = area{name: "ArchiveObjects/Read", behaviours: []behaviour{
	{"ShowThoseThatAreNotCompleteToo", objectReadBegun},
	{"OfAnUnknownOneAreNotFound", objectReadUnknown},
	{"KeepEveryByte", objectReadBytes},
	{"GiveBytesThatBelongToTheCaller", objectReadOwn},
	{"RefuseWhatCanNotBeBeforeAnythingIsSent", objectReadRefuses},
}}

func objectReadBegun(t *test) {
	t.wantObject(t.createObject("a"))
	t.ok(t.store.ArchiveObjects().Append(t.ctx, "a", 0, []byte("1")))
	t.wantObject(must(t, t.store.ArchiveObjects().Get, "a"), []byte("1"))
	t.wantObject(must2(t, t.store.ArchiveObjects().Commit, "a", "a"), []byte("1"))
}

func objectReadUnknown(t *test) {
	objects := t.store.ArchiveObjects()
	t.createObject("a", []byte("1"), []byte("2"))
	for _, name := range []string{"b", "A", "a ", "%"} {
		got, err := objects.Get(t.ctx, name)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveObjects.Get", "object", name)
		sameEntity(t, "object beside the error", got, driver.ArchiveObject{})
		_, err = objects.ReadChunk(t.ctx, name, 0)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveObjects.ReadChunk", "object", name)
	}
	for _, number := range []int{2, 3, driver.MaxObjectChunks - 1} {
		data, err := objects.ReadChunk(t.ctx, "a", number)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveObjects.ReadChunk", "object", "a")
		equal(t, "bytes beside the error", len(data), 0)
	}
}

func objectReadBytes(t *test) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	var chunks [][]byte
	for i := range all { // each byte alone, first and last
		chunks = append(chunks, all[i:i+1])
	}
	chunks = append(chunks, all, bytes.Repeat([]byte{0}, 100_000), bytes.Repeat([]byte{0xff}, 100_001), bytes.Repeat(all, 1000))
	t.inTx(func(tx driver.Store) { t.createObjectIn(tx, "a", chunks...) })
	t.wantObject(must(t, t.store.ArchiveObjects().Get, "a"), chunks...)
}

func objectReadOwn(t *test) {
	given := []byte("given")
	t.createObject("a", given)
	given[0] = 'x'
	got := must2(t, t.store.ArchiveObjects().ReadChunk, "a", 0)
	equal(t, "chunk", string(got), "given")
	got[0] = 'y'
	equal(t, "chunk", string(must2(t, t.store.ArchiveObjects().ReadChunk, "a", 0)), "given")
}

func objectReadRefuses(t *test) {
	ended, objects := t.endedContext(), t.store.ArchiveObjects()
	for _, name := range spoiledNames {
		t.wantInvalid(failing(objects.Get(ended, name)), "ArchiveObjects.Get", "name")
		t.wantInvalid(failing(objects.ReadChunk(ended, name, 0)), "ArchiveObjects.ReadChunk", "name")
	}
	for _, number := range []int{-1, math.MinInt, driver.MaxObjectChunks, math.MaxInt} {
		t.wantInvalid(failing(objects.ReadChunk(ended, "a", number)), "ArchiveObjects.ReadChunk", "number")
	}
}

var objectList = area{name: "ArchiveObjects/List", behaviours: []behaviour{
	{"IsByTheBytesOfTheNames", objectListOrder},
	{"ShowsThoseThatBeginWithAPrefix", objectListPrefix},
	{"GoesOnAfterAName", objectListAfter},
	{"ShowsThoseThatAreNotCompleteToo", objectListBegun},
	{"HoldsToTheLimits", objectListLimits},
	{"OfNothingIsEmpty", objectListNone},
	{"RefusesWhatCanNotBeBeforeAnythingIsSent", objectListRefuses},
}}

// wantListed fails the test unless these are the names that are listed.
func (t *test) wantListed(prefix, after string, want []string) {
	t.Helper()
	found, err := t.store.ArchiveObjects().List(t.ctx, prefix, after, 0)
	t.ok(err)
	names := make([]string, len(found))
	for i := range found {
		names[i] = found[i].Name
	}
	equalList(t, fmt.Sprintf("objects from %q on, after %q", prefix, after), names, want)
}

// createObjects begins objects of these names, in no order.
func (t *test) createObjects(names []string) {
	t.Helper()
	t.inTx(func(tx driver.Store) {
		for i := range names {
			t.createObjectIn(tx, names[(i*7+3)%len(names)]) // all, if their number is not a multiple of 7
		}
	})
}

func objectListOrder(t *test) {
	equal(t, "the names are in order", slices.IsSorted(objectNameList), true)
	t.createObjects(objectNameList)
	t.wantListed("", "", objectNameList)
}

func objectListPrefix(t *test) {
	t.createObjects(objectNameList)
	for _, prefix := range append([]string{"a", "a/b", "%", "_", "\\", "ab", "A", "\u00e4", "\ud7ff", "\U0010ffff", "a\U0010ffff", "\x7f", "\x01", "\u00c3"}, objectNameList...) {
		var want []string
		for _, name := range objectNameList {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		t.wantListed(prefix, "", want)
	}
}

func objectListAfter(t *test) {
	t.createObjects(objectNameList)
	for _, prefix := range []string{"", "a", "a/", "\ud7ff", "\U0010ffff"} {
		for _, after := range append([]string{"0", "a/a", "zzz", "\U0010ffff\U0010ffff"}, objectNameList...) {
			var want []string
			for _, name := range objectNameList {
				if strings.HasPrefix(name, prefix) && name > after {
					want = append(want, name)
				}
			}
			t.wantListed(prefix, after, want)
		}
	}
	longest := strings.Repeat("z", driver.MaxObjectName)
	t.createObject(longest)
	t.wantListed("z", longest[:driver.MaxObjectName-1], []string{longest})
	t.wantListed("z", longest, nil)
	t.wantListed(longest, "", []string{longest})
}

func objectListBegun(t *test) {
	t.wantObjects(t.createObject("a", []byte("1")), t.completeObject("b", []byte("2"), []byte("3")), t.createObject("c"))
}

func objectListLimits(t *test) {
	names := make([]string, driver.DefaultLimit+5)
	for i := range names {
		names[i] = fmt.Sprintf("acme/%03d", i)
	}
	var want []driver.ArchiveObject
	t.inTx(func(tx driver.Store) {
		for _, name := range names {
			want = append(want, t.createObjectIn(tx, name))
		}
	})
	t.createObject("acme")
	t.createObject("other")
	holdsToLimits(t, "ArchiveObjects.List", want, func(limit int) ([]driver.ArchiveObject, error) {
		return t.store.ArchiveObjects().List(t.ctx, "acme/", "", limit)
	})
	var got []string
	for after := ""; ; { // page by page
		page, err := t.store.ArchiveObjects().List(t.ctx, "acme/", after, 7)
		t.ok(err)
		if len(page) == 0 {
			break
		}
		for _, object := range page {
			after = object.Name
			got = append(got, after)
		}
	}
	equalList(t, "objects, page by page", got, names)
}

func objectListNone(t *test) {
	t.wantObjects()
	t.wantListed("a", "b", nil)
}

func objectListRefuses(t *test) {
	ended, objects := t.endedContext(), t.store.ArchiveObjects()
	for _, text := range spoiledNames[2:] {
		t.wantInvalid(failing(objects.List(ended, text, "", 0)), "ArchiveObjects.List", "prefix")
		t.wantInvalid(failing(objects.List(ended, "a", text, 0)), "ArchiveObjects.List", "after")
	}
	t.wantInvalid(failing(objects.List(ended, "a", "", -1)), "ArchiveObjects.List", "limit")
}
