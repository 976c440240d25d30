package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deadLetters = area{name: "DeadLetters/Reads", behaviours: []behaviour{
	{"HaveTheEventAndWhy", lettersHave},
	{"AreOutOfTheQueue", lettersOut},
	{"StayStored", lettersStored},
	{"OfWhatIsNoneAreNotFound", lettersUnknown},
	{"AreListedNewestFirst", lettersNewestFirst},
	{"OfOneMomentAreListedByPosition", lettersOneMoment},
	{"AreListedUpToALimit", lettersLimit},
	{"AreSelectedByEachPartOfTheFilter", lettersFiltered},
	{"OfAnEmptySchemaAreNone", lettersNone},
}}

// bury makes dead letters of so many new events, whose reason is their number.
func (t *test) bury(n int, events ...driver.Event) []driver.DeadLetter {
	t.Helper()
	saved := t.saveAll(append(events, newEvents(n-len(events))...))
	claims := t.take(driver.MaxLimit)
	t.wantClaimed(claims, saved...)
	letters := make([]driver.DeadLetter, n)
	for i, claim := range claims {
		t.ok(t.events.DeadLetter(t.ctx, claim, fmt.Sprint(i)))
		letters[i] = t.letter(claim.Event.ID)
	}
	return letters
}

// letter reads one.
func (t *test) letter(id uuid.UUID) driver.DeadLetter {
	t.Helper()
	return must(t, t.store.DeadLetters().Get, id)
}

func (t *test) letters(filter driver.DeadLetterFilter) []driver.DeadLetter {
	t.Helper()
	return must2(t, t.store.DeadLetters().List, filter, driver.MaxLimit)
}

func letterIDs(letters []driver.DeadLetter) []uuid.UUID {
	ids := make([]uuid.UUID, len(letters))
	for i := range letters {
		ids[i] = letters[i].Event.ID
	}
	return ids
}

// newestLetters returns dead letters in the order of a list.
func newestLetters(letters []driver.DeadLetter) []driver.DeadLetter {
	letters = slices.Clone(letters)
	slices.SortFunc(letters, func(a, b driver.DeadLetter) int {
		return cmp.Or(b.DeadAt.Compare(a.DeadAt), cmp.Compare(b.Event.Position, a.Event.Position))
	})
	return letters
}

func (t *test) sameLetters(what string, got, want []driver.DeadLetter) {
	t.Helper()
	equalList(t, "ids of "+what, letterIDs(got), letterIDs(want))
	if t.Failed() {
		return
	}
	for i := range got {
		sameEntity(t, fmt.Sprintf("%s, number %d", what, i), got[i], want[i])
	}
}

func (t *test) wantNoLetter(id uuid.UUID) {
	t.Helper()
	_, err := t.store.DeadLetters().Get(t.ctx, id)
	t.wantErrOn(err, driver.ErrNotFound, "DeadLetters.Get", "dead letter", id.String())
}

func lettersHave(t *test) {
	saved := t.save(fullEvent())
	for range 2 {
		t.giveBack(t.takeOne(), 0)
	}
	before := t.clock()
	t.ok(t.events.DeadLetter(t.ctx, t.takeOne(), "A reason,\nwith \"quotes\"."))
	letter := t.letter(saved.ID)
	t.wantBetween("DeadAt", &letter.DeadAt, before, t.clock())
	sameEntity(t, "dead letter", letter, driver.DeadLetter{Event: saved, Attempts: 3, Reason: "A reason,\nwith \"quotes\".", DeadAt: letter.DeadAt})
	t.sameLetters("dead letters listed", t.letters(driver.DeadLetterFilter{}), []driver.DeadLetter{letter})
}

func lettersOut(t *test) {
	letters := t.bury(2)
	waiting := t.save(newEvent())
	equalList(t, "queue", t.queue(), []uuid.UUID{waiting.ID})
	equal(t, "events in all of the queue", len(t.collect(t.events.AllUnprocessed(t.ctx, 0))), 1)
	t.wantWork(1, 0, len(letters))
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{})), []uuid.UUID{waiting.ID})
	})
	t.wantClaimed(t.take(0), waiting)
	t.wantNothingToClaim()
}

