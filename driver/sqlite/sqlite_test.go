package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
)

const tenant = "tenant_acme"

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newEvent() driver.Event {
	return driver.Event{
		ID: uuid.New(), EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`),
	}
}

func storeOf(t *testing.T, db driver.DB, schema string) driver.Store {
	t.Helper()
	store, err := db.Store(soon(t), schema)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func mustSave(t *testing.T, store driver.Store) driver.Event {
	t.Helper()
	event, err := store.Events().Save(soon(t), newEvent())
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func wantStored(t *testing.T, store driver.Store, id uuid.UUID, want bool) {
	t.Helper()
	got, err := store.Events().Exists(soon(t), id)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("event %s stored: got %t, want %t", id, got, want)
	}
}

func wantError(t *testing.T, what string, err, kind error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got error %v, want %v", what, err, kind)
		return
	}
	if got, want := driver.IsRetryable(err), kind == driver.ErrUnavailable; got != want {
		t.Errorf("%s: IsRetryable is %t, want %t (%v)", what, got, want, err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error is %q, want it to tell %q", what, err, text)
		}
	}
}

// writes are the ways to write to a store. Three of them save an event.
func writes(store driver.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Save": func(ctx context.Context) error { _, err := store.Events().Save(ctx, newEvent()); return err },
		"SaveBatch": func(ctx context.Context) error {
			_, err := store.Events().SaveBatch(ctx, []driver.Event{newEvent()})
			return err
		},
		"mark": func(ctx context.Context) error { _, err := store.Events().MarkAsProcessed(ctx, uuid.New()); return err },
		"InTx": func(ctx context.Context) error {
			return store.InTx(ctx, func(tx driver.Store) error { _, err := tx.Events().Save(ctx, newEvent()); return err })
		},
	}
}

func TestDSNsNameAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dsn, file := range map[string]string{
		"sqlite:a.db":                         "a.db",
		"sqlite://b.db":                       "b.db",
		"sqlite:" + here + "/c.db":            "c.db",
		"sqlite://" + here + "/d.db":          "d.db",
		"sqlite:with spaces in it.db":         "with spaces in it.db",
		"sqlite:100%25 #1 & ü+ö;=:@.db":       "100%25 #1 & ü+ö;=:@.db", // the path as it is
		"sqlite:e.db?_pragma=foreign_keys(1)": "e.db",
		"sqlite:./f.db":                       "f.db",
		"file:g.db":                           "g.db",
		"file:" + here + "/h.db":              "h.db",
		"file://" + here + "/i.db":            "i.db",
		"file://localhost" + here + "/j.db":   "j.db",
		"file:is%20it%3f%23.db":               "is it?#.db", // the path of a URI
		"file:k.db?cache=private&mode=rwc":    "k.db",
	} {
		t.Run(dsn, func(t *testing.T) {
			db := connect(t, dsn, nil)
			event := mustSave(t, storeOf(t, db, tenant))
			if _, err := os.Stat(file); err != nil {
				t.Fatalf("no file %q: %v", file, err)
			}
			wantStored(t, storeOf(t, connect(t, dsn, nil), tenant), event.ID, true)
		})
	}
}

func TestDatabasesInMemoryEndWithTheirDB(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dsn := range []string{
		"sqlite::memory:", "sqlite::memory:?_pragma=foreign_keys(OFF)", "file::memory:", "file:any?mode=memory", "file:any?mode=memory&cache=private",
	} {
		t.Run(dsn, func(t *testing.T) {
			one, other := connect(t, dsn, nil), connect(t, dsn, nil)
			event := mustSave(t, storeOf(t, one, tenant))
			wantStored(t, storeOf(t, one, tenant), event.ID, true)
			wantStored(t, storeOf(t, other, tenant), event.ID, false)
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
			wantStored(t, storeOf(t, connect(t, dsn, nil), tenant), event.ID, false)
		})
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("files: got %v (%v), want none", files, err)
	}
}

func TestConnectTellsWhatIsWrongWithTheFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("letter.txt", []byte(strings.Repeat("Dear Sir or Madam,\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		dsn   string
		kind  error
		tells string
	}{
		{"sqlite:", driver.ErrInvalid, "names no file"},
		{"sqlite://", driver.ErrInvalid, "names no file"},
		{"sqlite:?mode=ro", driver.ErrInvalid, "names no file"},
		{"file:", driver.ErrInvalid, "names no file"},
		{"sqlite:a\x00.db", driver.ErrInvalid, "NUL"},
		{"file:a%00.db", driver.ErrInvalid, "NUL"},
		{"sqlite:a.db?x=%zz", driver.ErrInvalid, "parameters"},
		{"sqlite:a.db?x=1;y=2", driver.ErrInvalid, "parameters"},
		{"file:a.db?mode=sideways", driver.ErrInvalid, "sideways"},
		{"file:a.db?_pragma=synchronous((", driver.ErrInvalid, "a.db"},
		{"file://server/a.db", driver.ErrInvalid, "server"},
		{"sqlite:letter.txt", driver.ErrInvalid, "letter.txt"},
		{"sqlite:missing/a.db", driver.ErrUnavailable, "missing/a.db"},
		{"sqlite:folder", driver.ErrUnavailable, "folder"},
		{"file:missing.db?mode=ro", driver.ErrUnavailable, "missing.db"},
		{"file:missing.db?mode=rw", driver.ErrUnavailable, "missing.db"},
	}
	for _, test := range tests {
		t.Run(test.dsn, func(t *testing.T) {
			_, err := driver.Connect(soon(t), test.dsn)
			wantError(t, "Connect", err, test.kind, test.tells)
		})
	}
}

func TestPragmas(t *testing.T) {
	// As SQLite answers: synchronous 1 is NORMAL, 2 is FULL.
	byDefault := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "journal_size_limit": "67108864"}
	tests := []struct {
		name, params string
		own          map[string]string
	}{
		{"by default", "", nil},
		{"synchronous", "?_pragma=synchronous(NORMAL)", map[string]string{"synchronous": "1"}},
		{"in capitals", "?_pragma=SYNCHRONOUS=NORMAL", map[string]string{"synchronous": "1"}},
		{"busy timeout", "?_pragma=busy_timeout(70)", map[string]string{"busy_timeout": "70"}},
		{"journal mode", "?_pragma=journal_mode(TRUNCATE)", map[string]string{"journal_mode": "truncate"}},
		{"foreign keys", "?_pragma=foreign_keys(OFF)", map[string]string{"foreign_keys": "0"}},
		{"several", "?_pragma=cache_size(-999)&_pragma=foreign_keys(OFF)", map[string]string{"foreign_keys": "0", "cache_size": "-999"}},
	}
	for _, test := range tests {
		for _, scheme := range []string{"sqlite:", "file:"} {
			t.Run(test.name+"/"+scheme, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "a.db")
				db := connect(t, scheme+path+test.params, nil)
				for reader, queryOnly := range map[bool]string{false: "0", true: "1"} {
					want := map[string]string{"query_only": queryOnly}
					for _, settings := range []map[string]string{byDefault, test.own} {
						for name, value := range settings {
							want[name] = value
						}
					}
					for name, value := range want {
						if got, err := sqlite.Pragma(soon(t), db, reader, name); err != nil || got != value {
							t.Errorf("%s (reader: %t): got %s (%v), want %s", name, reader, got, err, value)
						}
					}
				}
				event := mustSave(t, storeOf(t, db, tenant))
				wantStored(t, storeOf(t, db, tenant), event.ID, true)
			})
		}
	}
}

// The journal mode is the file's: other programs see it, and after Close all is in the one file.
func TestTheFileIsInWALModeAndWholeAfterClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := connect(t, "sqlite:"+path, nil)
	mustSave(t, storeOf(t, db, tenant))
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	var mode string
	if err := other.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode: got %q (%v), want wal", mode, err)
	}
	if err := errors.Join(other.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("files after Close: got %v (%v), want a.db only", files, err)
	}
}

func TestAReadOnlyFileTakesNoWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	writable := connect(t, "sqlite:"+path, nil)
	event := mustSave(t, storeOf(t, writable, tenant))
	if err := writable.Close(); err != nil {
		t.Fatal(err)
	}
	for _, params := range []string{"?mode=ro", "?_pragma=query_only(1)"} {
		t.Run(params, func(t *testing.T) {
			db := connect(t, "file:"+path+params, nil)
			store := storeOf(t, db, tenant)
			wantStored(t, store, event.ID, true)
			for name, write := range writes(store) {
				wantError(t, name, write(soon(t)), driver.ErrReadOnly)
			}
			_, err := db.Store(soon(t), "another")
			wantError(t, "Store of a schema without tables", err, driver.ErrReadOnly)
			wantError(t, "DropSchema", db.DropSchema(soon(t), tenant), driver.ErrReadOnly)
			wantStored(t, store, event.ID, true)
		})
	}
}

func TestALockHeldByAnotherProcessIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	store := storeOf(t, connect(t, "sqlite:"+path+"?_pragma=busy_timeout(20)", nil), tenant)
	event := mustSave(t, store)
	tx, err := openSQL(t, path).BeginTx(soon(t), nil) // immediate: with the write lock
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range writes(store) {
		wantError(t, name, write(soon(t)), driver.ErrUnavailable)
	}
	wantStored(t, store, event.ID, true) // reads don't wait
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes(store) {
		if err := write(soon(t)); err != nil {
			t.Errorf("%s after the lock is gone: %v", name, err)
		}
	}
}

func TestManyCreateOneFileAtOnce(t *testing.T) {
	for round := range 20 {
		dsn := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
		var group sync.WaitGroup
		start := make(chan struct{})
		for range 4 {
			group.Go(func() {
				<-start
				store, err := driver.Open(dsn, tenant, driver.WithLogger(nil))
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				if _, err := store.Events().Save(soon(t), newEvent()); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
				if err := store.Close(); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		close(start)
		group.Wait()
	}
}

// foreign is a Store of another backend.
type foreign struct{ driver.Store }

func (foreign) Schema() string { return tenant }

func TestWithTxRefusesAForeignStore(t *testing.T) {
	_, err := sqlite.WithTx(foreign{}, nil)
	wantError(t, "WithTx", err, driver.ErrInvalid, "package sqlite")
	_, err = sqlite.WithTx(storeOf(t, connect(t, "sqlite::memory:", nil), tenant), nil)
	wantError(t, "WithTx", err, driver.ErrInvalid, "tx")
}

func TestAJoinedTransactionThatHasEndedIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	store := storeOf(t, connect(t, "sqlite:"+path, nil), tenant)
	tx, err := openSQL(t, path).BeginTx(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	joined, err := sqlite.WithTx(store, tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.WithTx(store, tx)
	wantError(t, "WithTx", err, driver.ErrClosed)
	_, err = joined.Events().GetUnprocessed(soon(t), 0)
	wantError(t, "GetUnprocessed", err, driver.ErrClosed)
	for name, write := range writes(joined) {
		wantError(t, name, write(soon(t)), driver.ErrClosed)
	}
}

// adopt makes a DB of an app's pool of n connections.
func adopt(t *testing.T, pool *sql.DB, n int) driver.DB {
	t.Helper()
	pool.SetMaxOpenConns(n)
	db, err := sqlite.New(pool, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestOneConnectionOfTheAppIsEnough(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			store := storeOf(t, adopt(t, openSQL(t, filepath.Join(t.TempDir(), "a.db")), n), tenant)
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for name, write := range writes(store) {
						if err := write(soon(t)); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				})
			}
			group.Wait()
			marked := 0
			for event, err := range store.Events().AllUnprocessed(soon(t), 5) { // a call for each event, between pages
				if err != nil {
					t.Fatal(err)
				}
				done, err := store.Events().MarkAsProcessed(soon(t), event.ID)
				if err != nil || !done {
					t.Fatalf("marked: got %t (%v), want true", done, err)
				}
				marked++
			}
			if want := 8 * 3; marked != want {
				t.Errorf("events: got %d, want %d", marked, want)
			}
		})
	}
}

func TestCloseLeavesAnAdoptedPoolOpen(t *testing.T) {
	pool := openSQL(t, filepath.Join(t.TempDir(), "a.db"))
	db := adopt(t, pool, 0)
	store := storeOf(t, db, tenant)
	event := mustSave(t, store)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes(store) {
		wantError(t, name+" after Close", write(soon(t)), driver.ErrClosed)
	}
	if err := pool.PingContext(soon(t)); err != nil {
		t.Errorf("the app's pool: got %v, want it open", err)
	}
	if got := pool.Stats().InUse; got != 0 {
		t.Errorf("connections of the app's pool in use: got %d, want 0", got)
	}
	wantStored(t, storeOf(t, adopt(t, pool, 0), tenant), event.ID, true)
}

func TestNewRefusesABadOption(t *testing.T) {
	_, err := sqlite.New(nil, driver.WithMaxPayload(-1))
	wantError(t, "New", err, driver.ErrInvalid)
}

func TestCloseWaitsForATransaction(t *testing.T) {
	for _, memory := range []bool{false, true} {
		t.Run(fmt.Sprint("in memory ", memory), func(t *testing.T) {
			dsn := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
			if memory {
				dsn = "sqlite::memory:"
			}
			db := connect(t, dsn, nil)
			store := storeOf(t, db, tenant)
			var ended atomic.Bool
			closed := make(chan error, 1)
			err := store.InTx(soon(t), func(tx driver.Store) error {
				go func() {
					err := db.Close()
					if !ended.Load() {
						err = errors.New("Close returned before the transaction ended")
					}
					closed <- err
				}()
				for !errors.Is(db.Ping(canceled()), driver.ErrClosed) { // until Close is under way
				}
				_, err := tx.Events().Save(soon(t), newEvent())
				ended.Store(true)
				return err
			})
			if err != nil {
				t.Errorf("InTx: %v", err)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
			if _, err := store.Events().GetUnprocessed(soon(t), 0); !errors.Is(err, driver.ErrClosed) {
				t.Errorf("a call after Close: got error %v, want %v", err, driver.ErrClosed)
			}
		})
	}
}

// endingContext ends when it was asked so many times whether it has.
type endingContext struct {
	context.Context
	asked, after int
	end          context.CancelFunc
}

func (c *endingContext) Err() error {
	if c.asked++; c.asked > c.after {
		c.end()
	}
	return c.Context.Err()
}

// What records that events are processed and what takes them out of the queue are two statements.
func TestMarkingInATransactionIsAllOrNothingWhereverItsContextEnds(t *testing.T) {
	store := storeOf(t, connect(t, "sqlite::memory:", nil), tenant)
	for after := 0; ; after++ {
		event := mustSave(t, store)
		var marked bool
		var markErr error
		err := store.InTx(soon(t), func(tx driver.Store) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			marked, markErr = tx.Events().MarkAsProcessed(&endingContext{ctx, 0, after, cancel}, event.ID)
			return nil // whatever it said
		})
		stored, readErr := store.Events().GetByID(soon(t), event.ID)
		waiting, countErr := store.Events().CountUnprocessed(soon(t))
		if readErr != nil || countErr != nil {
			t.Fatal(readErr, countErr)
		}
		if processed := stored.ProcessedAt != nil; processed != (waiting == 0) || processed && err != nil || marked && err == nil && !processed {
			t.Fatalf("context that ended when asked %d times: marked %t (%v), committed: %v; processed %t, in the queue %d",
				after, marked, markErr, err, processed, waiting)
		}
		if markErr == nil && err == nil {
			return
		}
		if _, err := store.Events().MarkAsProcessed(soon(t), event.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// canceled is a context that has ended.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// More statements than a connection keeps: those that make room for others are prepared again.
func TestMoreSchemasThanAConnectionKeepsStatementsFor(t *testing.T) {
	db := connect(t, "sqlite::memory:", nil)
	var stores []driver.Store
	for i := range 60 {
		stores = append(stores, storeOf(t, db, fmt.Sprint("tenant-", i)))
	}
	for round := range 2 {
		for _, store := range stores {
			for name, write := range writes(store) {
				if err := write(soon(t)); err != nil {
					t.Fatalf("%s in %s: %v", name, store.Schema(), err)
				}
			}
			if n, err := store.Events().CountUnprocessed(soon(t)); err != nil || n != int64(3*(round+1)) {
				t.Fatalf("events of %s: got %d (%v), want %d", store.Schema(), n, err, 3*(round+1))
			}
		}
	}
}

// childEnv makes the test binary save events to this file until it is killed.
const childEnv = "NEOEVENTS_TEST_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, saveForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	childBatch  = 10
	childSavers = 8
)

// saveForEver saves events from several goroutines until one fails.
func saveForEver(path string) error {
	store, err := driver.Open("sqlite:"+path, tenant, driver.WithLogger(nil))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range childSavers {
		go func() { failed <- keepSaving(store) }()
	}
	return <-failed
}

// keepSaving saves single events and batches, and prints the id of each event when it is saved.
func keepSaving(store driver.Store) error {
	for {
		event, err := store.Events().Save(context.Background(), newEvent())
		if err != nil {
			return err
		}
		fmt.Println(event.ID)
		batch, correlation := make([]driver.Event, childBatch), uuid.New()
		for i := range batch {
			batch[i] = newEvent()
			batch[i].CorrelationID = &correlation
		}
		if batch, err = store.Events().SaveBatch(context.Background(), batch); err != nil {
			return err
		}
		for _, event := range batch {
			fmt.Println(event.ID)
		}
	}
}

func TestAKilledProcessLosesNothingThatWasSaved(t *testing.T) {
	for _, enough := range []int{1, 50, 333} {
		t.Run(fmt.Sprint(enough), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			cmd := exec.CommandContext(soon(t), os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+path)
			cmd.Stderr = os.Stderr
			output, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			var saved []uuid.UUID
			for lines := bufio.NewScanner(output); lines.Scan(); {
				id, err := uuid.Parse(lines.Text())
				if err != nil {
					break // cut off
				}
				if saved = append(saved, id); len(saved) == enough {
					_ = cmd.Process.Kill()
				}
			}
			_ = cmd.Wait()
			if len(saved) < enough {
				t.Fatalf("the process saved %d events, want it to be killed after %d", len(saved), enough)
			}

			store := storeOf(t, connect(t, "sqlite:"+path, nil), tenant)
			for _, id := range saved {
				wantStored(t, store, id, true)
			}
			found := 0
			batches := map[uuid.UUID]int{}
			for event, err := range store.Events().AllUnprocessed(soon(t), 0) {
				if err != nil {
					t.Fatal(err)
				}
				if found++; event.CorrelationID != nil {
					batches[*event.CorrelationID]++
				}
			}
			for _, n := range batches {
				if n != childBatch {
					t.Errorf("events of a batch: got %d, want all %d or none", n, childBatch)
				}
			}
			counts, err := store.Events().CountByType(soon(t), time.Time{})
			if err != nil || counts["order.placed"] != int64(found) {
				t.Errorf("events: got %d (%v), want %d, as many as are in the queue", counts["order.placed"], err, found)
			}
		})
	}
}
