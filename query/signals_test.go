package query

import (
	"sync"
	"testing"
	"time"
)

// wakeUps takes out what woken holds, and counts it.
func wakeUps(woken <-chan struct{}) int {
	for n := 0; ; n++ {
		select {
		case <-woken:
		default:
			return n
		}
	}
}

func expectWakeUps(t *testing.T, who string, woken <-chan struct{}, want int) {
	t.Helper()
	if got := wakeUps(woken); got != want {
		t.Errorf("%s was woken %d times, want %d", who, got, want)
	}
}

func TestChangedWakesAllWatchersOfItsSchemaAndNobodyElse(t *testing.T) {
	signals := NewSignals(time.Second)
	one, stopOne := signals.Watch("tenant_a")
	two, stopTwo := signals.Watch("tenant_a")
	other, stopOther := signals.Watch("tenant_b")
	defer stopOne()
	defer stopTwo()
	defer stopOther()

	signals.Changed("tenant_a")
	signals.Changed("tenant_c") // which nobody watches
	expectWakeUps(t, "the first watcher", one, 1)
	expectWakeUps(t, "the second watcher", two, 1)
	expectWakeUps(t, "the watcher of another schema", other, 0)

	if err := signals.ChangedIn(t.Context(), nil, "tenant_b"); err != nil {
		t.Errorf("ChangedIn: %v", err)
	}
	expectWakeUps(t, "the first watcher", one, 0)
	expectWakeUps(t, "the watcher of the schema that changed in a transaction", other, 1)

	signals.ChangedAll()
	expectWakeUps(t, "the second watcher", two, 1)
	expectWakeUps(t, "the watcher of another schema", other, 1)
}

func TestWakeUpsThatNobodyTakesBecomeOne(t *testing.T) {
	signals := NewSignals(time.Second)
	woken, stop := signals.Watch("tenant_a")
	defer stop()
	for range 100 {
		signals.Changed("tenant_a") // would block here if it waited for the watcher
	}
	expectWakeUps(t, "the watcher", woken, 1)
	signals.Changed("tenant_a")
	expectWakeUps(t, "the watcher, which took its wake-up,", woken, 1)
}

func TestAWatcherThatStoppedIsForgotten(t *testing.T) {
	signals := NewSignals(time.Second)
	stays, stopStays := signals.Watch("tenant_a")
	left, stopLeft := signals.Watch("tenant_a")
	stopLeft()
	stopLeft()
	signals.Changed("tenant_a")
	expectWakeUps(t, "the one that left", left, 0)
	expectWakeUps(t, "the one that stays", stays, 1)

	stopStays()
	stopLeft()
	if n := len(signals.watchers); n != 0 {
		t.Errorf("%d schemas are watched after all watchers stopped, want 0", n)
	}
}

func TestNoWakeUpIsLostWhileOthersComeAndGo(t *testing.T) {
	signals := NewSignals(time.Second)
	woken, stop := signals.Watch("tenant_a")
	defer stop()
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for range 100 {
				_, stop := signals.Watch("tenant_a")
				signals.Changed("tenant_b")
				stop()
			}
		})
	}
	for range 100 {
		signals.Changed("tenant_a")
		<-woken // for ever, if it is lost
	}
	others.Wait()
}

func TestSignalsPollAsTheyWereTold(t *testing.T) {
	if got, want := NewSignals(25*time.Millisecond).PollInterval(), 25*time.Millisecond; got != want {
		t.Errorf("PollInterval is %s, want %s", got, want)
	}
}
