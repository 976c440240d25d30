package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresInspector looks at a PostgreSQL server.
type postgresInspector struct{ conn *pgx.Conn }

// inspectTimeout bounds connecting and disconnecting.
const inspectTimeout = 10 * time.Second

func inspectPostgres(ctx context.Context, dsn string) (inspector, error) {
	settings, err := pgxpool.ParseConfig(dsn) // which a DSN may have settings for
	if err != nil {
		return nil, errors.New("the DSN can't be read") // the cause may quote it
	}
	config := settings.ConnConfig
	config.RuntimeParams["application_name"] = "neoevents bench"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may be between
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, errors.New("no further connection could be made")
	}
	return postgresInspector{conn}, nil
}

func (p postgresInspector) about(ctx context.Context) (server, durability string, err error) {
	var version, fsync, commit string
	err = p.conn.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')`).
		Scan(&version, &fsync, &commit)
	return "PostgreSQL " + version, "fsync " + fsync + ", synchronous_commit " + commit, err
}

// sizes has a part for each table, its partitions included.
func (p postgresInspector) sizes(ctx context.Context, schema string) ([]part, error) {
	rows, err := p.conn.Query(ctx, `
		SELECT coalesce(parent.relname, c.relname)::text, sum(pg_total_relation_size(c.oid))::bigint, sum(coalesce(s.n_dead_tup, 0))::bigint
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
		LEFT JOIN pg_class parent ON parent.oid = i.inhparent
		LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
		WHERE n.nspname = $1 AND c.relkind = 'r'
		GROUP BY 1 ORDER BY 1`, schema)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[part])
}

// processes are those that serve the connections to this database, if the server is on this machine.
func (p postgresInspector) processes(ctx context.Context) ([]int, error) {
	var local bool
	err := p.conn.QueryRow(ctx, `SELECT inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr()`).Scan(&local)
	if err == nil && !local {
		err = errors.New("the server is on another machine")
	}
	if err != nil {
		return nil, err
	}
	rows, err := p.conn.Query(ctx, `SELECT pid FROM pg_stat_activity 
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid`)
	if err != nil {
		return nil, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !strings.Contains(string(title), "postgres") {
			return nil, errors.New("the server's processes can't be seen from here")
		}
	}
	return pids, nil
}

func (p postgresInspector) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), inspectTimeout)
	defer cancel()
	return p.conn.Close(ctx)
}
