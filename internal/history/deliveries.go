package history

import "github.com/google/uuid"

// checkDelivery compares what was told of a delivery with what is stored.
func (c *checker) checkDelivery(t *tenant, r *row) {
	made, ended := false, 0
	for _, s := range r.steps {
		switch {
		case s.Outcome != OK:
		case s.Kind == Delivered:
			made = true
		case s.Kind == Attempted && s.Final:
			ended++
		}
	}
	if ended > 1 {
		c.find(doubled, t, r.id, "was ended %d times", ended)
	}
	if r.stored == nil {
		if made {
			c.find(lost, t, r.id, "was made, and is not there")
		}
		return
	}
	switch {
	case !made && !t.mayHaveMade[r.stored.Event]:
		c.find(doubled, t, r.id, "is there, and nobody made it")
	case ended > 0 && !r.stored.Ended:
		c.find(lost, t, r.id, "was delivered, and waits")
	case !r.stored.Ended:
		c.find(lost, t, r.id, "was not handled to its end")
	}
}

// checkPairs finds events that have several deliveries to one endpoint, or deliveries of no event.
func (c *checker) checkPairs(t *tenant) {
	type pair struct{ event, endpoint uuid.UUID }
	seen := map[pair]bool{}
	for _, d := range t.Deliveries {
		if of := t.rows[d.Event]; of == nil || of.event == nil {
			c.find(lost, t, d.ID, "is a delivery of %s, which is not there", d.Event)
		}
		if seen[pair{d.Event, d.Endpoint}] {
			c.find(doubled, t, d.ID, "is the second delivery of %s to %s", d.Event, d.Endpoint)
		}
		seen[pair{d.Event, d.Endpoint}] = true
	}
}
