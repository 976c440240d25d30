package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/neomultitenant/neoevents/driver"
)

var consumers = area{name: "Consumers/Checkpoints", alone: true, behaviours: []behaviour{
	{"ReadFromTheFirstEvent", gapSafe(consumersFirst)},
	{"ReadWholeEventsByPosition", gapSafe(consumersWhole)},
	{"ReadTheSameUntilTheyCommit", gapSafe(consumersSame)},
	{"ReadOnBehindTheirPosition", gapSafe(consumersOn)},
	{"ReadUpToALimit", gapSafe(consumersLimit)},
	{"ReadEventsInEveryState", gapSafe(consumersStates)},
	{"LeaveTheQueueAlone", gapSafe(consumersQueue)},
	{"AreIndependentOfEachOther", gapSafe(consumersIndependent)},
	{"CommitForwardOnly", consumersForward},
	{"CommitOnceWhenManyDoAtOnce", consumersCommitOnce},
	{"EndAtTheHighestOfManyCommits", consumersHighest},
	{"AreResetBackAndForth", gapSafe(consumersReset)},
	{"CountTheirLag", consumersLag},
	{"TellWhereTheyAre", consumersTell},
	{"ThatNeverCommittedAreNotFound", gapSafe(consumersUnknown)},
	{"AreListedByName", consumersListed},
	{"AreForgottenByDelete", gapSafe(consumersDeleted)},
	{"HaveNamesOfAnyKind", consumersNames},
}}

// gapSafe is a behaviour of databases that can tell which positions may still be filled.
func gapSafe(run func(t *test)) func(t *test) {
	return func(t *test) {
		capabilities, err := t.db.Capabilities(t.ctx)
		t.ok(err)
		if !capabilities.GapSafe {
			t.Skip("the database can't tell whether a missing position may still be filled (Capabilities.GapSafe)")
		}
		run(t)
	}
}

// reader is the name of a consumer.
const reader = "reader"

func (t *test) readAs(name string, limit int) []driver.Event {
	t.Helper()
	return must2(t, t.store.Consumers().Read, name, limit)
}

// wantRead fails the test unless a consumer reads exactly these events.
func (t *test) wantRead(name string, want ...driver.Event) {
	t.Helper()
	equalList(t, "events that "+name+" reads", idsOf(t.readAs(name, driver.MaxLimit)), idsOf(want))
}

func (t *test) commitAs(name string, position int64) {
	t.Helper()
	t.ok(t.store.Consumers().Commit(t.ctx, name, position))
}

func (t *test) consumers() []driver.Consumer {
	t.Helper()
	list, err := t.store.Consumers().List(t.ctx)
	t.ok(err)
	return list
}

// wantAt fails the test unless a consumer is at a position.
func (t *test) wantAt(name string, position int64) driver.Consumer {
	t.Helper()
	consumer := must(t, t.store.Consumers().Get, name)
	equal(t, "position of "+name, consumer.Position, position)
	return consumer
}

// wantBehind fails the test unless a commit is refused because the consumer is there or further.
func (t *test) wantBehind(name string, position int64) {
	t.Helper()
	err := t.store.Consumers().Commit(t.ctx, name, position)
	t.wantErrOn(err, driver.ErrConflict, "Consumers.Commit", "consumer", name)
}

func consumersFirst(t *test) {
	t.wantRead(reader)
	saved := t.saveAll(newEvents(3))
	t.wantRead(reader, saved...)
	saved = append(saved, t.save(newEvent()))
	t.wantRead(reader, saved...)
}

func consumersWhole(t *test) {
	saved := []driver.Event{t.save(fullEvent()), t.save(newEvent())}
	imported := fullEvent()
	imported.ProcessedAt = &longAgo
	saved = append(saved, t.save(imported))
	t.sameEvents("events read", t.readAs(reader, 0), saved)
}

func consumersSame(t *test) {
	saved := t.saveAll(newEvents(3))
	for range 3 {
		t.wantRead(reader, saved...)
	}
	t.commitAs(reader, saved[1].Position)
	for range 2 {
		t.wantRead(reader, saved[2])
	}
}

