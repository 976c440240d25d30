package migrate

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/template"

	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

//go:embed sql
var files embed.FS

// Latest returns the version that this library's migrations lead to.
func Latest(dialect string) (int, error) {
	names, err := fs.Glob(files, "sql/"+dialect+"/*.up.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("no migrations for %q", dialect)
	}
	last := strings.TrimPrefix(names[len(names)-1], "sql/"+dialect+"/") // Glob sorts
	parsed, err := source.DefaultParse(last)
	if err != nil {
		return 0, err
	}
	return int(parsed.Version), nil
}

// rendered is a source of migrations for one schema: the files are templates, which know the names
// of its tables, what the server can do, and the size of partitions.
type rendered struct {
	source.Driver
	funcs template.FuncMap
}

func newSource(t Target, schema string, tx Tx) (source.Driver, error) {
	plain, err := iofs.New(files, "sql/"+t.MigrationDialect())
	if err != nil {
		return nil, err
	}
	return &rendered{plain, functions(t, schema, tx)}, nil
}

// functions are what templates know.
func functions(t Target, schema string, tx Tx) template.FuncMap {
	table := func(name string) string { return t.MigrationTable(schema, name) }
	return template.FuncMap{"table": table, "has": tx.Has, "size": t.EventPartitions, "partitioned": func() []string { return []string{"events", "event_processed"} }}
}

func (r *rendered) ReadUp(version uint) (io.ReadCloser, string, error) {
	return r.render(r.Driver.ReadUp(version))
}

func (r *rendered) ReadDown(version uint) (io.ReadCloser, string, error) {
	return r.render(r.Driver.ReadDown(version))
}

func (r *rendered) render(file io.ReadCloser, name string, err error) (io.ReadCloser, string, error) {
	if err != nil {
		return nil, "", err // golang-migrate looks for fs.ErrNotExist in it
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, "", err
	}
	script, err := execute(name, text, r.funcs)
	if err != nil {
		return nil, "", err
	}
	return io.NopCloser(script), name, nil
}

func execute(name string, text []byte, funcs template.FuncMap) (*bytes.Buffer, error) {
	parsed, err := template.New(name).Funcs(funcs).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var script bytes.Buffer
	return &script, parsed.Execute(&script, nil)
}
