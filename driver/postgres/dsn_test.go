package postgres_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver/postgres"
)

// FuzzDSN: a password, however it is written, is read as the password or the DSN is refused; no error, and
// nothing that errors tell of a connection, holds any of it. All else is the same with another password.
func FuzzDSN(f *testing.F) {
	for _, around := range [][2]string{
		{"", ""},
		{"p@", "ss"},
		{"p/", ""},
		{"?", ""},
		{"1?", ""},
		{"?user=", ""},
		{"#", ""},
		{"1#", ""},
		{"@host/", ""},
		{"@host?a=", ""},
		{":", ":"},
		{"%", "%zz"},
		{"%40", "%2"},
		{"'", "\\"},
		{" ", "\n"},
		{"[::1]", "]"},
		{",", ","},
		{"\x00", "\xff"},
		{"host=", " user=x"},
		{"://", "://"},
		{"a b", ""},
	} {
		for _, rest := range []string{"", "?sslmode=disable", "?sslmode=perhaps", "?application_name=a%40b", "?pool_max_conns=3", "?connect_timeout=x"} {
			f.Add(around[0], around[1], rest)
		}
	}
	f.Fuzz(func(t *testing.T, before, after, rest string) {
		if strings.Contains(rest, "service") || strings.Contains(rest, "file") || strings.Contains(rest, "ssl") && !strings.Contains(rest, "sslmode") {
			return // which reads files
		}
		password := before + canary + after
		quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace
		for form, dsn := range map[string]func(password string) string{
			"as it is": func(p string) string { return "postgres://app:" + p + "@host.example:5432/app" + rest },
			"encoded": func(p string) string {
				return "postgres://" + url.UserPassword("app", p).String() + "@host.example:5432/app" + rest
			},
			"key=value": func(p string) string { return "host=host.example user=app password='" + quote(p) + "' dbname=app" },
		} {
			got, err := postgres.Parse(dsn(password))
			if err != nil {
				wantNoCanary(t, err)
				continue
			}
			if strings.Contains(told(got), canary) {
				t.Errorf("%s: a part of the password is told: %s", form, told(got))
			}
			if form != "as it is" && got.ConnConfig.Password != password {
				t.Errorf("%s: got the password %q, want %q", form, got.ConnConfig.Password, password)
			}
			if form == "as it is" {
				continue // with another password it may be another DSN
			}
			other, err := postgres.Parse(dsn("another"))
			if err != nil {
				t.Errorf("%s: refused with another password: %v", form, err)
			} else if told(other) != told(got) {
				t.Errorf("%s: with another password it is %s, want %s", form, told(other), told(got))
			}
		}
	})
}

// told is all that is known of a connection but the password.
func told(settings *pgxpool.Config) string {
	c := settings.ConnConfig
	text := fmt.Sprint(c.Host, c.Port, c.Database, c.User, c.ConnectTimeout, settings.MaxConns, settings.MinConns)
	for _, fallback := range c.Fallbacks {
		text += fmt.Sprint(" ", fallback.Host, fallback.Port)
	}
	for _, key := range slices.Sorted(maps.Keys(c.RuntimeParams)) {
		if key != "application_name" {
			text += fmt.Sprintf(" %q", key)
		}
		text += fmt.Sprintf(" %q", c.RuntimeParams[key])
	}
	return text
}
