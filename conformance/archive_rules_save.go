package conformance

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleSave = area{name: "ArchiveRules/Save", behaviours: []behaviour{
	{"KeepsEveryField", ruleSaveKeeps},
	{"FillsInDefaults", ruleSaveDefaults},
	{"TellsNoListsFromEmptyOnes", ruleSaveLists},
	{"MakesItDueByItsSchedule", ruleSaveDue},
	{"MakesOthersNeverDue", ruleSaveNeverDue},
	{"MakesAnIDAndKeepsAGivenOne", ruleSaveIDs},
	{"ClearsWhatIsNotTheCallers", ruleSaveClears},
	{"TakesItsTimesFromTheDatabase", ruleSaveTimes},
	{"RefusesATakenIDAndChangesNothing", ruleSaveTakenID},
	{"RefusesATakenNameAndChangesNothing", ruleSaveTakenName},
	{"TellsNamesApartByTheirBytes", ruleSaveNames},
	{"RefusesWhatBreaksARule", ruleSaveRefuses},
	{"OfTheSameNameAtOnceSucceedsOnce", ruleSaveRace},
}}

// keepsRule saves a rule, which must come back as given, with what only the backend knows.
func (t *test) keepsRule(given driver.ArchiveRule) driver.ArchiveRule {
	t.Helper()
	before := t.clock()
	saved := must(t, t.store.ArchiveRules().Save, given)
	t.wantNextRun(saved, before, t.clock())
	want := given
	want.ID, want.CreatedAt, want.UpdatedAt, want.NextRunAt, want.Revision = saved.ID, saved.CreatedAt, saved.UpdatedAt, saved.NextRunAt, 1
	sameEntity(t, "rule saved", saved, want)
	sameEntity(t, "rule read back", t.rule(saved.ID), saved)
	return saved
}

func ruleSaveKeeps(t *test) {
	type rule = driver.ArchiveRule
	given := fullArchiveRule("Aufträge «2024»\n\"<ä>&\u2028")
	equal(t, "ID", t.keepsRule(given).ID, given.ID)
	for i, change := range []func(*rule){
		func(r *rule) { r.Policy, r.MaxEventCount, r.MaxTableBytes = driver.PolicyAge, 0, 0 },
		func(r *rule) { r.Policy, r.ArchiveAfterDays = driver.PolicySize, 0 },
		func(r *rule) { r.Policy, r.MaxEventCount, r.MaxTableBytes, r.Schedule = driver.PolicyCustom, 0, 0, "" },
		func(r *rule) { r.StorageType, r.PastConsumers = driver.StoragePartition, false },
		func(r *rule) { r.StorageType, r.Encrypt = driver.StorageCompressed, false },
		func(r *rule) { r.StorageType, r.IsEnabled = driver.StorageCold, false },
	} {
		t.keepsRule(changed(fullArchiveRule(fmt.Sprint("rule ", i)), change))
	}
}

func ruleSaveDefaults(t *test) {
	saved := must(t, t.store.ArchiveRules().Save, driver.ArchiveRule{Name: "bare", Policy: driver.PolicyCustom})
	want := driver.ArchiveRule{
		ID: saved.ID, Name: "bare", Policy: driver.PolicyCustom, StorageType: driver.StorageCold, LocationTemplate: driver.DefaultLocation,
		CreatedAt: saved.CreatedAt, UpdatedAt: saved.UpdatedAt, Revision: 1,
	}
	sameEntity(t, "rule saved", saved, want)
	sameEntity(t, "rule read back", t.rule(saved.ID), want)
	t.keepsRule(changed(driver.NewArchiveRule("made", 1), func(r *driver.ArchiveRule) { r.LocationTemplate = driver.DefaultLocation }))
}

func ruleSaveLists(t *test) {
	t.keepsRule(changed(fullArchiveRule("none"), func(r *driver.ArchiveRule) {
		r.IncludeTypes, r.ExcludeTypes, r.IncludeContexts, r.ExcludeContexts = nil, nil, nil, nil
	}))
	t.keepsRule(changed(fullArchiveRule("empty"), func(r *driver.ArchiveRule) {
		r.IncludeTypes, r.ExcludeTypes, r.IncludeContexts, r.ExcludeContexts = []string{}, []string{}, []uuid.UUID{}, []uuid.UUID{}
	}))
	t.keepsRule(changed(fullArchiveRule("long, in the order given"), func(r *driver.ArchiveRule) {
		r.IncludeTypes, r.ExcludeContexts = []string{"z", "a.*", "*", "a", "A"}, make([]uuid.UUID, driver.MaxArchiveLabels)
		for i := range r.ExcludeContexts {
			r.ExcludeContexts[i] = uuid.New()
		}
	}))
}

