package history_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/internal/history"
)

// harm makes a history one that must not be, at a random place. It returns the row that is harmed, or
// the zero id if it does not say.
type harm struct {
	name string
	want string // what the finding is
	do   func(h *harmed) uuid.UUID
}

var harms = []harm{
	{"an acknowledged event is gone", "lost", func(h *harmed) uuid.UUID {
		op, row := h.pick(saved, history.OK)
		h.drop(op.Tenant, row.ID)
		return row.ID
	}},
	{"a part of a batch is gone whose fate is unknown", "lost", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool {
			return saved(op) && op.Outcome == history.OK && op.Tx == 0 && len(op.Rows) > 1
		})
		op.Outcome = history.Unknown
		h.drop(op.Tenant, op.Rows[1].ID)
		return op.Rows[1].ID
	}},
	{"a part of a transaction is gone whose fate is unknown", "lost", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool {
			return saved(op) && op.Outcome == history.OK && op.Tx != 0 && len(op.Rows) > 1
		})
		op.Outcome = history.Unknown
		h.drop(op.Tenant, op.Rows[1].ID)
		return op.Rows[1].ID
	}},
	{"a refused save is there", "doubled", func(h *harmed) uuid.UUID {
		op, row := h.pick(saved, history.OK)
		op.Outcome = history.Refused
		return row.ID
	}},
	{"an event is there that nobody saved", "doubled", func(h *harmed) uuid.UUID {
		tenant := &h.end.Tenants[h.rng.IntN(3)]
		event := tenant.Events[h.rng.IntN(len(tenant.Events))]
		event.ID = uuid.New()
		tenant.Events = append(tenant.Events, event)
		return event.ID
	}},
	{"an id was taken at the first save", "doubled", func(h *harmed) uuid.UUID {
		op, row := h.pick(saved, history.OK)
		op.Outcome = history.No
		return row.ID
	}},
	{"an event was saved twice", "doubled", func(h *harmed) uuid.UUID {
		op, row := h.pick(saved, history.OK)
		h.again(op)
		return row.ID
	}},
	{"a payload is another one", "lost", func(h *harmed) uuid.UUID {
		event := h.event()
		event.Hash = "0000"
		return event.ID
	}},
	{"a payload was another one in a worker's hands", "lost", func(h *harmed) uuid.UUID {
		_, row := h.pick(is(history.Claimed), history.OK)
		row.Hash = "0000"
		return row.ID
	}},
	{"an event that was saved is not found", "lost", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool {
			return op.Kind == history.Seen && op.Outcome == history.OK && len(op.Rows) == 1 && op.Consumer == "" && !op.Ordered
		})
		op.Outcome = history.No
		op.Call = h.ops[len(h.ops)-1].Call
		return op.Rows[0].ID
	}},
	{"an acknowledged event waits", "lost", func(h *harmed) uuid.UUID {
		op, row := h.pick(is(history.Acked), history.OK)
		h.find(op.Tenant, row.ID).State = history.Waiting
		return row.ID
	}},
	{"nobody acknowledged what is processed", "lost", func(h *harmed) uuid.UUID {
		op, row := h.pick(is(history.Acked), history.OK)
		op.Outcome = history.Refused
		return row.ID
	}},
	{"an event was acknowledged twice", "doubled", func(h *harmed) uuid.UUID {
		op, row := h.pick(is(history.Acked), history.OK)
		h.again(op)
		return row.ID
	}},
	{"an event was acknowledged by who had lost it", "doubled", func(h *harmed) uuid.UUID {
		op, row := h.pick(is(history.Acked), history.No)
		op.Outcome = history.OK
		return row.ID
	}},
	{"an acknowledgement was refused to who had the event", "doubled", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool {
			return op.Kind == history.Acked && op.Outcome == history.OK && op.Tx == 0 && !op.Ordered && len(op.Rows) > 0
		})
		denied := h.again(op)
		denied.Outcome, denied.Call, denied.Return = history.No, op.Call-2, op.Call-1
		return op.Rows[0].ID
	}},
	{"an event was leased while somebody else had it", "doubled", func(h *harmed) uuid.UUID {
		return h.leaseAgain(history.Claimed, history.Acked)
	}},
	{"an event that is done was leased again", "doubled", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool {
			return op.Kind == history.Claimed && op.Outcome == history.OK && len(op.Rows) > 0
		})
		over := slices.MaxFunc(h.ops, func(a, b history.Op) int { return cmp.Compare(a.Return, b.Return) }).Return
		second := h.again(op)
		second.Rows, second.Ordered = slices.Clone(op.Rows[:1]), false
		second.Call, second.Return = over+1, over+2
		second.Rows[0].Token, second.Rows[0].Until = uuid.New(), second.Call+second.Lease
		return op.Rows[0].ID
	}},
	{"an effect was had twice", "doubled", func(h *harmed) uuid.UUID {
		tenant := &h.end.Tenants[h.rng.IntN(3)]
		i := slices.IndexFunc(tenant.Events, func(event history.Event) bool { return event.Of != uuid.Nil })
		again := tenant.Events[i]
		again.ID = uuid.New()
		tenant.Events = append(tenant.Events, again)
		return again.Of
	}},
	{"an event was claimed before the version before it was done", "disordered", func(h *harmed) uuid.UUID {
		return h.claimEarly()
	}},
	{"a version is missing", "disordered", func(h *harmed) uuid.UUID {
		event := h.event()
		event.Version += 100
		return event.ID
	}},
	{"two versions changed their places", "disordered", func(h *harmed) uuid.UUID {
		event := h.eventWhere(func(event *history.Event) bool { return event.Version == 2 })
		first := h.eventWhere(func(other *history.Event) bool { return other.Aggregate == event.Aggregate && other.Version == 1 })
		event.Position, first.Position = first.Position, event.Position
		return event.ID
	}},
	{"an aggregate was read without a version", "disordered", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool { return op.Kind == history.Seen && op.Ordered && len(op.Rows) > 2 })
		op.Rows = slices.Delete(op.Rows, 1, 2)
		return op.Rows[1].ID
	}},
	{"a consumer was done with events twice", "doubled", func(h *harmed) uuid.UUID {
		op, _ := h.pick(is(history.Committed), history.OK)
		h.again(op)
		return op.Rows[0].ID
	}},
	{"a consumer skipped an event", "lost", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool { return op.Kind == history.Seen && op.Consumer != "" && len(op.Rows) > 2 })
		skipped := op.Rows[1].ID
		op.Rows = slices.Delete(op.Rows, 1, 2)
		return skipped
	}},
	{"a consumer's commit did nothing", "lost", func(h *harmed) uuid.UUID {
		op, _ := h.pick(is(history.Committed), history.OK)
		op.Outcome = history.Refused
		return op.Rows[0].ID
	}},
	{"a consumer read out of order", "disordered", func(h *harmed) uuid.UUID {
		op := h.op(func(op *history.Op) bool { return op.Kind == history.Seen && op.Consumer != "" && len(op.Rows) > 2 })
		op.Rows[1], op.Rows[2] = op.Rows[2], op.Rows[1]
		return uuid.Nil
	}},
	{"an event moved to another tenant", "crossed", func(h *harmed) uuid.UUID {
		event := *h.event()
		for i := range h.end.Tenants {
			if tenant := &h.end.Tenants[i]; tenant.Name != event.Tag {
				tenant.Events = append(tenant.Events, event)
				break
			}
		}
		h.drop(event.Tag, event.ID)
		return event.ID
	}},
	{"an event says that it is another tenant's", "crossed", func(h *harmed) uuid.UUID {
		event := h.event()
		event.Tag = "evil"
		return event.ID
	}},
	{"another tenant's event was handed out", "crossed", func(h *harmed) uuid.UUID {
		_, row := h.pick(is(history.Claimed), history.OK)
		row.Tag = "evil"
		return row.ID
	}},
	{"a delivery is gone", "lost", func(h *harmed) uuid.UUID {
		op, row := h.pick(is(history.Delivered), history.OK)
		tenant := h.tenant(op.Tenant)
		tenant.Deliveries = slices.DeleteFunc(tenant.Deliveries, func(d history.Delivery) bool { return d.ID == row.ID })
		return row.ID
	}},
	{"a delivery was made twice", "doubled", func(h *harmed) uuid.UUID {
		tenant := &h.end.Tenants[h.rng.IntN(3)]
		again := tenant.Deliveries[h.rng.IntN(len(tenant.Deliveries))]
		again.ID = uuid.New()
		tenant.Deliveries = append(tenant.Deliveries, again)
		return again.ID
	}},
	{"a delivery was leased while somebody else had it", "doubled", func(h *harmed) uuid.UUID {
		return h.leaseAgain(history.Due, history.Attempted)
	}},
	{"a count is not what there is", "lost", func(h *harmed) uuid.UUID {
		h.end.Tenants[h.rng.IntN(3)].Counts.Unprocessed++
		return uuid.Nil
	}},
}

