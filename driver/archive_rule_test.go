package driver_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

// validArchiveRule has something in every field that the app sets.
func validArchiveRule() driver.ArchiveRule {
	user := uuid.New()
	return driver.ArchiveRule{
		Name: "orders", Description: "Orders of last year", Policy: driver.PolicyHybrid,
		IncludeTypes: []string{"order.*", "user.created"}, ExcludeTypes: []string{"order.debug"},
		IncludeContexts: []uuid.UUID{uuid.New()}, ExcludeContexts: []uuid.UUID{uuid.New()},
		ArchiveAfterDays: 365, MaxEventCount: 1000, MaxTableBytes: 1 << 30, PastConsumers: true, Schedule: "30 3 * * *",
		StorageType: driver.StorageCold, LocationTemplate: "{schema}/{id}", Encrypt: true, RetentionDays: 30, AutoDeleteAfterDays: 60,
		IsEnabled: true, CreatedByUserID: &user,
	}
}

// ruleWith returns a valid rule with a change.
func ruleWith(change func(*driver.ArchiveRule)) driver.ArchiveRule {
	rule := validArchiveRule()
	change(&rule)
	return rule
}

func TestANewArchiveRuleIsOneThatSaveCompletes(t *testing.T) {
	made := driver.NewArchiveRule("old", 90)
	want := driver.ArchiveRule{Name: "old", Policy: driver.PolicyAge, ArchiveAfterDays: 90, StorageType: driver.StorageCold, IsEnabled: true}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("got %+v, want %+v", made, want)
	}
	bare := driver.ArchiveRule{Name: "old", Policy: driver.PolicyAge, ArchiveAfterDays: 90, IsEnabled: true}
	for _, rule := range []*driver.ArchiveRule{&made, &bare} {
		if err := rule.Validate(); err != nil {
			t.Errorf("Validate: got error %v, want none", err)
		}
		if rule.LocationTemplate != "" {
			t.Errorf("Validate filled in a template: %q", rule.LocationTemplate)
		}
		if err := rule.Prepare(); err != nil || rule.ID.Version() != 7 || rule.StorageType != driver.StorageCold || rule.LocationTemplate != driver.DefaultLocation {
			t.Errorf("after Prepare: got %+v (%v), want an id, cold storage and the default location", rule, err)
		}
	}
}

