package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// The power cut is worth as much as what it finds: without fsync on each commit, what was acknowledged goes.
func TestAPowerCutFindsWhatWasNotSynced(t *testing.T) {
	f := fault{name: "power-cut", backend: "sqlite", begin: func(ctx context.Context, dir string) (*site, error) {
		s, err := cutPower(ctx, dir)
		if err == nil {
			s.dsn = databaseFile(filepath.Join(dir, "app.db")).dsn("?_pragma=synchronous(OFF)")
		}
		return s, err
	}}
	result, err := f.run(t.Context(), config{operations: 300, injections: 20, seed: 1}, t.Output())
	switch {
	case result != nil && result.leftOut != "":
		t.Skip(result.leftOut)
	case err == nil:
		t.Errorf("%s: with synchronous=OFF it found nothing", result)
	case result.lost == 0 && !strings.Contains(err.Error(), "after the power was back"):
		t.Errorf("%s: it found something else: %v", result, err)
	}
}
