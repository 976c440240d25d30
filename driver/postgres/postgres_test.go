package postgres_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

const tenant = "tenant_acme"

// soon ends with the test, or after a time in which nothing should take so long.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(t *testing.T, dsn string, opts ...driver.Option) driver.DB {
	t.Helper()
	db, err := driver.Connect(soon(t), dsn, quiet(opts)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func storeOf(t *testing.T, db driver.DB, schema string) driver.Store {
	t.Helper()
	store, err := db.Store(soon(t), schema)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// admin is a connection beside the library's.
func admin(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(soon(t), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(soon(t), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// edit returns the DSN with a change.
func edit(t *testing.T, dsn string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

// with returns the DSN with settings, name and value in turn.
func with(t *testing.T, dsn string, settings ...string) string {
	return edit(t, dsn, func(u *url.URL) {
		params := u.Query()
		for i := 0; i < len(settings); i += 2 {
			params.Set(settings[i], settings[i+1])
		}
		u.RawQuery = strings.ReplaceAll(params.Encode(), "+", "%20") // a plus is no space here
	})
}

func newEvent() driver.Event {
	return driver.Event{
		ID: uuid.New(), EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`),
	}
}

// A call saves an event in one of several ways.
type call func(ctx context.Context) error

func save(store driver.Store, event driver.Event) call {
	return func(ctx context.Context) error {
		_, err := store.Events().Save(ctx, event)
		return err
	}
}

func saveBatch(store driver.Store, event driver.Event) call {
	return func(ctx context.Context) error {
		_, err := store.Events().SaveBatch(ctx, []driver.Event{event})
		return err
	}
}

func get(store driver.Store, event driver.Event) call {
	return func(ctx context.Context) error {
		_, err := store.Events().GetByID(ctx, event.ID)
		return err
	}
}

func saveInTx(store driver.Store, event driver.Event) call {
	return func(ctx context.Context) error {
		return store.InTx(ctx, func(tx driver.Store) error { return save(tx, event)(ctx) })
	}
}

func mustSave(t *testing.T, store driver.Store, event driver.Event) {
	t.Helper()
	if err := save(store, event)(soon(t)); err != nil {
		t.Fatalf("Save: %v", err)
	}
}

func wantKind(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got error %v, want %v", what, err, kind)
	}
}

func wantUnavailable(t *testing.T, what string, err error, commitUnknown bool) {
	t.Helper()
	wantKind(t, what, err, driver.ErrUnavailable)
	var unavailable *driver.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Errorf("%s: got error %#v, want an UnavailableError in it", what, err)
	} else if unavailable.CommitUnknown != commitUnknown {
		t.Errorf("%s: CommitUnknown is %t, want %t (%v)", what, unavailable.CommitUnknown, commitUnknown, err)
	}
	if driver.IsRetryable(err) == commitUnknown {
		t.Errorf("%s: IsRetryable is %t, want %t (%v)", what, commitUnknown, !commitUnknown, err)
	}
}

func wantStored(t *testing.T, store driver.Store, id uuid.UUID, want bool) {
	t.Helper()
	got, err := store.Events().Exists(soon(t), id)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("event stored: got %t, want %t", got, want)
	}
}

// waiting returns the server process that waits for a lock on behalf of an application.
func waiting(t *testing.T, conn *pgx.Conn, application string) (pid int) {
	t.Helper()
	const sql = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
	for ctx := soon(t); pid == 0; {
		if err := conn.QueryRow(ctx, sql, application).Scan(&pid); err != nil {
			t.Fatalf("no %s waits for a lock: %v", application, err)
		}
	}
	return pid
}

// canary is a part of every password here. No error may tell it.
const canary = "c4nary-s3cret"

// texts returns every way in which an error and what it wraps could be printed.
func texts(err error) []string {
	if err == nil {
		return nil
	}
	all := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)}
	if encoded, e := json.Marshal(err); e == nil {
		all = append(all, string(encoded))
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, texts(wrapper.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, wrapped := range wrapper.Unwrap() {
			all = append(all, texts(wrapped)...)
		}
	}
	return all
}

func wantNoCanary(t *testing.T, err error) {
	t.Helper()
	for _, text := range texts(err) {
		if strings.Contains(text, canary) {
			t.Errorf("the error tells the password: %s", text)
			return
		}
	}
}

func TestConnectTellsWhatIsWrongButNotThePassword(t *testing.T) {
	dsn := pgtest.DSN(t)
	password := `p@:/?#[]%20 "'\` + canary + `&=`
	tests := []struct {
		name  string
		dsn   string
		kind  error
		tells string
	}{
		{"wrong password", edit(t, dsn, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), password) }), driver.ErrInvalid, "password"},
		{"unknown user", edit(t, dsn, func(u *url.URL) { u.User = url.UserPassword("nobody_here", password) }), driver.ErrInvalid, "nobody_here"},
		{"unknown database", edit(t, dsn, func(u *url.URL) { u.Path = "/no_such_database" }), driver.ErrInvalid, "no_such_database"},
		{"nobody listens", "postgres://app:" + canary + "@" + deadAddress(t) + "/app?sslmode=disable", driver.ErrUnavailable, "127.0.0.1"},
		{"something else listens", "postgres://app:" + canary + "@" + listen(t, "SSH-2.0-OpenSSH\r\n") + "/app?sslmode=disable", driver.ErrUnavailable, "127.0.0.1"},
		{"it never answers", "postgres://app:" + canary + "@" + listen(t, "") + "/app?sslmode=disable&connect_timeout=1", driver.ErrUnavailable, "127.0.0.1"},
		{"unknown setting", with(t, dsn, "no_such_setting", "1"), driver.ErrInvalid, "no_such_setting"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db, err := driver.Connect(soon(t), test.dsn, driver.WithLogger(nil))
			if err == nil {
				_ = db.Close()
				t.Skip("the server lets anybody in")
			}
			wantKind(t, "Connect", err, test.kind)
			if !strings.Contains(err.Error(), test.tells) {
				t.Errorf("the error is %q, want it to tell %q", err, test.tells)
			}
			if got, want := driver.IsRetryable(err), test.kind == driver.ErrUnavailable; got != want {
				t.Errorf("IsRetryable: got %t, want %t (%v)", got, want, err)
			}
			wantNoCanary(t, err)
		})
	}
}

// Nor can a password be dug out of an error, as tools that dump structures do.
func TestConnectErrorHoldsNoPassword(t *testing.T) {
	_, err := driver.Connect(soon(t), "postgres://app:"+canary+"@"+deadAddress(t)+"/app?sslmode=disable")
	if path := find(reflect.ValueOf(err), "err", map[uintptr]bool{}); path != "" {
		t.Errorf("the password is in %s", path)
	}
}

// find returns where the canary is in a value, fields that are not exported included.
func find(v reflect.Value, path string, seen map[uintptr]bool) string {
	switch v.Kind() {
	case reflect.String:
		if strings.Contains(v.String(), canary) {
			return path
		}
	case reflect.Pointer:
		if seen[v.Pointer()] {
			return ""
		}
		seen[v.Pointer()] = true
		return find(v.Elem(), path, seen)
	case reflect.Interface:
		return find(v.Elem(), path, seen)
	case reflect.Struct:
		for i := range v.NumField() {
			if at := find(v.Field(i), path+"."+v.Type().Field(i).Name, seen); at != "" {
				return at
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if at := find(v.Index(i), fmt.Sprintf("%s[%d]", path, i), seen); at != "" {
				return at
			}
		}
	}
	return ""
}

func TestConnectRefusesADSNThatItCannotRead(t *testing.T) {
	for _, dsn := range []string{
		"postgres://app:" + canary + "@host:port/app",
		"postgres://app:%zz" + canary + "@host/app",
		"postgres://app:" + canary + " @[::1/app",
		"postgres://app:pa/ss" + canary + "@host/app",
		"postgres://app:p@" + canary + "@" + deadAddress(t) + "/app",
		"postgres://app:?" + canary + "@" + deadAddress(t) + "/app",
		"postgres://app:1234#" + canary + "@" + deadAddress(t) + "/app",
		"postgres://app:p@ss?user=" + canary + "@" + deadAddress(t) + "/app",
		"postgres://app:1234/" + canary + "@" + deadAddress(t) + "/app",
		"postgres://app:" + canary + "@host/app?sslmode=perhaps",
		"postgres://app:" + canary + "@host/app?pool_max_conns=many",
		"postgres://app:" + canary + "@host/app?sslrootcert=/no/such/file&sslmode=verify-full",
		"host=localhost password=" + canary + " port=none",
		"host=localhost password='" + canary,
		"password=" + canary + " nonsense",
		"user:" + canary + "@tcp(localhost:3306)/app",
		"postgres:" + canary,
	} {
		t.Run(strings.ReplaceAll(dsn, canary, "…"), func(t *testing.T) {
			_, err := driver.Connect(soon(t), dsn)
			wantKind(t, "Connect", err, driver.ErrInvalid)
			var invalid *driver.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != "dsn" {
				t.Errorf("got %v, want an InvalidError on dsn", err)
			}
			wantNoCanary(t, err)
		})
	}
}

func TestConnectTakesEveryFormOfDSN(t *testing.T) {
	dsn := pgtest.DSN(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
	keyValue := fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", u.Hostname(), u.Port(), u.User.Username(), u.Path[1:])
	t.Setenv("PGPASSWORD", "")
	for name, dsn := range map[string]string{
		"postgres":   dsn,
		"postgresql": strings.Replace(dsn, "postgres:", "postgresql:", 1),
		"key=value":  keyValue + " password='" + escaped + "'",
	} {
		t.Run(name, func(t *testing.T) { mustSave(t, storeOf(t, open(t, dsn), tenant), newEvent()) })
	}
	t.Run("password from the environment", func(t *testing.T) {
		t.Setenv("PGPASSWORD", password)
		mustSave(t, storeOf(t, open(t, keyValue), tenant), newEvent())
	})
}

func TestSettingsOfThePool(t *testing.T) {
	dsn := pgtest.DSN(t)
	const anotherName = "orders"
	tests := []struct {
		name     string
		dsn      string
		opts     []driver.Option
		maxConns int
		appName  string
	}{
		{"by default", dsn, nil, max(4, runtime.NumCPU()), "neoevents"},
		{"of the DSN", with(t, dsn, "pool_max_conns", "3", "application_name", anotherName), nil, 3, anotherName},
		{"an option before the DSN", with(t, dsn, "pool_max_conns", "3"), []driver.Option{driver.WithMaxConns(2)}, 2, "neoevents"},
	}
	conn := admin(t, dsn)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, test.dsn, test.opts...)
			if got := db.Stats().MaxConns; got != test.maxConns {
				t.Errorf("MaxConns: got %d, want %d", got, test.maxConns)
			}
			there := false
			const sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1)"
			if err := conn.QueryRow(soon(t), sql, test.appName).Scan(&there); err != nil || !there {
				t.Errorf("a connection called %s: got %t (%v), want one", test.appName, there, err)
			}
		})
	}
}