func consumersOn(t *test) {
	saved := t.saveAll(newEvents(7))
	var read []driver.Event
	for {
		page := t.readAs(reader, 3)
		if len(page) == 0 {
			break
		}
		read = append(read, page...)
		t.commitAs(reader, page[len(page)-1].Position)
	}
	t.sameEvents("events read", read, saved)
	next := t.save(newEvent())
	t.wantRead(reader, next)
}

func consumersLimit(t *test) {
	saved := t.saveAll(newEvents(driver.DefaultLimit + 5))
	for limit, most := range map[int]int{0: driver.DefaultLimit, 1: 1, 7: 7, len(saved): len(saved), driver.MaxLimit: len(saved)} {
		equalList(t, fmt.Sprintf("events read with the limit %d", limit), idsOf(t.readAs(reader, limit)), idsOf(saved[:most]))
	}
}

func consumersStates(t *test) {
	saved := t.saveAll(newEvents(7))
	claims := t.take(6)
	t.ack(claims[0])
	t.giveBack(claims[1], 0)
	t.ok(t.events.DeadLetter(t.ctx, claims[2], canary))
	t.ok(t.events.DeadLetter(t.ctx, claims[3], canary))
	must(t, t.store.DeadLetters().Purge, driver.DeadLetterFilter{Aggregate: ptr(saved[3].Aggregate())})
	t.mark(saved[4].ID)
	t.wantRead(reader, saved...)
	for _, event := range t.readAs(reader, 0) {
		t.sameEvent("event read", event, t.get(event.ID))
	}
}

func consumersQueue(t *test) {
	saved := t.saveAll(newEvents(3))
	before := t.workOf(t.store)
	t.wantRead(reader, saved...)
	t.commitAs(reader, saved[2].Position)
	t.inTx(func(tx driver.Store) { must2(t, tx.Consumers().Read, reader, 0) })
	t.wantWorkOf(t.store, before)
	t.wantClaimed(t.take(0), saved...)
}

func consumersIndependent(t *test) {
	saved := t.saveAll(newEvents(4))
	names := []string{reader, "Reader", "reader ", "other"}
	for i, name := range names {
		t.commitAs(name, saved[i].Position)
	}
	for i, name := range names {
		t.wantRead(name, saved[i+1:]...)
		t.wantAt(name, saved[i].Position)
	}
	t.wantRead("new", saved...)
}

func consumersForward(t *test) {
	saved := t.saveAll(newEvents(3))
	t.wantBehind(reader, 0)
	t.commitAs(reader, saved[1].Position)
	before := t.wantAt(reader, saved[1].Position)
	for _, position := range []int64{saved[1].Position, saved[0].Position, 1, 0} {
		t.wantBehind(reader, position)
	}
	sameEntity(t, "consumer after refusals", t.wantAt(reader, saved[1].Position), before)
	t.commitAs(reader, saved[2].Position)
	t.wantAt(reader, saved[2].Position)
}

func consumersCommitOnce(t *test) {
	const readers = 8
	saved := t.save(newEvent())
	for round := range 2 { // a new consumer, and one that is there
		name := fmt.Sprint("round ", round)
		if round == 1 {
			t.ok(t.store.Consumers().Reset(t.ctx, name, 0))
		}
		won := make([]bool, readers)
		t.together(readers, func(i int) error {
			err := t.store.Consumers().Commit(t.ctx, name, saved.Position)
			won[i] = err == nil
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrConflict, "Consumers.Commit"))
		})
		equal(t, "commits that succeeded", count(won), 1)
		t.wantAt(name, saved.Position)
	}
}

func consumersHighest(t *test) {
	const committers, each = 6, 20
	var refused atomic.Int64
	t.together(committers, func(i int) error {
		for n := range each {
			position := int64(n*committers + i + 1)
			if err := t.store.Consumers().Commit(t.ctx, reader, position); err != nil {
				if fault := faultOf(err, driver.ErrConflict, "Consumers.Commit"); fault != "" {
					return asError(fault)
				}
				refused.Add(1)
			}
		}
		return nil
	})
	t.wantAt(reader, committers*each)
	if refused.Load() == committers*each {
		t.Error("all commits were refused")
	}
}

