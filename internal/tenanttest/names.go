package tenanttest

import (
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// Names returns n names of schemas, all different, that are as easily taken for each other as names can be. The
// first ones are of all kinds.
func Names(n int) []string {
	longest := strings.Repeat("x", 46)
	kinds := [][]string{
		{"a", "a-b", "a_b", "ab", "a-", "_a", "-a", "a-b-c", "a_b_c", "a-b_c", "a_b-c", "-", "--", "---"},
		// What looks like a table of another tenant, or like a table, an index or a partition.
		{"a_events", "a-events", "events", "event_queue", "a_event_queue", "a-event-queue", "a_webhook_endpoints", "events_p0", "events_pkey", "neoevents_migrations", "neoevents"},
		// Words of SQL, and schemas and databases that are there anyway.
		{"select", "public", "main", "temp", "from", "table", "user", "order", "group", "all", "null", "true", "default", "index", "drop", "schema", "postgres", "pg", "pg-catalog", "information-schema", "current_user", "rowid"},
		// As long as can be, and different at the very end.
		{longest + "ax", longest + "ay", longest + "a-", longest + "a0", longest + "_a", longest + "-a", longest + "aa", longest + "a", longest},
		// Digits first, and numbers.
		{"0", "00", "007", "7", "1e5", "0x1", "9a", "9-a", "9_a", "-1", "1-1", "1_1"},
	}
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if len(names) < n && !seen[name] && driver.ValidateSchema(name) == nil {
			names, seen[name] = append(names, name), true
		}
	}
	for i := 0; i < 30; i++ {
		for _, kind := range kinds {
			if i < len(kind) {
				add(kind[i])
			}
		}
	}
	// The beginnings of one name, each the prefix of the next, and then all words of few letters.
	for i := range longest {
		add(("tenant-acme_corp-" + longest)[:i+1])
	}
	for words := []string{""}; len(names) < n; {
		var longer []string
		for _, word := range words {
			for _, letter := range "a-_1" {
				longer = append(longer, word+string(letter))
				add(word + string(letter))
			}
		}
		words = longer
	}
	return names
}