func TestCloseLeavesAnAdoptedPoolOpen(t *testing.T) {
	pool, err := pgxpool.New(soon(t), pgtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db, err := postgres.New(pool, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	store := storeOf(t, db, tenant)
	mustSave(t, store, newEvent())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "Save after Close", save(store, newEvent())(soon(t)), driver.ErrClosed)
	wantKind(t, "Ping after Close", db.Ping(soon(t)), driver.ErrClosed)
	if err := pool.Ping(soon(t)); err != nil {
		t.Errorf("the app's pool: got %v, want it open", err)
	}
	again, err := postgres.New(pool, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	mustSave(t, storeOf(t, again, tenant), newEvent())
}

func TestNewRefusesABadOption(t *testing.T) {
	_, err := postgres.New(nil, driver.WithMaxConns(-1))
	wantKind(t, "New", err, driver.ErrInvalid)
}

// foreign is a Store of another backend.
type foreign struct{ driver.Store }

func (foreign) Schema() string { return tenant }

func TestWithTxRefusesAForeignStore(t *testing.T) {
	_, err := postgres.WithTx(foreign{}, nil)
	_, errSQL := postgres.WithSQLTx(foreign{}, nil)
	for _, err := range []error{err, errSQL} {
		wantKind(t, "WithTx", err, driver.ErrInvalid)
		if !strings.Contains(err.Error(), "package postgres") {
			t.Errorf("the error is %q, want it to tell whose store it takes", err)
		}
	}
}

func TestWithTxRefusesNil(t *testing.T) {
	store := storeOf(t, open(t, pgtest.DSN(t)), tenant)
	_, err := postgres.WithTx(store, nil)
	wantKind(t, "WithTx", err, driver.ErrInvalid)
	_, err = postgres.WithSQLTx(store, nil)
	wantKind(t, "WithSQLTx", err, driver.ErrInvalid)
}

func TestAReadOnlySessionTakesNoWrites(t *testing.T) {
	dsn := pgtest.DSN(t)
	stored := newEvent()
	mustSave(t, storeOf(t, open(t, dsn), tenant), stored)
	db := open(t, with(t, dsn, "default_transaction_read_only", "on"))
	store := storeOf(t, db, tenant) // takes no write: it is up to date
	events := store.Events()
	if _, err := events.GetByID(soon(t), stored.ID); err != nil {
		t.Errorf("a read: %v", err)
	}
	for name, write := range map[string]call{
		"Save":      save(store, newEvent()),
		"SaveBatch": saveBatch(store, newEvent()),
		"InTx":      saveInTx(store, newEvent()),
		"Append": func(ctx context.Context) error {
			_, err := events.Append(ctx, stored.Aggregate(), 1, []driver.Event{{EventType: "a", EventData: json.RawMessage(`{}`)}})
			return err
		},
		"mark": func(ctx context.Context) error { _, err := events.MarkAsProcessed(ctx, stored.ID); return err },
		"ProcessUnprocessed": func(ctx context.Context) error {
			_, err := events.ProcessUnprocessed(ctx, driver.ProcessOptions{}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) { return nil, nil })
			return err
		},
		"migration":  func(ctx context.Context) error { _, err := db.Store(ctx, "another"); return err },
		"DropSchema": func(ctx context.Context) error { return db.DropSchema(ctx, tenant) },
	} {
		err := write(soon(t))
		wantKind(t, name, err, driver.ErrReadOnly)
		if driver.IsRetryable(err) {
			t.Errorf("%s: the error %v is retryable, want it not to be", name, err)
		}
	}
	wantStored(t, storeOf(t, open(t, dsn), tenant), stored.ID, true)
}

func TestTimeoutsAreUnavailable(t *testing.T) {
	for _, setting := range []string{"statement_timeout", "lock_timeout"} {
		t.Run(setting, func(t *testing.T) {
			dsn := pgtest.DSN(t)
			storeOf(t, open(t, dsn), tenant)
			store := storeOf(t, open(t, with(t, dsn, setting, "250")), tenant)
			conn := admin(t, dsn)
			exec(t, conn, "BEGIN; LOCK TABLE "+tenant+".events")
			event := newEvent()
			wantUnavailable(t, "Save", save(store, event)(soon(t)), false)
			wantUnavailable(t, "SaveBatch", saveBatch(store, event)(soon(t)), false)
			wantUnavailable(t, "InTx", saveInTx(store, event)(soon(t)), false)
			exec(t, conn, "ROLLBACK")
			mustSave(t, store, event)
		})
	}
}

func TestAnIdleTransactionThatTheServerEndsIsUnavailable(t *testing.T) {
	dsn := pgtest.DSN(t)
	storeOf(t, open(t, dsn), tenant) // migrates without a timeout
	store := storeOf(t, open(t, with(t, dsn, "application_name", "idler", "idle_in_transaction_session_timeout", "50")), tenant)
	conn := admin(t, dsn)
	event := newEvent()
	err := store.InTx(soon(t), func(tx driver.Store) error {
		if err := save(tx, event)(soon(t)); err != nil {
			return err
		}
		for open := 1; open > 0; { // the server has ended it
			const sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'idler' AND state <> 'idle'"
			if err := conn.QueryRow(soon(t), sql).Scan(&open); err != nil {
				return err
			}
		}
		_, err := tx.Events().CountUnprocessed(soon(t))
		return err
	})
	wantUnavailable(t, "InTx", err, false)
	wantStored(t, store, event.ID, false)
	mustSave(t, store, event)
}

func TestAConnectionKilledDuringACallIsUnavailable(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, with(t, dsn, "application_name", "victim")), tenant)
	conn := admin(t, dsn)
	event := newEvent()
	for name, call := range map[string]call{
		"Save":      save(store, event),
		"SaveBatch": saveBatch(store, event),
		"InTx":      saveInTx(store, event),
		"GetByID":   get(store, event),
	} {
		t.Run(name, func(t *testing.T) {
			exec(t, conn, "BEGIN; LOCK TABLE "+tenant+".events")
			ended := make(chan error, 1)
			go func() { ended <- call(soon(t)) }()
			exec(t, conn, "SELECT pg_terminate_backend($1)", waiting(t, conn, "victim"))
			wantUnavailable(t, name, <-ended, false)
			exec(t, conn, "ROLLBACK")
			wantStored(t, store, event.ID, false)
		})
	}
	mustSave(t, store, event)
}

