package postgres

import (
	"context"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/sqltexts"
	"github.com/neomultitenant/neoevents/migrate"
	"github.com/neomultitenant/neoevents/query"
)

// Parse reads a DSN without connecting.
var Parse = parse

// Empty removes all rows of a schema: of the youngest tables first, as they refer to older ones. It deletes them, which
// is faster than TRUNCATE for the few of most tests, but leaves them to be walked past: what has grown is truncated.
func Empty(ctx context.Context, on driver.DB, schema string) error {
	conn, err := on.(*db).acquire(ctx, schema)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().Exec(ctx, fmt.Sprintf(`DO $$
DECLARE t regclass;
BEGIN
	FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = '%s' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '%s' ORDER BY c.oid DESC
	LOOP
		IF pg_relation_size(t) > 100000 THEN
			EXECUTE 'TRUNCATE ' || t || ' CASCADE';
		ELSE
			EXECUTE 'DELETE FROM ' || t;
		END IF;
	END LOOP;
END $$`, schema, migrate.VersionTable)).ReadAll()
	return err
}

// Recorded is a Store of the same schema whose statements are written down.
func Recorded(on driver.DB, store driver.Store, texts *sqltexts.Texts) driver.Store {
	return store.(*query.Store).On(sqltexts.Recorder{Executor: &executor{on.(*db), store.Schema()}, Texts: texts})
}
