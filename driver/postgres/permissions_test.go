package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/neomultitenant/neoevents/conformance"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/migrate"
	"github.com/neomultitenant/neoevents/query"
)

// roles are those that docs/permissions.md tells of, on a database where nobody else may do anything.
type roles struct {
	super      *pgx.Conn
	owner, app string // names
	asOwner    driver.DB
	ownerDSN   string
	appDSN     string
}

func newRoles(t *testing.T, opts ...driver.Option) *roles {
	t.Helper()
	dsn := pgtest.DSN(t)
	r := &roles{super: admin(t, dsn)}
	if all := textsOf(t, r.super, "SELECT 'yes' FROM pg_roles WHERE rolname = current_user AND rolsuper"); len(all) == 0 {
		t.Skip("the user of the server for tests can't create roles")
	}
	random := strings.ToLower(rand.Text()[:12])
	role := func(kind string) (name, roleDSN string) {
		name = "neoevents test " + kind + " " + random // a name that needs its quotes
		exec(t, r.super, "CREATE ROLE "+quoted(name)+" LOGIN PASSWORD '"+random+"'")
		t.Cleanup(func() {
			for _, statement := range []string{"DROP OWNED BY " + quoted(name) + " CASCADE", "DROP ROLE " + quoted(name)} {
				if _, err := r.super.Exec(context.Background(), statement); err != nil {
					t.Errorf("%s: %v", statement, err)
				}
			}
		})
		return name, edit(t, dsn, func(u *url.URL) { u.User = url.UserPassword(name, random) })
	}
	r.owner, r.ownerDSN = role("owner")
	r.app, r.appDSN = role("app")
	database := quoted(textsOf(t, r.super, "SELECT current_database()")[0])
	for _, statement := range []string{
		"REVOKE ALL ON DATABASE " + database + " FROM PUBLIC",
		"REVOKE ALL ON SCHEMA public FROM PUBLIC",
		"GRANT CONNECT, CREATE ON DATABASE " + database + " TO " + quoted(r.owner),
		"GRANT CONNECT ON DATABASE " + database + " TO " + quoted(r.app),
	} {
		exec(t, r.super, statement)
	}
	r.asOwner = open(t, r.ownerDSN, opts...)
	return r
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// prepare does what a step of the deployment does.
func (r *roles) prepare(ctx context.Context, schema string) error {
	if err := migrate.Up(ctx, r.asOwner, schema); err != nil {
		return err
	}
	return r.grant(ctx, schema)
}

func (r *roles) grant(ctx context.Context, schema string) error {
	script, err := migrate.Grants(r.asOwner, schema, r.app)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, r.ownerDSN)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, script).ReadAll()
	return err
}

// ofApp is a DB of the app's role; schemas are prepared for it when it asks for their Stores, as they would have been
// before it started.
type ofApp struct {
	driver.DB
	roles *roles
}

func (a *ofApp) Store(ctx context.Context, schema string) (driver.Store, error) {
	if driver.ValidateSchema(schema) == nil && a.DB.Ping(ctx) == nil {
		if err := a.roles.prepare(ctx, schema); err != nil {
			return nil, err
		}
	}
	return a.DB.Store(ctx, schema)
}

func (a *ofApp) DropSchema(ctx context.Context, schema string) error {
	if err := driver.ValidateSchema(schema); err != nil {
		return err
	}
	return a.DB.DropSchema(ctx, schema)
}

// All that an app does, it can do as a role that owns nothing.
func TestTheRoleOfAnAppDoesAllThatAnAppDoes(t *testing.T) {
	only := []string{
		"Claims/Acks", "Deliveries/SaveForEvent", "Archives/Restore",
	}
	if testing.Short() {
		only = only[:1]
	}
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			roles := newRoles(t)
			return &ofApp{open(t, roles.appDSN, append(opts, driver.WithMigrations(driver.MigrateVerify))...), roles}
		},
		Empty: func(t *testing.T, db driver.DB, schema string) {
			if err := postgres.Empty(t.Context(), db.(*ofApp).roles.asOwner, schema); err != nil {
				t.Fatal(err)
			}
		},
		Concurrent: true, ReadsBeside: true, Only: only,
	})
}

