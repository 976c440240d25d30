package query

import (
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Statements returns every statement that the store can send, by name: for reviews and tests. Those
// that select columns stand for all choices of them.
func (s *Store) Statements() map[string]string {
	statements := map[string]string{}
	shared := s.shared
	collect(statements, "now", reflect.ValueOf(shared.nowSQL))
	collect(statements, "unknownKey", reflect.ValueOf(shared.unknownKeySQL))
	collect(statements, "events", reflect.ValueOf(shared.eventSQL))
	collect(statements, "horizon", reflect.ValueOf(shared.horizon.sql))
	collect(statements, "claims", reflect.ValueOf(shared.claimSQL()))
	collect(statements, "deadLetters", reflect.ValueOf(shared.deadLetterSQL()))
	collect(statements, "consumers", reflect.ValueOf(shared.consumerSQL()))
	collect(statements, "endpoints", reflect.ValueOf(shared.endpointSQL()))
	collect(statements, "eventTypes", reflect.ValueOf(shared.eventTypeSQL()))
	collect(statements, "subscriptions", reflect.ValueOf(shared.subscriptionSQL()))
	collect(statements, "deliveries", reflect.ValueOf(shared.deliverySQL()))
	collect(statements, "actions", reflect.ValueOf(shared.actionSQL()))
	collect(statements, "executions", reflect.ValueOf(shared.executionSQL()))
	collect(statements, "archives", reflect.ValueOf(shared.archiveSQL()))
	collect(statements, "archiving", reflect.ValueOf(shared.archivingSQL()))
	collect(statements, "detaching", reflect.ValueOf(shared.detachingSQL()))
	collect(statements, "archiveRules", reflect.ValueOf(shared.archiveRuleSQL()))
	collect(statements, "archiveJobs", reflect.ValueOf(shared.archiveJobSQL()))
	collect(statements, "archiveObjects", reflect.ValueOf(shared.archiveObjectSQL()))

	statements["events.lock"] = shared.eventSQL.locks.statement(waitingColumns, false)
	statements["events.lockSkipping"] = shared.eventSQL.locks.statement(waitingColumns, true)
	claims := shared.claimSQL()
	for name, choice := range map[string]claimChoice{
		"claim": {}, "claimOfTypes": {typed: true}, "claimInOrder": {ordered: true}, "claimInOrderOfTypes": {typed: true, ordered: true},
	} {
		choice.columns = waitingColumns
		statements["claims."+name] = claims.claimStatement(choice)
	}
	statements["claims.hold"] = claims.holdStatement(false)
	statements["claims.holdOfTypes"] = claims.holdStatement(true)
	if !shared.dialect.WritableCTE {
		statements["claims.leased"] = claims.leasedStatement(waitingColumns)
	}
	if shared.partitioning != nil {
		shared.detachingSQL().sample(statements)
	}
	statements["deadLetters.list"] = shared.deadLetterSQL().list(nil)
	statements["archiving.reserve"], _ = shared.archivingSQL().reserveStatement(driver.ArchiveCriteria{OccurredBefore: time.Unix(1, 0)})
	columns := subscriptionMapping.names("")
	statements["subscriptions.matching"] = shared.subscriptionSQL().matchStatement(columns, false)
	statements["subscriptions.matchingOfContext"] = shared.subscriptionSQL().matchStatement(columns, true)
	return statements
}

// MatchingStatement returns the statement of Subscriptions.GetMatching for some columns, with a
// context or without one: for reviews and tests.
func (s *Store) MatchingStatement(columns []driver.SubscriptionColumn, ofContext bool) string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = string(column)
	}
	return s.shared.subscriptionSQL().matchStatement(names, ofContext)
}

var isStatement = regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH) `)

// collect adds the statements in a value, and in its fields, under their names.
func collect(statements map[string]string, name string, value reflect.Value) {
	switch value.Kind() {
	case reflect.String:
		if text := value.String(); isStatement.MatchString(text) {
			statements[name] = text
		}
	case reflect.Slice:
		for i := range value.Len() {
			collect(statements, fmt.Sprintf("%s[%d]", name, i), value.Index(i))
		}
	case reflect.Pointer:
		collect(statements, name, value.Elem())
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if !field.Anonymous { // what is embedded is shared with others
				collect(statements, name+"."+field.Name, value.Field(i))
			}
		}
	}
}
