package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/query"
)

// A saver is a caller's short transaction: it saves an event, and then does what may fail.
type saver struct {
	event driver.Event
	then  func(tx query.Executor) error
}

// together runs savers in one transaction that they share, again and with new ones until they do share one,
// and returns what each was told.
func together(t *testing.T, db driver.DB, make func(round int) []saver) ([]saver, []error) {
	t.Helper()
	store := storeOf(t, db, tenant).(*query.Store)
	for round := 0; ; round++ {
		savers := make(round)
		members := []func(tx query.Executor) error{}
		for _, s := range savers {
			members = append(members, func(tx query.Executor) error {
				if _, err := store.On(tx).Events().Save(soon(t), s.event); err != nil {
					return err
				}
				if s.then == nil {
					return nil
				}
				return s.then(tx)
			})
		}
		errs, one := sqlite.Together(soon(t), db, members...)
		if one {
			return savers, errs
		}
	}
}

// wantTold checks what each saver was told: the second one a failure, the others success; and that this is so.
func wantTold(t *testing.T, db driver.DB, savers []saver, errs []error, failure error) {
	t.Helper()
	for i, s := range savers {
		want := error(nil)
		if i == 1 {
			want = failure
		}
		if !errors.Is(errs[i], want) {
			t.Errorf("saver %d: got error %v, want %v", i, errs[i], want)
		}
		wantStored(t, storeOf(t, db, tenant), s.event.ID, want == nil)
	}
	mustSave(t, storeOf(t, db, tenant))
}

func connectFile(t *testing.T, params string) (db driver.DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.db")
	db = connect(t, "sqlite:"+path+params, nil)
	mustSave(t, storeOf(t, db, tenant))
	return db, path
}

func TestARefusalHarmsNoOtherSaver(t *testing.T) {
	app := errors.New("refused")
	for _, dsn := range []string{"sqlite:" + filepath.Join(t.TempDir(), "a.db"), "sqlite::memory:"} {
		db := connect(t, dsn, nil)
		taken := mustSave(t, storeOf(t, db, tenant))
		for name, refusal := range map[string]struct {
			kind error
			make func() saver
		}{
			"an id that is taken": {driver.ErrAlreadyExists, func() saver { return saver{event: taken} }},
			"a version that is taken": {driver.ErrVersionConflict, func() saver {
				e := newEvent()
				e.AggregateType, e.AggregateID, e.AggregateVersion = taken.AggregateType, taken.AggregateID, taken.AggregateVersion
				return saver{event: e}
			}},
			"an error": {app, func() saver { return saver{newEvent(), func(query.Executor) error { return app }} }},
			"a statement that fails": {driver.ErrInternal, func() saver {
				return saver{newEvent(), func(tx query.Executor) error {
					_, err := tx.Exec(t.Context(), "INSERT INTO tenant_acme__event_queue (position, event_id) VALUES (-1, NULL)", nil)
					return err
				}}
			}},
		} {
			t.Run(name, func(t *testing.T) {
				savers, errs := together(t, db, func(int) []saver {
					return []saver{{event: newEvent()}, refusal.make(), {event: newEvent()}}
				})
				if savers[1].event.ID == taken.ID { // and so it is stored
					savers[1].event.ID = uuid.New()
				}
				wantTold(t, db, savers, errs, refusal.kind)
			})
		}
	}
}

// What the second one found taken is so only when the first one's event is committed.
func TestARefusalIsToldWhenItsReasonIsCommitted(t *testing.T) {
	db, path := connectFile(t, "")
	outside := openSQL(t, path)
	savers, errs := together(t, db, func(int) []saver {
		e := newEvent()
		return []saver{{event: e}, {event: e, then: func(query.Executor) error {
			var n int
			if err := outside.QueryRow("SELECT count(*) FROM tenant_acme__events WHERE id = ?", e.ID.String()).Scan(&n); err != nil || n != 0 {
				return fmt.Errorf("stored before both are done: got %d (%v), want 0", n, err)
			}
			return nil
		}}}
	})
	if errs[0] != nil || !errors.Is(errs[1], driver.ErrAlreadyExists) {
		t.Errorf("saving one event twice: got %v, want one success and one %v", errs, driver.ErrAlreadyExists)
	}
	wantStored(t, storeOf(t, db, tenant), savers[0].event.ID, true)
}