func TestTheFieldsOfAnArchiveRule(t *testing.T) {
	many := func(n int) (types []string) {
		for i := range n {
			types = append(types, fmt.Sprintf("order.n%d", i))
		}
		return types
	}
	ids := func(n int) (ids []uuid.UUID) {
		for range n {
			ids = append(ids, uuid.New())
		}
		return ids
	}
	for name, test := range map[string]struct {
		field  string // that is refused; "": none is
		change func(*driver.ArchiveRule)
	}{
		"as it is":                {"", func(*driver.ArchiveRule) {}},
		"no name":                 {"name", func(r *driver.ArchiveRule) { r.Name = "" }},
		"a name of spaces":        {"name", func(r *driver.ArchiveRule) { r.Name = " \t" }},
		"the longest name":        {"", func(r *driver.ArchiveRule) { r.Name = strings.Repeat("ä", driver.MaxName/2) + "x" }},
		"a longer name":           {"name", func(r *driver.ArchiveRule) { r.Name = strings.Repeat("x", driver.MaxName+1) }},
		"the longest description": {"", func(r *driver.ArchiveRule) { r.Description = strings.Repeat("x", driver.MaxDescription) }},
		"a longer description":    {"description", func(r *driver.ArchiveRule) { r.Description = strings.Repeat("x", driver.MaxDescription+1) }},
		"no policy":               {"policy", func(r *driver.ArchiveRule) { r.Policy = "" }},
		"another policy":          {"policy", func(r *driver.ArchiveRule) { r.Policy = "Hybrid" }},
		"no lists": {"", func(r *driver.ArchiveRule) {
			r.IncludeTypes, r.ExcludeTypes, r.IncludeContexts, r.ExcludeContexts = nil, nil, nil, nil
		}},
		"empty lists":              {"", func(r *driver.ArchiveRule) { r.IncludeTypes, r.ExcludeContexts = []string{}, []uuid.UUID{} }},
		"all types":                {"", func(r *driver.ArchiveRule) { r.IncludeTypes = []string{"*"} }},
		"the most types":           {"", func(r *driver.ArchiveRule) { r.IncludeTypes = many(driver.MaxActionEventTypes) }},
		"more types":               {"include_types", func(r *driver.ArchiveRule) { r.IncludeTypes = many(driver.MaxActionEventTypes + 1) }},
		"no type":                  {"include_types[1]", func(r *driver.ArchiveRule) { r.IncludeTypes = []string{"a", "a b"} }},
		"a type twice":             {"include_types[2]", func(r *driver.ArchiveRule) { r.IncludeTypes = []string{"a", "b", "a"} }},
		"more types excluded":      {"exclude_types", func(r *driver.ArchiveRule) { r.ExcludeTypes = many(driver.MaxActionEventTypes + 1) }},
		"no type excluded":         {"exclude_types[0]", func(r *driver.ArchiveRule) { r.ExcludeTypes = []string{"order.*.a"} }},
		"the most contexts":        {"", func(r *driver.ArchiveRule) { r.IncludeContexts = ids(driver.MaxArchiveLabels) }},
		"more contexts":            {"include_contexts", func(r *driver.ArchiveRule) { r.IncludeContexts = ids(driver.MaxArchiveLabels + 1) }},
		"no context":               {"include_contexts[1]", func(r *driver.ArchiveRule) { r.IncludeContexts = []uuid.UUID{uuid.New(), uuid.Nil} }},
		"more contexts excluded":   {"exclude_contexts", func(r *driver.ArchiveRule) { r.ExcludeContexts = ids(driver.MaxArchiveLabels + 1) }},
		"no context excluded":      {"exclude_contexts[0]", func(r *driver.ArchiveRule) { r.ExcludeContexts = []uuid.UUID{uuid.Nil} }},
		"the most days":            {"", func(r *driver.ArchiveRule) { r.ArchiveAfterDays = driver.MaxArchiveDays }},
		"more days":                {"archive_after_days", func(r *driver.ArchiveRule) { r.ArchiveAfterDays = driver.MaxArchiveDays + 1 }},
		"fewer days":               {"archive_after_days", func(r *driver.ArchiveRule) { r.ArchiveAfterDays = -1 }},
		"fewer events":             {"max_event_count", func(r *driver.ArchiveRule) { r.MaxEventCount = -1 }},
		"fewer bytes":              {"max_table_bytes", func(r *driver.ArchiveRule) { r.MaxTableBytes = math.MinInt64 }},
		"no kind of storage":       {"", func(r *driver.ArchiveRule) { r.StorageType = "" }},
		"another kind of storage":  {"storage_type", func(r *driver.ArchiveRule) { r.StorageType = "cold" }},
		"no location":              {"", func(r *driver.ArchiveRule) { r.LocationTemplate = "" }},
		"a location without an id": {"location_template", func(r *driver.ArchiveRule) { r.LocationTemplate = "{schema}" }},
		"the longest retention": {"", func(r *driver.ArchiveRule) {
			r.RetentionDays, r.AutoDeleteAfterDays = driver.MaxArchiveDays, driver.MaxArchiveDays
		}},
		"a longer retention":          {"retention_days", func(r *driver.ArchiveRule) { r.RetentionDays = driver.MaxArchiveDays + 1 }},
		"a negative retention":        {"retention_days", func(r *driver.ArchiveRule) { r.RetentionDays = -1 }},
		"an expiry within retention":  {"auto_delete_after_days", func(r *driver.ArchiveRule) { r.AutoDeleteAfterDays = r.RetentionDays - 1 }},
		"an expiry after retention":   {"", func(r *driver.ArchiveRule) { r.AutoDeleteAfterDays = r.RetentionDays }},
		"a retention without expiry":  {"", func(r *driver.ArchiveRule) { r.AutoDeleteAfterDays = 0 }},
		"an expiry without retention": {"", func(r *driver.ArchiveRule) { r.RetentionDays = 0 }},
		"a negative expiry":           {"auto_delete_after_days", func(r *driver.ArchiveRule) { r.AutoDeleteAfterDays = -1 }},
		"nobody":                      {"", func(r *driver.ArchiveRule) { r.CreatedByUserID = nil }},
		"the zero id of a user":       {"created_by_user_id", func(r *driver.ArchiveRule) { r.CreatedByUserID = &uuid.Nil }},
	} {
		rule := ruleWith(test.change)
		err := rule.Validate()
		if prepared := rule.Prepare(); (prepared == nil) != (err == nil) {
			t.Errorf("%s: Validate returned %v, and Prepare %v", name, err, prepared)
		}
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

// Every policy with and without each thing that it can go by.
func TestAPolicyHasWhatItGoesBy(t *testing.T) {
	allowed := map[driver.ArchivePolicy][]string{
		driver.PolicyAge:    {"days", "days schedule"},
		driver.PolicySize:   {"count", "bytes", "count bytes", "count schedule", "bytes schedule", "count bytes schedule"},
		driver.PolicyHybrid: {"days count", "days bytes", "days count bytes", "days count schedule", "days bytes schedule", "days count bytes schedule"},
		driver.PolicyCustom: {"", "days"},
	}
	names := []string{"days", "count", "bytes", "schedule"}
	for policy, combinations := range allowed {
		for set := range 1 << len(names) {
			rule := driver.ArchiveRule{Name: "a", Policy: policy, IsEnabled: true}
			var has []string
			for i, name := range names {
				if set&(1<<i) == 0 {
					continue
				}
				has = append(has, name)
				switch name {
				case "days":
					rule.ArchiveAfterDays = 1
				case "count":
					rule.MaxEventCount = 1
				case "bytes":
					rule.MaxTableBytes = 1
				case "schedule":
					rule.Schedule = "@daily"
				}
			}
			what := strings.Join(has, " ")
			err := rule.Validate()
			if want := slices.Contains(combinations, what); (err == nil) != want {
				t.Errorf("%s with %q: got error %v, want it allowed: %t", policy, what, err, want)
			}
			if err != nil {
				wantInvalid(t, string(policy)+" with "+what, err, refusedOfPolicy(&rule))
			}
		}
	}
}

// refusedOfPolicy is the field that a rule's policy lacks or does not go by.
func refusedOfPolicy(r *driver.ArchiveRule) string {
	byAge, bySize := r.Policy == driver.PolicyAge || r.Policy == driver.PolicyHybrid, r.Policy == driver.PolicySize || r.Policy == driver.PolicyHybrid
	switch sized := r.MaxEventCount > 0 || r.MaxTableBytes > 0; {
	case byAge && r.ArchiveAfterDays == 0:
		return "archive_after_days"
	case bySize != sized && r.Policy != driver.PolicyCustom, r.Policy == driver.PolicyCustom && sized:
		return "max_event_count"
	case r.Policy == driver.PolicySize && r.ArchiveAfterDays > 0:
		return "archive_after_days"
	}
	return "schedule"
}

func TestTheScheduleOfAnArchiveRule(t *testing.T) {
	for schedule, valid := range map[string]bool{
		"": true, "30 3 * * *": true, "*/15 0-5,12 1,15 * MON-FRI": true, "@hourly": true, "@daily": true, "@weekly": true, "@monthly": true, "@yearly": true,
		" ": false, "* * * *": false, "* * * * * *": false, "60 * * * *": false, "@reboot": false, "@every 1h": false, "@Daily": false, "0 0 30 2 *": false,
		"daily": false, "30 3 * * *\x00": false, "30 3 * * \xff": false, strings.Repeat("1,", driver.MaxName/2) + "1 3 * * *": false,
	} {
		rule := ruleWith(func(r *driver.ArchiveRule) { r.Schedule = schedule })
		if err := rule.Validate(); !valid {
			wantInvalid(t, brief(schedule), err, "schedule")
		} else if err != nil {
			t.Errorf("%q: got error %v, want none", schedule, err)
		}
	}
}

func TestPrepareOfAnArchiveRuleKeepsWhatIsGiven(t *testing.T) {
	given := validArchiveRule()
	given.ID = uuid.New()
	at, token := time.Now(), uuid.New()
	prepared := given
	prepared.NextRunAt, prepared.LastRunAt, prepared.LeaseToken, prepared.LeaseUntil = &at, &at, &token, &at
	if err := prepared.Prepare(); err != nil || !reflect.DeepEqual(prepared, given) {
		t.Errorf("got %+v (%v), want %+v", prepared, err, given)
	}
}

func TestARuleIsNeverDueUnlessItIsEnabledAndScheduledAndNotCustom(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		due    bool
		change func(*driver.ArchiveRule)
	}{
		"as it is":           {true, func(*driver.ArchiveRule) {}},
		"disabled":           {false, func(r *driver.ArchiveRule) { r.IsEnabled = false }},
		"custom":             {false, func(r *driver.ArchiveRule) { r.Policy = driver.PolicyCustom }},
		"without a schedule": {false, func(r *driver.ArchiveRule) { r.Schedule = "" }},
		"with no schedule":   {false, func(r *driver.ArchiveRule) { r.Schedule = "tomorrow" }},
		"with one that never comes": {false, func(r *driver.ArchiveRule) {
			r.Schedule = "0 0 31 2 *"
		}},
	} {
		rule := ruleWith(test.change)
		before := rule
		next := rule.Next(now)
		if (next != nil) != test.due {
			t.Errorf("%s: due next at %v, want it due: %t", name, next, test.due)
		}
		if !reflect.DeepEqual(rule, before) {
			t.Errorf("%s: Next changed the rule", name)
		}
	}
}

func TestNextIsInUTCWhateverTheZone(t *testing.T) {
	rule := ruleWith(func(r *driver.ArchiveRule) { r.Schedule = "30 3 * * *" })
	want := time.Date(2026, 3, 30, 3, 30, 0, 0, time.UTC)
	for _, after := range []time.Time{
		time.Date(2026, 3, 29, 3, 30, 0, 0, time.UTC),
		time.Date(2026, 3, 29, 3, 30, 0, 0, time.UTC).In(time.FixedZone("east", 14*3600)),
		time.Date(2026, 3, 30, 3, 29, 59, 999_999_999, time.UTC).In(time.FixedZone("west", -12*3600)),
	} {
		if got := rule.Next(after); got == nil || *got != want {
			t.Errorf("after %s: got %v, want %s", after, got, want)
		}
	}
}

// cronField is a field of a schedule and the values that it stands for.
type cronField struct {
	text   string
	values map[int]bool // nil: all
}

// drawField draws a field whose values are from least to most. Steps go on to the last one there is.
func drawField(rt *rapid.T, name string, least, most, last int) cronField {
	value := rapid.IntRange(least, most)
	field := cronField{"*", nil}
	put := func(text string, from, to, step int) {
		if field.values == nil {
			field = cronField{"", map[int]bool{}}
		} else {
			field.text += ","
		}
		field.text += text
		for v := from; v <= to; v += step {
			field.values[v] = true
		}
	}
	switch rapid.IntRange(0, 3).Draw(rt, name+" kind") {
	case 0:
	case 1:
		step := rapid.IntRange(1, most).Draw(rt, name+" step")
		put(fmt.Sprintf("*/%d", step), least, last, step)
	default:
		for range rapid.IntRange(1, 3).Draw(rt, name+" parts") {
			from := value.Draw(rt, name+" from")
			to := rapid.IntRange(from, most).Draw(rt, name+" to")
			if from == to {
				put(fmt.Sprint(from), from, from, 1)
			} else {
				put(fmt.Sprintf("%d-%d", from, to), from, to, 1)
			}
		}
	}
	return field
}

func (f cronField) fits(value int) bool { return f.values == nil || f.values[value] }

// Next leaves out no moment that fits, and names none that does not: every minute up to it is looked at.
func TestNextIsTheFirstMinuteThatFitsTheSchedule(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		minute, hour := drawField(rt, "minute", 0, 59, 59), drawField(rt, "hour", 0, 23, 23)
		month := drawField(rt, "month", 1, 12, 12)
		day, weekday := cronField{"*", nil}, cronField{"*", nil} // restricting both is cron's own puzzle
		if rapid.Bool().Draw(rt, "by weekday") {
			weekday = drawField(rt, "weekday", 0, 6, 6)
		} else {
			day = drawField(rt, "day", 1, 28, 31) // a day that every month has, at least
		}
		rule := validArchiveRule()
		rule.Schedule = strings.Join([]string{minute.text, hour.text, day.text, month.text, weekday.text}, " ")
		if err := rule.Validate(); err != nil {
			rt.Fatalf("%q: %v", rule.Schedule, err)
		}
		after := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(rt, "after"), rapid.Int64Range(0, 999_999_999).Draw(rt, "nanoseconds")).UTC()
		next := rule.Next(after)
		if next == nil || !next.After(after) || next.Location() != time.UTC || next.Truncate(time.Minute) != *next {
			rt.Fatalf("%q after %s: got %v, want a whole minute after it, in UTC", rule.Schedule, after, next)
		}
		fits := func(at time.Time) bool {
			return minute.fits(at.Minute()) && hour.fits(at.Hour()) && day.fits(at.Day()) && month.fits(int(at.Month())) && weekday.fits(int(at.Weekday()))
		}
		if !fits(*next) {
			rt.Fatalf("%q after %s: got %s, which does not fit", rule.Schedule, after, next)
		}
		for at := after.Truncate(time.Minute).Add(time.Minute); at.Before(*next); at = at.Add(time.Minute) {
			if fits(at) {
				rt.Fatalf("%q after %s: got %s, want %s, which is sooner", rule.Schedule, after, next, at)
			}
		}
	})
}

