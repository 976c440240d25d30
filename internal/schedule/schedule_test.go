package schedule_test

import (
	"errors"
	"strconv"
	"strings"
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
		"@reboot", "@5minutes", "@every 1h", "@always", "0 0 30 2 *", "0 0 31 4 *", "-1 * * * *", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "* * * * *\n", "* *\n* * *", "* * *\v* *", "* * * *\f*",
		"0,99 * * * *", "*,99 * * * *", "1,5/2,\x809 * * * *", "* * 1,99W * *", "* * * * 1,8#2", "*,70/2 * * * *",
	} {
		if schedule.Check(wrong) == nil {
			next, _ := schedule.Next(wrong, at(t, "2026-11-27 00:00:00"))
			t.Errorf("%q: accepted, due next on %s", wrong, next)
		}
	}
}

// FuzzNext: a schedule of the plain kind (numbers, ranges, steps, lists) is due next when a second reading of
// it says that it is: one that goes from day to day. Of any other it is due in the future, on a whole minute.
func FuzzNext(f *testing.F) {
	for _, text := range []string{
		"30 3 * * *", "*/15 * * * *", "0 0 29 2 *", "0 12 13 * 5", "0 12 13 * */2", "0 12 */2 * 5", "0 9 * * MON", "1-5/2,59 0-23 1 1-3,7 *", "0 0 31 * *", "0 0 L * *", "0 0 * * 5#2",
		"0 0 15W * *", "@daily", "@reboot", "60 * * * *", "0 0 30 2 *", "0 0 1 1 7", "0 0 * * 0-7", "5/10 * * * *", "? ? ? ? ?", "0 0 1,31 2,4 *", "0 0 */31 * 1-5",
	} {
		f.Add(text, int64(1772236799))
		f.Add(text, int64(1709164800))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		const centuries = 8_000_000_000
		after := time.Unix(((seconds%centuries)+centuries)%centuries, 0).UTC() // to the year 2223
		next, ok := schedule.Next(text, after)
		if ok && (!next.After(after) || next.Second() != 0 || next.Nanosecond() != 0 || next.Location() != time.UTC) {
			t.Fatalf("%q after %s: got %s", text, after, next)
		}
		fields := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == '\t' })
		if ok && schedule.Check(text) != nil && len(text) < 100 {
			t.Errorf("%q: due on %s, and no schedule", text, next)
		}
		if len(fields) != 5 || strings.ContainsFunc(strings.Join(fields, ""), func(c rune) bool { return !strings.ContainsRune("0123456789*,-/", c) }) {
			return
		}
		want, plain := plainNext(fields, after)
		if plain && (ok != !want.IsZero() || ok && !next.Equal(want)) {
			t.Errorf("%q after %s: got %s, %t, want %s", text, after, next, ok, want)
		}
	})
}

// plainNext reads a schedule as crontab(5) says: the zero time if it is never due, false for one that is not
// plain.
func plainNext(fields []string, after time.Time) (next time.Time, plain bool) {
	var sets [5]map[int]bool
	for i, limits := range [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}} {
		if sets[i], plain = plainField(fields[i], limits[0], limits[1]); !plain {
			return time.Time{}, false
		}
	}
	minutes, hours, days, months, weekdays := sets[0], sets[1], sets[2], sets[3], sets[4]
	if weekdays[7] {
		weekdays[0] = true
	}
	either := fields[2][0] != '*' && fields[4][0] != '*'
	// A date falls on a weekday after 12 years at the latest.
	for day := after.Truncate(24 * time.Hour); day.Before(after.AddDate(13, 0, 0)); day = day.AddDate(0, 0, 1) {
		ofMonth, ofWeek := days[day.Day()], weekdays[int(day.Weekday())]
		if !months[int(day.Month())] || !(ofMonth && ofWeek || either && (ofMonth || ofWeek)) {
			continue
		}
		for minute := range 24 * 60 {
			at := day.Add(time.Duration(minute) * time.Minute)
			if at.After(after) && hours[minute/60] && minutes[minute%60] {
				return at, true
			}
		}
	}
	return time.Time{}, true
}

func plainField(field string, least, most int) (set map[int]bool, plain bool) {
	set = map[int]bool{}
	for part := range strings.SplitSeq(field, ",") {
		span, every, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		first, last, step := least, most, 1
		var errs [3]error
		if span != "*" {
			first, errs[0] = strconv.Atoi(from)
			last = first
			if ranged {
				last, errs[1] = strconv.Atoi(to)
			}
		}
		if stepped {
			step, errs[2] = strconv.Atoi(every)
		}
		if errors.Join(errs[:]...) != nil || first < least || last > most || last < first || step < 1 || stepped && span != "*" && !ranged {
			return nil, false
		}
		for n := first; n <= last; n += step {
			set[n] = true
		}
	}
	return set, true
}
