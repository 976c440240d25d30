package invariants

import "slices"

// harm breaks a rule, in the braces of rules.
type harm struct {
	rule  string // how it begins
	named string // where a rule has several
	on    string // one backend only: the other can't hold it
	first string // what is in the way
	harm  string // changes a row, at least
}

const firstEvent = "(SELECT id FROM {events} WHERE position = (SELECT min(position) FROM {event_queue}))"

// harms are what the test does to a schema that is filled.
var harms = []harm{
	{rule: "an event is in exactly one state", named: "in none", harm: "DELETE FROM {event_processed} WHERE position = (SELECT min(position) FROM {event_processed})"},
	{rule: "an event is in exactly one state", named: "in two", harm: "INSERT INTO {event_processed} (position, processed_at) SELECT position, {clock} FROM {event_queue} LIMIT 1"},
	{rule: "an event is in exactly one state", named: "a dead letter that waits", harm: `INSERT INTO {event_dead_letters} (event_id, position, event_type, aggregate_type, aggregate_id, aggregate_version, attempts, reason, dead_at)
		SELECT event_id, position, event_type, aggregate_type, aggregate_id, aggregate_version, 0, '', {clock} FROM {event_queue} LIMIT 1`},
	{rule: "what waits in the queue is an event", named: "gone", harm: "DELETE FROM {events} WHERE id = " + firstEvent},
	{rule: "what waits in the queue is an event", named: "another version", harm: "UPDATE {event_queue} SET aggregate_version = 100 WHERE event_id = " + firstEvent},
	{rule: "what is processed is an event", harm: "INSERT INTO {event_processed} (position, processed_at) VALUES (0, {clock})"},
	{rule: "a dead letter is an event", harm: "UPDATE {event_dead_letters} SET event_type = 'order.changed'"},
	{rule: "an event is in the store or in an archive", harm: `INSERT INTO {event_keys} (position, aggregate_version, event_id, archive_id, aggregate_id, aggregate_type)
		SELECT e.position, e.aggregate_version, e.id, (SELECT id FROM {event_archives} LIMIT 1), e.aggregate_id, e.aggregate_type FROM {events} e WHERE e.id = ` + firstEvent},
	{rule: "ids are taken once", harm: "UPDATE {events} SET id = (SELECT event_id FROM {event_keys} LIMIT 1) WHERE id = " + firstEvent},
	{rule: "positions are taken once", harm: "UPDATE {event_keys} SET position = (SELECT min(position) FROM {events}) WHERE position = (SELECT min(position) FROM {event_keys})"},
	{rule: "versions count an aggregate's events", named: "a gap", harm: "UPDATE {events} SET aggregate_version = 9 WHERE id = " + firstEvent},
	{rule: "versions count an aggregate's events", named: "an archived one is missing", harm: "DELETE FROM {event_keys} WHERE aggregate_version = 2"},
	{rule: "the next position is behind all", on: "sqlite", harm: "UPDATE sqlite_sequence SET seq = 1 WHERE name = {schema} || '__events'"},
	{rule: "the next position is behind all", on: "postgres", harm: "SELECT setval('{sequence}', 1)"},
	{rule: "a lease of an event has a token", named: "no token", harm: "UPDATE {event_queue} SET lease_token = NULL"},
	{rule: "a lease of an event has a token", named: "no attempt", harm: "UPDATE {event_queue} SET attempts = 0 WHERE lease_token IS NOT NULL"},
	{rule: "a held event is looked at again", harm: "UPDATE {event_queue} SET available_at = {clock} + 60 * {minute} WHERE is_held"},
	{rule: "a consumer is at a position", harm: "UPDATE {event_consumers} SET position = 100000"},

	{rule: "an endpoint that fails has failed since", harm: "UPDATE {webhook_endpoints} SET failing_since = NULL"},
	{rule: "an endpoint counts the deliveries that failed", named: "too many", harm: "UPDATE {webhook_endpoints} SET consecutive_failures = consecutive_failures + 1, failing_since = {clock}"},
	{rule: "an endpoint counts the deliveries that failed", named: "too few", harm: "UPDATE {webhook_endpoints} SET consecutive_failures = consecutive_failures - 1 WHERE revision = 1 AND consecutive_failures > 1"},
	{rule: "an endpoint that was disabled", harm: "UPDATE {webhook_endpoints} SET is_active = TRUE WHERE disabled_at IS NOT NULL"},
	{rule: "an endpoint is verified since", harm: "UPDATE {webhook_endpoints} SET verified_at = NULL"},
	{rule: "attempts are numbered from 1", named: "one is missing", harm: "DELETE FROM {webhook_delivery_attempts} WHERE number = 1"},
	{rule: "attempts are numbered from 1", named: "one is counted more", harm: "UPDATE {webhook_deliveries} SET attempt_count = attempt_count + 1 WHERE status = 'success'"},
	{rule: "attempts are numbered from 1", named: "a gap", harm: "UPDATE {webhook_delivery_attempts} SET number = 3 WHERE number = 2"},
	{rule: "a delivery is what its attempts make of it", named: "succeeded without a success", harm: "UPDATE {webhook_delivery_attempts} SET status = 'failed'"},
	{rule: "a delivery is what its attempts make of it", named: "failed too early", harm: "UPDATE {webhook_deliveries} SET max_attempts = 10"},
	{rule: "a delivery is what its attempts make of it", named: "one attempt too many", harm: "UPDATE {webhook_deliveries} SET max_attempts = 1 WHERE status = 'retrying'"},
	{rule: "a delivery is what its attempts make of it", named: "pending again", harm: "UPDATE {webhook_deliveries} SET status = 'pending' WHERE status = 'retrying'"},
	{rule: "a delivery that has ended did so some time", named: "no time", harm: "UPDATE {webhook_deliveries} SET completed_at = NULL"},
	{rule: "a delivery that has ended did so some time", named: "not by its last attempt", harm: "UPDATE {webhook_deliveries} SET completed_at = completed_at + {minute}"},
	{rule: "a lease of a delivery", harm: "UPDATE {webhook_deliveries} SET lease_token = id, lease_until = {clock}"},
	{rule: "only what is cancelled", harm: "UPDATE {webhook_deliveries} SET cancel_reason = 'because'"},
	{rule: "no delivery to an active endpoint is parked", harm: "UPDATE {webhook_deliveries} SET is_parked = TRUE"},
	{rule: "a replay is of the same event", harm: "UPDATE {webhook_deliveries} SET event_id = " + firstEvent + " WHERE replay_of IS NOT NULL"},
	{rule: "there is one delivery of an event to an endpoint", first: "DROP INDEX {original key}", harm: "UPDATE {webhook_deliveries} SET replay_of = NULL"},

	{rule: "an action is found by its types", named: "one type less", harm: "DELETE FROM {event_action_types} WHERE event_type = 'user.*'"},
	{rule: "an action is found by its types", named: "one type more", harm: "UPDATE {event_actions} SET event_types = '[\"user.*\"]'"},
	{rule: "an action counts the executions", named: "successes", harm: "UPDATE {event_actions} SET trigger_count = trigger_count + 1, success_count = success_count + 1"},
	{rule: "an action counts the executions", named: "an execution lost", harm: "DELETE FROM {action_executions} WHERE status = 'failed'"},
	{rule: "an action that was triggered", harm: "UPDATE {event_actions} SET last_triggered_at = NULL"},
	{rule: "a lease of an execution", harm: "UPDATE {action_executions} SET lease_token = id, lease_until = {clock}"},
	{rule: "what is to be tried again has failed", named: "tried again", harm: "UPDATE {action_executions} SET retry_at = {clock} WHERE status = 'failed'"},
	{rule: "what is to be tried again has failed", named: "succeeded", harm: "UPDATE {action_executions} SET retry_at = {clock} WHERE status = 'success'"},
	{rule: "a retry is of the same action", harm: "UPDATE {action_executions} SET event_id = " + firstEvent + " WHERE retry_of IS NOT NULL"},

	{rule: "an archive counts the events", named: "a key is missing", harm: "DELETE FROM {event_keys} WHERE position = (SELECT max(position) FROM {event_keys})"},
	{rule: "an archive counts the events", named: "restored, too", harm: "UPDATE {event_archives} SET restored_count = 1 WHERE status = 'completed' AND restored_count = 0"},
	{rule: "the keys of an archive are in its range", harm: "UPDATE {event_archives} SET first_position = 0, last_position = 0"},
	{rule: "an archive in progress has reserved", harm: "DELETE FROM {event_archiving}"},
	{rule: "what is reserved for an archive", harm: "UPDATE {event_archiving} SET position = (SELECT min(position) FROM {event_queue}) WHERE position = (SELECT min(position) FROM {event_archiving})"},
	{rule: "an archive has the times", named: "no time", harm: "UPDATE {event_archives} SET archived_at = NULL"},
	{rule: "an archive has the times", named: "no end of the lease", harm: "UPDATE {event_archives} SET lease_until = NULL"},
	{rule: "an archive in the database has its file", harm: "DELETE FROM {event_archive_objects}"},
	{rule: "a job adds up", harm: "UPDATE {event_archive_jobs} SET events_archived = events_archived + 1"},
	{rule: "a job that began", harm: "UPDATE {event_archive_jobs} SET started_at = {clock} WHERE status = 'pending'"},
	{rule: "an object has the chunks", named: "a chunk is missing", harm: "DELETE FROM {event_archive_chunks}"},
	{rule: "an object has the chunks", named: "a gap", harm: "UPDATE {event_archive_chunks} SET number = number + 1"},
	{rule: "an object has the chunks", named: "too many bytes", harm: "UPDATE {event_archive_objects} SET size_bytes = size_bytes + 1"},

	{rule: "webhook_subscriptions.endpoint_id names", harm: "UPDATE {webhook_subscriptions} SET endpoint_id = id"},
	{rule: "webhook_subscriptions.event_type_id names", harm: "DELETE FROM {webhook_event_types}"},
	{rule: "webhook_deliveries.endpoint_id names", harm: "DELETE FROM {webhook_endpoints}"},
	{rule: "webhook_deliveries.event_id names", named: "of one that is open", harm: "DELETE FROM {events}"},
	{rule: "webhook_deliveries.event_id names", named: "of one that has ended", harm: "UPDATE {webhook_deliveries} SET event_id = id WHERE completed_at IS NOT NULL"},
	{rule: "webhook_deliveries.replay_of names", harm: "DELETE FROM {webhook_deliveries} WHERE replay_of IS NULL"},
	{rule: "webhook_delivery_attempts.delivery_id names", harm: "DELETE FROM {webhook_deliveries}"},
	{rule: "event_action_types.action_id names", harm: "DELETE FROM {event_actions}"},
	{rule: "action_executions.action_id names", harm: "DELETE FROM {event_actions}"},
	{rule: "action_executions.retry_of names", harm: "DELETE FROM {action_executions} WHERE retry_of IS NULL"},
	{rule: "action_executions.event_id names", harm: "UPDATE {action_executions} SET event_id = id"},
	{rule: "event_archiving.archive_id names", harm: "DELETE FROM {event_archives}"},
	{rule: "event_keys.archive_id names", harm: "DELETE FROM {event_archives}"},
	{rule: "event_archive_chunks.object_id names", harm: "DELETE FROM {event_archive_objects}"},
	{
		rule: "a key without an archive", on: "postgres", // where events are partitioned
		first: "ALTER TABLE {event_keys} ALTER archive_id DROP NOT NULL", harm: "UPDATE {event_keys} SET archive_id = NULL",
	},

	{rule: mustBeMigrated, named: "a table", first: "CREATE TABLE {another table} AS SELECT 1 AS id", harm: "UPDATE {another table} SET id = 2"},
	{rule: mustBeMigrated, named: "a view", first: "CREATE VIEW {another table} AS SELECT 1 AS id", harm: "DELETE FROM {event_consumers}"},
	{rule: mustBeMigrated, named: "one less", first: "ALTER TABLE {event_keys} RENAME TO another", harm: "DELETE FROM {event_consumers}"},
	{rule: mustBeSound, named: "a foreign key", on: "sqlite", harm: "UPDATE {webhook_subscriptions} SET endpoint_id = id"},
	{
		rule: mustBeSound, named: "a constraint", on: "sqlite",
		first: "PRAGMA ignore_check_constraints = ON", harm: "UPDATE {event_actions} SET priority = 7",
	},
}

