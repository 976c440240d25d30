package query


type archiveObjectSQL struct{}

func newArchiveObjectSQL(s *schemaSQL) *archiveObjectSQL { return &archiveObjectSQL{} }

type archiveObjects struct {
	*shared
	sql  *archiveObjectSQL
	exec Executor
}
