package conformance

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryStats = area{name: "Deliveries/Stats", behaviours: []behaviour{
	{"AreAllZeroWithoutDeliveries", statsZero},
	{"CountWhatThereIs", statsCount},
	{"TakePercentilesByNearestRank", statsPercentiles},
	{"AreExactForTheLongestTimes", statsLongest},
	{"AreOfOneEndpoint", statsOneEndpoint},
	{"HaveEachDay", statsDays},
	{"RefuseDaysThatAreNone", statsRefuseDays},
	{"OfAnyDeliveriesAreWhatACountGives", statsRandom},
}}

// stats returns the statistics of an endpoint.
func (t *test) stats(endpoint driver.Endpoint, days int) driver.DeliveryStats {
	t.Helper()
	return must2(t, t.store.Deliveries().GetStats, endpoint.ID, days)
}

// wantDays fails the test unless statistics have each of so many days up to the one that lies
// between two moments.
func (t *test) wantDays(stats driver.DeliveryStats, days int, before, after time.Time) {
	t.Helper()
	equal(t, "days", len(stats.Days), days)
	for i, day := range stats.Days {
		equal(t, "start of a day", instant(&day.Day), instant(ptr(stats.Since.AddDate(0, 0, i))))
	}
	last := stats.Since.AddDate(0, 0, days-1)
	equal(t, "Since, as the start of a day", instant(&stats.Since), instant(ptr(stats.Since.Truncate(24*time.Hour))))
	if last.After(after) || last.AddDate(0, 0, 1).Before(before) {
		t.Errorf("the last day: got the one that starts at %s, want today (%s)", last, before)
	}
}

// responseTimes returns failed attempts that took so many milliseconds.
func responseTimes(milliseconds ...int64) []driver.Attempt {
	attempts := make([]driver.Attempt, len(milliseconds))
	for i := range attempts {
		attempts[i] = newAttempt(fails)
		attempts[i].ResponseTimeMS = &milliseconds[i]
	}
	return attempts
}

func statsZero(t *test) {
	for _, endpoint := range []driver.Endpoint{t.saveEndpoint(), {ID: newID()}, {}} {
		before := t.now()
		got := t.stats(endpoint, 0)
		t.wantDays(got, driver.DefaultStatsDays, before, t.now())
		want := driver.DeliveryStats{Since: got.Since}
		for i := range driver.DefaultStatsDays {
			want.Days = append(want.Days, driver.DeliveryDay{Day: got.Since.AddDate(0, 0, i)})
		}
		sameEntity(t, "statistics", got, want)
	}
}

func statsCount(t *test) {
	endpoint := t.saveEndpoint(policy(2, 1, 1))
	t.saveDelivery(endpoint)
	t.saveDelivery(endpoint, attemptsOf(timesOut)...)
	t.saveDelivery(endpoint, attemptsOf(fails, timesOut, succeeds)...)
	t.saveDelivery(endpoint, attemptsOf(succeeds)...)
	t.saveDelivery(endpoint, attemptsOf(succeeds)...)
	t.saveDelivery(endpoint, attemptsOf(timesOut, timesOut, fails)...)
	must2(t, t.store.Deliveries().Cancel, t.saveDelivery(endpoint, attemptsOf(fails)...).ID, "")
	got := t.stats(endpoint, 2) // two days, lest midnight comes between
	want := driver.DeliveryStats{
		Since: got.Since, Total: 7, Success: 3, Failed: 1, Cancelled: 1, Pending: 2, SuccessRate: 0.75,
		Attempts: 10, Timeouts: 4, AverageAttempts: 10.0 / 7, Days: got.Days,
	}
	sameEntity(t, "statistics", got, want)
	var sum driver.DeliveryDay
	for _, day := range got.Days {
		sum.Total, sum.Success, sum.Failed = sum.Total+day.Total, sum.Success+day.Success, sum.Failed+day.Failed
	}
	equal(t, "sum of the days", sum, driver.DeliveryDay{Total: 7, Success: 3, Failed: 1})
}

func statsPercentiles(t *test) {
	hundred, thousand := make([]int64, 0, 100), make([]int64, 0, 1000)
	for i := range int64(1000) {
		if i < 100 {
			hundred = append(hundred, 100-i)
		}
		thousand = append(thousand, (i*7)%1000) // 0 to 999
	}
	for _, c := range []struct {
		values []int64
		want   driver.Spread
	}{
		{[]int64{7}, driver.Spread{Count: 1, Average: 7, Min: 7, Max: 7, P50: 7, P95: 7, P99: 7}},
		{[]int64{0}, driver.Spread{Count: 1}},
		{[]int64{2, 1}, driver.Spread{Count: 2, Average: 1.5, Min: 1, Max: 2, P50: 1, P95: 2, P99: 2}},
		{[]int64{15, 20, 35, 40, 50}, driver.Spread{Count: 5, Average: 32, Min: 15, Max: 50, P50: 35, P95: 50, P99: 50}},
		{[]int64{3, 3, 3, 9}, driver.Spread{Count: 4, Average: 4.5, Min: 3, Max: 9, P50: 3, P95: 9, P99: 9}},
		{hundred, driver.Spread{Count: 100, Average: 50.5, Min: 1, Max: 100, P50: 50, P95: 95, P99: 99}},
		{hundred[1:], driver.Spread{Count: 99, Average: 50, Min: 1, Max: 99, P50: 50, P95: 95, P99: 99}},
		{thousand, driver.Spread{Count: 1000, Average: 499.5, Min: 0, Max: 999, P50: 499, P95: 949, P99: 989}},
	} {
		endpoint := t.saveEndpoint(manyTries)
		t.inTx(func(tx driver.Store) {
			for some := range slices.Chunk(c.values, 50) {
				t.saveDeliveryTo(tx, endpoint, append(responseTimes(some...), newAttempt(timesOut))...) // one without a time
			}
		})
		sameEntity(t, "ResponseTime", t.stats(endpoint, 2).ResponseTime, c.want)
	}
}

