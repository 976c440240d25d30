package migrate

import (
	"strings"
	"text/template"

	"github.com/neomultitenant/neoevents/driver"
)

// maxRole is the longest name that PostgreSQL does not cut.
const maxRole = 63

// Grants returns the statements that give a role what an app needs on a schema, and no more: it can't create, alter,
// drop or truncate anything. They are to be run by the role that migrated the schema, after each migration;
// running them again does no harm. docs/permissions.md tells more. Nothing is sent to the database.
//
// Errors: ErrInvalid for a schema name, for a role without a name or with one that PostgreSQL can't keep, and for a
// database that has no roles, as SQLite.
func Grants(db driver.DB, schema, role string) (script string, err error) {
	err = each(db, []string{schema}, func(t Target, schema string) error {
		text, failed := files.ReadFile("sql/" + t.MigrationDialect() + "/grants.sql")
		reason := ""
		switch {
		case failed != nil:
			reason = "is of no use: a " + t.MigrationDialect() + " database has no roles; who may read and write its file may do all"
		case role == "" || len(role) > maxRole || strings.Contains(role, "\x00"):
			reason = "must be the name of a role, 1 to 63 bytes"
		}
		if reason != "" {
			return fail("migrate.Grants", schema, &driver.InvalidError{Field: "role", Reason: reason})
		}
		granted, err := execute("grants.sql", text, template.FuncMap{
			"schema": func() string { return identifier(schema) },
			"role":   func() string { return identifier(role) },
			"table":  func(name string) string { return t.MigrationTable(schema, name) },
		})
		if err == nil {
			script = granted.String()
		}
		return err
	})
	return script, err
}

// identifier is a name as it stands in a statement, whatever it is. In a comment it would end with the first line break.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
