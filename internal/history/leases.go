package history

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"
)

// slack is how far the database's clock can be behind the client's, in microseconds: that of SQLite
// counts in milliseconds.
const slack = 2_000

// patience is how long to look for an order of what was done with one row.
const patience = time.Minute

// lease is an event or a delivery as a register with a fencing token.
type lease struct {
	phase phase
	token uuid.UUID // of who holds it
	until int64     // when the lease ends, at the earliest
}

type phase uint8

const (
	waiting phase = iota
	held
	dead
	done
)

// move is what a call does with the register.
type move struct {
	step
	maybe bool // it may also have done nothing, whatever it found
	fence bool // it took the lease from whoever held it
}

// leases is the model: which moves can follow each other. A lease that has ended stays its holder's
// until somebody else takes the row, which nobody can before.
var leases = porcupine.Model{
	Init: func() any { return lease{} },
	Step: func(state, input, _ any) (bool, any) {
		l, m := state.(lease), input.(move)
		next, took := l.after(m)
		switch {
		case m.Outcome == No:
			return m.maybe || !took, l
		case took:
			return true, next
		}
		return m.maybe, l
	},
}

// after returns the register after a move, and whether the move can have taken effect on it.
func (l lease) after(m move) (next lease, took bool) {
	mine := l.phase == held && l.token == m.row.Token
	if m.fence {
		return lease{}, l.phase == held
	}
	switch m.Kind {
	case Claimed, Due:
		ended := m.row.Until-m.Lease >= l.until
		return lease{phase: held, token: m.row.Token, until: m.row.Until}, l.phase == waiting || l.phase == held && ended
	case Extended:
		return lease{phase: held, token: l.token, until: m.Call + m.Lease - slack}, mine
	case Retried, Released, GivenUp:
		return lease{}, mine
	case DeadLettered:
		return lease{phase: dead}, mine
	case Requeued:
		return lease{}, l.phase == dead
	case Acked:
		return lease{phase: done}, mine
	case Attempted:
		if m.Final {
			return lease{phase: done}, mine
		}
		return lease{}, mine
	case Marked:
		return lease{phase: done}, l.phase != done
	case Processed: // by a transaction, at a time that is not known
		ended := m.Return == 0 || m.Return+slack >= l.until
		return lease{phase: done}, l.phase == waiting || l.phase == held && ended
	}
	return l, true
}

// checkLeases looks for an order of what was done with a row in which everybody was told the truth. The
// order in which the calls began is one that may be; where it does not fit, porcupine looks for others.
func (c *checker) checkLeases(t *tenant, r *row) {
	var moves []move
	for _, s := range r.steps {
		if m, ok := t.moveOf(s); ok {
			moves = append(moves, m)
		}
	}
	moves = append(moves, t.givenBack[r.id]...)
	longest, ok := longestOrder(moves)
	if !ok {
		_, ok = longestOrder(append(moves, t.fences(r)...)) // rarely any matters
	}
	if !ok {
		c.find(doubled, t, r.id, "was not with one worker at a time: of %d calls at most %d can follow each other", len(moves), longest)
	}
}

// longestOrder looks for an order in which all moves can follow each other. If there is none it returns how many
// can.
func longestOrder(moves []move) (longest int, ok bool) {
	slices.SortStableFunc(moves, func(a, b move) int { return cmp.Compare(a.Call, b.Call) })
	if follow(moves) {
		return len(moves), true
	}
	operations := make([]porcupine.Operation, len(moves))
	for i, m := range moves {
		operations[i] = m.operation()
	}
	result, info := porcupine.CheckOperationsVerbose(leases, operations, patience)
	if result != porcupine.Illegal {
		return len(moves), true
	}
	for _, order := range info.PartialLinearizationsOperations()[0] {
		longest = max(longest, len(order))
	}
	return longest, false
}

// fences are the claims in order of events that were once claimed together with a row, before it in its aggregate:
// with such an event goes what the worker that lost it still has of the later ones, even what it extended.
func (t *tenant) fences(r *row) (moves []move) {
	before := map[uuid.UUID]bool{}
	for _, s := range r.steps {
		if s.Kind == Claimed && s.Ordered {
			for _, row := range s.Rows {
				before[row.ID] = before[row.ID] || row.Aggregate == s.row.Aggregate && row.Version < s.row.Version
			}
		}
	}
	for _, op := range t.ops {
		if op.Kind != Claimed || !op.Ordered || slices.ContainsFunc(op.Rows, func(row Row) bool { return row.ID == r.id }) {
			continue
		}
		if i := slices.IndexFunc(op.Rows, func(row Row) bool { return before[row.ID] }); i >= 0 {
			fence := *op
			fence.Outcome = Unknown // whether there was a lease to take
			moves = append(moves, move{step{&fence, &op.Rows[i]}, true, true})
		}
	}
	return moves
}

// follow reports whether moves can follow each other as they are.
func follow(moves []move) bool {
	state := leases.Init()
	for _, m := range moves {
		fits, next := leases.Step(state, m, nil)
		if !fits {
			return false
		}
		state = next
	}
	return true
}

// moveOf returns what a step does with the register, if anything.
func (t *tenant) moveOf(s step) (m move, ok bool) {
	m.step = s
	switch s.Kind {
	case Saved, Seen, Committed, Delivered:
		return m, false
	}
	switch s.Outcome {
	case Refused:
		return m, false
	case Unknown:
		m.maybe = true
	case No:
		// The lease can be lost to who was not told that he has it, and with an order of aggregates also
		// with an earlier event.
		forgotten := t.forgotten != 0 && (s.Return == 0 || s.Return >= t.forgotten)
		m.maybe = s.row.Token != uuid.Nil && (forgotten || s.Ordered)
	}
	return m, true
}

func (m move) operation() porcupine.Operation {
	op := porcupine.Operation{ClientId: m.Client, Input: m, Call: m.Call, Return: m.Return}
	if m.Outcome == Unknown || m.Return == 0 {
		op.Return = math.MaxInt64
	}
	return op
}

// findGivenBack notes the claims that were given back with an earlier one of their aggregate.
func (t *tenant) findGivenBack() {
	type key struct{ token, event uuid.UUID }
	type place struct{ token, aggregate uuid.UUID }
	claims, runs := map[key]*Row{}, map[place][]*Row{}
	for _, op := range t.ops {
		if op.Kind == Claimed && op.Ordered {
			for i := range op.Rows {
				row := &op.Rows[i]
				claims[key{row.Token, row.ID}] = row
				runs[place{row.Token, row.Aggregate}] = append(runs[place{row.Token, row.Aggregate}], row)
			}
		}
	}
	t.givenBack = map[uuid.UUID][]move{}
	for _, op := range t.ops {
		if !op.Ordered || op.Outcome == Refused || op.Kind != Retried && op.Kind != Released && op.Kind != DeadLettered {
			continue
		}
		release := *op
		release.Kind = Released
		if op.Outcome == No { // of the earlier one; who knows of the later ones
			release.Outcome = Unknown
		}
		for _, row := range op.Rows {
			claim := claims[key{row.Token, row.ID}]
			if claim == nil {
				continue
			}
			for _, later := range runs[place{claim.Token, claim.Aggregate}] {
				if later.Version > claim.Version {
					t.givenBack[later.ID] = append(t.givenBack[later.ID], move{step{&release, later}, true, false})
				}
			}
		}
	}
}
