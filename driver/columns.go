package driver

import (
	"slices"
	"strconv"
)

// selectColumns returns the columns to read when columns are asked for: all for none, else those
// given and the first, which is the id, each once, in the order of all. An unknown one is an
// [InvalidError].
func selectColumns[C ~string](all, columns []C, entity string) ([]C, error) {
	if len(columns) == 0 {
		return all, nil
	}
	for i, column := range columns {
		if !slices.Contains(all, column) {
			return nil, &InvalidError{"columns[" + strconv.Itoa(i) + "]", "is not a column of " + entity}
		}
	}
	selected := make([]C, 0, len(columns)+1)
	for _, column := range all {
		if column == all[0] || slices.Contains(columns, column) {
			selected = append(selected, column)
		}
	}
	return selected, nil
}
