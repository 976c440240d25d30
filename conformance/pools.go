package conformance

import (
	"github.com/neomultitenant/neoevents/driver"
)

var poolLifecycle = area{name: "Pools", behaviours: []behaviour{
	{"AnswerAPing", poolPing},
	{"ThatAreClosedRefuseEverything", poolClosed},
	{"CanBeClosedTwice", poolClosedTwice},
	{"CloseAfterTheCallsUnderWay", poolClosesAfterCalls},
	{"HoldToTheirConnections", poolMaxConns},
}}

func poolPing(t *test) { t.ok(t.db.Ping(t.ctx)) }

func poolClosed(t *test) {
	own := t.alone()
	waiting := own.save(newEvent())
	own.ok(own.db.Close())

	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.events, waiting), driver.ErrClosed, call.op)
	}
	own.wantErr(own.store.InTx(own.ctx, func(driver.Store) error {
		own.Error("InTx called its function although the DB is closed")
		return nil
	}), driver.ErrClosed, "")
	for _, schema := range []string{own.store.Schema(), newSchema()} {
		_, err := own.db.Store(own.ctx, schema)
		own.wantErr(err, driver.ErrClosed, "")
	}
	_, err := own.db.Schemas(own.ctx)
	own.wantErr(err, driver.ErrClosed, "")
	own.wantErr(own.db.DropSchema(own.ctx, own.store.Schema()), driver.ErrClosed, "")
	own.wantErr(own.db.Ping(own.ctx), driver.ErrClosed, "")
}

func poolClosedTwice(t *test) {
	own := t.alone()
	own.ok(own.db.Close())
	own.ok(own.db.Close())
}

// poolClosesAfterCalls closes while others save: each save either took effect or says that the DB is closed.
func poolClosesAfterCalls(t *test) {
	own := t.alone()
	own.together(5, func(i int) error {
		if i == 0 {
			return own.db.Close()
		}
		for range 20 {
			if _, err := own.events.Save(own.ctx, newEvent()); err != nil {
				return asError(faultOf(err, driver.ErrClosed, "Events.Save"))
			}
		}
		return nil
	})
}

// poolMaxConns shows that one connection is enough, and that many callers wait for it.
func poolMaxConns(t *test) {
	own := t.alone(driver.WithMaxConns(1))
	own.together(8, func(int) error {
		for range 5 {
			saved, err := own.events.Save(own.ctx, newEvent())
			if err != nil {
				return err
			}
			if _, err := own.events.GetByID(own.ctx, saved.ID); err != nil {
				return err
			}
		}
		return nil
	})
	own.wantWaiting(own.store, 40)
	own.inTx(func(tx driver.Store) {
		own.ok(tx.InTx(own.ctx, func(nested driver.Store) error {
			own.saveTo(nested, newEvent())
			return nil
		}))
	})
	own.wantWaiting(own.store, 41)
}
