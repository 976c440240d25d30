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

// FuzzValidateSchema: what is accepted is 1 to 48 of the characters that are allowed, and no table of one
// schema can be taken for a table of another one where the schema is a prefix.
func FuzzValidateSchema(f *testing.F) {
	for _, names := range [][2]string{
		{"tenant_acme", "tenant-acme"},
		{"a", "a_b"},
		{"a", "a__b"},
		{"a_", "a"},
		{"acme", "ACME"},
		{"a", "a-"},
		{"pg_a", "pga"},
		{"a\x00", "a"},
		{"sqlite_a", "information_schema"},
		{"", " "},
		{"events", "a-_b"},
		{"ı", "i\n"},
		{strings.Repeat("a", 48), strings.Repeat("a", 49)},
	} {
		f.Add(names[0], names[1])
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		for _, name := range []string{one, other} {
			err := driver.ValidateSchema(name)
			if want := simplySchema(name); (err == nil) != want {
				t.Fatalf("%q: got error %v, want one: %t", name, err, !want)
			}
			if err != nil {
				wantInvalid(t, name, err, "schema")
			}
		}
		if one != other && simplySchema(one) && simplySchema(other) && strings.HasPrefix(one+"__", other+"__") {
			t.Errorf("the tables of %q look like ones of %q", one, other)
		}
	})
}

// simplySchema is the rule, spelled out.
func simplySchema(name string) bool {
	for _, c := range []byte(name) {
		if !strings.Contains("abcdefghijklmnopqrstuvwxyz0123456789_-", string(rune(c))) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 48 && !strings.HasPrefix(name, "pg_") && !strings.HasPrefix(name+"_", "sqlite_") &&
		name != "information_schema" && !strings.Contains(name, "__") && name[len(name)-1] != '_'
}
