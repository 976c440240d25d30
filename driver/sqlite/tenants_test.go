package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/internal/tenanttest"
)

// Fewer tenants than on PostgreSQL: with each schema in the file the next one takes longer to create.
func TestNoRowCrossesBetweenTenants(t *testing.T) {
	size := tenanttest.Size{Tenants: 20, Workers: 32, Steps: 1000, Remade: 4}
	if testing.Short() {
		size = tenanttest.Size{Tenants: 10, Workers: 32, Steps: 300, Remade: 2}
	}
	path := filepath.Join(t.TempDir(), "neoevents.db")
	file := openSQL(t, path)
	tenanttest.Isolation(t, tenanttest.Database{
		DB: connect(t, "sqlite:"+path, nil),
		Rows: func(t *testing.T, schema string) map[string][]string {
			tables := map[string][]string{}
			for _, name := range columnOf(t, file, "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '"+schema+"__*'") {
				columns := columnOf(t, file, "SELECT name FROM pragma_table_info('"+name+"')")
				for i := range columns {
					columns[i] = "quote(" + quoted(columns[i]) + ")"
				}
				tables[strings.TrimPrefix(name, schema+"__")] = columnOf(t, file, "SELECT "+strings.Join(columns, " || ',' || ")+" FROM "+quoted(name))
			}
			return tables
		},
	}, size)
}
