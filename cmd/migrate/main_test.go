package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestMigrate(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "app.db")
	for _, step := range []struct {
		args   string
		code   int
		stdout string // what it prints, or a part of what it complains about
		stderr string
	}{
		{"verify", 1, "", "name the schemas with -schema"},
		{"-schema tenant_a,tenant_b verify", 1, "tenant_a\tversion 0 of 6\ntenant_b\tversion 0 of 6\n", "-schema tenant_b up"},
		{"-schema tenant_a,tenant_b up", 0, "tenant_a\tversion 6 of 6\ntenant_b\tversion 6 of 6\n", ""},
		{"verify", 0, "tenant_a\tversion 6 of 6\ntenant_b\tversion 6 of 6\n", ""},
		{"-schema tenant_a -to 0 down", 0, "tenant_a\tversion 0 of 6\n", ""},
		{"-schema tenant_a version", 0, "tenant_a\tversion 0 of 6\n", ""},
		{"-schema Tenant version", 1, "", "schema must be"},
		{"-role app grants", 1, "", "a sqlite database has no roles"},
		{"grants", 2, "", usage},
		{"-role app up", 2, "", usage},
		{"-to 0 down", 2, "", usage},
		{"-to 0 up", 2, "", usage},
		{"sideways", 2, "", usage},
		{"", 2, "", usage},
	} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), append([]string{"-dsn", dsn}, strings.Fields(step.args)...), &stdout, &stderr)
		if code != step.code || stdout.String() != step.stdout || !strings.Contains(stderr.String(), step.stderr) {
			t.Errorf("migrate %s: exit %d, printed %q and %q; want exit %d, %q and something with %q",
				step.args, code, stdout.String(), stderr.String(), step.code, step.stdout, step.stderr)
		}
	}
}

func TestMigrateNamesWhatItCannotReach(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"-dsn", "postgres://app:canary-7f3a@127.0.0.1:1/app?sslmode=disable", "version"}, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "unavailable") || strings.Contains(stderr.String(), "canary-7f3a") {
		t.Errorf("exit %d, complaint %q; want 1, the reason and no password", code, stderr.String())
	}
}
