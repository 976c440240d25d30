package history

import (
	"slices"

	"github.com/google/uuid"
)

// checkTags finds rows that one tenant has and another one's clients made.
func (c *checker) checkTags(t *tenant, r *row) {
	for _, s := range r.steps {
		if s.row.Tag != "" && s.row.Tag != t.Name {
			c.find(crossed, t, r.id, "was handed to %s and is %s's", t.Name, s.row.Tag)
		}
	}
	if r.event != nil && r.event.Tag != t.Name {
		c.find(crossed, t, r.id, "is stored by %s and is %s's", t.Name, r.event.Tag)
	}
	if r.stored != nil && r.stored.Tag != t.Name {
		c.find(crossed, t, r.id, "is stored by %s and is %s's", t.Name, r.stored.Tag)
	}
}

// checkSaved compares what was told of the saves of an event, and of reads, with what is stored.
func (c *checker) checkSaved(t *tenant, r *row) {
	var acknowledged *step // the first save that was
	saves, maybe := 0, false
	for i := range r.steps {
		s := &r.steps[i]
		if s.Kind != Saved {
			continue
		}
		saves++
		switch {
		case s.Outcome == OK && acknowledged != nil:
			c.find(doubled, t, r.id, "was saved twice")
		case s.Outcome == No && acknowledged == nil && !maybe:
			c.find(doubled, t, r.id, "was there already, though each save before was refused")
		}
		switch s.Outcome {
		case OK, No:
			if acknowledged == nil {
				acknowledged = s
			}
		case Unknown:
			maybe = true
		}
	}
	if r.event == nil {
		if acknowledged != nil {
			c.find(lost, t, r.id, "was saved, and is not there")
		}
		return
	}
	switch {
	case saves == 0 && c.savedElsewhere(t, r.id):
		c.find(crossed, t, r.id, "is stored by %s and was saved by another tenant", t.Name)
	case saves == 0:
		c.find(doubled, t, r.id, "is there, and nobody saved it")
	case acknowledged == nil && !maybe:
		c.find(doubled, t, r.id, "is there, though each save was refused")
	}
	c.checkContent(t, r, acknowledged)
}

func (c *checker) savedElsewhere(t *tenant, id uuid.UUID) bool {
	return slices.ContainsFunc(c.tenants, func(other *tenant) bool {
		row := other.rows[id]
		return other != t && row != nil && slices.ContainsFunc(row.steps, func(s step) bool { return s.Kind == Saved })
	})
}

// checkContent compares each sight of an event with what is stored.
func (c *checker) checkContent(t *tenant, r *row, saved *step) {
	for _, s := range r.steps {
		if s.Kind == Seen && s.Outcome == No && saved != nil && saved.Return > 0 && saved.Return < s.Call {
			c.find(lost, t, r.id, "was not found, though it was saved before")
		}
		switch {
		case s.row.Hash != "" && s.row.Hash != r.event.Hash:
			c.find(lost, t, r.id, "has another content than it had (%s, then %s)", s.row.Hash, r.event.Hash)
		case s.Outcome != OK:
		case s.row.Version != 0 && s.row.Version != r.event.Version, s.row.Position != 0 && s.row.Position != r.event.Position,
			s.row.Aggregate != uuid.Nil && s.row.Aggregate != r.event.Aggregate:
			c.find(disordered, t, r.id, "was version %d of %s at position %d before", s.row.Version, s.row.Aggregate, s.row.Position)
		}
	}
}

// checkHandled finds events that were not handled to their end exactly once.
func (c *checker) checkHandled(t *tenant, r *row) {
	done, maybe := 0, false
	for _, s := range r.steps {
		switch s.Kind {
		case Acked, Marked, Processed:
			if s.Outcome == OK {
				done++
			}
			maybe = maybe || s.Outcome == Unknown
		}
	}
	if done > 1 {
		c.find(doubled, t, r.id, "was acknowledged %d times", done)
	}
	if len(r.effects) > 1 {
		c.find(doubled, t, r.id, "had its effect %d times, with its acknowledgement: %v", len(r.effects), r.effects)
	}
	switch {
	case r.event == nil:
	case done > 0 && r.event.State != Done:
		c.find(lost, t, r.id, "was acknowledged, and is %s", r.event.State)
	case r.event.State != Done:
		c.find(lost, t, r.id, "was not handled to its end: it is %s", r.event.State)
	case done == 0 && !maybe:
		c.find(lost, t, r.id, "is processed, and nobody handled it")
	}
}

// checkWholes finds batches and transactions of which only a part is there.
func (c *checker) checkWholes(t *tenant) {
	wholes := map[uint64][]*Op{} // by transaction, or by the op itself
	for _, op := range t.ops {
		if op.Kind == Saved && (op.Outcome == OK || op.Outcome == Unknown) {
			whole := op.Tx
			if whole == 0 {
				whole = op.ID
			}
			wholes[whole] = append(wholes[whole], op)
		}
	}
	for _, ops := range wholes {
		var missing []uuid.UUID
		rows := 0
		for _, op := range ops {
			for _, row := range op.Rows {
				if rows++; t.rows[row.ID].event == nil {
					missing = append(missing, row.ID)
				}
			}
		}
		if len(missing) > 0 && len(missing) < rows {
			c.find(lost, t, missing[0], "is not there, and others of the %d are that were saved with it: %d are missing", rows, len(missing))
		}
	}
}

// checkVersions finds aggregates whose versions are not 1, 2, 3 and so on, in the order of positions.
func (c *checker) checkVersions(t *tenant) {
	for _, events := range t.aggregates() {
		for i, event := range events {
			switch {
			case event.Version != int64(i)+1:
				c.find(disordered, t, event.ID, "is version %d of its aggregate, in the place of version %d", event.Version, i+1)
			case i > 0 && event.Position <= events[i-1].Position:
				c.find(disordered, t, event.ID, "is at a position before the version before it")
			}
		}
	}
	positions := map[int64]bool{}
	for _, event := range t.Events {
		if positions[event.Position] {
			c.find(doubled, t, event.ID, "is at a position that another event has")
		}
		positions[event.Position] = true
	}
}

// checkCounts compares what the store counts with what it has.
func (c *checker) checkCounts(t *tenant) {
	has := Counts{Events: int64(len(t.Events))}
	for _, event := range t.Events {
		switch event.State {
		case Waiting:
			has.Unprocessed++
		case Dead:
			has.DeadLetters++
		}
	}
	says := t.Counts
	says.Unprocessed, says.Processing = says.Unprocessed+says.Processing, 0
	if says != has {
		c.find(lost, t, uuid.Nil, "is how many there are: the store counts %+v, and has %+v", says, has)
	}
}