func statsLongest(t *test) {
	endpoint := t.saveEndpoint(manyTries)
	t.saveDelivery(endpoint, responseTimes(slices.Repeat([]int64{driver.MaxDurationMS}, 50)...)...)
	const most = driver.MaxDurationMS
	sameEntity(t, "ResponseTime", t.stats(endpoint, 2).ResponseTime, driver.Spread{
		Count: 50, Average: most, Min: most, Max: most, P50: most, P95: most, P99: most,
	})
}

func statsOneEndpoint(t *test) {
	one, other := t.saveEndpoint(), t.saveEndpoint()
	t.saveDelivery(one, responseTimes(5)...)
	t.saveDeliveries(other, 3, responseTimes(9, 9)...)
	got := t.stats(one, 2)
	equal(t, "Total", got.Total, 1)
	equal(t, "Attempts", got.Attempts, 1)
	equal(t, "response times", got.ResponseTime.Count, 1)
	equal(t, "endpoint deleted", must(t, t.store.Endpoints().Delete, one.ID), true)
	got = t.stats(one, 2) // history stays
	equal(t, "Total of an endpoint that is gone", got.Total, 1)
	equal(t, "Cancelled of an endpoint that is gone", got.Cancelled, 1)
}

func statsDays(t *test) {
	endpoint := t.saveEndpoint()
	t.saveDelivery(endpoint, newAttempt(succeeds))
	for _, days := range []int{1, 2, 31, driver.MaxStatsDays} {
		before := t.now()
		got := t.stats(endpoint, days)
		t.wantDays(got, days, before, t.now())
	}
}

func statsRefuseDays(t *test) {
	endpoint := t.saveEndpoint()
	for _, days := range []int{-1, math.MinInt, driver.MaxStatsDays + 1, math.MaxInt} {
		got, err := t.store.Deliveries().GetStats(t.ctx, endpoint.ID, days)
		t.wantInvalid(err, "Deliveries.GetStats", "days")
		sameEntity(t, "statistics beside an error", got, driver.DeliveryStats{})
	}
}

// statsRandom makes deliveries and attempts by chance, and counts the rows that it reads back.
func statsRandom(t *test) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range scale(6, 2) {
		endpoint := t.saveEndpoint(policy(random.IntN(6), 1, 1))
		ids := t.saveRandomly(random, endpoint, random.IntN(60))
		got := t.stats(endpoint, 2)
		var rows []driver.Delivery
		for _, id := range ids {
			rows = append(rows, t.delivery(id))
		}
		want := countStats(rows, got)
		if diff := entityDifferences(got, want); diff != "" {
			t.Errorf("statistics of %d deliveries, seed %d, round %d:%s", len(rows), seed, round, diff)
		}
	}
}

// saveRandomly saves deliveries with attempts, and some replays of them, in one transaction.
func (t *test) saveRandomly(random *rand.Rand, endpoint driver.Endpoint, n int) (ids []uuid.UUID) {
	t.Helper()
	t.inTx(func(tx driver.Store) {
		for range n {
			d := t.saveDeliveryTo(tx, endpoint)
			for !d.Status.Final() && random.IntN(4) > 0 {
				attempt := newAttempt([]driver.AttemptStatus{succeeds, fails, fails, timesOut}[random.IntN(4)])
				if random.IntN(5) > 0 {
					attempt.ResponseTimeMS = ptr(random.Int64N(1 << random.IntN(30)))
				}
				d = must2(t, tx.Deliveries().RecordAttempt, d.ID, attempt)
			}
			if !d.Status.Final() && random.IntN(4) == 0 {
				d = must2(t, tx.Deliveries().Cancel, d.ID, "")
			}
			ids = append(ids, d.ID)
			if d.Status.Final() && random.IntN(4) == 0 {
				ids = append(ids, must(t, tx.Deliveries().Replay, d.ID).ID)
			}
		}
	})
	return ids
}

// countStats is what statistics of these days must be, given all rows.
func countStats(rows []driver.Delivery, of driver.DeliveryStats) driver.DeliveryStats {
	stats := driver.DeliveryStats{Since: of.Since}
	for _, day := range of.Days {
		stats.Days = append(stats.Days, driver.DeliveryDay{Day: day.Day})
	}
	var times []int64
	for _, d := range rows {
		if d.CreatedAt.Before(of.Since) {
			continue
		}
		day := &stats.Days[min(int(d.CreatedAt.Sub(of.Since).Hours()/24), len(stats.Days)-1)]
		stats.Total++
		day.Total++
		switch d.Status {
		case driver.DeliverySuccess:
			stats.Success++
			day.Success++
		case driver.DeliveryFailed:
			stats.Failed++
			day.Failed++
		case driver.DeliveryCancelled:
			stats.Cancelled++
		default:
			stats.Pending++
		}
		for _, attempt := range d.Attempts {
			stats.Attempts++
			if attempt.Status == timesOut {
				stats.Timeouts++
			}
			if attempt.ResponseTimeMS != nil {
				times = append(times, *attempt.ResponseTimeMS)
			}
		}
	}
	stats.SuccessRate = driver.Rate(stats.Success, stats.Success+stats.Failed)
	stats.AverageAttempts = driver.Rate(stats.Attempts, stats.Total)
	stats.ResponseTime = computedSpread(times)
	return stats
}