// places is at how many random places each harm is done.
const places = 5

func TestEveryHarmIsFound(t *testing.T) {
	whole := realPast(t)
	for _, harm := range harms {
		t.Run(strings.ReplaceAll(harm.name, " ", "_"), func(t *testing.T) {
			for seed := range uint64(places) {
				h := &harmed{past: whole.clone(), t: t, rng: rand.New(rand.NewPCG(seed, 0))}
				id := harm.do(h)
				report := history.Check(h.ops, h.end)
				if !h.told(report, harm.want, id) {
					t.Errorf("seed %d: %s was harmed, and nothing was found to be %s; found was: %v\nrun it alone: go test ./internal/history -run '%s'",
						seed, id, harm.want, report.Failed(), t.Name())
				}
			}
		})
	}
}

// harmed is a history under harm.
type harmed struct {
	past
	t   *testing.T
	rng *rand.Rand
}

// told reports whether one of the findings is about the row.
func (h *harmed) told(report history.Report, want string, id uuid.UUID) bool {
	return slices.ContainsFunc(report.Findings, func(f history.Finding) bool {
		return f.What == want && (id == uuid.Nil || f.Row == id)
	})
}

func saved(op *history.Op) bool { return op.Kind == history.Saved }

func is(kind history.Kind) func(*history.Op) bool {
	return func(op *history.Op) bool { return op.Kind == kind }
}

