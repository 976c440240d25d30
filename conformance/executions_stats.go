package conformance

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionStats = area{name: "Executions/Statistics", behaviours: []behaviour{
	{"CountWhatTheRowsSay", executionStatsCount},
	{"SummaryCountsFromAMomentOn", executionSummarySince},
	{"KnowPercentilesByNearestRank", executionStatsPercentiles},
	{"OfNothingAreZero", executionStatsNothing},
	{"BeginWithADay", executionStatsDays},
	{"RefuseDaysThatThereAreNot", executionStatsInvalid},
	{"SeeWhatTheirTransactionDid", executionStatsInTx},
}}

// randomExecutions saves executions of some actions with all that statistics look at, always the
// same for one seed.
func (t *test) randomExecutions(seed uint64, n int, actions []driver.Action) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, seed))
	for start := 0; start < n; start += 10 { // several moments, and several rows at each
		t.inTx(func(tx driver.Store) {
			for range min(10, n-start) {
				t.saveExecutionTo(tx, actions[random.IntN(len(actions))].ID, func(e *driver.Execution) {
					e.Status = executionStatuses[random.IntN(len(executionStatuses))]
					e.RetryCount = max(0, random.IntN(6)-3)
					switch random.IntN(4) {
					case 0:
					case 1:
						e.DurationMS = ptr(random.Int64N(5))
					case 2:
						e.DurationMS = ptr(random.Int64N(100_000))
					case 3:
						e.DurationMS = ptr(random.Int64N(driver.MaxDurationMS + 1))
					}
				})
			}
		})
	}
}

// allExecutions reads every execution there is.
func (t *test) allExecutions() []driver.Execution {
	t.Helper()
	return must2(t, t.store.Executions().GetRecent, time.Time{}, driver.MaxLimit)
}

// computedStats is what statistics from a moment on should be, of one action or (zero) of all.
func computedStats(rows []driver.Execution, since time.Time, actionID uuid.UUID) driver.ExecutionStats {
	stats := driver.ExecutionStats{Since: since}
	byStatus := map[driver.ExecutionStatus]int64{}
	var durations []int64
	for _, row := range oldestFirst(rows) {
		if row.CreatedAt.Before(since) || actionID != uuid.Nil && row.ActionID != actionID {
			continue
		}
		stats.Total++
		byStatus[row.Status]++
		if row.RetryCount > 0 {
			stats.Retries++
		}
		if row.DurationMS != nil {
			durations = append(durations, *row.DurationMS)
		}
		if stats.First == nil {
			stats.First = ptr(row.CreatedAt)
		}
		stats.Last = ptr(row.CreatedAt)
	}
	stats.Pending, stats.Running = byStatus[driver.ExecutionPending], byStatus[driver.ExecutionRunning]
	stats.Success, stats.Failed = byStatus[driver.ExecutionSuccess], byStatus[driver.ExecutionFailed]
	stats.Timeout, stats.Cancelled = byStatus[driver.ExecutionTimeout], byStatus[driver.ExecutionCancelled]
	if ended := stats.Success + stats.Failed + stats.Timeout; ended > 0 {
		stats.SuccessRate = float64(stats.Success) / float64(ended)
	}
	stats.Duration = computedSpread(durations)
	return stats
}