// denied runs a statement as a role in a transaction that is undone, and reports whether a privilege is missing.
func denied(t *testing.T, conn *pgx.Conn, role string, before []string, s statement) bool {
	t.Helper()
	tx, err := conn.Begin(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	for _, sql := range append(before, "SET LOCAL ROLE "+quoted(role)) {
		if _, err := tx.Exec(soon(t), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	_, err = tx.Exec(soon(t), s.sql, append([]any{pgx.QueryExecModeExec}, s.args...)...)
	var refusal *pgconn.PgError
	if err != nil && (!errors.As(err, &refusal) || refusal.Code != "42501") {
		t.Fatalf("%s: got error %v, want none or that a privilege is missing", s.sql, err)
	}
	return err != nil
}

var (
	grantPattern     = regexp.MustCompile(`(?m)^GRANT (.+) ON (.+) TO "(?:[^"]|"")+";$`)
	privilegePattern = regexp.MustCompile(`\w+(?: \([^)]*\))?`)
)

// With what is granted the server lets the app run every statement there is, and without any one of the privileges it
// refuses some, where events are in one table or where they are partitioned.
func TestEachGrantIsNeeded(t *testing.T) {
	needed := map[string]bool{} // by what would take the privilege away
	for name, opts := range map[string][]driver.Option{"one table": nil, "partitions": {withPartitions(100)}} {
		t.Run(name, func(t *testing.T) {
			roles := newRoles(t, opts...)
			if err := roles.prepare(soon(t), tenant); err != nil {
				t.Fatal(err)
			}
			statements := statementsOf(t, roles)
			for name, s := range statements {
				if denied(t, roles.super, roles.app, nil, s) {
					t.Errorf("%s: the app's role may not run it: %s", name, s.sql)
				}
			}
			script, err := migrate.Grants(roles.asOwner, tenant, roles.app)
			if err != nil {
				t.Fatal(err)
			}
			grants := grantPattern.FindAllStringSubmatch(script, -1)
			if len(grants) < 20 {
				t.Fatalf("%d grants were found in the script: this test would see nothing", len(grants))
			}
			for _, grant := range grants {
				_, object, _ := strings.Cut(grant[2], ".") // none: it is about all tables
				for _, privilege := range privilegePattern.FindAllString(grant[1], -1) {
					revoke := "REVOKE " + privilege + " ON " + grant[2]
					isNeeded := needed[revoke] // for the other layout of tables
					for _, s := range statements {
						isNeeded = isNeeded || strings.Contains(s.sql, object) && denied(t, roles.super, roles.app, []string{revoke + " FROM " + quoted(roles.app)}, s)
					}
					needed[revoke] = isNeeded
				}
			}
		})
	}
	for revoke, isNeeded := range needed {
		if !isNeeded {
			t.Errorf("nothing fails after %s", revoke)
		}
	}
}

// statement is one of a Store, with parameters.
type statement struct {
	sql  string
	args []any
}

// statementsOf are all statements that a Store can send. The server looks for privileges when it explains one, but for
// those of sequences.
func statementsOf(t *testing.T, roles *roles) map[string]statement {
	t.Helper()
	all := driver.Unwrap(storeOf(t, roles.asOwner, tenant)).(*query.Store).Statements()
	table := func(name string) string { return pgx.Identifier{tenant, name}.Sanitize() }
	all["actions.copyTypes"] = "INSERT INTO " + table("event_action_types") + " (action_id, event_type) VALUES ($1, $2)" // what is copied is no statement of the Store
	all["migrate.version"] = "SELECT version, dirty FROM " + table(migrate.VersionTable)
	statements := map[string]statement{}
	for name, sql := range all {
		if ofOnePartition.MatchString(sql) {
			continue // there is no such partition
		}
		described, err := roles.super.Prepare(soon(t), "", sql)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := statement{sql: "EXPLAIN " + sql}
		if strings.Contains(sql, "nextval") {
			s.sql = sql
		}
		for _, oid := range described.ParamOIDs {
			s.args = append(s.args, parameter(oid))
		}
		statements[name] = s
	}
	return statements
}

func TestWhatTheRoleOfAnAppCanNotDo(t *testing.T) {
	roles := newRoles(t)
	for _, schema := range []string{tenant, "tenant_other"} {
		if err := migrate.Up(soon(t), roles.asOwner, schema); err != nil {
			t.Fatal(err)
		}
	}
	if err := roles.grant(soon(t), tenant); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE SCHEMA another",
		"CREATE TABLE tenant_acme.another ()",
		"CREATE TABLE public.another ()",
		"CREATE TEMPORARY TABLE another ()",
		"ALTER TABLE tenant_acme.events ADD COLUMN another text",
		"DROP TABLE tenant_acme.event_queue",
		"DROP SCHEMA tenant_acme CASCADE",
		"TRUNCATE tenant_acme.event_queue",
		"CREATE INDEX ON tenant_acme.events (event_name)",
		"CREATE TRIGGER t AFTER INSERT ON tenant_acme.events EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"UPDATE tenant_acme.events SET event_data = '{}'",
		"UPDATE tenant_acme.webhook_delivery_attempts SET status = 'success'",
		"DELETE FROM tenant_acme.webhook_delivery_attempts",
		"UPDATE tenant_acme.neoevents_migrations SET version = 1",
		"SELECT setval('tenant_acme.events_position_seq', 1)",
		"SELECT * FROM tenant_other.events",
		"SELECT * FROM tenant_other.neoevents_migrations",
		"INSERT INTO tenant_other.event_consumers (name, position) VALUES ('a', 1)",
	} {
		if !denied(t, roles.super, roles.app, nil, statement{sql: sql}) {
			t.Errorf("the app's role may run: %s", sql)
		}
	}
}

// What the owner creates after the grants the app can use at once, by the privileges that are the default for it.
func TestTheRoleOfAnAppCanUseWhatLaterMigrationsCreate(t *testing.T) {
	roles := newRoles(t)
	if err := roles.prepare(soon(t), tenant); err != nil {
		t.Fatal(err)
	}
	anew := func() error {
		if err := errors.Join(migrate.Down(soon(t), roles.asOwner, tenant, 0), migrate.Up(soon(t), roles.asOwner, tenant)); err != nil {
			t.Fatal(err)
		}
		store, err := open(t, roles.appDSN, driver.WithMigrations(driver.MigrateVerify)).Store(soon(t), tenant)
		if err == nil {
			_, err = store.Events().SaveBatch(soon(t), newEvents(3)) // which asks the sequence itself
		}
		return err
	}
	if err := anew(); err != nil {
		t.Errorf("with all that is granted: %v", err)
	}
	conn := admin(t, roles.ownerDSN)
	for _, what := range []string{"USAGE ON SEQUENCES", "SELECT ON TABLES", "INSERT ON TABLES"} {
		exec(t, conn, "ALTER DEFAULT PRIVILEGES IN SCHEMA "+quoted(tenant)+" REVOKE "+what+" FROM "+quoted(roles.app))
		wantKind(t, "after REVOKE "+what, anew(), driver.ErrPermission)
		exec(t, conn, "ALTER DEFAULT PRIVILEGES IN SCHEMA "+quoted(tenant)+" GRANT "+what+" TO "+quoted(roles.app))
	}
}

// Whoever lacks a privilege is told by which method, on which schema, and what to do.
func TestAMissingPrivilegeIsToldWithItsRemedy(t *testing.T) {
	roles := newRoles(t, withPartitions(100))
	if err := errors.Join(roles.prepare(soon(t), tenant), migrate.Up(soon(t), roles.asOwner, "tenant_other")); err != nil {
		t.Fatal(err)
	}
	db, migrating := open(t, roles.appDSN, driver.WithMigrations(driver.MigrateVerify)), open(t, roles.appDSN)
	store := storeOf(t, db, tenant)
	plan, err := store.Archives().Save(soon(t), driver.Archive{Name: "a plan", StorageType: driver.StoragePartition})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Events().SaveBatch(soon(t), processed(newEvents(45))); err != nil {
		t.Fatal(err)
	}
	if _, err := storeOf(t, roles.asOwner, tenant).Events().SaveBatch(soon(t), processed(newEvents(60))); err != nil {
		t.Fatal(err)
	}
	exec(t, roles.super, "REVOKE INSERT ON tenant_acme.event_queue FROM "+quoted(roles.app))
	exec(t, roles.super, "REVOKE CREATE ON DATABASE "+quoted(textsOf(t, roles.super, "SELECT current_database()")[0])+" FROM "+quoted(roles.owner))
	event := newEvent()
	for name, c := range map[string]struct {
		call func() error
		says []string
	}{
		"a method": {
			func() error { _, err := store.Events().Save(soon(t), event); return err },
			[]string{"Events.Save", event.ID.String(), "(schema tenant_acme)", "event_queue", "-role ROLE grants"},
		},
		"in a transaction": {func() error {
			return store.InTx(soon(t), func(tx driver.Store) error { _, err := tx.Events().Save(soon(t), event); return err })
		}, []string{"Events.Save", "(schema tenant_acme)", "-role ROLE grants"}},
		"another tenant": {
			func() error { _, err := db.Store(soon(t), "tenant_other"); return err },
			[]string{"migrate.Verify", "(schema tenant_other)", "-role ROLE grants"},
		},
		"migrating": {
			func() error { _, err := migrating.Store(soon(t), "tenant_new"); return err },
			[]string{"migrate.Up", "(schema tenant_new)", "driver.MigrateVerify"},
		},
		"dropping": {
			func() error { return db.DropSchema(soon(t), tenant) },
			[]string{"DropSchema", "(schema tenant_acme)", "owns the tables"},
		},
		"detaching": {
			func() error {
				_, err := store.Archives().Detach(soon(t), plan.ID, driver.ArchiveCriteria{})
				return err
			},
			[]string{"Archives.Detach", plan.ID.String(), "(schema tenant_acme)", "owns the tables"},
		},
		"an owner who may create no schema": {
			func() error { return migrate.Up(soon(t), roles.asOwner, "tenant_new") },
			[]string{"migrate.Up", "(schema tenant_new)", "may create schemas"},
		},
	} {
		err := c.call()
		wantKind(t, name, err, driver.ErrPermission)
		var detail *driver.PermissionError
		var refusal *pgconn.PgError
		if !errors.As(err, &detail) || !errors.As(err, &refusal) || refusal.Code != "42501" {
			t.Errorf("%s: the error %v has no PermissionError with the server's own", name, err)
		}
		for _, part := range c.says {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error is %q, want it to tell %q", name, err, part)
			}
		}
	}
	exec(t, roles.super, "CREATE SCHEMA tenant_new AUTHORIZATION "+quoted(roles.owner))
	if err := migrate.Up(soon(t), roles.asOwner, "tenant_new"); err != nil {
		t.Errorf("an owner who may create no schema, in one that was created for it: %v", err)
	}
}

// processed returns events as they are imported: done.
func processed(events []driver.Event) []driver.Event {
	at := time.Now()
	for i := range events {
		events[i].ProcessedAt = &at
	}
	return events
}
