package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/archive/storagetest"
	"github.com/neomultitenant/neoevents/driver"
)

// openDatabase opens a new database.
func openDatabase(t *testing.T) driver.Store {
	t.Helper()
	store, err := driver.Open("sqlite:"+filepath.Join(t.TempDir(), "test.db"), "tenant_test", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestDatabaseIsAStorage(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) archive.Storage { return archive.InDatabase(openDatabase(t)) })
}

// beginIn writes to a new object and does not end it, as a process that dies.
func beginIn(t *testing.T, storage archive.Storage, name string, content []byte) archive.Writer {
	t.Helper()
	writer, err := storage.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write(content); err != nil {
		t.Fatal(err)
	}
	return writer
}

func putIn(t *testing.T, storage archive.Storage, name string, content []byte) {
	t.Helper()
	if err := beginIn(t, storage, name, content).Commit(); err != nil {
		t.Fatal(err)
	}
}

func listedIn(t *testing.T, storage archive.Storage, prefix string) []string {
	t.Helper()
	var names []string
	for object, err := range storage.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, object.Name)
	}
	return names
}

// storedIn is the names of all that is stored, objects or not.
func storedIn(t *testing.T, store driver.Store) []string {
	t.Helper()
	objects, err := store.ArchiveObjects().List(t.Context(), "", "", driver.MaxLimit)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, object := range objects {
		names = append(names, object.Name)
	}
	return names
}

// Larger than some chunks, and no multiple of any.
var someChunks = bytes.Repeat([]byte("0123456"), 100_001)

func TestDatabaseLeavesNothingBesideItsObjects(t *testing.T) {
	store := openDatabase(t)
	storage := archive.InDatabase(store)
	late := beginIn(t, storage, "a/b", someChunks)
	putIn(t, storage, "a/b", someChunks)
	putIn(t, storage, "c", nil)
	if err := late.Commit(); !errors.Is(err, driver.ErrAlreadyExists) {
		t.Errorf("got error %v, want driver.ErrAlreadyExists", err)
	}
	if err := beginIn(t, storage, "d", someChunks).Abort(); err != nil {
		t.Error(err)
	}
	wantList(t, "what is stored", storedIn(t, store), "a/b", "c")
}

// Chunks are full, but for the last one, however it was written.
func TestDatabaseWritesFullChunks(t *testing.T) {
	store := openDatabase(t)
	storage := archive.InDatabase(store)
	const chunk = 256 << 10
	for size, want := range map[int]int{0: 0, 1: 1, chunk - 1: 1, chunk: 1, chunk + 1: 2, 3 * chunk: 3} {
		for _, step := range []int{1 << 30, chunk, 100_003} {
			content := slices.Repeat(someChunks, 2)[:size]
			name := fmt.Sprintf("%d-by-%d", size, step)
			writer := beginIn(t, storage, name, nil)
			for part := range slices.Chunk(content, step) {
				if n, err := writer.Write(part); n != len(part) || err != nil {
					t.Fatalf("%s: got %d bytes written, %v, want %d", name, n, err, len(part))
				}
			}
			if err := writer.Commit(); err != nil {
				t.Fatal(err)
			}
			object, err := store.ArchiveObjects().Get(t.Context(), name)
			if err != nil || object.Chunks != want || object.SizeBytes != int64(size) {
				t.Errorf("%s: got %d chunks of %d bytes together, %v, want %d of %d", name, object.Chunks, object.SizeBytes, err, want, size)
			}
			reader, err := storage.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(reader); !bytes.Equal(got, content) || err != nil {
				t.Errorf("%s: got %d bytes read, %v, want the %d that were written", name, len(got), err, size)
			}
		}
	}
}

func TestDatabaseRemovesWhatDeadProcessesLeft(t *testing.T) {
	store := openDatabase(t)
	storage := archive.InDatabase(store)
	putIn(t, storage, "a/done", someChunks)
	beginIn(t, storage, "a/old", someChunks)
	beginIn(t, storage, "old", nil)
	for range 2 {
		if removed, err := storage.RemoveUnfinished(t.Context(), time.Hour); err != nil || removed != 0 {
			t.Errorf("older than an hour: got %d removed (%v), want none", removed, err)
		}
	}
	wantList(t, "the objects", listedIn(t, storage, ""), "a/done")
	if removed, err := storage.RemoveUnfinished(t.Context(), 0); err != nil || removed != 2 {
		t.Errorf("all: got %d removed (%v), want 2", removed, err)
	}
	wantList(t, "what is stored", storedIn(t, store), "a/done")
	if _, err := storage.RemoveUnfinished(t.Context(), -1); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("a negative age: got error %v, want driver.ErrInvalid", err)
	}
}

func TestDatabaseFailsToWriteWhatWasRemoved(t *testing.T) {
	storage := archive.InDatabase(openDatabase(t))
	writer, other := beginIn(t, storage, "a", []byte("x")), beginIn(t, storage, "b", nil)
	if removed, err := storage.RemoveUnfinished(t.Context(), 0); err != nil || removed != 2 {
		t.Fatalf("got %d removed (%v), want 2", removed, err)
	}
	if _, err := writer.Write(someChunks); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("Write: got error %v, want driver.ErrNotFound", err)
	}
	for range 2 { // it goes on failing
		if _, err := writer.Write([]byte("y")); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("Write: got error %v, want driver.ErrNotFound", err)
		}
	}
	for _, w := range []archive.Writer{writer, other} {
		if err := w.Commit(); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("Commit: got error %v, want driver.ErrNotFound", err)
		}
	}
	wantList(t, "the objects", listedIn(t, storage, ""))
}