func TestConnectionsKilledWhileTheyAreIdleAreReplaced(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, with(t, dsn, "application_name", "victim", "pool_max_conns", "1")), tenant)
	mustSave(t, store, newEvent())
	exec(t, admin(t, dsn), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'")
	event := newEvent()
	if err := save(store, event)(soon(t)); err != nil { // it may notice at once, or with the first call
		wantKind(t, "Save", err, driver.ErrUnavailable)
		mustSave(t, store, event)
	}
}

func TestADeadlockIsUnavailableForOne(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, dsn), tenant)
	a, b := newEvent(), newEvent()
	mustSave(t, store, a)
	mustSave(t, store, b)
	var group sync.WaitGroup
	var first sync.WaitGroup // both hold one event before they want the other's
	first.Add(2)
	errs := make([]error, 2)
	for i, order := range [][]uuid.UUID{{a.ID, b.ID}, {b.ID, a.ID}} {
		group.Go(func() {
			errs[i] = store.InTx(soon(t), func(tx driver.Store) error {
				_, err := tx.Events().MarkAsProcessed(soon(t), order[0])
				first.Done()
				if err != nil {
					return err
				}
				first.Wait()
				_, err = tx.Events().MarkAsProcessed(soon(t), order[1])
				return err
			})
		})
	}
	group.Wait()
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(failed) != 1 {
		t.Fatalf("got errors %v, want one", failed)
	}
	wantUnavailable(t, "the loser", failed[0], false)
}

