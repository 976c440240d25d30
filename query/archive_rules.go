package query

import "github.com/neomultitenant/neoevents/driver"

var archiveRuleMapping = &mapping[driver.ArchiveRule]{
	table: archiveRulesTable, repository: "ArchiveRules", entity: "x",
	columns: []column[driver.ArchiveRule]{{name: "id", at: func(e *driver.ArchiveRule) any { return &e.ID }, set: bySave}},
}

type archiveRuleSQL struct {
	table *table[driver.ArchiveRule]
}

func newArchiveRuleSQL(s *schemaSQL) *archiveRuleSQL { return &archiveRuleSQL{table: newTable(s, archiveRuleMapping)} }

type archiveRules struct {
	repository[driver.ArchiveRule]
	sql *archiveRuleSQL
}
