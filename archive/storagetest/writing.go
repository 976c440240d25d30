package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/neomultitenant/neoevents/driver"
)

func showsNothingBeforeCommit(t *test) {
	writer := t.create("a/b")
	for range 3 {
		t.write(writer, content(1, 300_000))
		t.wantMissing("a/b")
		t.wantNames("")
	}
	t.ok("Commit", writer.Commit())
	t.wantNames("", "a/b")
}

func abortLeavesNothing(t *test) {
	writer := t.create("a/b")
	t.write(writer, content(1, 300_000))
	t.ok("Abort", writer.Abort())
	t.wantMissing("a/b")
	t.wantNames("")
	t.put("a/b", []byte("x"))
	t.wantObject("a/b", []byte("x"))
}

func abortAfterCommitHasNoEffect(t *test) {
	writer := t.create("a")
	t.write(writer, []byte("x"))
	t.ok("Commit", writer.Commit())
	for range 2 {
		t.ok("Abort", writer.Abort())
	}
	t.wantObject("a", []byte("x"))
}

func aWriterEndsOnce(t *test) {
	for name, end := range map[string]func() error{"committed": nil, "aborted": nil} {
		writer := t.create(name)
		t.write(writer, []byte("x"))
		if end = writer.Abort; name == "committed" {
			end = writer.Commit
		}
		t.ok("the end of "+name, end())
		if _, err := writer.Write([]byte("y")); err == nil {
			t.Errorf("Write to what is %s: got no error, want one", name)
		}
		if err := writer.Commit(); err == nil {
			t.Errorf("Commit of what is %s: got no error, want one", name)
		}
		t.ok("Abort of what is "+name, writer.Abort())
	}
	t.wantNames("", "committed")
	t.wantObject("committed", []byte("x"))
}

func neverReplacesAnObject(t *test) {
	t.put("a", []byte("first"))
	if writer, err := t.storage.Create(t.ctx, "a"); err == nil {
		t.Error("Create of what is there: got no error, want driver.ErrAlreadyExists")
		t.ok("Abort", writer.Abort())
	} else {
		t.want("Create of what is there", err, driver.ErrAlreadyExists)
	}
	t.wantObject("a", []byte("first"))
}

func theFirstCommitOfANameWins(t *test) {
	first, second, third := t.create("a"), t.create("a"), t.create("a")
	t.write(second, []byte("second"))
	t.write(first, []byte("first"))
	t.write(third, []byte("third"))
	t.ok("Commit", second.Commit())
	t.want("Commit of the next one", first.Commit(), driver.ErrAlreadyExists)
	t.ok("Abort after a Commit that failed", first.Abort())
	t.ok("Abort", third.Abort())
	t.wantObject("a", []byte("second"))
	t.wantNames("", "a")
}

func oneOfManyWritersOfANameWins(t *test) {
	const writers = 8
	var all sync.WaitGroup
	won := make(chan int, writers)
	for i := range writers {
		all.Go(func() {
			err := t.tryPut("a", fmt.Sprint("writer ", i))
			if err == nil {
				won <- i
			} else if !errors.Is(err, driver.ErrAlreadyExists) {
				t.Errorf("writer %d: got error %v, want driver.ErrAlreadyExists", i, err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("got %d writers whose Commit succeeded, want 1", len(won))
	}
	t.wantObject("a", []byte(fmt.Sprint("writer ", <-won)))
}

// tryPut is put where it may fail.
func (t *test) tryPut(name, content string) error {
	writer, err := t.storage.Create(t.ctx, name)
	if err != nil {
		return err
	}
	defer writer.Abort()
	if _, err := writer.Write([]byte(content)); err != nil {
		return err
	}
	return writer.Commit()
}

func aNameIsFreeAfterDelete(t *test) {
	for i := range 3 {
		text := []byte(fmt.Sprint("time ", i))
		t.put("a/b", text)
		t.wantObject("a/b", text)
		t.ok("Delete", t.storage.Delete(t.ctx, "a/b"))
	}
}

func aCancelledContextEndsACall(t *test) {
	t.put("a", []byte("x"))
	cancelled, cancel := context.WithCancel(t.ctx)
	cancel()
	if writer, err := t.storage.Create(cancelled, "b"); err == nil {
		t.want("Commit", writer.Commit(), context.Canceled)
	} else {
		t.want("Create", err, context.Canceled)
	}
	if reader, err := t.storage.Open(cancelled, "a"); err == nil {
		_, err := reader.Read(make([]byte, 1))
		t.want("Read", err, context.Canceled)
		t.ok("Close", reader.Close())
	} else {
		t.want("Open", err, context.Canceled)
	}
	t.want("Delete", t.storage.Delete(cancelled, "a"), context.Canceled)
	listed := error(nil)
	for _, err := range t.storage.List(cancelled, "") {
		listed = err
	}
	t.want("List", listed, context.Canceled)
	t.wantNames("", "a")
	t.wantObject("a", []byte("x"))
}

func aCancelledContextEndsAWrite(t *test) {
	ctx, cancel := context.WithCancel(t.ctx)
	writer, err := t.storage.Create(ctx, "a")
	t.ok("Create", err)
	t.write(writer, content(1, 300_000))
	cancel()
	t.want("Commit", writer.Commit(), context.Canceled)
	t.ok("Abort", writer.Abort())
	t.wantMissing("a")
	t.wantNames("")
	t.put("a", []byte("x"))
	t.wantObject("a", []byte("x"))
}
