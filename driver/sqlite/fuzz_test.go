package sqlite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/jsontext"
)

// inMemory opens a database in memory for as long as a process fuzzes.
func inMemory(f *testing.F) driver.DB {
	f.Helper()
	db, err := driver.Connect(context.Background(), "sqlite::memory:", driver.WithLogger(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	return db
}

func storeIn(t testing.TB, db driver.DB, schema string) driver.Store {
	t.Helper()
	store, err := db.Store(context.Background(), schema)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// FuzzSchemas: a schema whose name is accepted is found under exactly that name, and another one sees nothing of
// it and outlives it.
func FuzzSchemas(f *testing.F) {
	for _, names := range [][2]string{
		{"tenant_acme", "tenant-acme"},
		{"a", "a_b"},
		{"a", "a-b"},
		{"a_-b", "a_-"},
		{"-", "--"},
		{"_a", "a"},
		{"select", "from"},
		{"0", "00"},
		{"axb", "a_b"},
		{"pg_a", "a"},
		{"a__events", "a"},
		{`a"`, "a"},
		{"sqlitex", "sqlite"},
		{strings.Repeat("a", 48), strings.Repeat("a", 47)},
	} {
		f.Add(names[0], names[1])
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		ctx := t.Context()
		db := connect(t, "sqlite::memory:", nil)
		defer db.Close()
		want := []string{}
		for _, name := range []string{one, other} {
			_, err := db.Store(ctx, name)
			if refused := driver.ValidateSchema(name); (err == nil) != (refused == nil) {
				t.Fatalf("schema %q: got error %v, and ValidateSchema says %v", name, err, refused)
			}
			if err == nil && !slices.Contains(want, name) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		if got, err := db.Schemas(ctx); err != nil || !slices.Equal(got, want) {
			t.Fatalf("schemas: got %q (%v), want %q", got, err, want)
		}
		if len(want) < 2 {
			return
		}
		stored, kept := storeIn(t, db, one), storeIn(t, db, other)
		event, err := stored.Events().Save(ctx, newEvent())
		if err != nil {
			t.Fatal(err)
		}
		wantStored(t, stored, event.ID, true)
		wantStored(t, kept, event.ID, false)
		if err := db.DropSchema(ctx, one); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Schemas(ctx); err != nil || !slices.Equal(got, []string{other}) {
			t.Errorf("schemas after %q was dropped: got %q (%v), want %q", one, got, err, other)
		}
		if _, err := kept.Events().Save(ctx, newEvent()); err != nil {
			t.Errorf("saving in %q: %v", other, err)
		}
	})
}

// FuzzFileNames: sqlite: opens the file that it names, whatever the name, or refuses it and makes none.
func FuzzFileNames(f *testing.F) {
	for _, name := range []string{"a.db", "a b.db", "ä.db", "a%20b.db", "a%.db", "a#b.db", "a&b=c.db", "a+b.db", "a\x00b.db", "a\nb.db", "\xff.db", "a:b", "~", "-", "'a\"", `a\b`, ":memory:", "a;b", "[a]", "*"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsAny(name, "/?") || name == "" || name == "." || name == ".." || len(name) > 200 {
			return // a path, or with parameters
		}
		dir := t.TempDir()
		db, err := driver.Connect(t.Context(), "sqlite:"+filepath.Join(dir, name), driver.WithLogger(nil))
		if err == nil {
			_, err = db.Schemas(t.Context())
			_ = db.Close()
			if err != nil {
				t.Fatalf("%q was opened: %v", name, err)
			}
		}
		var files []string
		entries, readErr := os.ReadDir(dir)
		for _, entry := range entries {
			files = append(files, entry.Name())
		}
		switch {
		case readErr != nil:
			t.Fatal(readErr)
		case err == nil && !slices.Equal(files, []string{name}):
			t.Errorf("%q was opened: got the files %q", name, files)
		case err != nil && len(files) > 0:
			t.Errorf("%q was refused (%v): got the files %q, want none", name, err, files)
		}
	})
}

// FuzzPayload: an event whose data are a JSON object, as encoding/json says, is stored and comes back byte for
// byte, however it is saved; any other is refused.
func FuzzPayload(f *testing.F) {
	for _, text := range []string{
		`{}`, " {\t\"a\" :\r\n1e400} ", `{"a":1,"a":2}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, "{\"a\":\"\u2028\"}", `{"a":-0.0}`, `[]`, `null`, ``, `{`, "{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}",
		`{"é":"世界"}`, "\ufeff{}", `{"":{"":[]}}`,
	} {
		f.Add([]byte(text), "Order placed", int64(0), []byte("0123456789abcdef"))
	}
	f.Add([]byte(`{}`), "a\x00", int64(math.MaxInt64), []byte{})
	f.Add([]byte(`{}`), "ä\u0301", int64(-62135596800_000000), bytes.Repeat([]byte{0xff}, 16))
	store := storeIn(f, inMemory(f), tenant)
	f.Fuzz(func(t *testing.T, data []byte, name string, microseconds int64, id []byte) {
		ctx := t.Context()
		event := newEvent()
		event.EventData, event.EventMetadata, event.EventName, event.OccurredAt = data, data, name, time.UnixMicro(microseconds).UTC()
		if len(id) == 16 && uuid.UUID(id) != uuid.Nil {
			event.CorrelationID = new(uuid.UUID(id))
		}
		trimmed := bytes.TrimLeft(data, " \t\r\n")
		year := event.OccurredAt.Year()
		want := json.Valid(data) && utf8.Valid(data) && len(trimmed) > 0 && trimmed[0] == '{' && utf8.ValidString(name) && !strings.Contains(name, "\x00") &&
			len(name) <= driver.MaxEventName && year >= 1 && year <= 9999
		if _, err := jsontext.Check(data); errors.Is(err, jsontext.ErrDepth) {
			want = false
		}
		saved, err := store.Events().Save(ctx, event)
		if (err == nil) != want {
			t.Fatalf("got error %v, want one: %t", err, !want)
		}
		second := event
		second.ID, second.AggregateID = uuid.New(), uuid.New()
		batch, batchErr := store.Events().SaveBatch(ctx, []driver.Event{second})
		if err != nil {
			var invalid *driver.InvalidError
			if !errors.As(err, &invalid) || !errors.Is(batchErr, driver.ErrInvalid) {
				t.Errorf("got errors %v and %v, want InvalidErrors", err, batchErr)
			}
			return
		}
		if batchErr != nil {
			t.Fatal(batchErr)
		}
		for _, of := range []driver.Event{saved, batch[0]} {
			got, err := store.Events().GetByID(ctx, of.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []driver.Event{of, got} {
				if !bytes.Equal(got.EventData, data) || !bytes.Equal(got.EventMetadata, data) || got.EventName != name {
					t.Errorf("got %q, %q and the name %q, want %q and %q", got.EventData, got.EventMetadata, got.EventName, data, name)
				}
				if !event.OccurredAt.IsZero() && !got.OccurredAt.Equal(event.OccurredAt) {
					t.Errorf("occurred at %s, want %s", got.OccurredAt, event.OccurredAt)
				}
			}
			if event.CorrelationID != nil {
				found, err := store.Events().GetByCorrelationID(ctx, *event.CorrelationID, driver.MaxLimit)
				if err != nil || !slices.ContainsFunc(found, func(e driver.Event) bool { return e.ID == of.ID }) {
					t.Errorf("not among the %d events of the correlation %s (%v)", len(found), event.CorrelationID, err)
				}
			}
			if marked, err := store.Events().MarkAsProcessed(ctx, of.ID); err != nil || !marked {
				t.Errorf("MarkAsProcessed: got %t (%v)", marked, err)
			}
		}
	})
}

// FuzzMatching: SQL finds a subscription, and an action, with exactly those patterns that MatchEventType says.
func FuzzMatching(f *testing.F) {
	for _, pattern := range []string{"*", "a", "a.*", "a.b", "a.b.*", "A.*", "a_b.*", "a-b.*", "a.b.c", "a%", "", "a.*.b", "ab.*"} {
		for _, eventType := range []string{"a", "a.b", "a.b.c", "A.b", "axb.c", "a_b.c", "a-b.c", "ab", "a%", "a."} {
			f.Add(pattern, eventType)
		}
	}
	store := storeIn(f, inMemory(f), tenant)
	endpoint, err := store.Endpoints().Save(context.Background(), driver.NewEndpoint("Acme", "https://acme.example"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, pattern, eventType string) {
		ctx := t.Context()
		covers := driver.ValidateEventPattern(pattern) == nil && driver.MatchEventType(pattern, eventType)
		isType := driver.ValidateEventType(eventType) == nil

		subscription, err := store.Subscriptions().Save(ctx, driver.NewSubscription(endpoint.ID, pattern))
		if (err == nil) != (driver.ValidateEventPattern(pattern) == nil) {
			t.Fatalf("subscription to %q: got error %v", pattern, err)
		}
		matching, matchErr := store.Subscriptions().GetMatching(ctx, eventType, nil, driver.MatchOptions{})
		if err == nil {
			if _, err := store.Subscriptions().Delete(ctx, subscription.ID); err != nil {
				t.Fatal(err)
			}
		}
		if (matchErr == nil) != isType || matchErr != nil && !errors.Is(matchErr, driver.ErrInvalid) {
			t.Errorf("GetMatching(%q): got error %v", eventType, matchErr)
		}
		if want := covers && isType; (len(matching) == 1) != want {
			t.Errorf("subscriptions to %q for %q: got %d, want one: %t", pattern, eventType, len(matching), want)
		}

		action, err := store.Actions().Save(ctx, driver.NewAction("Tell", driver.HandlerCustom, nil, pattern))
		if err != nil {
			return
		}
		actions, matchErr := store.Actions().GetActionsForEvent(ctx, eventType, driver.ActionOptions{})
		if _, err := store.Actions().Delete(ctx, action.ID); err != nil {
			t.Fatal(err)
		}
		if want := covers && isType; (matchErr == nil) != isType || (len(actions) == 1) != want {
			t.Errorf("actions on %q for %q: got %d (%v), want one: %t", pattern, eventType, len(actions), matchErr, want)
		}
	})
}

// FuzzColumns: whatever stands in a list of columns is a column, or ErrInvalid, which names the place.
func FuzzColumns(f *testing.F) {
	for _, column := range []string{"id", "event_data", "processed_at", "ID", "", "*", "id, event_data", `id" --`, "e.id", "ıd", "id\x00", "position", "event_filters", "revision", "1", "count(*)"} {
		f.Add(column)
	}
	store := storeIn(f, inMemory(f), tenant)
	if _, err := store.Events().Save(context.Background(), driver.Event{EventType: "a", AggregateType: "a", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`)}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, column string) {
		ctx := t.Context()
		want := func(method string, err error, known bool) {
			t.Helper()
			var invalid *driver.InvalidError
			switch {
			case known && err != nil:
				t.Errorf("%s of %q: %v", method, column, err)
			case !known && (!errors.As(err, &invalid) || invalid.Field != "columns[1]"):
				t.Errorf("%s of %q: got error %v, want an InvalidError of columns[1]", method, column, err)
			}
		}
		ofEvent, ofSubscription := slices.Contains(driver.EventColumns(), driver.EventColumn(column)), slices.Contains(driver.SubscriptionColumns(), driver.SubscriptionColumn(column))
		columns := []driver.EventColumn{driver.EventColumnID, driver.EventColumn(column)}

		_, err := store.Subscriptions().GetMatching(ctx, "a", nil, driver.MatchOptions{Columns: []driver.SubscriptionColumn{driver.SubscriptionColumnID, driver.SubscriptionColumn(column)}})
		want("GetMatching", err, ofSubscription)
		claims, err := store.Events().Claim(ctx, driver.ClaimOptions{Columns: columns})
		want("Claim", err, ofEvent)
		if err := store.Events().Release(ctx, claims); err != nil {
			t.Fatal(err)
		}
		_, err = store.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{Columns: columns}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) { return nil, nil })
		want("ProcessUnprocessed", err, ofEvent)
		err = store.InTx(ctx, func(tx driver.Store) error {
			_, err := tx.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{Columns: columns})
			want("GetUnprocessedForUpdate", err, ofEvent)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// FuzzPages: a page begins behind whatever position or name it is asked for, and holds rows of its own schema only.
func FuzzPages(f *testing.F) {
	f.Add(int64(0), 0, "", "", "consumer")
	f.Add(int64(3), 2, "a", "a/b", "a")
	f.Add(int64(math.MaxInt64), math.MaxInt, "a_", "a\U0010ffff", "' OR 1=1 --")
	f.Add(int64(math.MinInt64), -1, "a%", "\x00", "\xff")
	f.Add(int64(-1), 10_001, `a\`, "ä", "")
	db := inMemory(f)
	names := []string{"a", "a/b", "a_b", "a%b", "A", "ä", "axb", `a\b`, "b", "a\U0001f600", "a\ue000", "*", "[a]"}
	slices.Sort(names)
	var stores [2]driver.Store
	var events []driver.Event // of the first one
	for i, schema := range []string{tenant, "tenant_other"} {
		stores[i] = storeIn(f, db, schema)
		for _, name := range names {
			_, err := stores[i].ArchiveObjects().Create(context.Background(), name)
			saved, saveErr := stores[i].Events().Save(context.Background(), newEvent())
			if err := errors.Join(err, saveErr); err != nil {
				f.Fatal(err)
			}
			if i == 0 {
				events = append(events, saved)
			}
		}
	}
	f.Fuzz(func(t *testing.T, after int64, limit int, prefix, afterName, consumer string) {
		ctx := t.Context()
		most, limitErr := driver.CheckLimit(limit)
		wantEvents := func(method string, got []driver.Event, err error, after int64, valid bool) {
			t.Helper()
			if !valid {
				if !errors.Is(err, driver.ErrInvalid) {
					t.Errorf("%s: got error %v, want ErrInvalid", method, err)
				}
				return
			}
			var want []uuid.UUID
			for _, event := range events {
				if event.Position > after && len(want) < most {
					want = append(want, event.ID)
				}
			}
			var ids []uuid.UUID
			for _, event := range got {
				ids = append(ids, event.ID)
			}
			if err != nil || !slices.Equal(ids, want) {
				t.Errorf("%s after %d, limit %d: got %v (%v), want %v", method, after, limit, ids, err, want)
			}
		}
		page, err := stores[0].Events().GetUnprocessedPage(ctx, after, limit)
		wantEvents("GetUnprocessedPage", page, err, after, limitErr == nil)
		nameErr := driver.CheckConsumerName(consumer)
		err = stores[0].Consumers().Reset(ctx, consumer, after)
		if valid := nameErr == nil && after >= 0; valid != (err == nil) || err != nil && !errors.Is(err, driver.ErrInvalid) {
			t.Errorf("Reset(%q, %d): %v", consumer, after, err)
		} else if valid {
			read, err := stores[0].Consumers().Read(ctx, consumer, limit)
			wantEvents("Consumers.Read", read, err, after, limitErr == nil)
			if there, err := stores[1].Consumers().Delete(ctx, consumer); err != nil || there {
				t.Errorf("the other schema has the consumer %q: %t (%v)", consumer, there, err)
			}
			if there, err := stores[0].Consumers().Delete(ctx, consumer); err != nil || !there {
				t.Errorf("deleting the consumer %q: %t (%v)", consumer, there, err)
			}
		}

		objects, err := stores[0].ArchiveObjects().List(ctx, prefix, afterName, limit)
		if limitErr != nil || driver.CheckObjectRange(prefix, afterName) != nil {
			if !errors.Is(err, driver.ErrInvalid) {
				t.Errorf("List(%q, %q, %d): got error %v, want ErrInvalid", prefix, afterName, limit, err)
			}
			return
		}
		var got, want []string
		for _, object := range objects {
			got = append(got, object.Name)
		}
		for _, name := range names {
			if strings.HasPrefix(name, prefix) && name > afterName && len(want) < most {
				want = append(want, name)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("List(%q, %q, %d): got %q (%v), want %q", prefix, afterName, limit, got, err, want)
		}
	})
}
