package invariants

// A detached partition keeps its events in tables of its own, and their keys name no archive.
const isPartition = "a.storage_type = 'database_partition'"

var archiveRules = []rule{
	{
		"an archive counts the events that are in it",
		`SELECT 'archive ' || c.id || ' is ' || c.status || ' with ' || c.event_count || ' events, of which ' || c.restored_count || ' were restored; it has the keys of ' || c.keys
		FROM (SELECT a.id, a.status, a.event_count, a.restored_count, CASE WHEN a.archived_at IS NULL THEN 0 ELSE a.event_count - a.restored_count END AS expected,
			CASE WHEN ` + isPartition + ` AND a.status = 'completed' THEN
				(SELECT count(*) FROM {event_keys} k WHERE k.archive_id IS NULL AND k.position BETWEEN a.first_position AND a.last_position)
			ELSE (SELECT count(*) FROM {event_keys} k WHERE k.archive_id = a.id) END AS keys
			FROM {event_archives} a WHERE NOT (` + isPartition + ` AND a.status = 'deleted')) c
		WHERE c.keys <> c.expected OR c.status = 'restored' AND c.restored_count <> c.event_count`,
	},
	{
		"the keys of an archive are in its range of positions",
		`SELECT 'event ' || k.event_id || ' at ' || k.position || ', archive ' || a.id || ' from ' || a.first_position || ' to ' || a.last_position
		FROM {event_keys} k JOIN {event_archives} a ON a.id = k.archive_id WHERE k.position < a.first_position OR k.position > a.last_position`,
	},
	{
		// One that was partitioned, detached and purged has neither.
		"a key without an archive is that of an event in the store, or in a partition that was detached",
		`SELECT 'event ' || k.event_id || ' at ' || k.position FROM {event_keys} k WHERE k.archive_id IS NULL
		AND NOT EXISTS (SELECT 1 FROM {events} e WHERE e.position = k.position AND e.id = k.event_id)
		AND NOT EXISTS (SELECT 1 FROM {event_archives} a WHERE ` + isPartition + ` AND a.status IN ('completed', 'deleted')
			AND k.position BETWEEN a.first_position AND a.last_position)`,
	},
	{
		"an archive in progress has reserved as many events as it counts, and no other has any",
		`SELECT 'archive ' || c.id || ' is ' || c.status || ' with ' || c.event_count || ' events, and has reserved ' || c.reserved
		FROM (SELECT a.id, a.status, a.event_count, (SELECT count(*) FROM {event_archiving} r WHERE r.archive_id = a.id) AS reserved FROM {event_archives} a) c
		WHERE c.reserved <> (CASE WHEN c.status = 'in_progress' THEN c.event_count ELSE 0 END)`,
	},
	{
		"what is reserved for an archive is an event that was processed",
		`SELECT 'position ' || r.position || ' for archive ' || r.archive_id FROM {event_archiving} r
		LEFT JOIN {events} e ON e.position = r.position LEFT JOIN {event_processed} p ON p.position = r.position
		WHERE e.id IS NULL OR p.position IS NULL`,
	},
	{
		"an archive has the times and the lease that its status asks for",
		`SELECT 'archive ' || id || ' is ' || status FROM {event_archives} WHERE (lease_token IS NULL) <> (lease_until IS NULL)
		OR (lease_token IS NULL) <> (status <> 'in_progress') OR archived_at IS NULL AND status IN ('completed', 'restored')
		OR archived_at IS NOT NULL AND status NOT IN ('completed', 'restored', 'deleted')
		OR (restored_at IS NULL) = (status = 'restored') AND status <> 'deleted' OR (deleted_at IS NULL) = (status = 'deleted')`,
	},
	{
		"an archive in the database has its file there",
		`SELECT 'archive ' || a.id || ' is ' || a.object_name FROM {event_archives} a WHERE a.storage_location = 'database:' || {schema}
		AND a.status IN ('completed', 'restored') AND NOT EXISTS (SELECT 1 FROM {event_archive_objects} o WHERE o.is_complete AND o.size_bytes = a.size_bytes
			AND o.name IN (a.object_name || '.jsonl.zst', a.object_name || '.jsonl.zst.age'))`,
	},
	{
		"a job adds up the archives that were made for it",
		`SELECT 'job ' || j.id || ' counts ' || j.archives || ' archives of ' || j.events_archived || ' events and ' || j.raw_bytes || ' bytes, ' || j.size_bytes ||
			' in files; there are ' || count(a.id) || ' of ' || coalesce(sum(a.event_count), 0) || ' events and ' || coalesce(sum(a.raw_bytes), 0) || ' bytes, ' || coalesce(sum(a.size_bytes), 0) || ' in files'
		FROM {event_archive_jobs} j LEFT JOIN {event_archives} a ON a.job_id = j.id AND a.archived_at IS NOT NULL
		GROUP BY j.id, j.archives, j.events_archived, j.raw_bytes, j.size_bytes
		HAVING j.archives <> count(a.id) OR j.events_archived <> coalesce(sum(a.event_count), 0)
			OR j.raw_bytes <> coalesce(sum(a.raw_bytes), 0) OR j.size_bytes <> coalesce(sum(a.size_bytes), 0)`,
	},
	{
		"a job that began did so some time",
		"SELECT 'job ' || id || ' is ' || status FROM {event_archive_jobs} WHERE started_at IS NULL AND status = 'running' OR started_at IS NOT NULL AND status = 'pending'",
	},
	{
		"an object has the chunks and the bytes that it counts, numbered from 0",
		`SELECT 'object ' || o.name || ' counts ' || o.chunks || ' chunks of ' || o.size_bytes || ' bytes, has ' || count(c.number) || ' of ' || coalesce(sum(octet_length(c.data)), 0)
		FROM {event_archive_objects} o LEFT JOIN {event_archive_chunks} c ON c.object_id = o.id
		GROUP BY o.id, o.name, o.chunks, o.size_bytes
		HAVING count(c.number) <> o.chunks OR coalesce(sum(octet_length(c.data)), 0) <> o.size_bytes OR coalesce(max(c.number), -1) <> o.chunks - 1`,
	},
}
