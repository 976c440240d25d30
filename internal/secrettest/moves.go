package secrettest

import (
	"errors"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// Moves changes what is stored of secrets, as somebody could who writes to the database: what is
// not as it was stored, where it was stored, does not open.
func Moves(t *testing.T, open func(t *testing.T) Database) {
	for name, change := range map[string]func(c *changer){
		"TheSecretOfAnotherRow":      func(c *changer) { c.set("secret_token", c.from("secret_token", c.other.ID.String(), tenant)) },
		"TheHeadersOfAnotherRow":     func(c *changer) { c.set("custom_headers", c.from("custom_headers", c.other.ID.String(), tenant)) },
		"TheSecretOfAnotherSchema":   func(c *changer) { c.set("secret_token", c.from("secret_token", c.one.ID.String(), neighbour)) },
		"ThePreviousSecretAsCurrent": func(c *changer) { c.set("secret_token", "previous_secret_token") },
		"TheSecretAsPrevious":        func(c *changer) { c.set("previous_secret_token", "secret_token") },
		"TheHeadersAsSecret":         func(c *changer) { c.set("secret_token", "custom_headers") },
		"ACutOne":                    func(c *changer) { c.set("secret_token", "substr(secret_token, 1, length(secret_token) - 1)") },
		"ALongerOne":                 func(c *changer) { c.set("secret_token", "secret_token || 'A'") },
		"OneOfAnotherCase":           func(c *changer) { c.set("secret_token", "upper(secret_token)") },
		"WithoutItsMark":             func(c *changer) { c.set("secret_token", "substr(secret_token, 4)") },
		"TheMarkAlone":               func(c *changer) { c.set("secret_token", "'v1.first.'") },
		"NothingAtAll":               func(c *changer) { c.set("secret_token", "''") },
		"HeadersThatAreNoJSON":       func(c *changer) { c.set("custom_headers", "'plain.{"+inCustomHeader+"'") },
		"HeadersThatAreNoObject":     func(c *changer) { c.set("custom_headers", "'plain.[\""+inCustomHeader+"\"]'") },
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			pool := db.Connect(t, quiet, keys(t, key("first")))
			c := &changer{t: t, db: db}
			c.one, c.other = saveTwo(t, storeOf(t, pool, tenant))
			same := plant("neighbour", "neighbour")
			same.ID = c.one.ID
			_, err := storeOf(t, pool, neighbour).Endpoints().Save(soon(t), same)
			ok(t, err)
			change(c)
			c.wantRefused(storeOf(t, pool, tenant))
		})
	}
	t.Run("UnchangedOneOpens", func(t *testing.T) {
		db := open(t)
		store := storeOf(t, db.Connect(t, quiet, keys(t, key("first"))), tenant)
		c := &changer{t: t, db: db}
		c.one, c.other = saveTwo(t, store)
		c.set("secret_token", c.from("secret_token", c.one.ID.String(), tenant))
		got, err := store.Endpoints().GetByID(soon(t), c.one.ID)
		ok(t, err)
		if got.SecretToken != c.one.SecretToken {
			t.Error("the secret is not the one that was stored")
		}
	})
}

// changer changes the row of one endpoint.
type changer struct {
	t          *testing.T
	db         Database
	one, other driver.Endpoint
}

func saveTwo(t *testing.T, store driver.Store) (one, other driver.Endpoint) {
	t.Helper()
	one, err := store.Endpoints().Save(soon(t), plant(inPrevious, inCustomHeader))
	ok(t, err)
	one, err = store.Endpoints().RotateSecret(soon(t), one.ID, driver.RotateOptions{Secret: driver.NewSecret(inToken)})
	ok(t, err)
	other, err = store.Endpoints().Save(soon(t), plant("other", "other"))
	ok(t, err)
	return one, other
}

// set sets a column of the endpoint to an SQL expression.
func (c *changer) set(column, expression string) {
	c.t.Helper()
	c.db.Exec(c.t, "UPDATE "+c.db.Table(tenant, "webhook_endpoints")+" SET "+column+" = "+expression+" WHERE id = $1", c.one.ID.String())
}

// from is an SQL expression for a column of another row.
func (c *changer) from(column, id, schema string) string {
	return "(SELECT s." + column + " FROM " + c.db.Table(schema, "webhook_endpoints") + " s WHERE s.id = '" + id + "')"
}

func (c *changer) wantRefused(store driver.Store) {
	c.t.Helper()
	w := &watch{t: c.t}
	readWithout(c.t, w, store, c.one, driver.ErrInternal)
	_, err := store.Endpoints().GetByID(soon(c.t), c.one.ID)
	var failed *driver.Error
	if !errors.As(err, &failed) || failed.Key != c.one.ID.String() || !strings.Contains(err.Error(), failed.Key) {
		c.t.Errorf("the error %v doesn't name the endpoint %s", err, c.one.ID)
	}
	w.wantNone("what was printed", w.prints.String(), all)
	if _, err := store.Endpoints().GetByID(soon(c.t), c.other.ID); err != nil {
		c.t.Errorf("another endpoint can't be read: %v", err)
	}
}
