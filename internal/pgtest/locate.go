package pgtest

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// usualPlaces is where packages put the server's programs, mostly outside PATH.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PostgreSQL's RPMs
	"/usr/libexec/postgresql*",                           // Alpine
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew on Apple silicon
	"/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

// findBinaries returns the folder of the server's programs: the one on PATH, else the newest.
func findBinaries() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil && complete(filepath.Dir(initdb)) {
		return filepath.Dir(initdb), nil
	}
	var found []string
	for _, pattern := range usualPlaces {
		folders, _ := filepath.Glob(pattern) // the patterns are well-formed
		found = append(found, slices.DeleteFunc(folders, func(dir string) bool { return !complete(dir) })...)
	}
	if len(found) == 0 {
		return "", errors.New("no initdb, pg_ctl and postgres on PATH or in the usual places")
	}
	return slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) }), nil
}

// complete reports whether the folder has all that it takes to run a server; a PATH may have
// clients only.
func complete(dir string) bool {
	return !slices.ContainsFunc([]string{"initdb", "pg_ctl", "postgres"}, func(program string) bool {
		_, err := os.Stat(filepath.Join(dir, program))
		return err != nil
	})
}

var number = regexp.MustCompile(`\d+(\.\d+)?`)

// version reads the PostgreSQL version out of a path; 0 if it names none.
func version(dir string) float64 {
	v, _ := strconv.ParseFloat(number.FindString(dir), 64)
	return v
}
