package driver_test

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// sameID returns an id n times.
func sameID(n int) []uuid.UUID { return slices.Repeat([]uuid.UUID{uuid.New()}, n) }

// numbered returns n types, each another one.
func numbered(n int) []string {
	types := make([]string, n)
	for i := range types {
		types[i] = "order.n" + strconv.Itoa(i)
	}
	return types
}

func TestCriteriaGetTheirDefaults(t *testing.T) {
	var criteria driver.ArchiveCriteria
	if err := criteria.Prepare(); err != nil {
		t.Fatal(err)
	}
	want := driver.ArchiveCriteria{MaxEvents: driver.DefaultArchiveEvents, MaxBytes: driver.DefaultArchiveBytes}
	if !reflect.DeepEqual(criteria, want) {
		t.Errorf("got %+v, want %+v", criteria, want)
	}
	given := driver.ArchiveCriteria{
		OccurredBefore: time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.FixedZone("", 3600)), AfterPosition: math.MaxInt64,
		IncludeTypes: numbered(driver.MaxActionEventTypes), ExcludeTypes: []string{"*"},
		IncludeContexts: sameID(driver.MaxArchiveLabels), ExcludeContexts: []uuid.UUID{uuid.Max},
		PastConsumers: true, MaxEvents: driver.MaxArchiveEvents, MaxBytes: math.MaxInt64,
	}
	prepared := given
	if err := prepared.Prepare(); err != nil {
		t.Fatal(err)
	}
	given.OccurredBefore = time.Date(2026, 1, 2, 2, 4, 5, 123_456_000, time.UTC)
	if !reflect.DeepEqual(prepared, given) {
		t.Errorf("got %+v, want %+v", prepared, given)
	}
	least := driver.ArchiveCriteria{MaxEvents: 1, MaxBytes: 1, IncludeTypes: []string{}, IncludeContexts: []uuid.UUID{}}
	if err := least.Prepare(); err != nil || least.MaxEvents != 1 || least.MaxBytes != 1 {
		t.Errorf("got %+v, %v, want as little as there can be", least, err)
	}
}

func TestCriteriaThatCanNotBeAreRefused(t *testing.T) {
	for field, list := range map[string][]driver.ArchiveCriteria{
		"occurred_before":     {{OccurredBefore: before}, {OccurredBefore: after}},
		"after_position":      {{AfterPosition: -1}, {AfterPosition: math.MinInt64}},
		"include_types":       {{IncludeTypes: numbered(driver.MaxActionEventTypes + 1)}},
		"include_types[1]":    {{IncludeTypes: []string{"a", "a b"}}, {IncludeTypes: []string{"a", "a"}}, {IncludeTypes: []string{"a", ""}}},
		"exclude_types":       {{ExcludeTypes: numbered(driver.MaxActionEventTypes + 1)}},
		"exclude_types[0]":    {{ExcludeTypes: []string{"a.*.b"}}, {ExcludeTypes: []string{"\xff"}}},
		"include_contexts":    {{IncludeContexts: sameID(driver.MaxArchiveLabels + 1)}},
		"include_contexts[1]": {{IncludeContexts: []uuid.UUID{uuid.New(), uuid.Nil}}},
		"exclude_contexts":    {{ExcludeContexts: sameID(driver.MaxArchiveLabels + 1)}},
		"exclude_contexts[0]": {{ExcludeContexts: []uuid.UUID{uuid.Nil}}},
		"max_events":          {{MaxEvents: -1}, {MaxEvents: math.MinInt}, {MaxEvents: driver.MaxArchiveEvents + 1}, {MaxEvents: math.MaxInt}},
		"max_bytes":           {{MaxBytes: -1}, {MaxBytes: math.MinInt64}},
	} {
		for _, criteria := range list {
			wantInvalid(t, field, criteria.Prepare(), field)
		}
	}
}

// validArchiveFile has something in every field.
func validArchiveFile() driver.ArchiveFile {
	return driver.ArchiveFile{
		StorageLocation: "file:///var/archives", ObjectName: "acme/a", EventCount: 2, RawBytes: 1000, SizeBytes: 100,
		Checksum: strings.Repeat("0123456789abcdef", 4), KeyID: "k1", EventTypes: []string{"order.placed"}, ContextIDs: []uuid.UUID{uuid.New()},
		EventsFrom: time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.FixedZone("", 3600)),
		EventsTo:   time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.FixedZone("", 7200)).Add(time.Hour),
	}
}