func ruleSaveDue(t *test) {
	for _, schedule := range []string{"* * * * *", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "0 0 29 2 *", "59 23 31 12 SUN"} {
		saved := t.keepsRule(changed(newArchiveRule("rule "+schedule), func(r *driver.ArchiveRule) { r.Schedule = schedule }))
		if saved.NextRunAt == nil || !saved.NextRunAt.After(saved.CreatedAt) || saved.NextRunAt.Truncate(time.Minute) != *saved.NextRunAt {
			t.Errorf("%s: due next at %s, want a whole minute after %s", schedule, instant(saved.NextRunAt), saved.CreatedAt)
		}
	}
}

func ruleSaveNeverDue(t *test) {
	for name, change := range map[string]func(*driver.ArchiveRule){
		"disabled":           func(r *driver.ArchiveRule) { r.IsEnabled = false },
		"custom":             func(r *driver.ArchiveRule) { r.Policy, r.Schedule = driver.PolicyCustom, "" },
		"without a schedule": func(r *driver.ArchiveRule) { r.Schedule = "" },
	} {
		saved := t.keepsRule(changed(newArchiveRule(name), change))
		equal(t, "NextRunAt of one that is "+name, instant(saved.NextRunAt), "nil")
	}
}

func ruleSaveIDs(t *test) {
	equal(t, "version of an ID that was made", t.saveRule().ID.Version(), 7)
	for i, id := range []uuid.UUID{newID(), uuid.Max} {
		given := fullArchiveRule("rule" + strings.Repeat("b", i))
		given.ID = id
		equal(t, "ID", t.keepsRule(given).ID, id)
	}
}

func ruleSaveClears(t *test) {
	at, token := time.Unix(1, 0), newID()
	saved := t.saveRule(func(r *driver.ArchiveRule) {
		r.NextRunAt, r.LastRunAt, r.LeaseToken, r.LeaseUntil = &at, &at, &token, &at
		r.CreatedAt, r.UpdatedAt, r.Revision = at, at, 9
	})
	for name, moment := range map[string]*time.Time{"LastRunAt": saved.LastRunAt, "LeaseUntil": saved.LeaseUntil} {
		equal(t, name, instant(moment), "nil")
	}
	equal(t, "LeaseToken", optional(saved.LeaseToken), "nil")
	equal(t, "Revision", saved.Revision, 1)
	for name, moment := range map[string]*time.Time{"NextRunAt": saved.NextRunAt, "CreatedAt": &saved.CreatedAt, "UpdatedAt": &saved.UpdatedAt} {
		if moment == nil || moment.Year() < 2000 {
			t.Errorf("%s: got %s, want it by the database's clock", name, instant(moment))
		}
	}
	sameEntity(t, "rule read back", t.rule(saved.ID), saved)
}

func ruleSaveTimes(t *test) {
	before := t.clock()
	saved := t.saveRule()
	t.wantBetween("CreatedAt", &saved.CreatedAt, before, t.clock())
	equal(t, "UpdatedAt", saved.UpdatedAt, saved.CreatedAt)
}

func ruleSaveTakenID(t *test) {
	stored := t.saveRule()
	for _, given := range []driver.ArchiveRule{stored, changed(fullArchiveRule("another"), func(r *driver.ArchiveRule) { r.ID = stored.ID })} {
		got, err := t.store.ArchiveRules().Save(t.ctx, given)
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Save", "archive rule", stored.ID.String())
		sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	}
	t.wantRules(stored)
}

func ruleSaveTakenName(t *test) {
	stored := t.saveRules("orders")[0]
	got, err := t.store.ArchiveRules().Save(t.ctx, fullArchiveRule("orders"))
	t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveRules.Save", "archive rule", "name orders")
	sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	t.wantRules(stored)
}

// Ä as one character and as two: they look the same.
var alike = []string{"orders", "Orders", "orders ", " orders", "or_ers", "or%ers", "\u00c4", "A\u0308", "ä"}

func ruleSaveNames(t *test) {
	var saved []driver.ArchiveRule
	for _, name := range alike {
		saved = append(saved, t.keepsRule(fullArchiveRule(name)))
	}
	slices.SortFunc(saved, func(a, b driver.ArchiveRule) int { return strings.Compare(a.Name, b.Name) })
	t.wantRules(saved...)
}

