package driver_test

import (
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

func TestSchemaNamesThatAreFine(t *testing.T) {
	for _, name := range []string{
		"a", "7", "-", "tenant_acme", "tenant-acme", "acme-", "-acme", "_acme", "a_b_c", "a-_-b", "public", "pgacme", "pg-acme", "sqlite-acme",
		"information_schema2", "018f3a7e-9d2b-7c3a-8f1e-0123456789ab", "select", strings.Repeat("a", 48),
	} {
		if err := driver.ValidateSchema(name); err != nil {
			t.Errorf("%q: got error %v, want none", name, err)
		}
	}
}

func TestSchemaNamesThatAreRefused(t *testing.T) {
	const (
		empty      = "is empty"
		characters = "1 to 48 characters"
		reserved   = "databases keep for themselves"
		separator  = "__"
	)
	for name, reason := range map[string]string{
		"":                       empty,
		strings.Repeat("a", 49):  characters,
		"Acme":                   characters,
		"acme corp":              characters,
		" acme":                  characters,
		"acme\n":                 characters,
		"acme.eu":                characters,
		"acme/eu":                characters,
		"acme;drop table events": characters,
		`acme"`:                  characters,
		"acme'":                  characters,
		"acme%":                  characters,
		"acme\x00":               characters,
		"\xff":                   characters,
		"äcme":                   characters,
		"acme²":                  characters,
		"pg_acme":                reserved,
		"pg_":                    reserved,
		"sqlite_acme":            reserved,
		"sqlite":                 reserved, // its tables would be sqlite__events
		"information_schema":     reserved,
		"acme__eu":               separator,
		"__acme":                 separator,
		"acme_":                  separator,
		"_":                      separator,
	} {
		err := driver.ValidateSchema(name)
		wantInvalid(t, name, err, "schema")
		if err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: the error is %q, want it to tell %q", name, err, reason)
		}
	}
}
