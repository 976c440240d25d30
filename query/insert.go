package query

import (
	"encoding/json"
	"strings"
)

// rowsPerInsert is how many rows one INSERT takes: more no longer get faster on SQLite. Rows that
// together have more than bytesPerInsert go one at a time.
const (
	rowsPerInsert  = 32
	bytesPerInsert = 16 << 20
)

// InsertRows is an Executor's Insert for databases, or drivers, that have nothing faster than an
// INSERT of many rows. It gives exec each statement and its arguments, which it uses again
// afterwards, and stops at the first error.
func InsertRows(
	d *Dialect, table Table, columns []string, n int, values func(i int) []any, exec func(sql string, args []any) error,
) error {
	var many, one string
	args := make([]any, 0, rowsPerInsert*len(columns))
	for start := 0; start < n; start += rowsPerInsert {
		args = args[:0]
		for i := start; i < min(start+rowsPerInsert, n); i++ {
			args = append(args, values(i)...)
		}
		if len(args) == cap(args) && bytesOf(args) <= bytesPerInsert {
			if many == "" {
				many = insertSQL(d, table, columns, rowsPerInsert)
			}
			if err := exec(many, args); err != nil {
				return err
			}
			continue
		}
		// Fewer rows go singly, too: so there are two statements to keep and not rowsPerInsert.
		if one == "" {
			one = insertSQL(d, table, columns, 1)
		}
		for i := 0; i < len(args); i += len(columns) {
			if err := exec(one, args[i:i+len(columns)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytesOf is the size of the arguments that can be large.
func bytesOf(args []any) (size int) {
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			size += len(v)
		case json.RawMessage:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	return size
}

func insertSQL(d *Dialect, table Table, columns []string, rows int) string {
	row := "(?" + strings.Repeat(",?", len(columns)-1) + ")"
	text, err := d.Placeholder.ReplacePlaceholders("INSERT INTO " + d.Quote(table) + " (" + strings.Join(columns, ", ") + ") VALUES " +
		row + strings.Repeat(","+row, rows-1))
	if err != nil {
		panic("neoevents: building a statement: " + err.Error()) // no input can cause it
	}
	return text
}