// op returns a random one of those that fit.
func (h *harmed) op(fits func(*history.Op) bool) *history.Op {
	h.t.Helper()
	var all []*history.Op
	for i := range h.ops {
		if fits(&h.ops[i]) {
			all = append(all, &h.ops[i])
		}
	}
	if len(all) == 0 {
		h.t.Fatal("the real history has no call to harm")
	}
	return all[h.rng.IntN(len(all))]
}

// pick returns a random one with a row, and one of its rows.
func (h *harmed) pick(fits func(*history.Op) bool, outcome history.Outcome) (*history.Op, *history.Row) {
	h.t.Helper()
	op := h.op(func(op *history.Op) bool { return fits(op) && op.Outcome == outcome && len(op.Rows) > 0 })
	return op, &op.Rows[h.rng.IntN(len(op.Rows))]
}

// again makes a copy of a call the last one of the history, by another client.
func (h *harmed) again(op *history.Op) *history.Op {
	second := *op
	second.ID, second.Tx, second.Client, second.Rows = h.rng.Uint64(), 0, op.Client+100, slices.Clone(op.Rows)
	h.ops = append(slices.Clip(h.ops), second)
	return &h.ops[len(h.ops)-1]
}

// leaseAgain leases a row a second time in the middle of a lease that was used to its end.
func (h *harmed) leaseAgain(claimed, used history.Kind) uuid.UUID {
	h.t.Helper()
	var use *history.Op
	claim := h.op(func(op *history.Op) bool {
		if op.Kind != claimed || op.Outcome != history.OK || len(op.Rows) == 0 {
			return false
		}
		use = h.useOf(op, used)
		return use != nil
	})
	use = h.useOf(claim, used)
	second := h.again(claim)
	second.Rows, second.Ordered = slices.Clone(claim.Rows[:1]), false
	second.Call, second.Return = claim.Return+1, claim.Return+1
	second.Rows[0].Token, second.Rows[0].Until = uuid.New(), second.Call+second.Lease
	return claim.Rows[0].ID
}

// useOf returns the call that used the lease of a claim's first row while it lasted.
func (h *harmed) useOf(claim *history.Op, kind history.Kind) *history.Op {
	for i := range h.ops {
		op := &h.ops[i]
		if op.Kind != kind || op.Outcome != history.OK || op.Call <= claim.Return+1 {
			continue
		}
		for _, row := range op.Rows {
			if row.ID == claim.Rows[0].ID && row.Token == claim.Rows[0].Token {
				return op
			}
		}
	}
	return nil
}

// claimEarly moves an ordered claim to before the version before was saved.
func (h *harmed) claimEarly() uuid.UUID {
	h.t.Helper()
	op := h.op(func(op *history.Op) bool {
		return op.Kind == history.Claimed && op.Outcome == history.OK && op.Ordered && len(op.Rows) > 0 && op.Rows[0].Version > 1
	})
	row := op.Rows[0]
	op.Rows = []history.Row{row}
	op.Call, op.Return = h.ops[0].Call, h.ops[0].Call+1
	return row.ID
}

func (h *harmed) tenant(name string) *history.Tenant {
	for i := range h.end.Tenants {
		if h.end.Tenants[i].Name == name {
			return &h.end.Tenants[i]
		}
	}
	h.t.Fatalf("no tenant %s", name)
	return nil
}

func (h *harmed) drop(tenant string, id uuid.UUID) {
	has := h.tenant(tenant)
	has.Events = slices.DeleteFunc(has.Events, func(event history.Event) bool { return event.ID == id })
}

func (h *harmed) find(tenant string, id uuid.UUID) *history.Event {
	has := h.tenant(tenant)
	return &has.Events[slices.IndexFunc(has.Events, func(event history.Event) bool { return event.ID == id })]
}

func (h *harmed) event() *history.Event {
	return h.eventWhere(func(*history.Event) bool { return true })
}

// eventWhere returns a random stored event that fits.
func (h *harmed) eventWhere(fits func(*history.Event) bool) *history.Event {
	h.t.Helper()
	var all []*history.Event
	for i := range h.end.Tenants {
		for k := range h.end.Tenants[i].Events {
			if event := &h.end.Tenants[i].Events[k]; fits(event) {
				all = append(all, event)
			}
		}
	}
	if len(all) == 0 {
		h.t.Fatal("the real history has no event to harm")
	}
	return all[h.rng.IntN(len(all))]
}
