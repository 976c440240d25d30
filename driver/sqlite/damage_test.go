package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func anEvent() driver.Event {
	return driver.Event{EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`)}
}

// opened returns a store in a file that holds some events.
func opened(t *testing.T, params string) (store driver.Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.db")
	store, err := driver.Open("sqlite:"+path+params, "tenant_acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for range 100 {
		if _, err := store.Events().Save(t.Context(), anEvent()); err != nil {
			t.Fatal(err)
		}
	}
	return store, path
}

func TestAFileThatMovedTakesNothingUntilItIsBack(t *testing.T) {
	for name, leave := range map[string]func(path string) (back func() error, err error){
		"moved": func(path string) (func() error, error) {
			return func() error { return os.Rename(path+".away", path) }, os.Rename(path, path+".away")
		},
		"another one in its place": func(path string) (func() error, error) {
			err := errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, nil, 0o600))
			return func() error { return os.Rename(path+".away", path) }, err
		},
		"deleted, with another name left": func(path string) (func() error, error) {
			err := errors.Join(os.Link(path, path+".away"), os.Remove(path))
			return func() error { return os.Rename(path+".away", path) }, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, path := opened(t, "")
			back, err := leave(path)
			if err != nil {
				t.Fatal(err)
			}
			first, second := anEvent(), anEvent()
			first.ID, second.ID = uuid.New(), uuid.New()
			var unavailable *driver.UnavailableError
			_, err = store.Events().Save(t.Context(), first)
			if !errors.As(err, &unavailable) || !unavailable.CommitUnknown {
				t.Errorf("the first save: got %v, want one of which nobody knows whether it was committed", err)
			}
			if _, err := store.Events().Save(t.Context(), second); !driver.IsRetryable(err) {
				t.Errorf("the second save: got %v, want one that is refused", err)
			}
			// Each in a connection of its own: those that are open read what they always read, and none makes a new file.
			err = nestedReads(t.Context(), store, 10)
			if !errors.Is(err, driver.ErrUnavailable) {
				t.Errorf("opening connections: got %v, want %v", err, driver.ErrUnavailable)
			}
			if err := back(); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Events().Save(t.Context(), first); !errors.Is(err, driver.ErrAlreadyExists) {
				t.Errorf("the first save again, with the file in its place: got %v, want %v", err, driver.ErrAlreadyExists)
			}
			if _, err := store.Events().Save(t.Context(), second); err != nil {
				t.Errorf("the second save again: %v", err)
			}
			if n, err := store.Events().CountUnprocessed(t.Context()); n != 102 || err != nil {
				t.Errorf("got %d events, %v, want 102", n, err)
			}
		})
	}
}

// nestedReads reads in n transactions at once, one in the other.
func nestedReads(ctx context.Context, store driver.Store, n int) error {
	if n == 0 {
		return nil
	}
	return store.InTx(ctx, func(tx driver.Store) error {
		if _, err := tx.Events().CountUnprocessed(ctx); err != nil {
			return err
		}
		return nestedReads(ctx, store, n-1)
	}, driver.ReadOnly())
}

func TestWhatAFileRefusesHasItsKind(t *testing.T) {
	overwrite := func(t *testing.T, path string, at, n int64) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		junk := make([]byte, n)
		for i := range junk {
			junk[i] = 0xA5
		}
		if _, err := file.WriteAt(junk, at); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		params string
		harm   func(t *testing.T, path string)
		want   error
	}{
		"no database":   {"", func(t *testing.T, path string) { overwrite(t, path, 0, 1<<12) }, driver.ErrInvalid},
		"damaged pages": {"", func(t *testing.T, path string) { overwrite(t, path, 1<<12, 1<<16) }, driver.ErrCorrupt},
		"read-only":     {"?mode=ro", nil, driver.ErrReadOnly},
		"full":          {"?_pragma=max_page_count(1)", nil, driver.ErrUnavailable},
		"locked": {"?_pragma=busy_timeout(10)", func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive")
			if err != nil {
				t.Fatal(err)
			}
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = errors.Join(tx.Rollback(), db.Close()) })
		}, driver.ErrUnavailable},
		"a folder that is gone": {"", func(t *testing.T, path string) {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, driver.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			store, path := opened(t, "")
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			if test.harm != nil {
				test.harm(t, path)
			}
			store, err := driver.Open("sqlite:"+path+test.params, "tenant_acme", driver.WithLogger(nil), driver.WithMigrations(driver.MigrateNever))
			for i := 0; i < 1000 && err == nil; i++ {
				if i == 0 {
					t.Cleanup(func() { _ = store.Close() })
				}
				_, err = store.Events().Save(t.Context(), anEvent())
			}
			var typed *driver.Error
			if !errors.Is(err, test.want) || !errors.As(err, &typed) || typed.Op == "" {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
