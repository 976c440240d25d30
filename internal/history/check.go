package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Report is what Check found. Lost, Doubled, Crossed and Disordered count the events and deliveries
// that something is wrong with.
type Report struct {
	Operations int // calls
	Unknown    int // of these, those whose effect nobody was told

	Lost       int // acknowledged and not there, or not as it was; or not handled to its end
	Doubled    int // there though it was refused, done twice, or done by who had no lease
	Crossed    int // in the hands of another tenant
	Disordered int // handed out, numbered or read out of order

	Findings []Finding
}

// Finding is what is wrong with one row.
type Finding struct {
	What   string // lost, doubled, crossed or disordered
	Tenant string
	Row    uuid.UUID // the zero id: the tenant as a whole

	text string // with all that was recorded of the row; empty where enough of its kind are told
}

// Failed says how much is wrong; nil if nothing is.
func (r *Report) Failed() error {
	if r.Lost+r.Doubled+r.Crossed+r.Disordered == 0 {
		return nil
	}
	var told strings.Builder
	for _, f := range r.Findings {
		if f.text != "" {
			fmt.Fprintf(&told, "\n%s: %s of %s %s", f.What, f.Row, f.Tenant, f.text)
		}
	}
	return fmt.Errorf("lost %d, doubled %d, crossed %d, disordered %d:%s", r.Lost, r.Doubled, r.Crossed, r.Disordered, told.String())
}

// mostTold is how many findings of each kind Failed tells.
const mostTold = 10

// Check looks for what must not be in a history that ended like this.
func Check(ops []Op, end End) Report {
	c := newChecker(ops, end)
	for _, t := range c.tenants {
		for _, row := range t.inOrder() {
			c.checkTags(t, row)
			if row.delivery {
				c.checkDelivery(t, row)
			} else {
				c.checkSaved(t, row)
				c.checkHandled(t, row)
			}
			c.checkLeases(t, row)
		}
		c.checkPairs(t)
		c.checkWholes(t)
		c.checkVersions(t)
		c.checkHistories(t)
		c.checkOrder(t)
		c.checkConsumers(t)
		c.checkCounts(t)
	}
	r := c.report
	r.Lost, r.Doubled, r.Crossed, r.Disordered = c.rows[lost], c.rows[doubled], c.rows[crossed], c.rows[disordered]
	return r
}

// kind is what is wrong with a row.
type kind string

const (
	lost       kind = "lost"
	doubled    kind = "doubled"
	crossed    kind = "crossed"
	disordered kind = "disordered"
)

type checker struct {
	report  Report
	tenants []*tenant
	found   map[Finding]bool // without their texts
	rows    map[kind]int     // that something is wrong with
}

// tenant is what was done in one tenant, and what it has.
type tenant struct {
	Tenant
	ops       []*Op
	rows      map[uuid.UUID]*row
	forgotten int64 // when the first claim began whose claims nobody was told; 0: none did
	givenBack map[uuid.UUID][]move

	mayHaveMade map[uuid.UUID]bool // the events of SaveForEvent whose deliveries nobody was told
}

// row is an event or a delivery: what was done with it, and what became of it.
type row struct {
	id       uuid.UUID
	steps    []step
	delivery bool
	event    *Event    // nil: not stored
	stored   *Delivery // nil: not stored
	effects  []uuid.UUID
}

// step is what one op did with one row.
type step struct {
	*Op
	row *Row
}

func newChecker(ops []Op, end End) *checker {
	c := &checker{found: map[Finding]bool{}, rows: map[kind]int{}}
	c.report.Operations = len(ops)
	byName := map[string]*tenant{}
	for _, has := range end.Tenants {
		t := newTenant(has)
		c.tenants = append(c.tenants, t)
		byName[t.Name] = t
		for i := range t.Events {
			t.row(t.Events[i].ID).event = &t.Events[i]
		}
		for i := range t.Events {
			if of := t.Events[i].Of; of != uuid.Nil {
				t.row(of).effects = append(t.row(of).effects, t.Events[i].ID)
			}
		}
		for i := range t.Deliveries {
			row := t.row(t.Deliveries[i].ID)
			row.delivery, row.stored = true, &t.Deliveries[i]
		}
	}
	resolved := slices.Clone(ops)
	resolve(resolved, byName)
	for i := range resolved {
		op := &resolved[i]
		if ops[i].Outcome == Unknown {
			c.report.Unknown++
		}
		t := byName[op.Tenant]
		if t == nil {
			t = newTenant(Tenant{Name: op.Tenant})
			byName[op.Tenant] = t
			c.find(lost, t, uuid.Nil, "are all rows: the end has no such tenant")
		}
		t.add(op)
	}
	for _, t := range c.tenants {
		t.findGivenBack()
	}
	return c
}

