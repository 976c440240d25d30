package conformance

import (
	"math/rand/v2"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveStats = area{name: "Archives/Stats", behaviours: []behaviour{
	{"OfNothingAreZero", archiveStatsNothing},
	{"CountTheStatusesThatOccur", archiveStatsStatuses},
	{"AddUpTheCompletedOnes", archiveStatsSum},
	{"LeaveOutTheEventsThatWereRestored", archiveStatsRestored},
	{"SpanTheEvents", archiveStatsSpan},
	{"AddUpMoreThanANumberOfFourBytesCanCount", archiveStatsLarge},
	{"AreWhatTheRowsSay", archiveStatsComputed},
	{"SeeWhatTheirTransactionDid", archiveStatsInTx},
}}

func (t *test) archiveStatsOf(store driver.Store) driver.ArchiveStats {
	t.Helper()
	stats, err := store.Archives().GetStats(t.ctx)
	t.ok(err)
	return stats
}

// wantArchiveStats fails the test unless the statistics of a schema are these.
func (t *test) wantArchiveStats(store driver.Store, want driver.ArchiveStats) {
	t.Helper()
	sameEntity(t, "statistics", t.archiveStatsOf(store), want)
}

// computedArchiveStats is what the statistics of archives should be.
func computedArchiveStats(archives ...driver.Archive) driver.ArchiveStats {
	stats := driver.ArchiveStats{ByStatus: map[driver.ArchiveStatus]int64{}, ByStorage: map[driver.ArchiveStorageType]driver.ArchiveSizes{}}
	add := func(sizes *driver.ArchiveSizes, a driver.Archive) {
		sizes.Completed++
		sizes.Events += a.EventCount - a.RestoredCount
		sizes.RawBytes += a.RawBytes
		sizes.SizeBytes += a.SizeBytes
	}
	for _, a := range archives {
		stats.Archives++
		stats.ByStatus[a.Status]++
		if a.Status != driver.ArchiveCompleted {
			continue
		}
		add(&stats.ArchiveSizes, a)
		sizes := stats.ByStorage[a.StorageType]
		add(&sizes, a)
		stats.ByStorage[a.StorageType] = sizes
		if stats.OldestEvent == nil || a.EventsFrom.Before(*stats.OldestEvent) {
			stats.OldestEvent = a.EventsFrom
		}
		if stats.NewestEvent == nil || a.EventsTo.After(*stats.NewestEvent) {
			stats.NewestEvent = a.EventsTo
		}
	}
	return stats
}

func archiveStatsNothing(t *test) {
	t.saveProcessed(newEvents(2))
	t.wantArchiveStats(t.store, driver.ArchiveStats{
		ByStatus: map[driver.ArchiveStatus]int64{}, ByStorage: map[driver.ArchiveStorageType]driver.ArchiveSizes{},
	})
}

func archiveStatsStatuses(t *test) {
	t.plan()
	t.archiveIn(driver.ArchiveFailed)
	t.plan()
	t.wantArchiveStats(t.store, driver.ArchiveStats{
		Archives: 3, ByStatus: map[driver.ArchiveStatus]int64{driver.ArchivePending: 2, driver.ArchiveFailed: 1},
		ByStorage: map[driver.ArchiveStorageType]driver.ArchiveSizes{},
	})
	var all []driver.Archive
	for _, archive := range t.archivesInStates() {
		all = append(all, archive)
	}
	equal(t, "archives of all statuses", t.archiveStatsOf(t.store).Archives, int64(3+len(all)))
	for _, status := range archiveStatuses {
		if t.archiveStatsOf(t.store).ByStatus[status] == 0 {
			t.Errorf("no archive is counted that is %s", status)
		}
	}
}

func storedAs(storage driver.ArchiveStorageType) func(*driver.Archive) {
	return func(a *driver.Archive) { a.StorageType = storage }
}

func archiveStatsSum(t *test) {
	first, second := t.archiveNew(2, storedAs(driver.StorageCold)), t.archiveNew(3, storedAs(driver.StorageCompressed))
	third := t.archiveNew(1, storedAs(driver.StorageCold))
	got := t.archiveStatsOf(t.store)
	cold := driver.ArchiveSizes{
		Completed: 2, Events: 3, RawBytes: first.RawBytes + third.RawBytes, SizeBytes: first.SizeBytes + third.SizeBytes,
	}
	compressed := driver.ArchiveSizes{Completed: 1, Events: 3, RawBytes: second.RawBytes, SizeBytes: second.SizeBytes}
	sameEntity(t, "by storage", got.ByStorage, map[driver.ArchiveStorageType]driver.ArchiveSizes{
		driver.StorageCold: cold, driver.StorageCompressed: compressed,
	})
	sameEntity(t, "all", got.ArchiveSizes, driver.ArchiveSizes{
		Completed: 3, Events: 6, RawBytes: cold.RawBytes + compressed.RawBytes, SizeBytes: cold.SizeBytes + compressed.SizeBytes,
	})
	for _, status := range archiveStatuses { // none of these adds to the sums
		if status != driver.ArchiveCompleted {
			t.archiveIn(status)
		}
	}
	sameEntity(t, "all", t.archiveStatsOf(t.store).ArchiveSizes, got.ArchiveSizes)
}

func archiveStatsRestored(t *test) {
	archive, events := t.archive(newEvents(5))
	archive = t.restored(archive, events[1:3]...)
	got := t.archiveStatsOf(t.store)
	equal(t, "Events", got.Events, 3)
	equal(t, "RawBytes", got.RawBytes, archive.RawBytes)
	equal(t, "put back of all", t.restore(archive, events...), 3)
	got = t.archiveStatsOf(t.store)
	equal(t, "Completed", got.Completed, 0)
	equal(t, "archives restored", got.ByStatus[driver.ArchiveRestored], 1)
}

func archiveStatsSpan(t *test) {
	day := func(n int) time.Time { return time.Date(2024, 3, n, 12, 0, 0, 1000, time.UTC) }
	t.archiveOf(day(9), day(11))
	t.archiveOf(day(5), day(8))
	t.archiveOf(day(7), day(10))
	got := t.archiveStatsOf(t.store)
	equal(t, "OldestEvent", instant(got.OldestEvent), instant(ptr(day(5))))
	equal(t, "NewestEvent", instant(got.NewestEvent), instant(ptr(day(11))))
	purged := t.archiveOf(day(1), day(20))
	must(t, t.store.Archives().Purge, purged.ID)
	equal(t, "OldestEvent", instant(t.archiveStatsOf(t.store).OldestEvent), instant(ptr(day(5))))
}

func archiveStatsLarge(t *test) {
	const size = 3 << 40
	for range 3 {
		events := t.saveProcessed(newEvents(1))
		begun := t.begin(driver.ArchiveCriteria{})
		file := fileOf(events)
		file.RawBytes, file.SizeBytes = size, size-1
		_, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, file)
		t.ok(err)
	}
	got := t.archiveStatsOf(t.store)
	equal(t, "RawBytes", got.RawBytes, 3*size)
	equal(t, "SizeBytes", got.SizeBytes, 3*(size-1))
}

func archiveStatsComputed(t *test) {
	random := rand.New(rand.NewPCG(9, 9))
	storages := []driver.ArchiveStorageType{driver.StorageCompressed, driver.StorageCold, driver.StorageWarehouse}
	for range scale(60, 20) {
		status := archiveStatuses[random.IntN(len(archiveStatuses))]
		if random.IntN(2) == 0 {
			status = driver.ArchiveCompleted
		}
		change := storedAs(storages[random.IntN(len(storages))])
		if status == driver.ArchiveCompleted {
			t.archiveNew(1+random.IntN(3), change)
		} else {
			t.archiveIn(status, change)
		}
	}
	t.wantArchiveStats(t.store, computedArchiveStats(t.archivesOf(t.store)...))
}

func archiveStatsInTx(t *test) {
	t.archiveNew(1)
	before := t.archiveStatsOf(t.store)
	t.undone(t.store, func(tx driver.Store) {
		t.planIn(tx)
		equal(t, "Archives, seen inside", t.archiveStatsOf(tx).Archives, before.Archives+1)
	})
	t.wantArchiveStats(t.store, before)
}