func TestASerializationFailureIsUnavailable(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, with(t, dsn, "default_transaction_isolation", "repeatable read")), tenant)
	event := newEvent()
	mustSave(t, store, event)
	err := store.InTx(soon(t), func(tx driver.Store) error {
		if _, err := tx.Events().CountUnprocessed(soon(t)); err != nil { // takes the snapshot
			return err
		}
		if _, err := store.Events().MarkAsProcessed(soon(t), event.ID); err != nil {
			return err
		}
		_, err := tx.Events().MarkAsProcessed(soon(t), event.ID)
		return err
	})
	wantUnavailable(t, "InTx", err, false)
}

// A batch waits for another transaction that has taken its id or version, and is refused when that one commits.
func TestBatchesThatRaceForAKey(t *testing.T) {
	dsn := pgtest.DSN(t)
	holder := storeOf(t, open(t, dsn), tenant)
	racer := storeOf(t, open(t, with(t, dsn, "application_name", "racer")), tenant)
	conn := admin(t, dsn)

	// race lets the racer's batch wait for the holder's, commits the holder's, and returns what became of the racer's.
	race := func(t *testing.T, held, batch []driver.Event, inTx bool) ([]driver.Event, error) {
		t.Helper()
		type result struct {
			saved []driver.Event
			err   error
		}
		results := make(chan result, 1)
		err := holder.InTx(soon(t), func(tx driver.Store) error {
			if _, err := tx.Events().SaveBatch(soon(t), held); err != nil {
				return err
			}
			go func() {
				var r result
				if !inTx {
					r.saved, r.err = racer.Events().SaveBatch(soon(t), batch)
				} else if err := racer.InTx(soon(t), func(tx driver.Store) error {
					r.saved, r.err = tx.Events().SaveBatch(soon(t), batch)
					return save(tx, newEvent())(soon(t)) // the refusal leaves it usable
				}); err != nil {
					r.err = err
				}
				results <- r
			}()
			waiting(t, conn, "racer")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r := <-results
		return r.saved, r.err
	}

	for name, inTx := range map[string]bool{"each in its own transaction": false, "in the app's transaction": true} {
		t.Run(name, func(t *testing.T) {
			t.Run("the same id", func(t *testing.T) {
				held, other := newEvent(), newEvent()
				again := newEvent()
				again.ID = held.ID
				_, err := race(t, []driver.Event{held}, []driver.Event{other, again}, inTx)
				wantKind(t, "SaveBatch", err, driver.ErrAlreadyExists)
				if err == nil || !strings.Contains(err.Error(), held.ID.String()) {
					t.Errorf("the error is %v, want it to tell the id %s", err, held.ID)
				}
				wantStored(t, racer, other.ID, false)
			})
			t.Run("the same version", func(t *testing.T) {
				held, other, same := newEvent(), newEvent(), newEvent()
				held.AggregateVersion = 1
				same.AggregateID, same.AggregateVersion = held.AggregateID, 1
				_, err := race(t, []driver.Event{held}, []driver.Event{other, same}, inTx)
				var conflict *driver.VersionConflictError
				want := driver.VersionConflictError{Aggregate: held.Aggregate(), Expected: 0, Actual: 1}
				if !errors.As(err, &conflict) || *conflict != want {
					t.Errorf("got error %v, want %v", err, &want)
				}
				wantStored(t, racer, other.ID, false)
			})
			t.Run("the next version", func(t *testing.T) {
				held, next := newEvent(), newEvent()
				next.AggregateID = held.AggregateID
				saved, err := race(t, []driver.Event{held}, []driver.Event{next}, inTx)
				if err != nil {
					t.Fatal(err)
				}
				if got := saved[0].AggregateVersion; got != 2 {
					t.Errorf("version: got %d, want 2, the one after the holder's", got)
				}
			})
		})
	}
}

func TestNoStatementFollowsTheSearchPath(t *testing.T) {
	dsn := pgtest.DSN(t)
	decoy := storeOf(t, open(t, dsn), "decoy")
	exec(t, admin(t, dsn), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path TO decoy', current_database()); END $$")

	db := open(t, dsn)
	store := storeOf(t, db, tenant)
	events := store.Events()
	one, two, three := newEvent(), newEvent(), newEvent()
	mustSave(t, store, one)
	if _, err := events.SaveBatch(soon(t), []driver.Event{two, three}); err != nil {
		t.Fatal(err)
	}
	if marked, err := events.MarkMultipleAsProcessed(soon(t), []uuid.UUID{one.ID, two.ID}); err != nil || marked != 2 {
		t.Errorf("marked: got %d (%v), want 2", marked, err)
	}
	processed, err := events.ProcessUnprocessed(soon(t), driver.ProcessOptions{}, func(_ driver.Store, work []driver.Event) ([]uuid.UUID, error) {
		return []uuid.UUID{work[0].ID}, nil
	})
	if err != nil || processed != 1 {
		t.Errorf("processed: got %d (%v), want 1", processed, err)
	}
	if err := db.DropSchema(soon(t), tenant); err != nil {
		t.Fatal(err)
	}
	mustSave(t, decoy, one)
	if waiting, err := decoy.Events().CountUnprocessed(soon(t)); err != nil || waiting != 1 {
		t.Errorf("events of the schema in the search_path: got %d (%v), want 1, its own", waiting, err)
	}
}

var (
	commit  = message{'Q', []byte("commit\x00")}
	execute = message{'E', nil} // of a statement with parameters
	cut     = fault{}
	lost    = fault{forward: true}
)

// What becomes of a call whose connection is lost at the worst moment.
func TestALostConnection(t *testing.T) {
	tests := []struct {
		name    string
		at      message
		fault   fault
		unknown bool
		stored  map[string]bool // the event, by the call that was to do it
	}{
		{"before COMMIT arrives", commit, cut, true, map[string]bool{"SaveBatch": false, "InTx": false}},
		{"before COMMIT is answered", commit, lost, true, map[string]bool{"SaveBatch": true, "InTx": true}},
		{"before COMMIT is answered, behind a pooler", commit, poolerLost, true, map[string]bool{"SaveBatch": true, "InTx": true}},
		{"before a single statement arrives", execute, cut, true, map[string]bool{"Save": false}},
		{"before a single statement is answered", execute, lost, true, map[string]bool{"Save": true}},
		{"before a single statement is answered, behind a pooler", execute, poolerLost, true, map[string]bool{"Save": true}},
		{"before a statement of a transaction arrives", execute, cut, false, map[string]bool{"SaveBatch": false, "InTx": false}},
		{"before a statement of a transaction is answered", execute, lost, false, map[string]bool{"SaveBatch": false, "InTx": false}},
		{"at the end of a COPY", message{'c', nil}, cut, false, map[string]bool{"SaveBatch": false}},
		{"before a read is answered", execute, lost, false, map[string]bool{"GetByID": false}},
	}
	line := newProxy(t, pgtest.DSN(t))
	store := storeOf(t, open(t, line.dsn), tenant)
	calls := map[string]func(driver.Store, driver.Event) call{"Save": save, "SaveBatch": saveBatch, "InTx": saveInTx, "GetByID": get}
	for _, test := range tests {
		for name, stored := range test.stored {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				event := newEvent()
				line.arm(test.at, test.fault)
				wantUnavailable(t, name, calls[name](store, event)(soon(t)), test.unknown)
				wantStored(t, store, event.ID, stored) // on another connection
				again := save(store, event)(soon(t))
				switch {
				case stored:
					wantKind(t, "Save again", again, driver.ErrAlreadyExists)
				case again != nil:
					t.Errorf("Save again: got error %v, want none", again)
				}
			})
		}
	}
}

func TestALostConnectionWhileMarking(t *testing.T) {
	line := newProxy(t, pgtest.DSN(t))
	store := storeOf(t, open(t, line.dsn), tenant)
	event := newEvent()
	mustSave(t, store, event)
	line.arm(execute, lost)
	_, err := store.Events().MarkAsProcessed(soon(t), event.ID)
	wantUnavailable(t, "MarkAsProcessed", err, true)
	if again, err := store.Events().MarkAsProcessed(soon(t), event.ID); err != nil || again {
		t.Errorf("marked again: got %t (%v), want false", again, err)
	}
}

// What has taken effect is not reported as failed when the statement behind it is lost, which lets the aggregate go on.
func TestALostConnectionBehindAnAck(t *testing.T) {
	for name, done := range map[string]func(driver.EventRepository, []driver.Claim) error{
		"Ack": func(events driver.EventRepository, claims []driver.Claim) error { return events.Ack(soon(t), claims) },
		"MarkAsProcessed": func(events driver.EventRepository, claims []driver.Claim) error {
			_, err := events.MarkAsProcessed(soon(t), claims[0].Event.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			line := newProxy(t, pgtest.DSN(t))
			store := storeOf(t, open(t, line.dsn), tenant)
			mustSave(t, store, newEvent())
			claims, err := store.Events().Claim(soon(t), driver.ClaimOptions{PerAggregateOrder: true})
			if err != nil || len(claims) != 1 {
				t.Fatalf("claimed %d (%v), want 1", len(claims), err)
			}
			line.arm(execute, fault{passing: 1})
			if err := done(store.Events(), claims); err != nil {
				t.Errorf("got error %v, want none", err)
			}
			if line.armed() {
				t.Error("no statement came behind the first one: what is tested here is gone")
			}
			if waiting, err := store.Events().CountUnprocessed(soon(t)); err != nil || waiting != 0 {
				t.Errorf("unprocessed: got %d (%v), want 0", waiting, err)
			}
		})
	}
}

// The simple protocol sends a statement and its parameters as one message.
func TestALostConnectionInTheSimpleProtocol(t *testing.T) {
	line := newProxy(t, pgtest.DSN(t))
	store := storeOf(t, open(t, with(t, line.dsn, "default_query_exec_mode", "simple_protocol")), tenant)
	statement := message{'Q', nil}
	event := newEvent()
	line.arm(statement, cut)
	wantUnavailable(t, "Save", save(store, event)(soon(t)), true)
	wantStored(t, store, event.ID, false)
	line.arm(statement, lost)
	wantUnavailable(t, "Save", save(store, event)(soon(t)), true)
	wantStored(t, store, event.ID, true)
	line.arm(statement, lost)
	_, err := store.Events().MarkAsProcessed(soon(t), event.ID)
	wantUnavailable(t, "MarkAsProcessed", err, true)
	line.arm(statement, lost)
	wantUnavailable(t, "GetByID", get(store, event)(soon(t)), false)
}

// It is known that nothing was committed, even to a function that ignores the failure.
func TestALostConnectionInASavepoint(t *testing.T) {
	line := newProxy(t, pgtest.DSN(t))
	store := storeOf(t, open(t, line.dsn), tenant)
	first, second := newEvent(), newEvent()
	err := store.InTx(soon(t), func(tx driver.Store) error {
		if err := save(tx, first)(soon(t)); err != nil {
			return err
		}
		line.arm(execute, cut)
		wantUnavailable(t, "InTx in InTx", saveInTx(tx, second)(soon(t)), false)
		return nil
	})
	wantUnavailable(t, "InTx", err, false)
	wantStored(t, store, first.ID, false)
}

// The answer to COMMIT does not come, and the caller gives up: nobody knows, and the call returns.
func TestAContextThatEndsDuringCommitLeavesItUnknown(t *testing.T) {
	line := newProxy(t, pgtest.DSN(t))
	store := storeOf(t, open(t, line.dsn), tenant)
	ctx, giveUp := context.WithCancel(soon(t))
	event := newEvent()
	line.arm(commit, fault{forward: true, silence: giveUp})
	wantUnavailable(t, "InTx", saveInTx(store, event)(ctx), true)
	wantStored(t, store, event.ID, true)
}

// message is one of the client's: its type and, unless nil, its body.
type message struct {
	kind byte
	body []byte
}

// fault is what happens to a message. As a zero value: it never arrives, the connection is cut.
type fault struct {
	passing int    // how many messages like it go by before
	forward bool   // it arrives, and the cut comes when the server has answered; the answer is lost
	says    []byte // what the client hears before the cut
	silence func() // no cut: the client hears nothing more, and this is called when the server has answered
}

// poolerLost is what PgBouncer says when it has lost the server.
var poolerLost = fault{forward: true, says: errorResponse("08P01", "server conn crashed?")}

func errorResponse(code, text string) []byte {
	body := "SFATAL\x00VFATAL\x00C" + code + "\x00M" + text + "\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(4+len(body))), body...)
}

// proxy is a network between client and server on which a fault can be laid.
type proxy struct {
	dsn    string // through the proxy
	server string
	mu     sync.Mutex
	at     message
	fault  *fault // of the next message that is like at
}

func newProxy(t *testing.T, dsn string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: net.JoinHostPort(config.Host, fmt.Sprint(config.Port))}
	p.dsn = with(t, edit(t, dsn, func(u *url.URL) { u.Host = listener.Addr().String() }), "sslmode", "disable")
	var sessions sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		sessions.Wait() // the pool is closed by now
	})
	sessions.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { p.serve(client) })
		}
	})
	return p
}

