package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestAProcessDoesNotHearItsOwnAnnouncements(t *testing.T) {
	dsn := pgtest.DSN(t)
	here, e := newProcess(t, dsn, nil).listening(t), newEar(t, dsn, false)
	a, last := here.watch(t, "tenant_a"), here.watch(t, "tenant_last")
	here.Changed("tenant_a")
	await(t, "the watcher, at once", a)
	e.hear("tenant_a")
	e.exec("SELECT pg_notify($1, 'tenant_last')", channel)
	await(t, "the watcher of what came after the announcement", last)
	if n := len(a); n != 0 {
		t.Errorf("the announcement of this process woke its watcher %d more times, want 0", n)
	}
}

func TestManyChangesAreAnnouncedTogether(t *testing.T) {
	dsn := pgtest.DSN(t)
	e, announcements := newEar(t, dsn, true), &statements{"pg_try_advisory_xact_lock", make(chan string, 1000)}
	here := newProcess(t, dsn, func(config *pgxpool.Config, delays *delays) {
		config.ConnConfig.Tracer, config.MaxConns, delays.acquire = announcements, 1, patience
	})
	conn, err := here.pool.Acquire(t.Context()) // so the sender has to wait
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		for _, schema := range []string{"tenant_a", "tenant_b", "tenant_c", "tenant_d"} {
			here.Changed(schema)
		}
	}
	here.Changed("tenant_last")
	conn.Release()
	heard := append(e.hear("tenant_last"), e.rest()...)
	here.close()
	// The sender may have taken up some of them when the others came.
	if n := len(announcements.ended); n > 2 || len(heard) < 4 || len(heard) > 8 {
		t.Errorf("400 changes of four schemas took %d statements and %d notifications, want one or two of each: %q", n, len(heard), heard)
	}
}

func TestNothingIsSentWhileNobodyListens(t *testing.T) {
	dsn := pgtest.DSN(t)
	e, announcements := newEar(t, dsn, false), &statements{"pg_try_advisory_xact_lock", make(chan string, 100)}
	here := newProcess(t, dsn, func(config *pgxpool.Config, delays *delays) {
		config.ConnConfig.Tracer, delays.ask = announcements, 0
	})
	here.Changed("tenant_a")
	announcements.await(t)
	if err := here.inTx(t, "tenant_b", true); err != nil {
		t.Fatal(err)
	}
	announcements.await(t) // of tenant_b, later
	if heard := e.rest(); len(heard) != 0 {
		t.Errorf("%q was announced without anybody who listens, want nothing", heard)
	}

	e.exec("SELECT pg_advisory_lock_shared(" + listenersLock + ")")
	here.Changed("tenant_c")
	if heard := e.hear("tenant_c"); len(heard) != 0 {
		t.Errorf("%q was announced when somebody began to listen, want tenant_c only", heard)
	}
}

func TestAnnouncementsKeepTheirDistance(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		heard bool
		ago   time.Duration
		want  time.Duration
	}{
		{true, time.Millisecond, 4 * time.Millisecond},
		{true, time.Second, -995 * time.Millisecond},
		{false, time.Millisecond, 99 * time.Millisecond},
		{false, time.Second, -900 * time.Millisecond},
	} {
		s := newSender(nil, nil, nil, "", usualDelays)
		s.heard, s.asked = c.heard, now.Add(-c.ago)
		if got := s.untilNext(now); got != c.want {
			t.Errorf("somebody listened: %t, %s ago: the next announcement in %s, want %s", c.heard, c.ago, got, c.want)
		}
	}
}

// inTx tells of a change in a transaction that commits or not.
func (p process) inTx(t *testing.T, schema string, commit bool) error {
	t.Helper()
	tx, err := p.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if err := p.ChangedIn(t.Context(), &transaction{link: pgxTx{tx}}, schema); err != nil {
		return err
	}
	if commit {
		return tx.Commit(t.Context())
	}
	return nil
}

func TestATransactionNotifiesWhenItCommits(t *testing.T) {
	dsn := pgtest.DSN(t)
	everyOne := func(_ *pgxpool.Config, delays *delays) { delays.send = 0 }
	here, there := newProcess(t, dsn, everyOne).listening(t), newProcess(t, dsn, nil).listening(t)
	var never, last []<-chan struct{}
	for _, p := range []process{here, there} {
		never, last = append(never, p.watch(t, "tenant_never")), append(last, p.watch(t, "tenant_last"))
	}
	if err := errors.Join(here.inTx(t, "tenant_never", false), here.inTx(t, "tenant_last", true)); err != nil {
		t.Fatal(err)
	}
	for i, where := range []string{"its own process", "another process"} {
		await(t, "the watcher in "+where, last[i])
		if n := len(never[i]); n != 0 {
			t.Errorf("a transaction that rolled back woke a watcher in %s", where)
		}
	}
}

func TestATransactionThatMayNotNotifyIsAnnouncedLater(t *testing.T) {
	dsn := pgtest.DSN(t)
	here := newProcess(t, dsn, func(_ *pgxpool.Config, delays *delays) { delays.send = time.Hour }).listening(t)
	there := newProcess(t, dsn, nil).listening(t)
	if err := here.inTx(t, "tenant_a", true); err != nil { // may, and then nobody for an hour
		t.Fatal(err)
	}
	here2, there2 := here.watch(t, "tenant_b"), there.watch(t, "tenant_b")
	if err := here.inTx(t, "tenant_b", false); err != nil {
		t.Fatal(err)
	}
	await(t, "the watcher in its own process", here2)
	await(t, "the watcher in another process", there2)
}

func TestATransactionOfALonelyProcessWakesItsWatchers(t *testing.T) {
	here := newProcess(t, "postgres://nobody@127.0.0.1:1/none", nil)
	woken := here.watch(t, "tenant_a")
	if err := here.ChangedIn(t.Context(), nil, "tenant_a"); err != nil { // it has no use for the transaction
		t.Fatal(err)
	}
	await(t, "the watcher of this process", woken)
}

func TestWhoCarriesNotificationsAsksAgainWhetherAnybodyListens(t *testing.T) {
	for _, c := range []struct {
		name           string
		sure, heard    bool
		asked, carried time.Duration // ago
		carries, stale bool
	}{
		{"nobody listened", false, false, 0, time.Hour, false, false},
		{"somebody did just now", false, true, 0, time.Hour, true, false},
		{"somebody did long ago", false, true, time.Hour, time.Hour, true, true},
		{"this process does", true, false, time.Hour, time.Hour, true, false},
		{"another transaction carried one", true, true, 0, 0, false, false},
	} {
		s := newSender(nil, nil, nil, "", usualDelays)
		s.delays.send, s.delays.trust = time.Minute, time.Minute
		s.heard, s.asked, s.carried = c.heard, time.Now().Add(-c.asked), time.Now().Add(-c.carried)
		if carries, stale := s.carry(c.sure); carries != c.carries || stale != c.stale {
			t.Errorf("%s: carries %t, stale %t; want %t, %t", c.name, carries, stale, c.carries, c.stale)
		}
	}
}
