package postgres

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/query"
)

// shout is a Valuer and a Scanner of text.
type shout struct{ text *string }

func (s shout) Value() (sqldriver.Value, error) { return *s.text + "!", nil }

func (s shout) Scan(value any) error {
	switch v := value.(type) {
	case string:
		*s.text = v
	case []byte:
		*s.text = string(v)
	default:
		return fmt.Errorf("text comes as %T", value)
	}
	return nil
}

// executors are all ways in which statements reach the server.
func executors(t *testing.T) map[string]query.Executor {
	t.Helper()
	dsn := pgtest.DSN(t)
	found := map[string]query.Executor{}
	for mode, settings := range map[string]string{"": "", ", unprepared": "&default_query_exec_mode=exec"} {
		pool, err := pgxpool.New(t.Context(), dsn+settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		found["pool"+mode] = &executor{db: newDB(adoptPool(pool), driver.Config{})}
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Rollback(t.Context()) })
		found["pgx"+mode] = &transaction{link: pgxTx{tx}}
		found["database/sql"+mode] = &transaction{link: sqlTx{tx: beginSQL(t, "pgx", dsn+settings)}}
	}
	found["lib/pq"] = &transaction{link: sqlTx{tx: beginSQL(t, "postgres", dsn)}}
	return found
}

func beginSQL(t *testing.T, driverName, dsn string) *sql.Tx {
	t.Helper()
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func pointer[T any](v T) *T { return &v }

func TestValuesOfEveryTypeComeBack(t *testing.T) {
	id, at := uuid.New(), time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
	elsewhere := at.In(time.FixedZone("", 3*3600))
	for name, x := range executors(t) {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				sqlType   string
				arg, want any // want is what a new target of its type comes to hold
			}{
				{"uuid", id, id},
				{"uuid", &id, &id},
				{"uuid", (*uuid.UUID)(nil), (*uuid.UUID)(nil)},
				{"timestamptz", elsewhere, at},
				{"timestamptz", &elsewhere, &at},
				{"timestamptz", (*time.Time)(nil), (*time.Time)(nil)},
				{"bigint", int64(1) << 40, int64(1) << 40},
				{"bigint", pointer(int64(7)), pointer(int64(7))},
				{"bigint", (*int64)(nil), (*int64)(nil)},
				{"integer", 7, 7},
				{"integer", pointer(7), pointer(7)},
				{"integer", (*int)(nil), (*int)(nil)},
				{"double precision", 0.1, 0.1},
				{"double precision", pointer(2.5), pointer(2.5)},
				{"double precision", (*float64)(nil), (*float64)(nil)},
				{"boolean", true, true},
				{"boolean", pointer(false), pointer(false)},
				{"boolean", (*bool)(nil), (*bool)(nil)},
				{"text", "it's \"é\" \\ {}", "it's \"é\" \\ {}"},
				{"text", pointer("x"), pointer("x")},
				{"text", (*string)(nil), (*string)(nil)},
				{"text", json.RawMessage(`{ "a":1e2 }`), json.RawMessage(`{ "a":1e2 }`)},
				{"text", json.RawMessage(nil), json.RawMessage(nil)},
				{"bytea", allBytes(), allBytes()},
				{"bytea", []byte{}, []byte{}},
				{"bytea", []byte(nil), []byte(nil)},
				{"text", shout{pointer("hey")}, shout{pointer("hey!")}},
				{"text", nil, (*string)(nil)},
				{"bytea", nil, []byte(nil)},
			} {
				target := reflect.New(reflect.TypeOf(c.want))
				into := target.Interface()
				if _, ok := c.want.(shout); ok {
					into = shout{new(string)}
					target.Elem().Set(reflect.ValueOf(into))
				}
				err := x.Query(t.Context(), "SELECT CAST($1 AS "+c.sqlType+")", []any{c.arg}, []any{into}, nil)
				if got := target.Elem().Interface(); err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("%s from %T: got %v, %v; want %v", c.sqlType, c.arg, got, err, c.want)
				}
			}
		})
	}
}

// allBytes has every byte there is, NUL and such that are no UTF-8 among them.
func allBytes() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// Bytes of one row stay as they are when the next one is read into the same target.
func TestBytesOfEachRowAreItsOwn(t *testing.T) {
	for name, x := range executors(t) {
		t.Run(name, func(t *testing.T) {
			given := allBytes()
			var got [][]byte
			var bytes []byte
			err := x.Query(t.Context(), "SELECT value FROM (VALUES (1, $1::bytea), (2, '\\x01'), (3, '\\x'), (4, NULL)) v (n, value) ORDER BY n",
				[]any{given}, []any{&bytes}, func() { got = append(got, bytes) })
			if want := [][]byte{allBytes(), {1}, {}, nil}; err != nil || !reflect.DeepEqual(got, want) || !slices.Equal(given, allBytes()) {
				t.Errorf("got %v, %v, want %v; what was given is %v now", got, err, want, given)
			}
		})
	}
}

