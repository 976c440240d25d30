package storagetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
)

func keepsBytesAsTheyAre(t *test) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for name, content := range map[string][]byte{
		"empty": {}, "one": {0}, "all": all, "lines": []byte("a\r\nb\n\n"), "text": []byte("ä \xff\xfe"),
		"folder/in/a/folder": []byte("x"), "A-Z_0.9": []byte("y"),
	} {
		t.put(name, content)
		t.wantObject(name, content)
	}
}

func keepsLargeObjects(t *test) {
	megabytes := 40
	if testing.Short() {
		megabytes = 4
	}
	part := content(1, 1<<20+7) // no storage cuts in such pieces
	written, read := sha256.New(), sha256.New()
	writer := t.create("large")
	for range megabytes {
		t.write(writer, part)
		written.Write(part)
	}
	t.ok("Commit", writer.Commit())
	reader, err := t.storage.Open(t.ctx, "large")
	t.ok("Open", err)
	defer reader.Close()
	size, err := io.Copy(read, reader)
	t.ok("reading", err)
	if want := int64(megabytes * len(part)); size != want || !bytes.Equal(read.Sum(nil), written.Sum(nil)) {
		t.Errorf("got %d bytes, want %d, with the same SHA-256", size, want)
	}
}

func keepsManyObjectsApart(t *test) {
	const objects = 20
	var all sync.WaitGroup
	for i := range objects {
		all.Go(func() {
			name := fmt.Sprintf("folder-%d/object-%d", i%3, i)
			writer, err := t.storage.Create(t.ctx, name)
			if err != nil {
				t.Errorf("Create %s: %v", name, err)
				return
			}
			for chunk := range slices.Chunk(content(uint64(i), 10_000), 999) {
				if _, err := writer.Write(chunk); err != nil {
					t.Errorf("Write to %s: %v", name, err)
				}
			}
			if err := writer.Commit(); err != nil {
				t.Errorf("Commit of %s: %v", name, err)
			}
		})
	}
	all.Wait()
	for i := range objects {
		t.wantObject(fmt.Sprintf("folder-%d/object-%d", i%3, i), content(uint64(i), 10_000))
	}
}

func mayBeReadByManyAtOnce(t *test) {
	want := content(1, 100_000)
	t.put("a", want)
	readers := make([]io.ReadCloser, 5)
	for i := range readers {
		reader, err := t.storage.Open(t.ctx, "a")
		t.ok("Open", err)
		defer reader.Close()
		readers[i] = reader
	}
	var got [5]bytes.Buffer
	var all sync.WaitGroup
	for i, reader := range readers {
		all.Go(func() {
			if _, err := io.Copy(&got[i], reader); err != nil {
				t.Errorf("reading: %v", err)
			}
		})
	}
	all.Wait()
	for i := range got {
		if !bytes.Equal(got[i].Bytes(), want) {
			t.Errorf("reader %d got %d bytes, want the %d that were written", i, got[i].Len(), len(want))
		}
	}
}

func openOfWhatIsNotThereIsMissing(t *test) {
	t.put("a/b", []byte("x"))
	for _, name := range []string{"b", "a", "a/c", "a/b/c", "a/b.c", "a/b-", "A/B.x"} {
		t.wantMissing(name)
	}
}

func deleteOfWhatIsNotThereIsNoError(t *test) {
	t.put("a/b", []byte("x"))
	for _, name := range []string{"b", "a", "a/c", "a/b/c"} {
		t.ok("Delete "+name, t.storage.Delete(t.ctx, name))
	}
	t.wantObject("a/b", []byte("x"))
	for range 2 {
		t.ok("Delete", t.storage.Delete(t.ctx, "a/b"))
		t.wantMissing("a/b")
	}
}

func deleteTakesOneObjectOnly(t *test) {
	for _, name := range []string{"a/b", "a/b.c", "a/bc", "ab"} {
		t.put(name, []byte(name))
	}
	t.ok("Delete", t.storage.Delete(t.ctx, "a/b"))
	t.wantNames("", "a/b.c", "a/bc", "ab")
}

func theLocationIsThatOfAllCalls(t *test) {
	location := t.storage.Location()
	t.put("a", nil)
	if again := t.storage.Location(); location == "" || location != again {
		t.Errorf("got Location %q, then %q, want the same, and not empty", location, again)
	}
}
