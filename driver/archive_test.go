package driver_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// validArchive has something in every field.
func validArchive() driver.Archive {
	rule, job, user, token := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	now := time.Now()
	return driver.Archive{
		ID: uuid.New(), Name: "orders of 2024", Description: "All of them", Policy: driver.PolicyAge,
		StorageType: driver.StorageCompressed, StorageLocation: "database:acme", ObjectName: "acme/orders-2024", Status: driver.ArchiveRestored,
		RuleID: &rule, JobID: &job, EventCount: 7, RestoredCount: 7, FirstPosition: 1, LastPosition: 9, EventsFrom: &now, EventsTo: &now,
		EventTypes: []string{"order.placed"}, ContextIDs: []uuid.UUID{uuid.New()}, RawBytes: 1000, SizeBytes: 100,
		Checksum: strings.Repeat("0a", 32), KeyID: "k1", RetentionDays: 30, AutoDeleteAfterDays: 60, CreatedByUserID: &user,
		Tags: map[string]string{"team": "orders"}, ErrorMessage: "none", LeaseToken: &token, LeaseUntil: &now,
		ArchivedAt: &now, RestoredAt: &now, DeletedAt: &now, CreatedAt: now, UpdatedAt: now, Revision: 3,
	}
}

func TestAnArchiveIsSavedPendingAndWithoutEvents(t *testing.T) {
	given := validArchive()
	prepared := given
	if err := prepared.Prepare(); err != nil {
		t.Fatal(err)
	}
	want := driver.Archive{
		ID: given.ID, Name: given.Name, Description: given.Description, Policy: given.Policy, StorageType: given.StorageType,
		StorageLocation: given.StorageLocation, ObjectName: given.ObjectName, Status: driver.ArchivePending, RuleID: given.RuleID, JobID: given.JobID,
		EventTypes: []string{}, ContextIDs: []uuid.UUID{}, RetentionDays: 30, AutoDeleteAfterDays: 60,
		CreatedByUserID: given.CreatedByUserID, Tags: given.Tags, Revision: 3,
	}
	if !reflect.DeepEqual(prepared, want) {
		t.Errorf("got %+v, want %+v", prepared, want)
	}
	bare := driver.Archive{Name: "a"}
	if err := bare.Prepare(); err != nil || bare.ID.Version() != 7 {
		t.Errorf("got the ID %s, %v; want a UUIDv7", bare.ID, err)
	}
	want = driver.Archive{
		ID: bare.ID, Name: "a", Policy: driver.PolicyCustom, StorageType: driver.StorageCold, Status: driver.ArchivePending,
		EventTypes: []string{}, ContextIDs: []uuid.UUID{},
	}
	if !reflect.DeepEqual(bare, want) {
		t.Errorf("got %+v, want %+v", bare, want)
	}
}

func TestAnArchiveThatIsRefusedStaysAsItIs(t *testing.T) {
	given := validArchive()
	given.Name, given.ID = "", uuid.Nil
	archive := given
	wantInvalid(t, "no name", archive.Prepare(), "name")
	given.Policy = archive.Policy
	if !reflect.DeepEqual(archive, given) {
		t.Errorf("got %+v, want %+v", archive, given)
	}
}

func TestHowLongAnArchiveIsKept(t *testing.T) {
	for _, test := range []struct {
		retention, autoDelete int
		field                 string
	}{
		{0, 0, ""},
		{0, 1, ""},
		{30, 0, ""},
		{30, 30, ""},
		{30, 31, ""},
		{driver.MaxArchiveDays, driver.MaxArchiveDays, ""},
		{30, 29, "auto_delete_after_days"},
		{driver.MaxArchiveDays, 1, "auto_delete_after_days"},
		{-1, 0, "retention_days"},
		{0, -1, "auto_delete_after_days"},
		{driver.MaxArchiveDays + 1, 0, "retention_days"},
		{0, driver.MaxArchiveDays + 1, "auto_delete_after_days"},
	} {
		archive := validArchive()
		archive.RetentionDays, archive.AutoDeleteAfterDays = test.retention, test.autoDelete
		switch err := archive.Validate(); {
		case test.field != "":
			wantInvalid(t, "days", err, test.field)
		case err != nil:
			t.Errorf("%d and %d days: got error %v, want none", test.retention, test.autoDelete, err)
		}
	}
}

func TestTheWordsOfArchives(t *testing.T) {
	for _, word := range []interface{ Validate() error }{
		driver.PolicyAge, driver.PolicySize, driver.PolicyHybrid, driver.PolicyCustom,
		driver.StoragePartition, driver.StorageCompressed, driver.StorageCold, driver.StorageWarehouse,
		driver.ArchivePending, driver.ArchiveInProgress, driver.ArchiveCompleted, driver.ArchiveFailed, driver.ArchiveRestored, driver.ArchiveDeleted,
	} {
		if err := word.Validate(); err != nil {
			t.Errorf("%s: got error %v, want none", word, err)
		}
	}
	for _, word := range []string{"", "Completed", "age_based ", "done"} {
		wantInvalid(t, word, driver.ArchivePolicy(word).Validate(), "policy")
		wantInvalid(t, word, driver.ArchiveStorageType(word).Validate(), "storage_type")
		wantInvalid(t, word, driver.ArchiveStatus(word).Validate(), "status")
	}
}

func TestTheCompressionRatioOfArchives(t *testing.T) {
	for _, test := range []struct {
		raw, size int64
		want      float64
	}{{0, 0, 0}, {1000, 0, 0}, {1000, 100, 10}, {100, 400, 0.25}, {1 << 60, 1, 1 << 60}} {
		archive, sizes := driver.Archive{RawBytes: test.raw, SizeBytes: test.size}, driver.ArchiveSizes{RawBytes: test.raw, SizeBytes: test.size}
		if archive.CompressionRatio() != test.want || sizes.CompressionRatio() != test.want {
			t.Errorf("%d bytes as %d: got %g and %g, want %g", test.raw, test.size, archive.CompressionRatio(), sizes.CompressionRatio(), test.want)
		}
	}
}

func TestCheckDateRange(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	for _, test := range []struct {
		from, to time.Time
		field    string
	}{
		{now, now.Add(1), ""},
		{now, now.In(time.FixedZone("east", 3600)).Add(1), ""},
		{first, last, ""},
		{now, now, "to"},
		{now, now.Add(-1), "to"},
		{now, time.Time{}, "to"},
		{now, last.Add(1), "to"},
		{first.Add(-1), now, "from"},
		{last.Add(1), last.Add(2), "from"},
	} {
		switch err := driver.CheckDateRange(test.from, test.to); {
		case test.field != "":
			wantInvalid(t, test.from.String()+" to "+test.to.String(), err, test.field)
		case err != nil:
			t.Errorf("%s to %s: got error %v, want none", test.from, test.to, err)
		}
	}
}
