package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

func TestAFileGivesBackTheEventsByteForByte(t *testing.T) {
	keys := newRing(t, newKey("2026", "the key"))
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfNDistinct(storedEvents(), 1, 5, func(e driver.Event) int64 { return e.Position }).Draw(rt, "events")
		slices.SortFunc(events, func(a, b driver.Event) int { return cmp.Compare(a.Position, b.Position) })
		a := archived{newMemory(), "a", fileOptions{archiveID: uuid.New(), schema: "tenant_acme", keys: keys, encrypt: rapid.Bool().Draw(rt, "encrypt"), level: rapid.IntRange(0, 4).Draw(rt, "level")}}
		a.write(t, events)
		got, err := a.read()
		if err != nil || !reflect.DeepEqual(got, events) {
			rt.Fatalf("got  %+v (%v)\nwant %+v", got, err, events)
		}
	})
}

func TestRealEventsComeBack(t *testing.T) {
	events := realEvents(t)
	bothWays(t, func(t *testing.T, a archived) {
		m := a.write(t, events)
		if err := a.verify(); err != nil {
			t.Fatal(err)
		}
		got, err := a.read()
		if err != nil || !reflect.DeepEqual(got, events) {
			t.Errorf("got %d events (%v), want the %d that were written", len(got), err, len(events))
		}
		if m.RawBytes < 10*m.SizeBytes {
			t.Errorf("got %d bytes from %d, want a tenth at most", m.SizeBytes, m.RawBytes)
		}
	})
}

func TestTheManifestTellsOfTheEvents(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		one, other := uuid.New(), uuid.New()
		events := newEvents(4)
		events[0].EventType, events[1].EventType, events[2].EventType, events[3].EventType = "b", "a.z", "b", "a"
		events[1].ContextID, events[2].ContextID, events[3].ContextID = &one, &other, &one
		events[2].OccurredAt = moment.Add(-time.Hour)
		before := time.Now()
		got := a.write(t, events)

		object, keyID := "tenant_acme/2026.jsonl.zst", ""
		if a.options.encrypt {
			object, keyID = object+".age", "2026"
		}
		raw, longest := 0, 0
		for _, event := range events {
			length := len(appendEvent(nil, &event))
			raw, longest = raw+length, max(longest, length)
		}
		stored := a.storage.(*memory).objects[object]
		if got.CreatedAt.Before(before.Truncate(time.Microsecond)) || got.CreatedAt.After(time.Now()) || len(got.SHA256) != 64 || len(stored) == 0 {
			t.Errorf("got CreatedAt %v, SHA256 %q, %d bytes stored", got.CreatedAt, got.SHA256, len(stored))
		}
		want := Manifest{
			Format: "neoevents.archive", Version: 1, ArchiveID: a.options.archiveID, Schema: "tenant_acme", CreatedAt: got.CreatedAt,
			Object: object, Compression: "zstd", KeyID: keyID, SizeBytes: int64(len(stored)), SHA256: got.SHA256,
			EventCount: 4, RawBytes: int64(raw), LongestLine: int64(longest), FirstPosition: 10, LastPosition: 40,
			EventsFrom: moment.Add(-time.Hour), EventsTo: moment.Add(3 * time.Second),
			EventTypes: []string{"a", "a.z", "b"}, ContextIDs: slices.SortedFunc(slices.Values([]uuid.UUID{one, other}), compareIDs),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if read, err := readManifest(t.Context(), a.storage, a.name); err != nil || !reflect.DeepEqual(read, got) {
			t.Errorf("it is stored as %+v (%v)\nwant %+v", read, err, got)
		}
		var plain map[string]any
		if err := json.Unmarshal(a.storage.(*memory).objects["tenant_acme/2026.manifest.json"], &plain); err != nil || plain["schema"] != "tenant_acme" {
			t.Errorf("got the file %v (%v), want JSON", plain, err)
		}
	})
}

