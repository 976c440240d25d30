package storagetest

import (
	"slices"
	"strings"

	"github.com/neomultitenant/neoevents/archive"
)

func listsByName(t *test) {
	// In the order of bytes: "-" and "." come before "/", capital letters before small ones.
	names := []string{"B", "a-b", "a.b", "a/b", "a/b-", "a/b.c", "a/bb", "a/c/d/e", "a/c0", "a0", "c"}
	written := slices.Clone(names)
	slices.Reverse(written)
	for _, name := range written {
		t.put(name, nil)
	}
	t.wantNames("", names...)
}

func listsByPrefix(t *test) {
	for _, name := range []string{"a", "ab/c", "ab/cd", "ab/d/e", "abc", "b/a"} {
		t.put(name, nil)
	}
	t.wantNames("a", "a", "ab/c", "ab/cd", "ab/d/e", "abc")
	t.wantNames("ab", "ab/c", "ab/cd", "ab/d/e", "abc")
	t.wantNames("ab/", "ab/c", "ab/cd", "ab/d/e")
	t.wantNames("ab/c", "ab/c", "ab/cd")
	t.wantNames("ab/c/")
	t.wantNames("ab/d/e", "ab/d/e")
	t.wantNames("A")
	t.wantNames("c")
	t.wantNames("a_")
}

func listsTheSizes(t *test) {
	want := map[string]int64{"empty": 0, "one": 1, "more": 123_456}
	for name, size := range want {
		t.put(name, content(1, int(size)))
	}
	for object, err := range t.storage.List(t.ctx, "") {
		t.ok("List", err)
		if object.Size != want[object.Name] {
			t.Errorf("%s: got size %d, want %d", object.Name, object.Size, want[object.Name])
		}
	}
}

func aListMayBeLeftEarly(t *test) {
	for _, name := range []string{"a", "b/c", "b/d", "e"} {
		t.put(name, nil)
	}
	for leave := 1; leave <= 4; leave++ {
		seen := 0
		for object, err := range t.storage.List(t.ctx, "") {
			t.ok("List", err)
			t.ok("Open "+object.Name+" within the loop", t.tryOpen(object.Name))
			if seen++; seen == leave {
				break
			}
		}
		if seen != leave {
			t.Errorf("got %d objects, want %d", seen, leave)
		}
	}
}

func (t *test) tryOpen(name string) error {
	reader, err := t.storage.Open(t.ctx, name)
	if err != nil {
		return err
	}
	return reader.Close()
}

// noNames are names that no object can have.
var noNames = []string{
	"", ".", "..", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a/.", ".a", "a/.b", "a.", "a./b", "...", "a b", "a\\b", "a:b", "C:/a",
	"a\x00", "a\n", "ä", "a%2e", "a*", "a?", "~", "a\xff", strings.Repeat("a", archive.MaxNamePartBytes+1), strings.Repeat("a/", archive.MaxNameBytes/2) + "a",
}

func refusesNames(t *test) {
	for _, name := range noNames {
		if writer, err := t.storage.Create(t.ctx, name); err == nil {
			t.Errorf("Create %.40q: got no error, want a driver.InvalidError", name)
			_ = writer.Abort()
		} else {
			t.wantInvalid("Create "+name, err, "name")
		}
		_, err := t.storage.Open(t.ctx, name)
		t.wantInvalid("Open "+name, err, "name")
		t.wantInvalid("Delete "+name, t.storage.Delete(t.ctx, name), "name")
	}
	for _, name := range []string{strings.Repeat("a", archive.MaxNamePartBytes), "a..b", "-", "_/-/0", "a/" + strings.Repeat("b", archive.MaxNamePartBytes)} {
		t.put(name, []byte(name))
		t.wantObject(name, []byte(name))
	}
}

func refusesPrefixes(t *test) {
	t.put("a", nil)
	for _, prefix := range []string{"/", "../", "a//", ".", "a/.", "ä", "a b", "*"} {
		err := error(nil)
		for _, err = range t.storage.List(t.ctx, prefix) {
			if err == nil {
				t.Errorf("List %q: got an object, want none", prefix)
			}
		}
		t.wantInvalid("List "+prefix, err, "prefix")
	}
}