// replacements are what stands in braces in harms only. unhinge lets rows go that others refer to.
var replacements = map[string][]string{
	"postgres": {
		"{original key}", `"acme".webhook_deliveries_original_key`, "{another table}", `"acme"."another"`,
		"{sequence}", `"acme".events_position_seq`, "{hinge}", "",
		"{unhinge}", `DO $$ DECLARE key record; BEGIN
			FOR key IN SELECT conname, conrelid::regclass AS of FROM pg_constraint WHERE contype = 'f' AND connamespace = 'acme'::regnamespace LOOP
				EXECUTE 'ALTER TABLE ' || key.of || ' DROP CONSTRAINT ' || key.conname; END LOOP; END $$`,
	},
	"sqlite": {
		"{original key}", `"acme__webhook_deliveries_original_key"`, "{another table}", `"acme__another"`,
		"{unhinge}", "", // a connection of SQLite keeps to foreign keys only if it is told to
		"{hinge}", "PRAGMA ignore_check_constraints = OFF",
	},
}

// allHarms are those that are written out, and those that follow from what columns are.
func allHarms() []harm {
	all := slices.Clone(harms)
	for _, o := range orders {
		all = append(all, harm{
			rule: o.table + "." + o.then + " is not before " + o.first,
			harm: "UPDATE {" + o.table + "} SET " + o.then + " = " + o.first + " - 60 * {minute} WHERE " + o.first + " IS NOT NULL AND " + o.then + " IS NOT NULL",
		})
	}
	for _, d := range documents {
		all = append(all, harm{rule: d.must(), named: "no JSON", harm: "UPDATE {" + d.table + "} SET " + d.column + " = '{\"a\":'"})
		if d.begins != "" {
			all = append(all, harm{rule: d.must(), named: "another kind", harm: "UPDATE {" + d.table + "} SET " + d.column + " = '1'"})
		}
	}
	return all
}