func TestTheManifestNamesAThousandTypesAndContexts(t *testing.T) {
	a := newArchived(t, newMemory(), "a", false)
	events := newEvents(MaxManifestList + 1)
	for i := range events {
		events[i].EventType = fmt.Sprintf("%0*d", driver.MaxEventType, len(events)-i)
		events[i].ContextID = new(uuid.New())
	}
	full := a.write(t, events[:MaxManifestList])
	if len(full.EventTypes) != MaxManifestList || len(full.ContextIDs) != MaxManifestList || full.EventTypesTruncated || full.ContextIDsTruncated {
		t.Errorf("got %d types (truncated: %t) and %d contexts (truncated: %t), want all", len(full.EventTypes), full.EventTypesTruncated, len(full.ContextIDs), full.ContextIDsTruncated)
	}
	b := newArchived(t, newMemory(), "b", false)
	cut := b.write(t, events)
	if !slices.Equal(cut.EventTypes, full.EventTypes) || !slices.Equal(cut.ContextIDs, full.ContextIDs) || !cut.EventTypesTruncated || !cut.ContextIDsTruncated {
		t.Errorf("got %d types (truncated: %t) and %d contexts (truncated: %t), want the first ones", len(cut.EventTypes), cut.EventTypesTruncated, len(cut.ContextIDs), cut.ContextIDsTruncated)
	}
	for _, a := range []archived{a, b} {
		if err := a.verify(); err != nil {
			t.Error(err)
		}
		if size := len(a.storage.(*memory).objects[manifestName(a.name)]); size > maxManifestBytes/2 {
			t.Errorf("got a manifest of %d bytes, want half of what is read at most", size)
		}
	}
}

