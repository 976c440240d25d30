package invariants

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
	_ "modernc.org/sqlite"             // the database/sql driver "sqlite"
)

// Open opens a database to be checked, around package driver. The DSN is one of package driver's.
func Open(backend, dsn string) (*sql.DB, error) {
	if backend == "sqlite" {
		return sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
	}
	return sql.Open("pgx", dsn)
}

// CheckAll checks several schemas, and returns an error that tells all that must not be.
func CheckAll(ctx context.Context, db *sql.DB, backend string, schemas []string) error {
	var found []error
	for _, schema := range schemas {
		broken, err := Check(ctx, db, backend, schema)
		if err != nil {
			return err
		}
		for _, what := range broken {
			found = append(found, errors.New(what))
		}
	}
	return errors.Join(found...)
}
