package query

type archivingSQL struct{}

func newArchivingSQL(s *schemaSQL) *archivingSQL { return &archivingSQL{} }