func TestOtherToolsReadAPlainFile(t *testing.T) {
	for _, tool := range []string{"zstd", "jq", "sh", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	path := t.TempDir()
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	a := newArchived(t, dir, "a", false)
	events := newEvents(3)
	events[1].EventData = []byte("{\r\n\t\"n\": 1\r\n}")
	m := a.write(t, events)
	manifest, err := os.ReadFile(filepath.Join(path, "a.manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, checksum, _ := strings.Cut(string(manifest), `"checksum": "`)
	checksum = checksum[:64]
	for command, want := range map[string]string{
		`zstd -dcq a.jsonl.zst | jq -c '.event_data // (.event_data_text | fromjson) | .n'`: "0\n1\n2\n",
		`zstd -dcq a.jsonl.zst | jq -r .event_type`:                                         "order.placed.0\norder.placed.1\norder.placed.2\n",
		`zstd -tq a.jsonl.zst && sha256sum < a.jsonl.zst | cut -c 1-64`:                     m.SHA256 + "\n",
		`head -n -2 a.manifest.json | sha256sum | cut -c 1-64`:                              checksum + "\n",
	} {
		run := exec.Command("sh", "-c", command)
		run.Dir = path
		if got, err := run.Output(); err != nil || string(got) != want {
			t.Errorf("%s\ngot  %q (%v)\nwant %q", command, got, err, want)
		}
	}
}

func TestBadInputIsRefusedBeforeAnyIO(t *testing.T) {
	for field, spoil := range map[string]func(*archived){
		"archive_id": func(a *archived) { a.options.archiveID = uuid.Nil },
		"schema":     func(a *archived) { a.options.schema = "Acme" },
		"level":      func(a *archived) { a.options.level = 5 },
		"encryption": func(a *archived) { a.options.encrypt = true },
		"name":       func(a *archived) { a.name = "../a" },
	} {
		a := newArchived(t, nil, "a", false)
		spoil(&a)
		var invalid *driver.InvalidError
		if _, err := writeFile(t.Context(), a.storage, a.name, each(newEvents(1)), a.options); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("got error %v, want a driver.InvalidError of %s", err, field)
		}
	}
}

func TestWhatStopsAWriteLeavesNothing(t *testing.T) {
	failed := errors.New("the store failed")
	for name, test := range map[string]struct {
		events iter.Seq2[driver.Event, error]
		want   error
		says   string
	}{
		"no event": {each(nil), errNoEvents, "events"},
		"an error of theirs": {func(yield func(driver.Event, error) bool) {
			_ = yield(newEvents(1)[0], nil) && yield(driver.Event{}, failed)
		}, failed, "the store failed"},
		"a position twice":     {each([]driver.Event{newEvents(1)[0], newEvents(1)[0]}), driver.ErrInvalid, "events[1].position"},
		"an event that is bad": {each([]driver.Event{newEvents(1)[0], {}}), driver.ErrInvalid, "events[1].id"},
	} {
		bothWays(t, func(t *testing.T, a archived) {
			_, err := writeFile(t.Context(), a.storage, a.name, test.events, a.options)
			wantKind(t, name, err, test.want)
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: got error %v, want one that says %s", name, err, test.says)
			}
			wantObjects(t, a.storage)
		})
	}
}

func TestACancelledContextEndsAWriting(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := func(yield func(driver.Event, error) bool) {
			for i, event := range newEvents(3) {
				if i == 1 {
					cancel()
				}
				if !yield(event, nil) {
					return
				}
			}
		}
		_, err := writeFile(ctx, a.storage, a.name, events, a.options)
		wantKind(t, "a cancelled context", err, context.Canceled)
		wantObjects(t, a.storage)
	})
}

// wantObjects wants these objects and no others.
func wantObjects(t testing.TB, storage Storage, want ...string) {
	t.Helper()
	var got []string
	for object, err := range storage.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, object.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the objects %q, want %q", got, want)
	}
}

func TestAnErrorOfTheStorageSaysWhatWasBeingWritten(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		a.storage.(*memory).failing = syscall.ENOSPC
		_, err := writeFile(t.Context(), a.storage, a.name, each(newEvents(1)), a.options)
		wantKind(t, "a full disk", err, syscall.ENOSPC)
		if err != nil && !strings.Contains(err.Error(), objectName(a.name, a.options.encrypt)) {
			t.Errorf("got error %v, want one that names the object", err)
		}
		wantObjects(t, a.storage)
	})
}

func TestAnArchiveThatIsThereIsNotReplaced(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		want := newEvents(2)
		a.write(t, want)
		_, err := writeFile(t.Context(), a.storage, a.name, each(newEvents(3)), a.options)
		wantKind(t, "the same name", err, driver.ErrAlreadyExists)
		if got, err := a.read(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %d events (%v), want those of the first", len(got), err)
		}
	})
}

// Who was overtaken while he wrote finds the manifest of another and must leave all as it is: what
// lies there may be the other's.
func TestWhoComesLateDeletesNothing(t *testing.T) {
	storage := newMemory()
	late, first := newArchived(t, storage, "a", false), newArchived(t, storage, "a", true)
	overtaken := func(yield func(driver.Event, error) bool) {
		first.write(t, newEvents(2))
		yield(newEvents(1)[0], nil)
	}
	_, err := writeFile(t.Context(), storage, "a", overtaken, late.options)
	wantKind(t, "the late one", err, driver.ErrAlreadyExists)
	if err := first.verify(); err != nil {
		t.Error(err)
	}
}

func TestDeleteTakesTheManifestFirst(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		other := a
		other.name = "tenant_acme/2026.b"
		a.write(t, newEvents(1))
		other.write(t, newEvents(1))
		left := slices.Sorted(maps.Keys(a.storage.(*memory).objects))
		var deleted []string
		watching := &watchingDeletes{a.storage, func(name string) { deleted = append(deleted, name) }}
		for range 2 {
			if err := deleteFile(t.Context(), watching, a.name); err != nil {
				t.Fatal(err)
			}
		}
		if deleted[0] != "tenant_acme/2026.manifest.json" {
			t.Errorf("got %q deleted, want the manifest first", deleted)
		}
		left = slices.DeleteFunc(left, func(name string) bool { return !strings.HasPrefix(name, other.name) })
		wantObjects(t, a.storage, left...)
		if err := other.verify(); err != nil {
			t.Error(err)
		}
		wantKind(t, "the deleted one", a.verify(), ErrMissing)
	})
}

type watchingDeletes struct {
	Storage
	seen func(name string)
}

func (w *watchingDeletes) Delete(ctx context.Context, name string) error {
	w.seen(name)
	return w.Storage.Delete(ctx, name)
}

func TestReadingMayStopEarly(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		m := a.write(t, newEvents(5))
		seen := 0
		for _, err := range readFile(t.Context(), a.storage, m, a.options.keys) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == 3 {
				break
			}
		}
		if seen != 3 {
			t.Errorf("got %d events, want 3", seen)
		}
	})
}

func TestACancelledContextEndsAReading(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		m := a.write(t, newEvents(5))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen, last := 0, error(nil)
		for _, err := range readFile(ctx, a.storage, m, a.options.keys) {
			if last = err; err == nil {
				seen++
				cancel()
			}
		}
		if seen != 1 || !errors.Is(last, context.Canceled) {
			t.Errorf("got %d events and error %v, want 1 and context.Canceled", seen, last)
		}
	})
}
