package sqlite

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// source is a DSN taken apart.
type source struct {
	path   string // escaped as in a URI
	params url.Values
	memory bool
}

// defaults are the pragmas of every connection unless the DSN has others: a commit survives a power
// failure, readers and the writer don't wait for each other, and the write-ahead log gives back what a large
// transaction or a long read made of it, beyond 64 MiB, when it begins anew.
var defaults = []struct{ name, value string }{
	{"busy_timeout", "5000"},
	{"journal_mode", "WAL"},
	{"synchronous", "FULL"},
	{"foreign_keys", "ON"},
	{"journal_size_limit", "67108864"},
}

// parse reads sqlite:path, sqlite://path, sqlite::memory: and file:path, each with ?parameters.
func parse(dsn string) (source, error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	path, query, _ := strings.Cut(rest, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return source{}, invalid("has parameters that can't be read; write ?name=value&name=value")
	}
	if scheme == "sqlite" {
		path = strings.TrimPrefix(path, "//")
		if path != ":memory:" {
			path = (&url.URL{Path: path}).EscapedPath()
		}
	}
	if path == "" {
		return source{}, invalid("names no file; use sqlite:path/to/file.db or sqlite::memory:")
	}
	if strings.ContainsRune(path, 0) || strings.Contains(path, "%00") {
		return source{}, invalid("names a file with a NUL character, where its name would end")
	}
	memory := path == ":memory:" || params.Get("mode") == "memory"
	for _, pragma := range defaults {
		if !hasPragma(params, pragma.name) {
			params.Add("_pragma", fmt.Sprintf("%s(%s)", pragma.name, pragma.value))
		}
	}
	return source{path, params, memory}, nil
}

func hasPragma(params url.Values, name string) bool {
	for _, pragma := range params["_pragma"] {
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(pragma)), name) {
			return true
		}
	}
	return false
}

// uri is the DSN of modernc.org/sqlite. A reader can't write, whatever it is asked.
func (s source) uri(reader bool) string {
	params := url.Values{}
	for name, values := range s.params {
		params[name] = values
	}
	if reader {
		params["_pragma"] = append(params["_pragma"][:len(params["_pragma"]):len(params["_pragma"])], "query_only(1)")
	}
	return "file:" + s.path + "?" + params.Encode()
}

func invalid(reason string) error {
	return driver.Fail("Connect", "", "database", "", &driver.InvalidError{Field: "dsn", Reason: reason})
}
