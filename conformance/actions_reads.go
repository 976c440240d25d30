package conformance

import (
	"math"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var actionReads = area{name: "Actions/Reads", behaviours: []behaviour{
	{"OfAnUnknownIDFindNothing", actionReadUnknown},
	{"GetActiveReturnsThoseInUseOfEveryTenant", actionReadActive},
	{"GetByHandlerTypeReturnsThoseOfOneType", actionReadByHandler},
	{"GetByTenantReturnsThoseOfOneTenant", actionReadByTenant},
	{"GetByTenantWithoutOneReturnsTenantlessOnly", actionReadTenantless},
	{"OrderByRankThenAgeThenID", actionReadOrder},
	{"LimitWhatTheyReturn", actionReadLimits},
	{"OfNothingReturnAnEmptyList", actionReadNothing},
}}

// actionList is a method that returns a list of actions like those that newAction makes.
type actionList struct {
	name string
	call func(t *test, opts driver.ListOptions) ([]driver.Action, error)
}

var actionLists = []actionList{
	{"GetActive", func(t *test, opts driver.ListOptions) ([]driver.Action, error) {
		return t.store.Actions().GetActive(t.ctx, opts.Limit)
	}},
	{"GetByHandlerType", func(t *test, opts driver.ListOptions) ([]driver.Action, error) {
		return t.store.Actions().GetByHandlerType(t.ctx, driver.HandlerCustom, opts)
	}},
	{"GetByTenant", func(t *test, opts driver.ListOptions) ([]driver.Action, error) {
		return t.store.Actions().GetByTenant(t.ctx, nil, opts)
	}},
}

func actionReadUnknown(t *test) {
	saved := t.saveAction()
	id := newID()
	_, err := t.store.Actions().GetByID(t.ctx, id)
	t.wantErrOn(err, driver.ErrNotFound, "Actions.GetByID", "action", id.String())
	equal(t, "exists, unknown", must(t, t.store.Actions().Exists, id), false)
	equal(t, "exists, zero", must(t, t.store.Actions().Exists, uuid.Nil), false)
	equal(t, "exists", must(t, t.store.Actions().Exists, saved.ID), true)
}

// actionsOfAllStates saves actions in every state, of a handler type and a tenant, and returns
// those that are in use and all.
func (t *test) actionsOfAllStates(handler driver.HandlerType, tenantID *uuid.UUID) (inUse, all []driver.Action) {
	t.Helper()
	for _, status := range []driver.ActionStatus{driver.ActionActive, driver.ActionInactive, driver.ActionPaused, driver.ActionArchived} {
		for _, enabled := range []bool{true, false} {
			saved := t.saveAction(func(a *driver.Action) {
				a.HandlerType, a.TenantID, a.Status, a.IsEnabled = handler, tenantID, status, enabled
			})
			all = append(all, saved)
			if status == driver.ActionActive && enabled {
				inUse = append(inUse, saved)
			}
		}
	}
	return inUse, all
}

func actionReadActive(t *test) {
	tenantless, _ := t.actionsOfAllStates(driver.HandlerSMS, nil)
	ofTenant, _ := t.actionsOfAllStates(driver.HandlerSlack, ptr(newID()))
	sameEntities(t, "active actions", must(t, t.store.Actions().GetActive, 0), byPriority(append(tenantless, ofTenant...)))
}

func actionReadByHandler(t *test) {
	tenantless, all := t.actionsOfAllStates(driver.HandlerSMS, nil)
	ofTenant, more := t.actionsOfAllStates(driver.HandlerSMS, ptr(newID()))
	t.actionsOfAllStates(driver.HandlerSlack, nil)
	get := t.store.Actions().GetByHandlerType
	sameEntities(t, "actions in use", must2(t, get, driver.HandlerSMS, driver.ListOptions{}), byPriority(append(tenantless, ofTenant...)))
	sameEntities(t, "all actions", must2(t, get, driver.HandlerSMS, driver.ListOptions{IncludeInactive: true}), byPriority(append(all, more...)))
	for _, handler := range []driver.HandlerType{"", "SMS", "sms ", "pigeon"} {
		_, err := get(t.ctx, handler, driver.ListOptions{})
		t.wantInvalid(err, "Actions.GetByHandlerType", "handler_type")
	}
}

func actionReadByTenant(t *test) {
	mine := newID()
	t.actionsOfAllStates(driver.HandlerSMS, nil)
	t.actionsOfAllStates(driver.HandlerSMS, ptr(newID()))
	inUse, all := t.actionsOfAllStates(driver.HandlerSMS, &mine)
	get := t.store.Actions().GetByTenant
	sameEntities(t, "actions in use", must2(t, get, &mine, driver.ListOptions{}), byPriority(inUse))
	sameEntities(t, "all actions", must2(t, get, &mine, driver.ListOptions{IncludeInactive: true}), byPriority(all))
}

func actionReadTenantless(t *test) {
	inUse, all := t.actionsOfAllStates(driver.HandlerSMS, nil)
	t.actionsOfAllStates(driver.HandlerSMS, ptr(newID()))
	get := t.store.Actions().GetByTenant
	sameEntities(t, "actions in use", must2(t, get, nil, driver.ListOptions{}), byPriority(inUse))
	sameEntities(t, "all actions", must2(t, get, nil, driver.ListOptions{IncludeInactive: true}), byPriority(all))
}

func actionReadOrder(t *test) {
	want := byPriority(t.actionsInAllOrders(func(*driver.Action) {}))
	for _, list := range actionLists {
		for _, limit := range []int{0, 1, 5, len(want), len(want) + 1} {
			found, err := list.call(t, driver.ListOptions{Limit: limit})
			t.ok(err)
			most := len(want)
			if limit > 0 {
				most = min(limit, most)
			}
			sameEntities(t, list.name, found, want[:most])
		}
	}
	tenant := newID()
	want = byPriority(t.actionsInAllOrders(func(a *driver.Action) { a.TenantID = &tenant }))
	sameEntities(t, "actions of a tenant", must2(t, t.store.Actions().GetByTenant, &tenant, driver.ListOptions{}), want)
}

func actionReadLimits(t *test) {
	t.inTx(func(tx driver.Store) {
		for range driver.DefaultLimit + 5 {
			must(t, tx.Actions().Save, newAction())
		}
	})
	for _, list := range actionLists {
		for _, include := range []bool{false, true} {
			for limit, want := range map[int]int{0: driver.DefaultLimit, driver.MaxLimit: driver.DefaultLimit + 5} {
				found, err := list.call(t, driver.ListOptions{Limit: limit, IncludeInactive: include})
				t.ok(err)
				equal(t, "actions from "+list.name, len(found), want)
			}
			for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
				_, err := list.call(t, driver.ListOptions{Limit: limit, IncludeInactive: include})
				t.wantInvalid(err, "Actions."+list.name, "limit")
			}
		}
	}
}

func actionReadNothing(t *test) {
	for _, list := range actionLists {
		found, err := list.call(t, driver.ListOptions{IncludeInactive: true})
		t.ok(err)
		if found == nil || len(found) > 0 {
			t.Errorf("%s: got %v, want an empty list", list.name, found)
		}
	}
}
