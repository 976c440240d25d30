package history

import (
	"testing"

	"github.com/google/uuid"
)

// Two events of an aggregate are claimed in order. Their leases end, the worker extends the later one, and another
// worker is given the earlier one.
func TestALeaseGoesWithAnEarlierEventThatIsClaimedAgain(t *testing.T) {
	aggregate, slow, quick := uuid.New(), uuid.New(), uuid.New()
	first, second := Row{ID: uuid.New(), Aggregate: aggregate, Version: 1, Position: 1}, Row{ID: uuid.New(), Aggregate: aggregate, Version: 2, Position: 2}
	with := func(row Row, token uuid.UUID, attempt int, until int64) Row {
		row.Token, row.Attempt, row.Until = token, attempt, until
		return row
	}
	const s = 1_000_000 // microseconds
	at := func(call int64, kind Kind, outcome Outcome, rows ...Row) Op {
		op := Op{ID: uint64(call), Tenant: "acme", Kind: kind, Outcome: outcome, Call: call, Return: call + 1000, Rows: rows, Ordered: true}
		if kind == Claimed || kind == Extended {
			op.Lease = s
		}
		return op
	}
	again := at(3*s+1500, Claimed, OK, with(first, quick, 2, 4*s+1600))
	ops := []Op{
		at(100, Saved, OK, first, second),
		at(2*s-2000, Claimed, OK, with(first, slow, 1, 3*s-2000), with(second, slow, 1, 3*s-2000)),
		at(3*s, Extended, OK, with(second, slow, 1, 0)),
		again,
		at(3*s+3000, Acked, No, with(second, slow, 1, 0)),
		at(3*s+5000, Acked, OK, with(first, quick, 2, 0)),
		at(3*s+7000, Claimed, OK, with(second, quick, 2, 4*s+7100)),
		at(3*s+9000, Acked, OK, with(second, quick, 2, 0)),
	}
	end := End{[]Tenant{{Name: "acme", Events: []Event{
		{ID: first.ID, Aggregate: aggregate, Version: 1, Position: 1, Tag: "acme", State: Done},
		{ID: second.ID, Aggregate: aggregate, Version: 2, Position: 2, Tag: "acme", State: Done},
	}, Counts: Counts{Events: 2}}}}

	report := Check(ops, end)
	if err := report.Failed(); err != nil {
		t.Errorf("expected a clean history, got %v", err)
	}
	var other []Op // of another aggregate, say
	for _, op := range ops {
		if op.ID == again.ID {
			op.Rows = nil
		}
		other = append(other, op)
	}
	if report := Check(other, end); report.Doubled == 0 {
		t.Error("expected a finding where nobody took the earlier event, got none")
	}
}
