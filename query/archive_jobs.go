package query

import "github.com/neomultitenant/neoevents/driver"

var archiveJobMapping = &mapping[driver.ArchiveJob]{
	table: archiveJobsTable, repository: "ArchiveJobs", entity: "x",
	columns: []column[driver.ArchiveJob]{{name: "id", at: func(e *driver.ArchiveJob) any { return &e.ID }, set: bySave}},
}

type archiveJobSQL struct {
	table *table[driver.ArchiveJob]
}

func newArchiveJobSQL(s *schemaSQL) *archiveJobSQL { return &archiveJobSQL{table: newTable(s, archiveJobMapping)} }

type archiveJobs struct {
	repository[driver.ArchiveJob]
	sql *archiveJobSQL
}
