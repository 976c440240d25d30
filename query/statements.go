package query

import (
	"fmt"
	"reflect"
)

// Statements returns every statement that the store can send, by name: for reviews and tests. Those
// that select columns stand for all choices of them.
func (s *Store) Statements() map[string]string {
	statements := map[string]string{}
	sql := reflect.ValueOf(s.shared.eventSQL).Elem()
	for i := range sql.NumField() {
		name := "events." + sql.Type().Field(i).Name
		switch field := sql.Field(i); field.Kind() {
		case reflect.String:
			statements[name] = field.String()
		case reflect.Slice:
			for j := range field.Len() {
				statements[fmt.Sprintf("%s[%d]", name, j)] = field.Index(j).String()
			}
		}
	}
	statements["events.lock"] = s.shared.eventSQL.locks.statement(waitingColumns, false)
	statements["events.lockSkipping"] = s.shared.eventSQL.locks.statement(waitingColumns, true)
	return statements
}
