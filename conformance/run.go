package conformance

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// Run checks every behaviour of the contract as a subtest of t.
func Run(t *testing.T, h Harness) {
	if h.Open == nil {
		t.Fatal("the Harness has no Open")
	}
	for _, name := range h.unknownNames() {
		t.Errorf("the Harness names %q, which is neither an area nor a behaviour", name)
	}
	h.used = newUsedSchemas()
	var db driver.DB
	for _, area := range areas {
		if !h.wantsSome(area) {
			continue
		}
		if db == nil || h.used.in(db) >= schemasPerDatabase {
			if db != nil {
				_ = db.Close() // it is not used any more, and its connections may be needed
			}
			db = h.open(t)
		}
		t.Run(area.name, func(t *testing.T) { h.run(t, area, db) })
	}
}

// schemasPerDatabase is with how many schemas a database is not used for further areas. A new one takes time,
// too many schemas slow down those databases that read their whole catalogue after each change to it.
const schemasPerDatabase = 15

// run checks the behaviours of an area.
func (h Harness) run(t *testing.T, a area, db driver.DB) {
	if a.fresh {
		h.Empty = nil
	}
	for _, b := range a.behaviours {
		full := a.name + "/" + b.name
		if !h.wants(full) {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			reportFailure(t, db.Stats().Backend)
			if reason, skipped := h.skips(full); skipped {
				t.Skip(reason)
			}
			if !a.alone {
				t.Parallel()
			}
			b.run(newTest(t, h, db))
		})
	}
}

// quiet keeps the backends from logging each migration.
var quiet = driver.WithLogger(nil)

// open is Open without a log.
func (h Harness) open(t *testing.T, opts ...driver.Option) driver.DB {
	t.Helper()
	return h.Open(t, append(opts, quiet)...)
}

// An area is a topic of the contract and its behaviours.
type area struct {
	name       string
	outside    bool // needs data that is not in the repository, and skips without it
	alone      bool // one behaviour at a time: they hold several connections, or wait for each other
	fresh      bool // new schemas only: positions that were used before are gaps to a consumer, and have partitions
	behaviours []behaviour
}

// A behaviour is one promise of the contract. Its name says which.
type behaviour struct {
	name string
	run  func(t *test)
}

// covers reports whether name is full or an area that full is in.
func covers(name, full string) bool {
	return name == full || strings.HasPrefix(full, name+"/")
}

func (h Harness) wants(full string) bool {
	for _, name := range h.Only {
		if covers(name, full) {
			return true
		}
	}
	return len(h.Only) == 0
}

func (h Harness) wantsSome(a area) bool {
	for _, b := range a.behaviours {
		if h.wants(a.name + "/" + b.name) {
			return true
		}
	}
	return false
}

func (h Harness) skips(full string) (reason string, skipped bool) {
	for name, reason := range h.Skip {
		if covers(name, full) {
			return reason, true
		}
	}
	return "", false
}

// unknownNames are the names in Only and Skip that cover nothing: spelled wrongly, or renamed since.
func (h Harness) unknownNames() []string {
	names := append([]string{}, h.Only...)
	for name := range h.Skip {
		names = append(names, name)
	}
	var unknown []string
	for _, name := range names {
		if !coversSome(name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

func coversSome(name string) bool {
	for _, a := range areas {
		for _, b := range a.behaviours {
			if covers(name, a.name+"/"+b.name) {
				return true
			}
		}
	}
	return false
}

// reportFailure ends the output of a failed test with the backend and the command that runs it alone.
func reportFailure(t *testing.T, backend string) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("on %s; to run it alone: go test %s -run '^%s$'", backend, testedPackage(), strings.ReplaceAll(t.Name(), "/", "$/^"))
		}
	})
}

// testedPackage is the path of the package whose tests run.
func testedPackage() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasSuffix(info.Path, ".test") {
		return strings.TrimSuffix(info.Path, ".test")
	}
	return "."
}
