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

// fields returns a schedule as five fields.
func fields(schedule string) (string, error) {
	if five, named := names[schedule]; named {
		return five, nil
	}
	if len(strings.Fields(schedule)) != 5 || strings.ContainsAny(schedule, "@\n\v\f\r") || !gronx.IsValid(schedule) {
		return "", errSchedule
	}
	return strings.Join(strings.Fields(schedule), " "), nil
}

// Check reports a schedule that can't be read, or that no moment fits.
func Check(schedule string) error {
	if _, ok := Next(schedule, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
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