func lettersStored(t *test) {
	letter := t.bury(1)[0]
	t.sameEvent("event of the dead letter", t.get(letter.Event.ID), letter.Event)
	t.wantStored(true, letter.Event.ID)
	again := newEvent()
	again.ID = letter.Event.ID
	_, err := t.events.Save(t.ctx, again)
	t.wantTaken(err, "Events.Save", again.ID)
	next, err := t.events.NextVersion(t.ctx, letter.Event.Aggregate())
	t.ok(err)
	equal(t, "next version of its aggregate", next, 2)
}

func lettersUnknown(t *test) {
	saved := t.saveAll(newEvents(3))
	t.ack(t.takeOne())
	t.takeOne()
	for _, event := range saved { // processed, leased, waiting
		t.wantNoLetter(event.ID)
	}
	t.wantNoLetter(newID())
	t.wantNoLetter(uuid.Nil)
}

func lettersNewestFirst(t *test) {
	saved := t.saveAll(newEvents(6))
	claims := t.take(0)
	letters := make([]driver.DeadLetter, 0, len(saved))
	for _, i := range []int{3, 0, 5, 1, 4, 2} {
		t.ok(t.events.DeadLetter(t.ctx, claims[i], fmt.Sprint(i)))
		letters = append(letters, t.letter(saved[i].ID))
		t.untilPast(letters[len(letters)-1].DeadAt)
	}
	t.sameLetters("dead letters listed", t.letters(driver.DeadLetterFilter{}), reversed(letters))
}

// lettersOneMoment makes dead letters in one transaction, where a database may have one moment only.
func lettersOneMoment(t *test) {
	saved := t.saveAll(newEvents(6))
	claims := t.take(0)
	t.inTx(func(tx driver.Store) {
		for _, i := range []int{3, 0, 5, 1, 4, 2} {
			t.ok(tx.Events().DeadLetter(t.ctx, claims[i], canary))
		}
	})
	letters := make([]driver.DeadLetter, len(saved))
	for i, event := range saved {
		letters[i] = t.letter(event.ID)
	}
	t.sameLetters("dead letters listed", t.letters(driver.DeadLetterFilter{}), newestLetters(letters))
}

func lettersLimit(t *test) {
	saved := t.saveAll(newEvents(driver.DefaultLimit + 3))
	claims := t.take(driver.MaxLimit)
	t.inTx(func(tx driver.Store) {
		for _, claim := range claims {
			t.ok(tx.Events().DeadLetter(t.ctx, claim, canary))
		}
	})
	all := t.letters(driver.DeadLetterFilter{})
	equal(t, "dead letters listed", len(all), len(saved))
	t.sameLetters("dead letters listed", all, newestLetters(all))
	for limit, most := range map[int]int{0: driver.DefaultLimit, 1: 1, 3: 3, len(saved): len(saved)} {
		listed := must2(t, t.store.DeadLetters().List, driver.DeadLetterFilter{}, limit)
		t.sameLetters(fmt.Sprintf("dead letters listed, limit %d", limit), listed, all[:most])
	}
	equal(t, "dead letters counted", must(t, t.store.DeadLetters().Count, driver.DeadLetterFilter{}), int64(len(saved)))
}

// A letterFilter is a filter and what it selects.
type letterFilter struct {
	name    string
	filter  driver.DeadLetterFilter
	selects func(letter driver.DeadLetter) bool
}