func TestTheCriteriaOfAnArchiveRule(t *testing.T) {
	now := time.Date(2026, 3, 30, 1, 2, 3, 123_456_789, time.FixedZone("summer", 2*3600))
	rule := validArchiveRule()
	want := driver.ArchiveCriteria{
		OccurredBefore: time.Date(2025, 3, 29, 23, 2, 3, 123_456_000, time.UTC), // 365 days of 24 hours ago
		IncludeTypes:   rule.IncludeTypes, ExcludeTypes: rule.ExcludeTypes,
		IncludeContexts: rule.IncludeContexts, ExcludeContexts: rule.ExcludeContexts, PastConsumers: true,
	}
	if got := rule.Criteria(now); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, policy := range []driver.ArchivePolicy{driver.PolicySize, driver.PolicyCustom} {
		plain := driver.ArchiveRule{Name: "a", Policy: policy}
		if got := plain.Criteria(now); !reflect.DeepEqual(got, driver.ArchiveCriteria{}) {
			t.Errorf("%s, of any age: got %+v, want nothing in particular", policy, got)
		}
	}
}

// A day is 24 hours, also where the moment's zone has one of 23 or 25.
func TestTheAgeOfCriteriaIsInDaysOf24Hours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(rt, "now"), 0).In(berlin)
		rule := driver.NewArchiveRule("a", rapid.IntRange(1, driver.MaxArchiveDays).Draw(rt, "days"))
		criteria := rule.Criteria(now)
		if want := now.Add(-24 * time.Hour * time.Duration(rule.ArchiveAfterDays)).UTC(); criteria.OccurredBefore != want {
			rt.Fatalf("%d days before %s: got %s, want %s", rule.ArchiveAfterDays, now, criteria.OccurredBefore, want)
		}
	})
}

