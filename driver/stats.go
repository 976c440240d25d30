package driver

import (
	"fmt"
	"time"
)

const (
	// DefaultStatsDays is how many days statistics are about when they are asked for 0.
	DefaultStatsDays = 7
	// MaxStatsDays is how many days they can be about.
	MaxStatsDays = 366
)

// CheckStatsDays returns the days that statistics asked for days are about: DefaultStatsDays for 0,
// ErrInvalid for a negative number or one above MaxStatsDays. For backends.
func CheckStatsDays(days int) (int, error) {
	switch {
	case days == 0:
		return DefaultStatsDays, nil
	case days < 0 || days > MaxStatsDays:
		return 0, &InvalidError{"days", fmt.Sprintf("must be 0 (for %d) to %d", DefaultStatsDays, MaxStatsDays)}
	}
	return days, nil
}

// DeliveryStats counts the deliveries to an endpoint that were made from Since on.
type DeliveryStats struct {
	Since     time.Time `json:"since"` // the start of the first day, UTC
	Total     int64     `json:"total"` // all that follow, together
	Success   int64     `json:"success"`
	Failed    int64     `json:"failed"`
	Cancelled int64     `json:"cancelled"`
	Pending   int64     `json:"pending"` // pending or retrying
	// SuccessRate is Success / (Success + Failed), 0 to 1; 0 if both are.
	SuccessRate float64 `json:"success_rate"`
	// Attempts is how many attempts these deliveries had, Timeouts how many of them timed out.
	Attempts int64 `json:"attempts"`
	Timeouts int64 `json:"timeouts"`
	// AverageAttempts is Attempts / Total; 0 without deliveries.
	AverageAttempts float64 `json:"average_attempts"`
	// ResponseTime is about the ResponseTimeMS of these attempts, where it is set, in milliseconds.
	ResponseTime Spread `json:"response_time"`
	// Days has an entry for each day, those without deliveries included, oldest first.
	Days []DeliveryDay `json:"days"`
}

// DeliveryDay counts the deliveries that were made on one day in UTC.
type DeliveryDay struct {
	Day     time.Time `json:"day"` // its start
	Total   int64     `json:"total"`
	Success int64     `json:"success"`
	Failed  int64     `json:"failed"`
}

// Spread says how values are spread. Without values all is 0.
//
// Percentiles are values that occur: the smallest one that at least so many percent of all values
// do not exceed (nearest rank; https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method).
type Spread struct {
	Count   int64   `json:"count"`
	Average float64 `json:"average"`
	Min     int64   `json:"min"`
	Max     int64   `json:"max"`
	P50     int64   `json:"p50"`
	P95     int64   `json:"p95"`
	P99     int64   `json:"p99"`
}

// ExecutionStats counts executions.
type ExecutionStats struct {
	Since     time.Time `json:"since"` // those made from here on
	Total     int64     `json:"total"` // all that follow, together
	Pending   int64     `json:"pending"`
	Running   int64     `json:"running"`
	Success   int64     `json:"success"`
	Failed    int64     `json:"failed"`
	Timeout   int64     `json:"timeout"`
	Cancelled int64     `json:"cancelled"`
	// Retries is how many of them are retries of another one.
	Retries int64 `json:"retries"`
	// SuccessRate is Success / (Success + Failed + Timeout), 0 to 1; 0 if all are.
	SuccessRate float64 `json:"success_rate"`
	// Duration is about the DurationMS of these executions, where it is set, in milliseconds.
	Duration Spread `json:"duration"`
	// First and Last are when the first and the last of them were made; nil if there are none.
	First *time.Time `json:"first"`
	Last  *time.Time `json:"last"`
}

// Rate is part / all; 0 if all is. For backends.
func Rate(part, all int64) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}