func TestListsArriveWhole(t *testing.T) {
	ids := []uuid.UUID{uuid.New(), uuid.New()}
	texts := []string{"", "a b", `"quoted", {brace} \ back`, "NULL", "é\n"}
	for name, x := range executors(t) {
		t.Run(name, func(t *testing.T) {
			var text string
			var got []string
			if err := x.Query(t.Context(), "SELECT unnest($1::text[])", []any{texts}, []any{&text}, func() { got = append(got, text) }); err != nil || !slices.Equal(got, texts) {
				t.Errorf("texts: got %q, %v; want %q", got, err, texts)
			}
			var id uuid.UUID
			var gotIDs []uuid.UUID
			if err := x.Query(t.Context(), "SELECT unnest($1::uuid[])", []any{ids}, []any{&id}, func() { gotIDs = append(gotIDs, id) }); err != nil || !slices.Equal(gotIDs, ids) {
				t.Errorf("ids: got %v, %v; want %v", gotIDs, err, ids)
			}
			for _, empty := range []any{[]string(nil), []string{}} {
				length := int64(-1)
				if err := x.Query(t.Context(), "SELECT cardinality($1::text[])", []any{empty}, []any{&length}, nil); err != nil || length != 0 {
					t.Errorf("an empty list: got length %d, %v", length, err)
				}
			}
			for _, empty := range []any{[]uuid.UUID(nil), []uuid.UUID{}} {
				length := int64(-1)
				if err := x.Query(t.Context(), "SELECT cardinality($1::uuid[])", []any{empty}, []any{&length}, nil); err != nil || length != 0 {
					t.Errorf("an empty list: got length %d, %v", length, err)
				}
			}
		})
	}
}

func TestInsertTakesValuesOfEveryType(t *testing.T) {
	id, at := uuid.New(), time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
	columns := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}
	for name, x := range executors(t) {
		t.Run(name, func(t *testing.T) {
			table := query.Table{Schema: "public", Name: "probe_" + id.String()[:4] + "_" + name}
			if _, err := x.Exec(t.Context(), "CREATE TABLE "+quote(table)+
				" (n int GENERATED ALWAYS AS IDENTITY, a uuid, b timestamptz, c bigint, d int, e float8, f boolean, g text, h text, i bytea)", nil); err != nil {
				t.Fatal(err)
			}
			rows := [][]any{
				{id, at, int64(1), 2, 0.5, true, json.RawMessage("{}"), shout{pointer("hey")}, allBytes()},
				{&id, &at, pointer(int64(1)), pointer(2), pointer(0.5), pointer(true), pointer("{}"), "hey!", allBytes()},
				{
					(*uuid.UUID)(nil), (*time.Time)(nil), (*int64)(nil), (*int)(nil), (*float64)(nil), (*bool)(nil),
					json.RawMessage(nil), (*string)(nil), []byte(nil),
				},
			}
			const n = 70
			if err := x.Insert(t.Context(), table, columns, n, func(i int) []any { return slices.Clone(rows[i%len(rows)]) }); err != nil {
				t.Fatal(err)
			}
			var full, empty int64
			err := x.Query(t.Context(), "SELECT count(*) FILTER (WHERE a = $1 AND b = $2 AND c = 1 AND d = 2 AND e = 0.5 AND f AND g = '{}' AND h = 'hey!' AND i = $3),"+
				" count(*) FILTER (WHERE num_nulls(a, b, c, d, e, f, g, h, i) = 9) FROM "+quote(table), []any{id, at, allBytes()}, []any{&full, &empty}, nil)
			if err != nil || full != 47 || empty != 23 {
				t.Errorf("got %d rows of values and %d of NULLs, %v; want 47 and 23", full, empty, err)
			}
		})
	}
}

func TestErrorsOfDatabaseSQLAreToldApart(t *testing.T) {
	dsn := pgtest.DSN(t)
	for _, name := range []string{"pgx", "postgres"} {
		for statement, kind := range map[string]error{
			"INSERT INTO probe VALUES (1), (1)": driver.ErrAlreadyExists,
			"SELECT 1/0":                        driver.ErrInternal,
			"DO $$ BEGIN RAISE EXCEPTION '' USING ERRCODE = '40001'; END $$":         driver.ErrUnavailable,
			"DO $$ BEGIN SET TRANSACTION READ ONLY; CREATE TABLE m (id int); END $$": driver.ErrReadOnly,
		} {
			tx := beginSQL(t, name, dsn)
			if _, err := tx.Exec("CREATE TEMPORARY TABLE probe (id int PRIMARY KEY)"); err != nil {
				t.Fatal(err)
			}
			x := &transaction{link: sqlTx{tx: tx}}
			_, err := x.Exec(t.Context(), statement, nil)
			if !errors.Is(err, kind) {
				t.Errorf("%s: %s: got %v, want %v", name, statement, err, kind)
			}
			if kind == driver.ErrUnavailable && !driver.IsRetryable(err) {
				t.Errorf("%s: %v is not retryable", name, err)
			}
			_ = tx.Rollback()
			if _, err := x.Exec(t.Context(), "SELECT 1", nil); !errors.Is(err, driver.ErrClosed) {
				t.Errorf("%s: after the end of the transaction: got %v, want %v", name, err, driver.ErrClosed)
			}
		}
	}
}

// A savepoint whose function hides the failure of a statement must not look as if it had worked.
func TestAHiddenFailureFailsTheSavepoint(t *testing.T) {
	for name, x := range executors(t) {
		if !x.IsTx() {
			continue
		}
		err := x.InTx(t.Context(), func(tx query.Executor) error {
			_, _ = tx.Exec(t.Context(), "SELECT 1/0", nil)
			return nil
		})
		if !errors.Is(err, driver.ErrInternal) {
			t.Errorf("%s: got %v, want the statement's error", name, err)
		}
		if _, err := x.Exec(t.Context(), "SELECT 1", nil); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}
