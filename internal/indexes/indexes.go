// Package indexes says what each index of the backends' schemas is there for. Tests of the backends hold
// it against the catalog and against the plans of the statements.
package indexes

import (
	"maps"
	"strings"
)

// Needed has the indexes of all backends, each with the statements of query/testdata that it is there for,
// by their names.
//
// Those whose names end in _key or _pkey also keep a rule of the data, which is why they are unique.
var Needed = map[string]string{
	"events_aggregate_key":   "events.save events.lastVersion events.lastVersions events.byAggregate",
	"events_id_key":          "events.save events.byID events.exists events.takenID deliveries.fanOut",
	"events_type_idx":        "events.byType events.countByType",
	"events_context_idx":     "events.byContext",
	"events_no_context_idx":  "events.withoutContext",
	"events_correlation_idx": "events.byCorrelation",

	"event_queue_id_pkey":       "events.mark[0][0] claims.ack.Statements[0] claims.extend claims.release claims.retry claims.hold",
	"event_queue_fresh_idx":     "claims.claim claims.claimInOrder claims.anyReady claims.nextReady events.lock events.lockSkipping events.queuePage",
	"event_queue_due_idx":       "claims.claim claims.claimInOrder claims.anyReady claims.nextReady events.lock events.lockSkipping",
	"event_queue_later_idx":     "events.queuePage",
	"event_queue_held_idx":      "claims.unhold",
	"event_queue_aggregate_idx": "claims.claimInOrder claims.hold claims.unhold claims.unholdHeads claims.releaseLater claims.holdLater claims.fenceLater",

	"event_dead_letters_pkey":          "events.mark[1][0] deadLetters.byID deadLetters.mark.Statements[0] deadLetters.requeue.Statements[0]",
	"event_dead_letters_dead_idx":      "deadLetters.list",
	"event_dead_letters_aggregate_idx": "claims.claimInOrder claims.hold claims.unholdHeads",

	"event_consumers_pkey": "consumers.get consumers.lock consumers.forget",

	"webhook_endpoints_pkey":        "endpoints.table.byID deliveries.policy deliveries.lockEndpoint endpoints.used",
	"webhook_endpoints_context_idx": "endpoints.byContext.all endpoints.withoutContext.all",
	"webhook_endpoints_created_idx": "endpoints.active.all endpoints.active.active",
	"webhook_endpoints_key_idx":     "endpoints.outdated",

	"webhook_event_types_pkey":           "eventTypes.table.byID subscriptions.matching",
	"webhook_event_types_event_type_key": "eventTypes.byEventType subscriptions.matching",
	"webhook_event_types_category_idx":   "eventTypes.byCategory.all eventTypes.enabled.all",

	"webhook_subscriptions_pkey":           "subscriptions.table.byID subscriptions.table.updateRow subscriptions.triggered",
	"webhook_subscriptions_matching_idx":   "subscriptions.matching subscriptions.matchingOfContext",
	"webhook_subscriptions_type_idx":       "subscriptions.byEventType.all",
	"webhook_subscriptions_endpoint_idx":   "subscriptions.byEndpoint.all",
	"webhook_subscriptions_context_idx":    "subscriptions.byContext.all subscriptions.withoutContext.all",
	"webhook_subscriptions_created_idx":    "subscriptions.all.all subscriptions.all.active",
	"webhook_subscriptions_event_type_idx": ForeignKey,

	"webhook_deliveries_pkey":         "deliveries.table.byID deliveries.forUpdate deliveries.advance deliveries.release deliveries.withAttempts",
	"webhook_deliveries_original_key": "deliveries.table.insertExplained",
	"webhook_deliveries_due_idx":      "deliveries.claim deliveries.due",
	"webhook_deliveries_open_idx":     "endpoints.cancelDeliveries endpoints.park endpoints.unpark",
	"webhook_deliveries_endpoint_idx": "deliveries.byEndpoint deliveries.daily deliveries.responseTimes deliveries.timeouts",
	"webhook_deliveries_failed_idx":   "deliveries.failedSince",
	"webhook_deliveries_event_idx":    "deliveries.byEvent archiving.delivering archiving.reserve",
	"webhook_deliveries_replay_idx":   "deliveries.failedSince",

	"webhook_delivery_attempts_pkey": "deliveries.withAttempts deliveries.responseTimes",

	"event_actions_pkey":             "actions.table.byID actions.addStatistics executions.finish",
	"event_actions_order_idx":        "actions.all.all actions.all.active",
	"event_actions_handler_idx":      "actions.byHandler.all",
	"event_actions_tenant_idx":       "actions.byTenant.all actions.tenantless.all",
	"event_action_types_pkey":        "actions.ofTenant actions.withoutTenant",
	"event_action_types_action_idx":  "actions.deleteTypes",
	"action_executions_pkey":         "executions.table.byID executions.forUpdate executions.finish executions.retried",
	"action_executions_retry_of_key": "executions.table.insertExplained",

	"action_executions_action_idx":        "executions.byAction executions.counts executions.durations",
	"action_executions_action_status_idx": "executions.byStatusOfAction actions.cancelExecutions actions.forgetRetries",
	"action_executions_status_idx":        "executions.byStatus",
	"action_executions_created_idx":       "executions.recent executions.deleteOld executions.countsOfAll executions.durationsOfAll",
	"action_executions_open_idx":          "executions.claim",
	"action_executions_retry_idx":         "executions.failed",

	"event_archives_pkey":         "archives.table.byID archiving.lock archiving.extend",
	"event_archives_status_idx":   "archives.byStatus archiving.abandoned",
	"event_archives_events_idx":   "archives.byTime",
	"event_archives_position_idx": "archives.byPosition",
	"event_archives_expiry_idx":   "archives.expired",

	"event_archiving_archive_idx": "archiving.page archiving.keep archiving.remove archiving.forget archiving.letGo archiving.reserved",

	"event_keys_pkey":          "events.archivedIn archiving.restorable events.conflict",
	"event_keys_aggregate_key": "archives.byAggregate events.lastVersion events.conflict",

	"event_archive_rules_pkey":     "archiveRules.table.byID archiveRules.ran archiveRules.extend",
	"event_archive_rules_name_key": "archiveRules.byName archiveRules.all.all archiveRules.all.active",
	"event_archive_rules_due_idx":  "archiveRules.due archiveRules.claim",

	"event_archive_jobs_pkey":       "archiveJobs.table.byID archiveJobs.count archiveJobs.start",
	"event_archive_jobs_status_idx": "archiveJobs.byStatus",
	"event_archive_jobs_rule_idx":   "archiveJobs.byRule",
	"event_archive_jobs_failed_idx": "archiveJobs.failed",
	"event_archive_jobs_ended_idx":  "archiveJobs.deleteOld",

	"event_archive_objects_name_key": "archiveObjects.get archiveObjects.list archiveObjects.listFrom archiveObjects.read",
	"event_archive_objects_pkey":     ForeignKey,
	"event_archive_chunks_pkey":      "archiveObjects.read",
}

// ReadsAll has the statements that may read a whole table: those that count all of its rows, and those that
// look at what is few (consumers, keys, archives), or whether there is a row at all.
var ReadsAll = []string{
	"events.countUnprocessed", "events.countProcessing", "archives.stats", "archiving.measure",
	"archiving.unread", "archiving.reserve", "consumers.list", "unknownKey", "events.reserve",
	"detaching.obstacle", "detaching.obstaclePastConsumers", "detaching.moved", "events.archivedIn",
}

// What an index is there for that no statement looks into by itself: a foreign key, to find the row that
// refers or is referred to; or that there is no row twice.
const (
	ForeignKey = "(foreign key)"
	Unique     = "(unique)"
)

// With returns Needed with other lines for some of the indexes, without those whose line is empty.
func With(more map[string]string) map[string]string {
	all := maps.Clone(Needed)
	maps.Copy(all, more)
	maps.DeleteFunc(all, func(_, line string) bool { return line == "" })
	return all
}

// Statements returns the statements that a line of Needed names.
func Statements(line string) []string {
	if line == ForeignKey || line == Unique {
		return nil
	}
	return strings.Fields(line)
}
