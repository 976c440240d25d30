package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
)

// errDSN tells not even the cause: it may quote a part of the password.
var errDSN = &driver.InvalidError{Field: "dsn", Reason: "can't be read; " +
	"use postgres://user:password@host:port/database?sslmode=require with special characters percent-encoded, or host=… user=… dbname=…"}

// parse reads a DSN.
func parse(dsn string) (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(dsn)
	if err != nil || passwordIsCut(dsn) {
		return nil, errDSN
	}
	return settings, nil
}

// passwordIsCut reports a URL with an @ other than the one before its host. That is one in a password, or the one
// behind a password with a "/", "?" or "#", not percent-encoded: a part of it would be taken for a host, a
// database or a setting, which errors tell.
func passwordIsCut(dsn string) bool {
	scheme, rest, found := strings.Cut(dsn, "://")
	if !found || scheme != "postgres" && scheme != "postgresql" {
		return false
	}
	authority := len(rest)
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = end
	}
	return strings.Count(rest[:authority], "@") > 1 || strings.Contains(rest[authority:], "@")
}