func (p *proxy) arm(at message, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.fault = at, &f
}

// armed reports whether the fault has not happened yet.
func (p *proxy) armed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault != nil
}

// hit returns the fault of a message, once.
func (p *proxy) hit(m message) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil || m.kind != p.at.kind || p.at.body != nil && string(m.body) != string(p.at.body) {
		return nil
	}
	if p.fault.passing > 0 {
		p.fault.passing--
		return nil
	}
	f := p.fault
	p.fault = nil
	return f
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var struck atomic.Pointer[fault] // from here on, what the server says is lost
	var answers sync.WaitGroup
	answers.Go(func() {
		defer func() { _ = client.Close() }()
		for {
			m, raw, err := read(server, true)
			if err != nil {
				return
			}
			f := struck.Load()
			switch {
			case f == nil:
				_, err = client.Write(raw)
			case m.kind != 'Z':
			case f.silence != nil:
				f.silence()
			default:
				_, _ = client.Write(f.says)
				return
			}
			if err != nil {
				return
			}
		}
	})
	defer answers.Wait()
	defer func() { _ = server.Close() }() // ends the answers
	for typed := false; ; typed = true {
		m, raw, err := read(client, typed)
		if err != nil {
			return
		}
		if typed {
			if f := p.hit(m); f != nil {
				if !f.forward {
					return
				}
				struck.Store(f)
			}
		}
		if _, err := server.Write(raw); err != nil {
			return
		}
	}
}

// read reads a message. The first one of a client has no type.
func read(from io.Reader, typed bool) (m message, raw []byte, err error) {
	head := make([]byte, 4, 5)
	if typed {
		head = head[:5]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return m, nil, err
	}
	raw = head
	length := binary.BigEndian.Uint32(head[len(head)-4:]) - 4
	raw = append(raw, make([]byte, length)...)
	if _, err := io.ReadFull(from, raw[len(head):]); err != nil {
		return m, nil, err
	}
	return message{head[0], raw[len(head):]}, raw, nil
}

// deadAddress is one on which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// listen is the address of something that is not PostgreSQL: it says its greeting, if any, and waits.
func listen(t *testing.T, greeting string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(greeting))
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return listener.Addr().String()
}