// computedSpread is how values are spread.
func computedSpread(values []int64) driver.Spread {
	if len(values) == 0 {
		return driver.Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	sum := int64(0)
	for _, value := range values {
		sum += value
	}
	percentile := func(percent float64) int64 {
		return sorted[int(math.Ceil(percent*float64(len(sorted))/100))-1]
	}
	return driver.Spread{
		Count: int64(len(values)), Average: float64(sum) / float64(len(values)), Min: sorted[0], Max: sorted[len(sorted)-1],
		P50: percentile(50), P95: percentile(95), P99: percentile(99),
	}
}

func executionStatsCount(t *test) {
	actions := []driver.Action{t.saveAction(), t.saveAction(), t.saveAction()}
	t.randomExecutions(1, scale(400, 80), actions)
	rows := t.allExecutions()
	for _, action := range actions {
		for _, days := range []int{0, 1, 2, 7, driver.MaxStatsDays} {
			stats := must2(t, t.store.Executions().GetStats, action.ID, days)
			sameEntity(t, "statistics of an action", stats, computedStats(rows, stats.Since, action.ID))
		}
	}
	t.deleteAction(actions[0].ID) // history stays
	rows = t.allExecutions()
	stats := must2(t, t.store.Executions().GetStats, actions[0].ID, 0)
	sameEntity(t, "statistics of an action that is gone", stats, computedStats(rows, stats.Since, actions[0].ID))
	sameEntity(t, "summary", must(t, t.store.Executions().Summary, time.Time{}), computedStats(rows, time.Time{}, uuid.Nil))
}

func executionSummarySince(t *test) {
	t.randomExecutions(2, 60, []driver.Action{t.saveAction(), t.saveAction()})
	rows := t.allExecutions()
	t.later(rows[0].CreatedAt)
	t.randomExecutions(3, 30, []driver.Action{t.saveAction()})
	rows = t.allExecutions()
	for i := 0; i < len(rows); i += 7 {
		for _, since := range []time.Time{
			rows[i].CreatedAt, rows[i].CreatedAt.Add(time.Microsecond), rows[i].CreatedAt.Add(999), rows[i].CreatedAt.In(time.FixedZone("east", 3600)),
		} {
			want := computedStats(rows, since.UTC().Truncate(time.Microsecond), uuid.Nil)
			sameEntity(t, "summary", must(t, t.store.Executions().Summary, since), want)
		}
	}
}

// executionStatsPercentiles counts so few values that each percentile is another case.
func executionStatsPercentiles(t *test) {
	action := t.saveAction()
	var durations []int64
	for i := range scale(120, 25) {
		duration := int64(i*i%131) + 1
		durations = append(durations, duration)
		t.saveExecution(action.ID, func(e *driver.Execution) { e.DurationMS = &duration })
		equal(t, "spread", must2(t, t.store.Executions().GetStats, action.ID, 2).Duration, computedSpread(durations))
	}
}

func executionStatsNothing(t *test) {
	t.saveExecution(t.saveAction().ID)
	stats := must2(t, t.store.Executions().GetStats, newID(), 0)
	sameEntity(t, "statistics of an unknown action", stats, driver.ExecutionStats{Since: stats.Since})
	since := t.now().Add(time.Hour)
	sameEntity(t, "summary of nothing", must(t, t.store.Executions().Summary, since), driver.ExecutionStats{Since: since})
}

func executionStatsDays(t *test) {
	action := t.saveAction()
	for _, days := range []int{0, 1, 2, 30, driver.MaxStatsDays} {
		began := t.now()
		stats := must2(t, t.store.Executions().GetStats, action.ID, days)
		back := days
		if back == 0 {
			back = driver.DefaultStatsDays
		}
		// Midnight may have passed meanwhile.
		from, to := began.Truncate(24*time.Hour).AddDate(0, 0, 1-back), t.now().Truncate(24*time.Hour).AddDate(0, 0, 1-back)
		if !stats.Since.Equal(from) && !stats.Since.Equal(to) {
			t.Errorf("start of %d days: got %s, want %s", days, instant(&stats.Since), instant(&from))
		}
		equal(t, "location", stats.Since.Location(), time.UTC)
	}
}

func executionStatsInvalid(t *test) {
	for _, days := range []int{-1, math.MinInt, driver.MaxStatsDays + 1, math.MaxInt} {
		_, err := t.store.Executions().GetStats(t.ctx, newID(), days)
		t.wantInvalid(err, "Executions.GetStats", "days")
	}
}

func executionStatsInTx(t *test) {
	action := t.saveAction()
	t.saveExecution(action.ID)
	t.undone(t.store, func(tx driver.Store) {
		saved := t.saveExecutionTo(tx, action.ID)
		must2(t, tx.Executions().Complete, saved.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess, DurationMS: ptr(int64(9))})
		stats := must2(t, tx.Executions().GetStats, action.ID, 2)
		equal(t, "executions counted", stats.Total, 2)
		equal(t, "longest duration", stats.Duration.Max, 9)
		equal(t, "executions summed up", must(t, tx.Executions().Summary, time.Time{}).Success, 1)
	})
	equal(t, "executions counted after the rollback", must2(t, t.store.Executions().GetStats, action.ID, 2).Total, 1)
}
