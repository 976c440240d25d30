package query

import (
	"context"
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// archiveSQL is the statements on archives as they are, whatever becomes of their events.
type archiveSQL struct {
	table *table[driver.Archive]

	forget                           string
	byStatus, byTime                 string
	byAggregate, byPosition, expired string
	stats                            string
}

func newArchiveSQL(s *schemaSQL) *archiveSQL {
	t := newTable(s, archiveMapping)
	d, archives := s.dialect, s.quote(archivesTable)
	completed, status := t.read().Where("status = 'completed'"), d.Unindexed("status")
	keys, ofAggregate := s.quote(keysTable), "aggregate_id = ? AND aggregate_type = ?"
	hasSome := "id " + d.IsAmong("SELECT DISTINCT archive_id FROM "+keys+" WHERE "+ofAggregate)
	if s.keyed { // those of a detached partition name no archive
		hasSome = "(" + hasSome + " OR " + isDetached("") + " AND EXISTS (SELECT 1 FROM " + keys + " k WHERE " + ofAggregate +
			" AND k.archive_id IS NULL AND k.position BETWEEN first_position AND last_position))"
	}
	// 36,500 days have more seconds than an integer of four bytes can count.
	expiry := d.Plus("archived_at", "CAST(auto_delete_after_days AS bigint) * 86400")
	return &archiveSQL{
		table:       t,
		forget:      s.render(sq.Delete(archives).Where("status IN ('pending', 'failed', 'deleted') AND id = ?")),
		byStatus:    s.list(t.read().Where("status = ?"), "created_at DESC, id DESC"),
		byTime:      s.list(completed.Where("events_from <= ? AND events_to > ?"), "events_from, id"),
		byAggregate: s.list(t.read().Where(status+" = 'completed' AND "+hasSome), "first_position, id"),
		byPosition:  s.list(completed.Where("last_position >= ?"), "first_position, id"),
		expired: s.list(t.read().Where(status+" IN ('completed', 'restored') AND auto_delete_after_days > 0 AND "+expiry+" <= "+d.Now),
			"archived_at, id"),
		stats: s.render(sq.Select(
			"status", "storage_type", "count(*)", "CAST(sum(event_count - restored_count) AS bigint)",
			"CAST(sum(raw_bytes) AS bigint)", "CAST(sum(size_bytes) AS bigint)", "min(events_from)", "max(events_to)",
		).From(archives).GroupBy("status", "storage_type")),
	}
}

// archives implements driver.ArchiveRepository.
type archives struct {
	repository[driver.Archive]
	sql   *archiveSQL
	store *Store
}

func (r *archives) Save(ctx context.Context, archive driver.Archive) (driver.Archive, error) {
	return r.write(ctx, "Save", r.insert, &archive, archive.Prepare())
}

func (r *archives) Update(ctx context.Context, archive driver.Archive) (driver.Archive, error) {
	return r.write(ctx, "Update", r.replace, &archive, archive.Prepare())
}

func (r *archives) GetByID(ctx context.Context, id uuid.UUID) (driver.Archive, error) {
	found, err := r.get(ctx, r.table.byID, id)
	return found, r.failID("GetByID", id, err)
}

func (r *archives) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	n, err := r.exec.Exec(ctx, r.sql.forget, []any{id})
	if err == nil && n == 0 {
		exists := false
		if err = r.exec.Query(ctx, r.table.exists, []any{id}, []any{&exists}, nil); exists {
			err = stateError("an archive can be deleted that is pending, failed or deleted; Purge makes it deleted")
		}
	}
	return n > 0, r.failID("Delete", id, err)
}

func (r *archives) GetByStatus(ctx context.Context, status driver.ArchiveStatus, limit int) ([]driver.Archive, error) {
	if err := status.Validate(); err != nil {
		return nil, r.fail("GetByStatus", err)
	}
	return r.list(ctx, "GetByStatus", r.sql.byStatus, limit, string(status))
}

func (r *archives) GetByDateRange(ctx context.Context, from, to time.Time, limit int) ([]driver.Archive, error) {
	if err := driver.CheckDateRange(from, to); err != nil {
		return nil, r.fail("GetByDateRange", err)
	}
	// What is stored are whole microseconds: before a moment is at the last of them or earlier.
	last := func(before time.Time) time.Time { return before.Add(-1).Truncate(time.Microsecond) }
	return r.list(ctx, "GetByDateRange", r.sql.byTime, limit, last(to), last(from))
}

func (r *archives) GetByAggregate(ctx context.Context, aggregate driver.Aggregate, limit int) ([]driver.Archive, error) {
	if err := aggregate.Validate(); err != nil {
		return nil, r.fail("GetByAggregate", err)
	}
	return r.list(ctx, "GetByAggregate", r.sql.byAggregate, limit, r.archivingSQL().twiceIfKeyed(aggregate.ID, aggregate.Type)...)
}

func (r *archives) GetByPosition(ctx context.Context, position int64, limit int) ([]driver.Archive, error) {
	if err := driver.CheckPosition(position); err != nil {
		return nil, r.fail("GetByPosition", err)
	}
	return r.list(ctx, "GetByPosition", r.sql.byPosition, limit, position)
}

func (r *archives) GetExpired(ctx context.Context, limit int) ([]driver.Archive, error) {
	return r.list(ctx, "GetExpired", r.sql.expired, limit)
}

func (r *archives) GetStats(ctx context.Context) (driver.ArchiveStats, error) {
	stats := driver.ArchiveStats{
		ByStatus: map[driver.ArchiveStatus]int64{}, ByStorage: map[driver.ArchiveStorageType]driver.ArchiveSizes{},
	}
	var status, storage string
	var group driver.ArchiveSizes
	var oldest, newest *time.Time
	targets := []any{&status, &storage, &group.Completed, &group.Events, &group.RawBytes, &group.SizeBytes, &oldest, &newest}
	err := r.exec.Query(ctx, r.sql.stats, nil, targets, func() {
		stats.Archives += group.Completed
		stats.ByStatus[driver.ArchiveStatus(status)] += group.Completed
		if driver.ArchiveStatus(status) != driver.ArchiveCompleted {
			return
		}
		stats.ByStorage[driver.ArchiveStorageType(storage)] = group
		stats.Completed += group.Completed
		stats.Events += group.Events
		stats.RawBytes += group.RawBytes
		stats.SizeBytes += group.SizeBytes
		if stats.OldestEvent == nil || oldest != nil && oldest.Before(*stats.OldestEvent) {
			stats.OldestEvent = oldest
		}
		if stats.NewestEvent == nil || newest != nil && newest.After(*stats.NewestEvent) {
			stats.NewestEvent = newest
		}
	})
	if err != nil {
		return driver.ArchiveStats{}, r.fail("GetStats", err)
	}
	return stats, nil
}
