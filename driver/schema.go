package driver

import (
	"regexp"
	"strconv"
	"strings"
)

var schemaPattern = regexp.MustCompile(`^[a-z0-9_-]{1,48}$`)

// ValidateSchema reports whether name can be a schema on every backend: 1 to 48 of a–z, 0–9, "_"
// and "-"; not "information_schema", not "sqlite" or beginning with "pg_" or "sqlite_", which databases
// keep for themselves; no "__" and no "_" at the end, which separate the schema from the table
// where a backend has no schemas.
func ValidateSchema(name string) error {
	reason := ""
	switch {
	case name == "":
		reason = "is empty; name the tenant's schema, such as tenant_acme"
	case !schemaPattern.MatchString(name):
		reason = "must be 1 to 48 characters of a-z, 0-9, _ and -"
	case strings.HasPrefix(name, "pg_"), strings.HasPrefix(name, "sqlite_"), name == "information_schema", name == "sqlite":
		reason = "is a name that databases keep for themselves"
	case strings.Contains(name, "__"), strings.HasSuffix(name, "_"):
		reason = "must not contain __ or end with _"
	default:
		return nil
	}
	key := strconv.Quote(name[:min(len(name), 64)])
	return &Error{Op: "ValidateSchema", Entity: "schema", Key: key, Kind: ErrInvalid, Err: &InvalidError{Field: "schema", Reason: reason}}
}
