package driver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// fakeDriver remembers how it was called. Its DBs refuse the schema "broken".
type fakeDriver struct {
	dsn    string
	config driver.Config
	db     *fakeDB
	err    error
}

func (f *fakeDriver) Connect(_ context.Context, dsn string, config driver.Config) (driver.DB, error) {
	f.dsn, f.config, f.db = dsn, config, &fakeDB{}
	if f.err != nil {
		return nil, f.err
	}
	return f.db, nil
}

type fakeDB struct {
	driver.DB
	closed int
}

func (db *fakeDB) Store(_ context.Context, schema string) (driver.Store, error) {
	if schema == "broken" {
		return nil, driver.ErrDirty
	}
	return &fakeStore{schema: schema}, nil
}

func (db *fakeDB) Close() error {
	db.closed++
	return nil
}

type fakeStore struct {
	driver.Store
	schema string
}

func (s *fakeStore) Schema() string { return s.schema }

var schemes atomic.Int64

// newScheme returns one that nobody registers but the test: what is registered stays so.
func newScheme() string { return fmt.Sprint("test+scheme-", schemes.Add(1)) }

// register registers a driver and returns its scheme.
func register(d driver.Driver) string {
	scheme := newScheme()
	driver.Register(scheme, d)
	return scheme
}

// panics returns what fn panics with, as text.
func panics(fn func()) (with string) {
	defer func() {
		if value := recover(); value != nil {
			with = fmt.Sprint(value)
		}
	}()
	fn()
	return ""
}

func TestRegisterPanicsOnANilDriver(t *testing.T) {
	got := panics(func() { driver.Register("test-nil", nil) })
	if !strings.Contains(got, "test-nil") {
		t.Errorf("panic: got %q, want one that names the scheme", got)
	}
	if slices.Contains(driver.Drivers(), "test-nil") {
		t.Error("the nil driver is registered")
	}
}

func TestRegisterPanicsOnATakenScheme(t *testing.T) {
	first, second := &fakeDriver{}, &fakeDriver{}
	scheme := register(first)
	got := panics(func() { driver.Register(scheme, second) })
	if !strings.Contains(got, scheme) {
		t.Errorf("panic: got %q, want one that names the scheme", got)
	}
	if _, err := driver.Connect(t.Context(), scheme+":x"); err != nil || first.dsn != scheme+":x" || second.dsn != "" {
		t.Errorf("Connect went to the second driver (%v), want the first", err)
	}
}

func TestDriversAreSorted(t *testing.T) {
	unique := newScheme()
	want := []string{unique + "-a", unique + "-m", unique + "-z"}
	for _, i := range []int{1, 2, 0} {
		driver.Register(want[i], &fakeDriver{})
	}
	got := driver.Drivers()
	if !slices.IsSorted(got) {
		t.Errorf("Drivers: got %q, want them sorted", got)
	}
	for _, scheme := range want {
		if !slices.Contains(got, scheme) {
			t.Errorf("Drivers: got %q, want %q among them", got, scheme)
		}
	}
}

func TestConnectPassesDSNAndOptionsOn(t *testing.T) {
	f := &fakeDriver{}
	dsn := register(f) + "://user@host/db?a=b"
	db, err := driver.Connect(t.Context(), dsn, driver.WithMaxConns(7), driver.WithMaxPayload(99))
	if err != nil {
		t.Fatal(err)
	}
	if db != f.db {
		t.Errorf("DB: got %v, want the driver's", db)
	}
	if f.dsn != dsn || f.config.MaxConns != 7 || f.config.MaxPayload != 99 || f.config.Logger == nil {
		t.Errorf("the driver was given %q and %+v, want all that Connect was given", f.dsn, f.config)
	}
}

func TestConnectReturnsTheDriversError(t *testing.T) {
	f := &fakeDriver{err: errors.New("no route")}
	dsn := register(f) + ":"
	for name, open := range map[string]func() error{
		"Connect": func() error { _, err := driver.Connect(t.Context(), dsn); return err },
		"Open":    func() error { _, err := driver.Open(dsn, "tenant"); return err },
	} {
		if err := open(); !errors.Is(err, f.err) {
			t.Errorf("%s: got error %v, want %v", name, err, f.err)
		}
	}
}

func TestAStoreFromOpenOwnsItsPool(t *testing.T) {
	f := &fakeDriver{}
	dsn := register(f) + ":"
	store, err := driver.Open(dsn, "tenant_acme")
	if err != nil {
		t.Fatal(err)
	}
	if got := store.Schema(); got != "tenant_acme" {
		t.Errorf("schema: got %q, want tenant_acme", got)
	}
	if f.db.closed != 0 {
		t.Fatal("the pool is closed before the Store")
	}
	if err := store.Close(); err != nil || f.db.closed != 1 {
		t.Errorf("after Close: pool closed %d times (%v), want once", f.db.closed, err)
	}
}

func TestOpenClosesThePoolOfAStoreThatCannotBeHad(t *testing.T) {
	f := &fakeDriver{}
	dsn := register(f) + ":"
	if _, err := driver.Open(dsn, "broken"); !errors.Is(err, driver.ErrDirty) {
		t.Errorf("got error %v, want %v", err, driver.ErrDirty)
	}
	if f.db.closed != 1 {
		t.Errorf("pool closed %d times, want once", f.db.closed)
	}
}

