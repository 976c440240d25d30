package invariants

// everyEvent selects all events that there ever were, those whose keys are all that is left of them, too.
// Where events are partitioned, the table of keys has those of all.
const everyEvent = `(SELECT position, id, aggregate_type, aggregate_id, aggregate_version FROM {events}
	UNION ALL SELECT position, event_id, aggregate_type, aggregate_id, aggregate_version FROM {event_keys} k
	WHERE k.archive_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM {events} e WHERE e.position = k.position))`

// copied is what the queue and the dead letters have of an event e.
func copied(row string) string {
	return "(" + row + ".event_id <> e.id OR " + row + ".event_type <> e.event_type OR " + row + ".aggregate_type <> e.aggregate_type OR " +
		row + ".aggregate_id <> e.aggregate_id OR " + row + ".aggregate_version <> e.aggregate_version)"
}

var eventRules = []rule{
	{
		"an event is in exactly one state: in the queue, processed, or a dead letter",
		`SELECT 'event ' || s.id || ' is ' || s.queued || ' times in the queue, ' || s.processed || ' times processed, ' || s.dead || ' times a dead letter'
		FROM (SELECT e.id,
			(SELECT count(*) FROM {event_queue} q WHERE q.position = e.position) AS queued,
			(SELECT count(*) FROM {event_processed} p WHERE p.position = e.position) AS processed,
			(SELECT count(*) FROM {event_dead_letters} d WHERE d.event_id = e.id) AS dead
			FROM {events} e) s
		WHERE s.queued + s.processed + s.dead <> 1`,
	},
	{
		"what waits in the queue is an event, as it is stored",
		"SELECT 'event ' || q.event_id || ' at ' || q.position FROM {event_queue} q LEFT JOIN {events} e ON e.position = q.position WHERE e.id IS NULL OR " + copied("q"),
	},
	{
		"what is processed is an event",
		"SELECT 'position ' || p.position FROM {event_processed} p LEFT JOIN {events} e ON e.position = p.position WHERE e.id IS NULL",
	},
	{
		"a dead letter is an event, as it is stored",
		"SELECT 'event ' || d.event_id || ' at ' || d.position FROM {event_dead_letters} d LEFT JOIN {events} e ON e.position = d.position WHERE e.id IS NULL OR " + copied("d"),
	},
	{
		"an event is in the store or in an archive, not in both",
		"SELECT 'event ' || e.id || ' is in the store and in archive ' || k.archive_id FROM {events} e JOIN {event_keys} k ON k.event_id = e.id WHERE k.archive_id IS NOT NULL",
	},
	{
		"ids are taken once, by archived events, too",
		"SELECT 'id ' || id || ' is taken ' || count(*) || ' times' FROM " + everyEvent + " v GROUP BY id HAVING count(*) > 1",
	},
	{
		"positions are taken once, by archived events, too",
		"SELECT 'position ' || position || ' is taken ' || count(*) || ' times' FROM " + everyEvent + " v GROUP BY position HAVING count(*) > 1",
	},
	{
		"versions count an aggregate's events from 1 without gaps, archived ones, too",
		`SELECT a.aggregate_type || ' ' || a.aggregate_id || ' has ' || a.events || ' events of ' || a.versions || ' versions, ' || a.low || ' to ' || a.high
		FROM (SELECT aggregate_type, aggregate_id, count(*) AS events, count(DISTINCT aggregate_version) AS versions,
			min(aggregate_version) AS low, max(aggregate_version) AS high FROM ` + everyEvent + ` v GROUP BY aggregate_type, aggregate_id) a
		WHERE a.low <> 1 OR a.high <> a.events OR a.versions <> a.events`,
	},
	{
		"the next position is behind all that are taken",
		"SELECT 'position ' || max(position) || ' is taken, and ' || {last position} || ' was the last one given' FROM " + everyEvent + " v HAVING max(position) > {last position}",
	},
	{
		"a lease of an event has a token and an end, and is an attempt",
		`SELECT 'event ' || event_id FROM {event_queue}
		WHERE (lease_token IS NULL) <> (lease_until IS NULL) OR attempts < 0 OR lease_token IS NOT NULL AND attempts < 1`,
	},
	{
		// Nobody need have let it go on, if what was before it was marked by one who claims in no order.
		"a held event is looked at again, a minute later at the latest",
		"SELECT 'event ' || event_id FROM {event_queue} WHERE is_held AND (available_at IS NULL OR available_at > {clock} + {minute})",
	},
	{
		"a consumer is at a position that an event has had",
		"SELECT 'consumer ' || name || ' is at ' || position || ', and ' || {last position} || ' was the last one given' FROM {event_consumers} WHERE position > {last position}",
	},
}