// What a valid rule chooses is what Begin takes.
func TestTheCriteriaOfAValidRuleAreValid(t *testing.T) {
	for _, days := range []int{1, 365, driver.MaxArchiveDays} {
		rule := ruleWith(func(r *driver.ArchiveRule) { r.ArchiveAfterDays = days })
		criteria := rule.Criteria(time.Now())
		if err := criteria.Prepare(); err != nil {
			t.Errorf("of %d days: got error %v, want none", days, err)
		}
	}
}

func TestTheExcessOverTheLimitsOfARule(t *testing.T) {
	for _, test := range []struct {
		maxEvents, maxBytes int64
		measured            driver.ArchiveMeasure
		events, bytes       int64
	}{
		{0, 0, driver.ArchiveMeasure{Events: 100, Bytes: 100}, 0, 0},
		{10, 0, driver.ArchiveMeasure{Events: 100, Bytes: 100}, 90, 0},
		{0, 10, driver.ArchiveMeasure{Events: 100, Bytes: 100}, 0, 90},
		{10, 99, driver.ArchiveMeasure{Events: 9, Bytes: 100}, 0, 1},
		{10, 99, driver.ArchiveMeasure{Events: 10, Bytes: 99}, 0, 0},
		{10, 99, driver.ArchiveMeasure{}, 0, 0},
		{1, 1, driver.ArchiveMeasure{Events: math.MaxInt64, Bytes: math.MaxInt64}, math.MaxInt64 - 1, math.MaxInt64 - 1},
		{math.MaxInt64, math.MaxInt64, driver.ArchiveMeasure{Events: math.MaxInt64}, 0, 0},
	} {
		rule := driver.ArchiveRule{MaxEventCount: test.maxEvents, MaxTableBytes: test.maxBytes}
		if events, bytes := rule.Excess(test.measured); events != test.events || bytes != test.bytes {
			t.Errorf("%+v with limits of %d and %d: got %d and %d, want %d and %d",
				test.measured, test.maxEvents, test.maxBytes, events, bytes, test.events, test.bytes)
		}
	}
}

func TestCheckArchiveRuleName(t *testing.T) {
	for _, name := range []string{"a", " a ", "Aufträge", "a\nb", strings.Repeat("x", driver.MaxName)} {
		if err := driver.CheckArchiveRuleName(name); err != nil {
			t.Errorf("%s: got error %v, want none", brief(name), err)
		}
	}
	for _, name := range []string{"", " ", "\n\t", "a\x00", "\xff", strings.Repeat("x", driver.MaxName+1)} {
		wantInvalid(t, brief(name), driver.CheckArchiveRuleName(name), "name")
	}
}