// What else is kept in the same tables is nobody's archive.
func TestDatabaseLeavesForeignObjectsAlone(t *testing.T) {
	store := openDatabase(t)
	storage, objects := archive.InDatabase(store), store.ArchiveObjects()
	putIn(t, storage, "a/b", nil)
	for _, name := range []string{" a", "a/.hidden", "begun", "ä"} {
		if _, err := objects.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if name == "begun" {
			continue
		}
		if _, err := objects.Commit(t.Context(), name, name); err != nil {
			t.Fatal(err)
		}
	}
	wantList(t, "the objects", listedIn(t, storage, ""), "a/b")
	if _, err := storage.Open(t.Context(), "begun"); !errors.Is(err, archive.ErrMissing) {
		t.Errorf("Open: got error %v, want archive.ErrMissing", err)
	}
	if removed, err := storage.RemoveUnfinished(t.Context(), 0); err != nil || removed != 0 {
		t.Errorf("got %d removed (%v), want none", removed, err)
	}
	wantList(t, "what is stored", storedIn(t, store), " a", "a/.hidden", "a/b", "begun", "ä")
}

func TestDatabaseTellsWhenAnObjectIsDeletedWhileItIsRead(t *testing.T) {
	storage := archive.InDatabase(openDatabase(t))
	for name, then := range map[string]func(name string){
		"deleted":  func(string) {},
		"replaced": func(name string) { putIn(t, storage, name, someChunks) },
	} {
		putIn(t, storage, name, someChunks)
		reader, err := storage.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := storage.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		then(name)
		for range 2 {
			if _, err := io.ReadAll(reader); !errors.Is(err, archive.ErrMissing) {
				t.Errorf("%s: got error %v, want archive.ErrMissing", name, err)
			}
		}
	}
}

// The list is read in pages, of which this takes two.
func TestDatabaseListsManyObjects(t *testing.T) {
	store := openDatabase(t)
	var want []string
	err := store.InTx(t.Context(), func(tx driver.Store) error {
		for i := range 1_005 {
			name := fmt.Sprintf("a/%04d", i)
			want = append(want, name)
			if _, err := tx.ArchiveObjects().Create(t.Context(), ".unfinished/x"); err != nil {
				return err
			}
			if _, err := tx.ArchiveObjects().Commit(t.Context(), ".unfinished/x", name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	storage := archive.InDatabase(store)
	putIn(t, storage, "b", nil)
	if got := listedIn(t, storage, "a"); !slices.Equal(got, want) {
		t.Errorf("got %d objects, want %d", len(got), len(want))
	}
	if got := listedIn(t, storage, ""); len(got) != len(want)+1 {
		t.Errorf("got %d objects, want %d", len(got), len(want)+1)
	}
}

func TestDatabaseTakesPartInATransaction(t *testing.T) {
	store := openDatabase(t)
	undo := errors.New("undo this")
	for _, verdict := range []error{undo, nil} {
		err := store.InTx(t.Context(), func(tx driver.Store) error {
			storage := archive.InDatabase(tx)
			putIn(t, storage, "a", someChunks)
			if _, err := storage.Create(t.Context(), "a"); !errors.Is(err, driver.ErrAlreadyExists) {
				t.Errorf("got error %v, want driver.ErrAlreadyExists", err)
			}
			late := beginIn(t, storage, "b", nil)
			putIn(t, storage, "b", nil)
			if err := late.Commit(); !errors.Is(err, driver.ErrAlreadyExists) { // which leaves it usable
				t.Errorf("got error %v, want driver.ErrAlreadyExists", err)
			}
			return verdict
		})
		if !errors.Is(err, verdict) {
			t.Fatalf("got error %v, want %v", err, verdict)
		}
		want := []string{"a", "b"}
		if verdict == undo {
			want = nil
		}
		wantList(t, "what is stored", storedIn(t, store), want...)
	}
}

func TestDatabaseTellsItsLocation(t *testing.T) {
	if got := archive.InDatabase(openDatabase(t)).Location(); got != "database:tenant_test" {
		t.Errorf("got %q, want %q", got, "database:tenant_test")
	}
}

func TestAClosedDatabaseSaysSo(t *testing.T) {
	store := openDatabase(t)
	storage := archive.InDatabase(store)
	putIn(t, storage, "a", someChunks)
	writer := beginIn(t, storage, "b", nil)
	reader, err := storage.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, created := storage.Create(t.Context(), "c")
	_, opened := storage.Open(t.Context(), "a")
	_, removed := storage.RemoveUnfinished(t.Context(), 0)
	_, wrote := writer.Write(someChunks)
	_, read := reader.Read(make([]byte, 1))
	listed := error(nil)
	for _, err := range storage.List(t.Context(), "") {
		listed = err
	}
	for op, err := range map[string]error{
		"Database.Create": created, "Database.Open": opened, "Database.Delete": storage.Delete(t.Context(), "a"), "Database.List": listed,
		"Database.RemoveUnfinished": removed, "Database.Write": wrote, "Database.Read": read, "Database.Commit": writer.Commit(),
	} {
		var failed *driver.Error
		if !errors.As(err, &failed) || failed.Op != op || !errors.Is(err, driver.ErrClosed) {
			t.Errorf("%s: got error %v, want driver.ErrClosed", op, err)
		}
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
}

func TestAReaderOfTheDatabaseThatWasClosedReadsNoMore(t *testing.T) {
	storage := archive.InDatabase(openDatabase(t))
	putIn(t, storage, "a", someChunks)
	reader, err := storage.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := reader.Read(nil); n != 0 || err != nil {
		t.Errorf("reading into nothing: got %d bytes, %v", n, err)
	}
	if _, err := reader.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		if _, err := reader.Read(make([]byte, 10)); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("got error %v, want driver.ErrClosed", err)
		}
	}
}