// resolve finds out what became of transactions of unknown fate that saved something: where that is,
// all of it took effect, and where it is not, nothing did.
func resolve(ops []Op, tenants map[string]*tenant) {
	saves := map[uuid.UUID]int{}
	for i := range ops {
		if ops[i].Kind == Saved {
			for _, row := range ops[i].Rows {
				saves[row.ID]++
			}
		}
	}
	fates := map[uint64]Outcome{}
	for i := range ops {
		op := &ops[i]
		t := tenants[op.Tenant]
		if op.Tx == 0 || op.Kind != Saved || op.Outcome != Unknown || t == nil || len(op.Rows) == 0 || saves[op.Rows[0].ID] > 1 {
			continue
		}
		fates[op.Tx] = Refused
		if row := t.rows[op.Rows[0].ID]; row != nil && row.event != nil {
			fates[op.Tx] = OK
		}
	}
	for i := range ops {
		if fate, known := fates[ops[i].Tx]; known && ops[i].Outcome == Unknown {
			ops[i].Outcome, ops[i].Return = fate, 0
		}
	}
}

func newTenant(has Tenant) *tenant {
	return &tenant{Tenant: has, rows: map[uuid.UUID]*row{}, mayHaveMade: map[uuid.UUID]bool{}}
}

func (t *tenant) row(id uuid.UUID) *row {
	if t.rows[id] == nil {
		t.rows[id] = &row{id: id}
	}
	return t.rows[id]
}

func (t *tenant) add(op *Op) {
	t.ops = append(t.ops, op)
	for i := range op.Rows {
		if op.Rows[i].ID == uuid.Nil { // a delivery to be
			t.mayHaveMade[op.Rows[i].Of] = t.mayHaveMade[op.Rows[i].Of] || op.Outcome == Unknown
			continue
		}
		row := t.row(op.Rows[i].ID)
		row.steps = append(row.steps, step{op, &op.Rows[i]})
		switch op.Kind {
		case Delivered, Due, Attempted, GivenUp:
			row.delivery = true
		}
	}
	if (op.Kind == Claimed || op.Kind == Due) && op.Outcome == Unknown && t.forgotten == 0 {
		t.forgotten = op.Call
	}
}

// inOrder returns the rows in an order that does not change from run to run.
func (t *tenant) inOrder() []*row {
	rows := make([]*row, 0, len(t.rows))
	for _, row := range t.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *row) int { return slices.Compare(a.id[:], b.id[:]) })
	return rows
}

// find reports what is wrong with a row, the first thing of each kind.
func (c *checker) find(kind kind, t *tenant, id uuid.UUID, format string, args ...any) {
	f := Finding{What: string(kind), Tenant: t.Name, Row: id}
	if c.found[f] {
		return
	}
	c.found[f] = true
	if c.rows[kind]++; c.rows[kind] <= mostTold {
		f.text = fmt.Sprintf(format, args...) + t.trace(id)
	}
	c.report.Findings = append(c.report.Findings, f)
}

// trace is all that was recorded of a row, a line each.
func (t *tenant) trace(id uuid.UUID) string {
	row := t.rows[id]
	if row == nil {
		return ""
	}
	var b strings.Builder
	steps := slices.Clone(row.steps)
	for _, m := range t.givenBack[id] {
		steps = append(steps, m.step)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.Call, b.Call) })
	for _, s := range steps {
		fmt.Fprintf(&b, "\n    %s client %d %s %s", clock(s.Call), s.Client, s.Kind, s.Outcome)
		if s.Return > 0 {
			fmt.Fprintf(&b, " after %s", time.Duration(s.Return-s.Call)*time.Microsecond)
		} else {
			b.WriteString(", never answered")
		}
		if s.Consumer != "" {
			fmt.Fprintf(&b, " by consumer %s", s.Consumer)
		}
		if s.Position > 0 {
			fmt.Fprintf(&b, " to %d", s.Position)
		}
		if s.row.Token != uuid.Nil {
			fmt.Fprintf(&b, ", token %s", s.row.Token)
		}
		if s.row.Attempt > 0 {
			fmt.Fprintf(&b, ", attempt %d", s.row.Attempt)
		}
		if s.row.Until > 0 {
			fmt.Fprintf(&b, ", until %s", clock(s.row.Until))
		}
		if s.row.Version > 0 {
			fmt.Fprintf(&b, ", version %d", s.row.Version)
		}
		if s.Tx > 0 {
			fmt.Fprintf(&b, ", transaction %d", s.Tx)
		}
		if s.Error != "" {
			fmt.Fprintf(&b, ": %s", s.Error)
		}
	}
	switch {
	case row.event != nil:
		fmt.Fprintf(&b, "\n    in the end %s: version %d of %s, position %d", row.event.State, row.event.Version, row.event.Aggregate, row.event.Position)
	case row.stored != nil:
		fmt.Fprintf(&b, "\n    in the end a delivery of %s to %s, ended: %t", row.stored.Event, row.stored.Endpoint, row.stored.Ended)
	default:
		b.WriteString("\n    in the end not there")
	}
	return b.String()
}

func clock(micros int64) string { return time.UnixMicro(micros).UTC().Format("15:04:05.000000") }