// spoiledRules are what Save and Update refuse. Values have the canary, which errors must not tell.
func spoiledRules() []spoiled[driver.ArchiveRule] {
	type rule = driver.ArchiveRule
	list := []spoiled[rule]{
		{"name", func(r *rule) { r.Name = "" }},
		{"name", func(r *rule) { r.Name = " \t\n" }},
		{"name", func(r *rule) { r.Name = canary + strings.Repeat("x", driver.MaxName) }},
		{"name", func(r *rule) { r.Name = canary + "\x00" }},
		{"name", func(r *rule) { r.Name = canary + "\xff" }},
		{"description", func(r *rule) { r.Description = canary + strings.Repeat("x", driver.MaxDescription) }},
		{"description", func(r *rule) { r.Description = canary + "\xff" }},
		{"policy", func(r *rule) { r.Policy = "" }},
		{"policy", func(r *rule) { r.Policy = canary }},
		{"include_types[1]", func(r *rule) { r.IncludeTypes = []string{"a", canary + " "} }},
		{"include_types", func(r *rule) { r.IncludeTypes = make([]string, driver.MaxActionEventTypes+1) }},
		{"exclude_types[1]", func(r *rule) { r.ExcludeTypes = []string{"a", "a"} }},
		{"include_contexts[0]", func(r *rule) { r.IncludeContexts = []uuid.UUID{uuid.Nil} }},
		{"exclude_contexts", func(r *rule) { r.ExcludeContexts = make([]uuid.UUID, driver.MaxArchiveLabels+1) }},
		{"archive_after_days", func(r *rule) { r.ArchiveAfterDays = 0 }},
		{"archive_after_days", func(r *rule) { r.ArchiveAfterDays = -1 }},
		{"archive_after_days", func(r *rule) { r.ArchiveAfterDays = driver.MaxArchiveDays + 1 }},
		{"archive_after_days", func(r *rule) { r.Policy, r.MaxEventCount = driver.PolicySize, 1 }},
		{"max_event_count", func(r *rule) { r.MaxEventCount = -1 }},
		{"max_event_count", func(r *rule) { r.MaxEventCount = 1 }},
		{"max_event_count", func(r *rule) { r.Policy = driver.PolicyHybrid }},
		{"max_event_count", func(r *rule) { r.Policy, r.ArchiveAfterDays = driver.PolicySize, 0 }},
		{"max_event_count", func(r *rule) { r.Policy, r.MaxTableBytes, r.Schedule = driver.PolicyCustom, 1, "" }},
		{"max_table_bytes", func(r *rule) { r.MaxTableBytes = math.MinInt64 }},
		{"schedule", func(r *rule) { r.Policy = driver.PolicyCustom }},
		{"storage_type", func(r *rule) { r.StorageType = canary }},
		{"retention_days", func(r *rule) { r.RetentionDays = -1 }},
		{"retention_days", func(r *rule) { r.RetentionDays = driver.MaxArchiveDays + 1 }},
		{"auto_delete_after_days", func(r *rule) { r.RetentionDays, r.AutoDeleteAfterDays = 2, 1 }},
		{"created_by_user_id", func(r *rule) { r.CreatedByUserID = &uuid.Nil }},
	}
	for _, schedule := range []string{" ", canary, "* * * *", "* * * * * *", "60 * * * *", "@reboot", "0 0 30 2 *", "* * * * *\x00"} {
		list = append(list, spoiled[rule]{"schedule", func(r *rule) { r.Schedule = schedule }})
	}
	for _, template := range []string{"/", canary, "{schema}", "../{id}", "a/./{id}", "/{id}", ".{id}", `a\{id}`, "{id}\x00", canary + "/{id}/" + strings.Repeat("x", 512)} {
		list = append(list, spoiled[rule]{"location_template", func(r *rule) { r.LocationTemplate = template }})
	}
	return list
}

// ruleSaveRefuses has a context that ended: what is refused is refused before anything is sent.
func ruleSaveRefuses(t *test) {
	for _, spoil := range spoiledRules() {
		for _, ctx := range []context.Context{t.ctx, t.endedContext()} {
			_, err := t.store.ArchiveRules().Save(ctx, changed(newArchiveRule("orders"), spoil.change))
			t.wantInvalid(err, "ArchiveRules.Save", spoil.field)
		}
	}
	t.wantRules()
	t.wantRules(t.keepsRule(fullArchiveRule(strings.Repeat("x", driver.MaxName))))
}

func ruleSaveRace(t *test) {
	const savers = 6
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		_, err := t.store.ArchiveRules().Save(t.ctx, newArchiveRule("orders"))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "ArchiveRules.Save"))
	})
	equal(t, "savers that succeeded", count(won), 1)
}
