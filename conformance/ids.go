package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventIDs = area{name: "Events/IDs", behaviours: []behaviour{
	{"MakesUUIDv7ForZeroIDs", idsMakesUUIDv7},
	{"KeepsTheGivenID", idsKeepsTheGivenID},
	{"RefusesATakenIDAndNamesIt", idsRefusesATakenID},
	{"SavingTheSameEventAgainSaysAlreadyExists", idsSavingAgain},
	{"KeepsAProcessedIDTaken", idsKeepsAProcessedIDTaken},
	{"OneOfManySaversOfAnIDWins", idsOneSaverWins},
}}

func idsMakesUUIDv7(t *test) {
	one, few := t.save(newEvent()), t.saveAll(newEvents(2))
	appended, err := t.events.Append(t.ctx, driver.Aggregate{Type: "Order", ID: newID()}, driver.NoEvents, fillers(1))
	t.ok(err)
	seen := map[uuid.UUID]bool{}
	for _, saved := range append(append(few, one), appended...) {
		if saved.ID.Version() != 7 || saved.ID.Variant() != uuid.RFC4122 {
			t.Errorf("id: got %s, want a UUIDv7", saved.ID)
		}
		if seen[saved.ID] {
			t.Errorf("id %s was given twice", saved.ID)
		}
		seen[saved.ID] = true
	}
}

func idsKeepsTheGivenID(t *test) {
	for _, id := range []uuid.UUID{
		uuid.New(), newID(), uuid.Max, uuid.MustParse("00000000-0000-0000-0000-000000000001"),
		uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://example.com/"+t.store.Schema())),
	} {
		event := newEvent()
		event.ID = id
		equal(t, "id returned", t.save(event).ID, id)
		equal(t, "id read back", t.get(id).ID, id)
	}
}

func idsRefusesATakenID(t *test) {
	saved := t.save(fullEvent())
	before := t.state()
	other := newEvent()
	other.ID = saved.ID
	_, err := t.events.Save(t.ctx, other)
	t.wantTaken(err, "Events.Save", saved.ID)
	t.wantState(before)
	t.sameEvent("event that had the id", t.get(saved.ID), saved)
}

func idsSavingAgain(t *test) {
	saved := t.save(newEvent())
	_, err := t.events.Save(t.ctx, saved)
	t.wantTaken(err, "Events.Save", saved.ID)
	_, err = t.events.SaveBatch(t.ctx, []driver.Event{saved})
	t.wantTaken(err, "Events.SaveBatch", saved.ID)
	_, err = t.events.Append(t.ctx, saved.Aggregate(), driver.AnyVersion, []driver.Event{{
		ID: saved.ID, EventType: saved.EventType, EventData: saved.EventData,
	}})
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Append")
}

func idsKeepsAProcessedIDTaken(t *test) {
	saved := t.save(newEvent())
	t.mark(saved.ID)
	again := newEvent()
	again.ID = saved.ID
	_, err := t.events.Save(t.ctx, again)
	t.wantTaken(err, "Events.Save", saved.ID)
	equalList(t, "queue", t.queue(), nil)
}

func idsOneSaverWins(t *test) {
	const savers = 8
	id := newID()
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		event := newEvent()
		event.ID = id
		_, err := t.events.Save(t.ctx, event)
		won[i] = err == nil
		if err != nil {
			return asError(faultOf(err, driver.ErrAlreadyExists, "Events.Save"))
		}
		return nil
	})
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	equal(t, "savers that won", winners, 1)
	equalList(t, "queue", t.queue(), []uuid.UUID{id})
}