func TestWhatIsToldOfAFile(t *testing.T) {
	given := validArchiveFile()
	prepared := given
	if err := prepared.Prepare(); err != nil {
		t.Fatal(err)
	}
	want := given
	want.EventsFrom = time.Date(2026, 1, 2, 2, 4, 5, 123_456_000, time.UTC)
	want.EventsTo = want.EventsFrom // the same moment
	if !reflect.DeepEqual(prepared, want) {
		t.Errorf("got %+v, want %+v", prepared, want)
	}
	prepared.EventTypes[0], prepared.ContextIDs[0] = "changed", uuid.Nil
	if given.EventTypes[0] != "order.placed" || given.ContextIDs[0] == uuid.Nil {
		t.Error("a change of the prepared lists changed those given")
	}
	few := given
	few.EventTypes, few.ContextIDs, few.RawBytes, few.SizeBytes, few.StorageLocation, few.KeyID = nil, nil, 0, 0, "", ""
	if err := few.Prepare(); err != nil || few.EventTypes == nil || few.ContextIDs == nil {
		t.Errorf("got the lists %v and %v, %v; want them empty", few.EventTypes, few.ContextIDs, err)
	}
	many := given
	many.EventTypes, many.ContextIDs = numbered(driver.MaxArchiveLabels+1), sameID(driver.MaxArchiveLabels+1)
	if err := many.Prepare(); err != nil || len(many.EventTypes) != driver.MaxArchiveLabels || len(many.ContextIDs) != driver.MaxArchiveLabels {
		t.Errorf("got %d types and %d contexts, %v; want the first %d", len(many.EventTypes), len(many.ContextIDs), err, driver.MaxArchiveLabels)
	}
}

func TestAFileThatCanNotBeIsRefused(t *testing.T) {
	for field, changes := range map[string][]func(*driver.ArchiveFile){
		"storage_location": {
			func(f *driver.ArchiveFile) { f.StorageLocation = strings.Repeat("x", driver.MaxURL+1) },
			func(f *driver.ArchiveFile) { f.StorageLocation = "a\x00" },
		},
		"object_name": {
			func(f *driver.ArchiveFile) { f.ObjectName = "" },
			func(f *driver.ArchiveFile) { f.ObjectName = strings.Repeat("x", driver.MaxObjectName+1) },
			func(f *driver.ArchiveFile) { f.ObjectName = "\xff" },
		},
		"event_count": {
			func(f *driver.ArchiveFile) { f.EventCount = 0 },
			func(f *driver.ArchiveFile) { f.EventCount = -1 },
			func(f *driver.ArchiveFile) { f.EventCount = driver.MaxArchiveEvents + 1 },
		},
		"raw_bytes":  {func(f *driver.ArchiveFile) { f.RawBytes = -1 }},
		"size_bytes": {func(f *driver.ArchiveFile) { f.SizeBytes = -1 }},
		"checksum": {
			func(f *driver.ArchiveFile) { f.Checksum = "" },
			func(f *driver.ArchiveFile) { f.Checksum = f.Checksum[1:] },
			func(f *driver.ArchiveFile) { f.Checksum += "0" },
			func(f *driver.ArchiveFile) { f.Checksum = strings.ToUpper(f.Checksum) },
			func(f *driver.ArchiveFile) { f.Checksum = "g" + f.Checksum[1:] },
		},
		"key_id": {
			func(f *driver.ArchiveFile) { f.KeyID = strings.Repeat("k", 65) },
			func(f *driver.ArchiveFile) { f.KeyID = "\x00" },
		},
		"events_from": {func(f *driver.ArchiveFile) { f.EventsFrom = before }},
		"events_to": {
			func(f *driver.ArchiveFile) { f.EventsTo = after },
			func(f *driver.ArchiveFile) { f.EventsTo = f.EventsFrom.Add(-1) },
		},
	} {
		for _, change := range changes {
			file := validArchiveFile()
			change(&file)
			wantInvalid(t, field, file.Prepare(), field)
		}
	}
}
