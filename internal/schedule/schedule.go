// Package schedule reads cron schedules: what github.com/adhocore/gronx reads, without its seconds, its
// years, and its reboot.
package schedule

import (
	"errors"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

var names = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
}

var errSchedule = errors.New("not a schedule of five fields")

// fields returns a schedule as five fields. Of a list each item is read by itself: gronx reads no further than to the
// one that fits a moment, and calls valid by the present one.
func fields(schedule string) (string, error) {
	if five, named := names[schedule]; named {
		return five, nil
	}
	five := strings.Fields(schedule)
	if len(five) != 5 || strings.ContainsAny(schedule, "@\n\v\f\r") || !gronx.IsValid(schedule) {
		return "", errSchedule
	}
	for i, field := range five {
		for item := range strings.SplitSeq(field, ",") {
			alone := []string{"*", "*", "*", "*", "*"}
			alone[i] = item
			if _, err := gronx.NextTickAfter(strings.Join(alone, " "), early, false); err != nil {
				return "", errSchedule
			}
		}
	}
	return strings.Join(five, " "), nil
}

// early is before all that is scheduled.
var early = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Check reports a schedule that can't be read, or that no moment fits.
func Check(schedule string) error {
	if _, ok := Next(schedule, early); !ok {
		return errSchedule
	}
	return nil
}

// Next is the first moment after another one that fits a schedule, to the minute, in UTC; false if there
// is none.
func Next(schedule string, after time.Time) (time.Time, bool) {
	five, err := fields(schedule)
	if err != nil {
		return time.Time{}, false
	}
	next, err := gronx.NextTickAfter(five, after.UTC(), false)
	return next.UTC(), err == nil && next.After(after)
}