func TestOpenChecksTheSchemaFirst(t *testing.T) {
	f := &fakeDriver{}
	dsn := register(f) + ":"
	if _, err := driver.Open(dsn, "No Schema"); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("got error %v, want %v", err, driver.ErrInvalid)
	}
	if f.dsn != "" {
		t.Error("the driver was called, want the schema refused before")
	}
}

func TestUnwrapFindsTheInnermostStore(t *testing.T) {
	store, err := driver.Open(register(&fakeDriver{})+":", "tenant")
	if err != nil {
		t.Fatal(err)
	}
	for name, wrapped := range map[string]driver.Store{"opened": store, "wrapped twice": wrapper{wrapper{store}}} {
		if _, ok := driver.Unwrap(wrapped).(*fakeStore); !ok {
			t.Errorf("%s: got %T, want the driver's own", name, driver.Unwrap(wrapped))
		}
	}
	plain := &fakeStore{}
	if got := driver.Unwrap(plain); got != plain {
		t.Errorf("a Store that wraps nothing: got %v, want itself", got)
	}
}

type wrapper struct{ driver.Store }

func (w wrapper) Unwrap() driver.Store { return w.Store }

// This test binary imports no backend: each well-known scheme is one whose import was forgotten.
func TestConnectNamesTheMissingImport(t *testing.T) {
	const path = "github.com/neomultitenant/neoevents/driver/"
	for dsn, want := range map[string]string{
		"sqlite:dev.db":                       path + "sqlite",
		"sqlite::memory:":                     path + "sqlite",
		"file:dev.db?mode=ro":                 path + "sqlite",
		"postgres://app@localhost/app":        path + "postgres",
		"postgresql://app@localhost/app":      path + "postgres",
		"host=localhost dbname=app":           path + "postgres",
		" user = app":                         path + "postgres",
		"application_name=a host=b dbname='c": path + "postgres",
	} {
		_, err := driver.Connect(t.Context(), dsn)
		wantInvalid(t, dsn, err, "dsn")
		if !strings.Contains(fmt.Sprint(err), `import _ "`+want+`"`) {
			t.Errorf("%s: the error is %v, want it to tell to import _ %q", dsn, err, want)
		}
	}
}

func TestConnectRefusesAnUnknownScheme(t *testing.T) {
	known := register(&fakeDriver{})
	for dsn, want := range map[string]string{
		"mysql://root@localhost/app": `"mysql"`,
		"sqlite3:dev.db":             `"sqlite3"`,
		"test-unknown:":              `"test-unknown"`,
		"":                           "no scheme",
		"dev.db":                     "no scheme",
		"/var/lib/dev.db":            "no scheme",
		`C:\dev.db`:                  "no scheme",
		"://host":                    "no scheme",
		"=":                          "no scheme",
	} {
		_, err := driver.Connect(t.Context(), dsn)
		wantInvalid(t, dsn, err, "dsn")
		text := fmt.Sprint(err)
		if !strings.Contains(text, want) {
			t.Errorf("%q: the error is %q, want it to tell %s", dsn, text, want)
		}
		if want != "no scheme" && !strings.Contains(text, known) {
			t.Errorf("%q: the error is %q, want it to list the registered schemes", dsn, text)
		}
	}
}

func TestNoErrorTellsThePassword(t *testing.T) {
	const canary = "c4nary-s3cret"
	refuses := register(&fakeDriver{err: driver.ErrUnavailable})
	for _, dsn := range []string{
		"postgres://app:%s@localhost/app",
		"postgres://app:p@ss:w/o?r#d%%zz%s@localhost/app",
		"POSTGRES://app:%s@localhost/app",
		"host=localhost password=%s",
		"password='%s",
		"PASSWORD=%s",
		"Server=localhost;Password=%s",
		"sqlite:dev.db?_pragma=key('%s')",
		"mysql://root:%s@localhost/app",
		"root:%s@tcp(localhost:3306)/app",
		"redis://:%s@localhost",
		":%s@localhost",
		"//app:%s@localhost/app",
		"jdbc:postgresql://localhost/app?password=%s",
		refuses + "://app:%s@localhost",
		"app\n:%s",
		"%s@localhost",
	} {
		dsn = fmt.Sprintf(dsn, canary)
		_, connected := driver.Connect(t.Context(), dsn)
		_, opened := driver.Open(dsn, "tenant")
		for name, err := range map[string]error{"Connect": connected, "Open": opened} {
			if err == nil {
				t.Errorf("%s of %q: got no error", name, dsn)
				continue
			}
			for _, format := range []string{"%v", "%+v", "%#v"} {
				if text := fmt.Sprintf(format, err); strings.Contains(text, canary) {
					t.Errorf("%s of %q tells the password: %s", name, dsn, text)
				}
			}
		}
	}
}

// wantInvalid fails the test unless err is ErrInvalid and names the field.
func wantInvalid(t *testing.T, what string, err error, field string) {
	t.Helper()
	var invalid *driver.InvalidError
	switch {
	case !errors.Is(err, driver.ErrInvalid):
		t.Errorf("%s: got error %v, want %v", what, err, driver.ErrInvalid)
	case !errors.As(err, &invalid):
		t.Errorf("%s: got error %v, want an InvalidError in it", what, err)
	case invalid.Field != field:
		t.Errorf("%s: the field is %q, want %q (%v)", what, invalid.Field, field, err)
	case invalid.Reason == "" || !strings.Contains(err.Error(), invalid.Reason):
		t.Errorf("%s: the error is %q, want it to tell a reason", what, err)
	case driver.IsRetryable(err):
		t.Errorf("%s: the error %v is retryable, want it not to be", what, err)
	}
}
