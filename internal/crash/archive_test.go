package main

import (
	"database/sql"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestKilledArchiversLoseAndDoubleNothingOnSQLite(t *testing.T) {
	dir := t.TempDir()
	testArchiveCrash(t, "sqlite", sqliteDSN(dir), dir)
}

func TestKilledArchiversLoseAndDoubleNothingOnPostgres(t *testing.T) {
	testArchiveCrash(t, "postgres", pgtest.DSN(t), t.TempDir())
}

func testArchiveCrash(t *testing.T, backend, dsn, dir string) {
	cfg := config{events: 1500, kills: 12, seed: 1}
	result, err := crashArchives(t.Context(), backend, dsn, dir, cfg, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := result.failure(t.Output()); err != nil {
		t.Error(err)
	}
	if result.events != cfg.events || result.kills != cfg.kills {
		t.Errorf("%s, want %d events and %d kills", result.line(backend), cfg.events, cfg.kills)
	}
}

// The checks are worth as much as what they find.
func TestChecksFindWhatIsWrongWithArchives(t *testing.T) {
	unharmed := newArchived(t)
	for _, test := range []struct {
		name string
		harm func(t *testing.T, c *archiveCrash)
		want []kind
	}{
		{"nothing", func(*testing.T, *archiveCrash) {}, nil},
		{"an event that is nowhere", func(_ *testing.T, c *archiveCrash) {
			c.feed.known[uuid.New()] = known{sum: checksum{1}, processed: true}
		}, []kind{isChanged, isLost}},
		{"an event that nobody saved", func(_ *testing.T, c *archiveCrash) { delete(c.feed.known, c.feed.ids[0]) }, []kind{isChanged, isDoubled, isMiscounted}},
		{"another payload", func(_ *testing.T, c *archiveCrash) {
			event := c.feed.known[c.feed.ids[0]]
			event.sum[3]++
			c.feed.known[c.feed.ids[0]] = event
		}, []kind{isChanged}},
		{"another position", func(_ *testing.T, c *archiveCrash) {
			event := c.feed.known[c.feed.ids[0]]
			event.position++
			c.feed.known[c.feed.ids[0]] = event
		}, []kind{isChanged}},
		{"a file that is gone", func(t *testing.T, c *archiveCrash) {
			if err := os.Remove(c.file(t, ".jsonl.zst")); err != nil {
				t.Fatal(err)
			}
		}, []kind{isChanged, isLost, isMiscounted}},
		{"a file that was changed", func(t *testing.T, c *archiveCrash) {
			path := c.file(t, ".jsonl.zst")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []kind{isChanged, isLost, isMiscounted}},
		{"a file that is no archive's", func(t *testing.T, c *archiveCrash) {
			if err := os.WriteFile(filepath.Join(c.Archives, ".x.part"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []kind{isOrphan}},
		{"an archive that has what was restored", func(t *testing.T, c *archiveCrash) {
			c.exec(t, "UPDATE archived__event_archives SET restored_count = restored_count - 1 WHERE restored_count > 0")
		}, []kind{isDoubled, isMiscounted}},
		{"an archive that lacks what was not restored", func(t *testing.T, c *archiveCrash) {
			c.exec(t, "UPDATE archived__event_archives SET restored_count = restored_count + 1 WHERE restored_count > 0")
		}, []kind{isMiscounted}},
		{"an event gone from the store", func(t *testing.T, c *archiveCrash) {
			c.exec(t, "DELETE FROM archived__events WHERE position = (SELECT max(position) FROM archived__event_processed)")
		}, []kind{isChanged, isLost}},
		{"an event that is queued again", func(_ *testing.T, c *archiveCrash) { c.feed.waiting-- }, []kind{isMiscounted}},
		{"a job that counted wrong", func(t *testing.T, c *archiveCrash) {
			c.exec(t, "UPDATE archived__event_archive_jobs SET events_archived = events_archived + 1")
		}, []kind{isMiscounted}},
		{"an archived event with a delivery", func(_ *testing.T, c *archiveCrash) {
			c.feed.open = append(c.feed.open, driver.Delivery{EventID: c.feed.ids[0]})
		}, []kind{isLost}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := unharmed.copy(t)
			test.harm(t, c)
			if err := c.look(t.Context(), "harmed"); err != nil {
				t.Fatal(err)
			}
			got := map[kind]bool{}
			for _, f := range c.findings {
				got[f.kind] = true
			}
			for _, kind := range []kind{isLost, isDoubled, isChanged, isOrphan, isMiscounted} {
				if got[kind] != slices.Contains(test.want, kind) {
					t.Errorf("%s: %t, want %t; found %+v", kind, got[kind], !got[kind], c.findings)
				}
			}
			if err := c.failure(io.Discard); (err != nil) != (len(test.want) > 0) {
				t.Errorf("error %v, findings %+v", err, c.findings)
			}
		})
	}
}

// newArchived returns a store of which a part is archived, and a part of that restored. It is closed.
func newArchived(t *testing.T) *archiveCrash {
	dir := t.TempDir()
	c, end, err := openArchiveCrash("sqlite", sqliteDSN(dir), dir, config{events: 250, seed: 1}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if err := c.feed.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	archiver, err := openArchiver(c.store, c.dir, archive.Options{MaxEvents: 40})
	if err == nil {
		_, err = archiver.Run(t.Context(), everything(false)) // the first batch
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.feed.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := c.completed(t)[0]
	if n, err := c.archiver.Restore(t.Context(), last.ID, func(e driver.Event) bool { return e.Position%2 == 0 }); err != nil || n == 0 {
		t.Fatalf("restored %d, error %v", n, err)
	}
	return c
}

// copy returns the same once more, open.
func (c *archiveCrash) copy(t *testing.T) *archiveCrash {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(c.Archives))); err != nil {
		t.Fatal(err)
	}
	again, end, err := openArchiveCrash("sqlite", sqliteDSN(dir), dir, c.cfg, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	again.feed.known, again.feed.ids = maps.Clone(c.feed.known), c.feed.ids
	again.feed.waiting, again.feed.open = c.feed.waiting, slices.Clone(c.feed.open)
	return again
}

// completed returns the completed archives, newest first.
func (c *archiveCrash) completed(t *testing.T) []driver.Archive {
	archives, err := c.archives(t.Context(), driver.ArchiveCompleted)
	if err != nil || len(archives) < 2 {
		t.Fatalf("%d archives, error %v", len(archives), err)
	}
	return archives
}

// file returns the path of a file of an archive of which nothing was restored.
func (c *archiveCrash) file(t *testing.T, ending string) string {
	archives := c.completed(t)
	return filepath.Join(c.Archives, filepath.FromSlash(archives[len(archives)-1].ObjectName)+ending)
}

// exec changes the database behind the library's back.
func (c *archiveCrash) exec(t *testing.T, statement string) {
	db, err := sql.Open("sqlite", strings.TrimPrefix(c.DSN, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(statement)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%d rows were changed, error %v: %s", n, err, statement)
	}
}

func TestChecksumCoversEveryField(t *testing.T) {
	var event driver.Event
	before := checksumOf(&event)
	fields := reflect.ValueOf(&event).Elem()
	for i := range fields.NumField() {
		field, name := fields.Field(i), fields.Type().Field(i).Name
		switch field.Interface().(type) {
		case uuid.UUID:
			field.Set(reflect.ValueOf(uuid.New()))
		case *uuid.UUID:
			field.Set(reflect.ValueOf(new(uuid.UUID)))
		case time.Time:
			field.Set(reflect.ValueOf(time.Unix(1, 1000)))
		case *time.Time:
			field.Set(reflect.ValueOf(new(time.Time)))
		default:
			switch field.Kind() {
			case reflect.String:
				field.SetString("x")
			case reflect.Int64:
				field.SetInt(1)
			case reflect.Slice:
				field.SetBytes([]byte("x"))
			default:
				t.Fatalf("%s is of a kind that this test does not know", name)
			}
		}
		after := checksumOf(&event)
		if after == before {
			t.Errorf("%s is not in the checksum", name)
		}
		before = after
	}
	apart, together := driver.Event{EventData: []byte("{}"), EventMetadata: []byte("{}{}")}, driver.Event{EventData: []byte("{}{}"), EventMetadata: []byte("{}")}
	if checksumOf(&apart) == checksumOf(&together) {
		t.Error("data and metadata are told apart by nothing")
	}
}

func TestPayloadsOfAFile(t *testing.T) {
	for _, test := range []struct {
		text string
		want int
		err  string
	}{
		{`{"event_type":"a","payload":{"b":1}}` + "\n\n" + `{"payload":{"b":2}}`, 2, ""},
		{"", 0, "has no events"},
		{`{"payload":{}} {`, 0, "event 2: "},
		{`{"payload":{}} {"event_type":"a"}`, 0, "event 2 has no payload"},
	} {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		payloads, err := readPayloads(path)
		if len(payloads) != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: %d payloads, error %v; want %d, %q", test.text, len(payloads), err, test.want, test.err)
		}
	}
}