func consumersReset(t *test) {
	saved := t.saveAll(newEvents(4))
	t.commitAs(reader, saved[2].Position)
	for _, next := range []int{0, 3, 1, 1, 4, 0} {
		position := int64(0)
		if next > 0 {
			position = saved[next-1].Position
		}
		t.ok(t.store.Consumers().Reset(t.ctx, reader, position))
		t.wantAt(reader, position)
		t.wantRead(reader, saved[next:]...)
	}
	t.commitAs(reader, saved[0].Position)
	t.ok(t.store.Consumers().Reset(t.ctx, "new", saved[1].Position))
	t.wantRead("new", saved[2:]...)
}

func consumersLag(t *test) {
	lag := func(want int64) {
		t.Helper()
		equal(t, "Lag", must(t, t.store.Consumers().Lag, reader), want)
	}
	lag(0)
	saved := t.saveAll(newEvents(5))
	lag(5)
	t.mark(saved[0].ID, saved[4].ID)
	lag(5)
	t.commitAs(reader, saved[1].Position)
	lag(3)
	t.commitAs(reader, saved[4].Position)
	lag(0)
	t.clock() // saves an event that is processed
	lag(1)
	t.ok(t.store.Consumers().Reset(t.ctx, reader, 0))
	lag(6)
}

func consumersTell(t *test) {
	before := t.clock()
	t.commitAs(reader, 3)
	after := t.clock()
	got := t.wantAt(reader, 3)
	equal(t, "Name", got.Name, reader)
	t.wantBetween("UpdatedAt", &got.UpdatedAt, before, after)
	t.untilPast(got.UpdatedAt)
	for _, move := range []func(context.Context, string, int64) error{t.store.Consumers().Commit, t.store.Consumers().Reset} {
		before = t.clock()
		t.ok(move(t.ctx, reader, 4))
		got = t.wantAt(reader, 4)
		t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.clock())
		sameEntity(t, "consumer listed", t.consumers()[0], got)
	}
}

func (t *test) wantNoConsumer(name string) {
	t.Helper()
	_, err := t.store.Consumers().Get(t.ctx, name)
	t.wantErrOn(err, driver.ErrNotFound, "Consumers.Get", "consumer", name)
}

func consumersUnknown(t *test) {
	t.save(newEvent())
	t.readAs(reader, 0)
	must(t, t.store.Consumers().Lag, reader)
	t.wantNoConsumer(reader)
	equal(t, "consumers", len(t.consumers()), 0)
	t.inTx(func(tx driver.Store) { must2(t, tx.Consumers().Read, reader, 0) })
	t.wantAt(reader, 0)
	equal(t, "consumers after a read in a transaction", len(t.consumers()), 1)
}

func consumersListed(t *test) {
	names := []string{"b", "a", "B", "a b", "a-b", "a_b", "ab", "ä", "é", "z", "1", "10", "9", "~", "A"}
	for i, name := range names {
		t.commitAs(name, int64(i+1))
	}
	var listed []string
	for _, consumer := range t.consumers() {
		listed = append(listed, consumer.Name)
		equal(t, "position of "+consumer.Name, consumer.Position, int64(slices.Index(names, consumer.Name)+1))
	}
	slices.Sort(names)
	equalList(t, "consumers", listed, names)
}

func consumersDeleted(t *test) {
	saved := t.saveAll(newEvents(2))
	t.commitAs(reader, saved[1].Position)
	t.commitAs("other", saved[0].Position)
	equal(t, "deleted", must(t, t.store.Consumers().Delete, reader), true)
	equal(t, "deleted again", must(t, t.store.Consumers().Delete, reader), false)
	equal(t, "deleted one that never was", must(t, t.store.Consumers().Delete, "new"), false)
	t.wantNoConsumer(reader)
	t.wantRead(reader, saved...)
	t.wantRead("other", saved[1])
	t.commitAs(reader, saved[0].Position)
}

func consumersNames(t *test) {
	names := []string{
		"a", " a ", "A line,\nand another one.", "müde 🙂", "'; DROP TABLE events; --", `"quoted"`, "%", "_", "\x01",
		strings.Repeat("x", driver.MaxName), strings.Repeat("é", driver.MaxName/2),
	}
	for i, name := range names {
		t.commitAs(name, int64(i+1))
	}
	for i, name := range names {
		equal(t, "Name", t.wantAt(name, int64(i+1)).Name, name)
	}
	equal(t, "consumers", len(t.consumers()), len(names))
}
