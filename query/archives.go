package query

import "github.com/neomultitenant/neoevents/driver"

var archiveMapping = &mapping[driver.Archive]{
	table: archivesTable, repository: "Archives", entity: "x",
	columns: []column[driver.Archive]{{name: "id", at: func(e *driver.Archive) any { return &e.ID }, set: bySave}},
}

type archiveSQL struct {
	table *table[driver.Archive]
}

func newArchiveSQL(s *schemaSQL) *archiveSQL { return &archiveSQL{table: newTable(s, archiveMapping)} }

type archives struct {
	repository[driver.Archive]
	sql *archiveSQL
	store *Store
}
