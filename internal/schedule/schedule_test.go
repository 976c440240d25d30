package schedule_test

import (
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/internal/schedule"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestNextIsTheFirstMomentAfter(t *testing.T) {
	for _, test := range []struct{ schedule, after, want string }{
		{"30 3 * * *", "2026-02-27 03:29:59", "2026-02-27 03:30:00"},
		{"30 3 * * *", "2026-02-27 03:30:00", "2026-02-28 03:30:00"},
		{"30 3 * * *", "2026-02-28 03:30:00", "2026-03-01 03:30:00"},
		{"*/15 * * * *", "2026-12-31 23:46:10", "2027-01-01 00:00:00"},
		{"0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"},
		{"0 0 1 1 *", "2026-01-01 00:00:00", "2027-01-01 00:00:00"},
		{"0 12 13 * 5", "2026-11-01 00:00:00", "2026-11-06 12:00:00"}, // the 13th, or a Friday
		{"0 9 * * MON", "2026-11-27 00:00:00", "2026-11-30 09:00:00"},
		{" 0  9 * * 1-5 ", "2026-11-27 09:00:00", "2026-11-30 09:00:00"},
		{"@hourly", "2026-11-27 09:00:01", "2026-11-27 10:00:00"},
		{"@daily", "2026-11-27 09:00:00", "2026-11-28 00:00:00"},
		{"@weekly", "2026-11-27 09:00:00", "2026-11-29 00:00:00"},
		{"@monthly", "2026-11-27 09:00:00", "2026-12-01 00:00:00"},
		{"@yearly", "2026-11-27 09:00:00", "2027-01-01 00:00:00"},
	} {
		got, ok := schedule.Next(test.schedule, at(t, test.after))
		if want := at(t, test.want); !ok || !got.Equal(want) {
			t.Errorf("%q after %s: got %s, %t, want %s", test.schedule, test.after, got, ok, want)
		}
	}
}

func TestNextIsInUTCWhateverTheZoneOfTheMoment(t *testing.T) {
	after := at(t, "2026-11-27 23:30:00").In(time.FixedZone("far", 5*3600))
	got, ok := schedule.Next("0 0 * * *", after)
	if want := at(t, "2026-11-28 00:00:00"); !ok || !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("got %s, %t, want %s", got, ok, want)
	}
}

func TestCheckRefusesWhatIsNoSchedule(t *testing.T) {
	for _, wrong := range []string{
		"", " ", "* * * *", "* * * * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a b c d e",
		"@reboot", "@5minutes", "@every 1h", "@always", "0 0 30 2 *", "0 0 31 4 *", "-1 * * * *", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "* * * * *\n",
	} {
		if schedule.Check(wrong) == nil {
			next, _ := schedule.Next(wrong, at(t, "2026-11-27 00:00:00"))
			t.Errorf("%q: accepted, due next on %s", wrong, next)
		}
	}
}