func TestASaverWhoseContextEndsHarmsNoOther(t *testing.T) {
	// SQLite undoes the whole transaction when a statement that writes is interrupted.
	const long = `INSERT INTO tenant_acme__event_processed (position, processed_at)
WITH RECURSIVE n (i) AS (SELECT 1000000 UNION ALL SELECT i + 1 FROM n WHERE i < 1020000) SELECT i, 0 FROM n`
	for name, when := range map[string]func(cancel func()){
		"before a statement": func(cancel func()) { cancel() },
		"during a statement": func(cancel func()) { time.AfterFunc(time.Millisecond, cancel) },
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := connectFile(t, "")
			savers, errs := together(t, db, func(int) []saver {
				return []saver{{event: newEvent()}, {newEvent(), func(tx query.Executor) error {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					when(cancel)
					if _, err := tx.Exec(ctx, long, nil); err != nil {
						return err
					}
					<-ctx.Done()
					_, err := tx.Exec(ctx, "DELETE FROM tenant_acme__event_processed", nil)
					return err
				}}, {event: newEvent()}}
			})
			wantTold(t, db, savers, errs, context.Canceled)
		})
	}
}

func TestAPanicHarmsNoOtherSaver(t *testing.T) {
	db, _ := connectFile(t, "")
	for _, which := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(which), func(t *testing.T) {
			make := func(int) []saver {
				savers := []saver{{event: newEvent()}, {event: newEvent()}, {event: newEvent()}}
				savers[which].then = func(query.Executor) error { panic("in a saver") }
				return savers
			}
			if which == 0 { // it leaves no transaction to share
				savers := make(0)
				errs, _ := sqlite.Together(soon(t), db, func(tx query.Executor) error { return savers[0].then(tx) })
				if !errors.Is(errs[0], sqlite.ErrPanic) {
					t.Errorf("got %v, want the panic", errs[0])
				}
				mustSave(t, storeOf(t, db, tenant))
				return
			}
			savers, errs := together(t, db, make)
			savers[1], savers[which], errs[1], errs[which] = savers[which], savers[1], errs[which], errs[1]
			wantTold(t, db, savers, errs, sqlite.ErrPanic)
		})
	}
}

func TestADiskThatIsFullForOneSaverHarmsNoOther(t *testing.T) {
	db, _ := connectFile(t, "")
	pages, err := sqlite.Pragma(soon(t), db, false, "page_count")
	if err == nil {
		_, err = sqlite.Pragma(soon(t), db, false, "max_page_count = "+pages+"1")
	}
	if err != nil {
		t.Fatal(err)
	}
	savers, errs := together(t, db, func(int) []saver {
		large := newEvent()
		large.EventData = json.RawMessage(`{"x":"` + strings.Repeat("x", 4_000_000) + `"}`)
		return []saver{{event: newEvent()}, {event: large}, {event: newEvent()}}
	})
	wantTold(t, db, savers, errs, driver.ErrUnavailable)
}

// In this journal mode a commit waits for those who read.
func TestAllSaversAreToldThatTheCommitFailed(t *testing.T) {
	db, path := connectFile(t, "?_pragma=journal_mode(DELETE)&_pragma=busy_timeout(20)")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	reader, err := other.Conn(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, statement := range []string{"BEGIN DEFERRED", "SELECT * FROM tenant_acme__events"} {
		if _, err := reader.ExecContext(soon(t), statement); err != nil {
			t.Fatal(err)
		}
	}
	app := errors.New("refused")
	savers, errs := together(t, db, func(int) []saver {
		return []saver{{event: newEvent()}, {newEvent(), func(query.Executor) error { return app }}, {event: newEvent()}}
	})
	for i, err := range errs {
		wantError(t, fmt.Sprint("saver ", i), err, driver.ErrUnavailable)
	}
	if _, err := reader.ExecContext(soon(t), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for _, s := range savers {
		wantStored(t, storeOf(t, db, tenant), s.event.ID, false)
	}
	mustSave(t, storeOf(t, db, tenant))
}

func TestWhatASaverIsToldOthersSee(t *testing.T) {
	db, path := connectFile(t, "")
	store, outside := storeOf(t, db, tenant), openSQL(t, path)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 20 {
				event, err := store.Events().Save(soon(t), newEvent())
				if err != nil {
					t.Error(err)
					return
				}
				var position int64
				err = outside.QueryRow("SELECT position FROM tenant_acme__event_queue WHERE event_id = ?", event.ID.String()).Scan(&position)
				if err != nil || position != event.Position {
					t.Errorf("an event that was just saved: got position %d (%v), want %d", position, err, event.Position)
				}
			}
		})
	}
	group.Wait()
}

func TestSaversLeaveTurnsToTransactions(t *testing.T) {
	db, _ := connectFile(t, "")
	store := storeOf(t, db, tenant)
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := store.Events().Save(soon(t), newEvent()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		if err := writes(store)["InTx"](soon(t)); err != nil {
			t.Error(err)
		}
	}
	close(done)
	group.Wait()
}