// lettersToFilter makes dead letters that differ in all that a filter looks at, and filters.
func (t *test) lettersToFilter() (letters []driver.DeadLetter, filters []letterFilter) {
	t.Helper()
	aggregate := newAggregate()
	events := append(newEvents(4), moreHistory(aggregate, 3)...)
	for i, eventType := range []string{"user.created", "User.created", "user", "user.created.twice", "user", "user.created", "order.placed"} {
		events[i].EventType = eventType
	}
	events[3].AggregateType, events[3].AggregateID = "order", aggregate.ID
	t.bury(3, events[:3]...)
	t.untilPast(t.letters(driver.DeadLetterFilter{})[0].DeadAt)
	t.bury(len(events[3:]), events[3:]...)
	letters = t.letters(driver.DeadLetterFilter{})
	middle := letters[3].DeadAt // a little later than the first three
	ofTypes := func(types ...string) func(driver.DeadLetter) bool {
		return func(l driver.DeadLetter) bool { return slices.Contains(types, l.Event.EventType) }
	}
	ofAggregate := func(l driver.DeadLetter) bool { return l.Event.Aggregate() == aggregate }
	since := func(l driver.DeadLetter) bool { return !l.DeadAt.Before(middle) }
	filters = []letterFilter{
		{"nothing", driver.DeadLetterFilter{}, func(driver.DeadLetter) bool { return true }},
		{"no types", driver.DeadLetterFilter{EventTypes: []string{}}, func(driver.DeadLetter) bool { return true }},
		{"a type", driver.DeadLetterFilter{EventTypes: []string{"user.created"}}, ofTypes("user.created")},
		{"types", driver.DeadLetterFilter{EventTypes: []string{"user", "none", "User.created", "user"}}, ofTypes("user", "User.created")},
		{"a type of none", driver.DeadLetterFilter{EventTypes: []string{"none"}}, ofTypes("none")},
		{"an aggregate", driver.DeadLetterFilter{Aggregate: &aggregate}, ofAggregate},
		{"an aggregate without any", driver.DeadLetterFilter{Aggregate: ptr(newAggregate())}, ofTypes()},
		{"since", driver.DeadLetterFilter{Since: middle}, since},
		{"since, elsewhere", driver.DeadLetterFilter{Since: middle.In(time.FixedZone("east", 5*3600))}, since},
		{"before", driver.DeadLetterFilter{Before: middle}, func(l driver.DeadLetter) bool { return l.DeadAt.Before(middle) }},
		{
			"since and before",
			driver.DeadLetterFilter{Since: middle, Before: middle.Add(time.Microsecond)},
			func(l driver.DeadLetter) bool { return l.DeadAt.Equal(middle) },
		},
		{"none", driver.DeadLetterFilter{Since: middle, Before: middle}, ofTypes()},
		{
			"all at once",
			driver.DeadLetterFilter{EventTypes: []string{"user", "user.created"}, Aggregate: &aggregate, Since: middle, Before: middle.Add(time.Hour)},
			func(l driver.DeadLetter) bool {
				return ofAggregate(l) && ofTypes("user", "user.created")(l) && since(l)
			},
		},
	}
	return letters, filters
}

func (f letterFilter) of(letters []driver.DeadLetter) []driver.DeadLetter {
	return slices.DeleteFunc(slices.Clone(letters), func(l driver.DeadLetter) bool { return !f.selects(l) })
}

func lettersFiltered(t *test) {
	letters, filters := t.lettersToFilter()
	equal(t, "dead letters", len(letters), 7)
	for _, f := range filters {
		want := f.of(letters)
		t.sameLetters("dead letters by "+f.name, t.letters(f.filter), want)
		equal(t, "dead letters counted by "+f.name, must(t, t.store.DeadLetters().Count, f.filter), int64(len(want)))
		first := must2(t, t.store.DeadLetters().List, f.filter, 1)
		t.sameLetters("the first dead letter by "+f.name, first, want[:min(1, len(want))])
	}
}

func lettersNone(t *test) {
	t.save(newEvent())
	t.sameLetters("dead letters listed", t.letters(driver.DeadLetterFilter{}), nil)
	equal(t, "dead letters counted", must(t, t.store.DeadLetters().Count, driver.DeadLetterFilter{}), 0)
	equal(t, "all requeued", must(t, t.store.DeadLetters().RequeueAll, driver.DeadLetterFilter{}), 0)
	equal(t, "purged", must(t, t.store.DeadLetters().Purge, driver.DeadLetterFilter{}), 0)
}
