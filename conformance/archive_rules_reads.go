package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveRuleReads = area{name: "ArchiveRules/Reads", behaviours: []behaviour{
	{"GetByIDOfAnUnknownIDIsNotFound", ruleGetUnknown},
	{"ExistsTellsWhatIsStored", ruleExists},
	{"GetByNameIsExact", ruleByName},
	{"GetByNameRefusesWhatIsNoName", ruleByNameInvalid},
	{"GetAllIsByNameAsBytes", rulesAll},
	{"GetEnabledShowsEnabledOnesOnly", rulesEnabled},
	{"HoldToTheLimits", rulesLimits},
	{"OfNothingAreEmpty", rulesNone},
}}

var archiveRuleDelete = area{name: "ArchiveRules/Delete", behaviours: []behaviour{
	{"TellsWhetherThereWasOne", ruleDeleteTells},
	{"RemovesOneThatSomebodyLeases", ruleDeleteLeased},
	{"LeavesItsJobs", ruleDeleteLeavesJobs},
	{"FreesTheName", ruleDeleteFreesName},
	{"OrAJobOfItWins", ruleDeleteRace},
}}

func ruleGetUnknown(t *test) {
	t.saveRule()
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		got, err := t.store.ArchiveRules().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveRules.GetByID", "archive rule", id.String())
		sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	}
}

func ruleExists(t *test) {
	stored := t.saveRule()
	equal(t, "a stored one exists", must(t, t.store.ArchiveRules().Exists, stored.ID), true)
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "an unknown one exists", must(t, t.store.ArchiveRules().Exists, id), false)
	}
}

func ruleByName(t *test) {
	for _, want := range t.saveRules(alike...) {
		sameEntity(t, want.Name, must(t, t.store.ArchiveRules().GetByName, want.Name), want)
	}
	for _, name := range []string{"order", "ORDERS", "orders  ", "%", "a\u0308"} {
		got, err := t.store.ArchiveRules().GetByName(t.ctx, name)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveRules.GetByName", "archive rule", name)
		sameEntity(t, "rule beside the error", got, driver.ArchiveRule{})
	}
}

// ruleByNameInvalid asks for names that no rule can have. They may be anything, so no error tells them.
func ruleByNameInvalid(t *test) {
	for _, name := range []string{"", " ", canary + "\x00", canary + "\xff", canary + strings.Repeat("x", driver.MaxName)} {
		_, err := t.store.ArchiveRules().GetByName(t.endedContext(), name)
		t.wantInvalid(err, "ArchiveRules.GetByName", "name")
	}
}

// disordered are names in the order of their bytes, which no language has.
var disordered = []string{" a", "-a", "A", "B", "Z", "_a", "a", "a ", "a-b", "aB", "a_b", "ab", "b", "z", "Ä", "ä", "日", "😀"}

func (t *test) ruleNames(rules []driver.ArchiveRule) []string {
	t.Helper()
	names := make([]string, len(rules))
	for i := range rules {
		names[i] = rules[i].Name
	}
	return names
}

func rulesAll(t *test) {
	saved := reversed(t.saveRules(reversed(disordered)...))
	equalList(t, "names", t.ruleNames(must(t, t.store.ArchiveRules().GetAll, 0)), disordered)
	for i := range saved {
		saved[i] = must(t, t.store.ArchiveRules().Update, changed(saved[i], func(r *driver.ArchiveRule) { r.IsEnabled = i%2 == 0 }))
	}
	t.wantRules(saved...)
}

func rulesEnabled(t *test) {
	var want []driver.ArchiveRule
	for i, name := range reversed(disordered) {
		saved := must(t, t.store.ArchiveRules().Save, changed(newArchiveRule(name), func(r *driver.ArchiveRule) {
			r.IsEnabled = i%3 > 0
			if i%2 == 0 {
				r.Schedule = "" // enabled all the same
			}
		}))
		if saved.IsEnabled {
			want = append(want, saved)
		}
	}
	sameEntities(t, "enabled rules", must(t, t.store.ArchiveRules().GetEnabled, 0), reversed(want))
}

func rulesLimits(t *test) {
	names := make([]string, driver.DefaultLimit+5)
	for i := range names {
		names[i] = fmt.Sprintf("rule %03d", i)
	}
	want := t.saveRules(names...)
	holdsToLimits(t, "ArchiveRules.GetAll", want, func(limit int) ([]driver.ArchiveRule, error) {
		return t.store.ArchiveRules().GetAll(t.ctx, limit)
	})
	holdsToLimits(t, "ArchiveRules.GetEnabled", want, func(limit int) ([]driver.ArchiveRule, error) {
		return t.store.ArchiveRules().GetEnabled(t.ctx, limit)
	})
}

func rulesNone(t *test) {
	for name, list := range map[string]func() ([]driver.ArchiveRule, error){
		"GetAll":     func() ([]driver.ArchiveRule, error) { return t.store.ArchiveRules().GetAll(t.ctx, 0) },
		"GetEnabled": func() ([]driver.ArchiveRule, error) { return t.store.ArchiveRules().GetEnabled(t.ctx, 0) },
		"GetDue":     func() ([]driver.ArchiveRule, error) { return t.store.ArchiveRules().GetDue(t.ctx, 0) },
		"ClaimDue":   func() ([]driver.ArchiveRule, error) { return t.store.ArchiveRules().ClaimDue(t.ctx, 0, 0) },
	} {
		found, err := list()
		t.ok(err)
		if found == nil || len(found) > 0 {
			t.Errorf("%s: got %v, want an empty list", name, found)
		}
	}
}

func ruleDeleteTells(t *test) {
	saved := t.saveRules("a", "b")
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "deleted an unknown one", must(t, t.store.ArchiveRules().Delete, id), false)
	}
	equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, saved[0].ID), true)
	equal(t, "deleted again", must(t, t.store.ArchiveRules().Delete, saved[0].ID), false)
	equal(t, "exists", must(t, t.store.ArchiveRules().Exists, saved[0].ID), false)
	t.wantRules(saved[1])
}

func ruleDeleteLeased(t *test) {
	stored := t.saveDueRule()
	claimed := t.claimRule(0)
	equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, stored.ID), true)
	err := t.store.ArchiveRules().Extend(t.ctx, stored.ID, *claimed.LeaseToken, 0)
	t.wantErrOn(err, driver.ErrLeaseLost, "ArchiveRules.Extend", "archive rule", stored.ID.String())
	_, err = t.store.ArchiveRules().Ran(t.ctx, stored.ID, *claimed.LeaseToken)
	t.wantErrOn(err, driver.ErrNotFound, "ArchiveRules.Ran", "archive rule", stored.ID.String())
	t.wantRules()
}

func ruleDeleteLeavesJobs(t *test) {
	rule := t.saveRule()
	var jobs []driver.ArchiveJob
	for _, status := range jobStatuses {
		jobs = append(jobs, t.jobIn(status, ofRule(rule.ID)))
	}
	equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, rule.ID), true)
	t.wantJobs(t.store, jobs...)
	sameEntities(t, "jobs of the rule", must2(t, t.store.ArchiveJobs().GetByRule, rule.ID, 0), newestJobs(jobs))
	running := jobs[slices.Index(jobStatuses, driver.JobRunning)]
	equal(t, "status", t.finishJob(t.store, running.ID, driver.JobCompleted, "").Status, driver.JobCompleted)
}

func ruleDeleteFreesName(t *test) {
	first := t.saveRules("orders")[0]
	equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, first.ID), true)
	t.wantRules(t.saveRules("orders")...)
}

// ruleDeleteRace deletes a rule while others save jobs of it: each job was saved while the rule was
// there, or is refused.
func ruleDeleteRace(t *test) {
	for range 5 {
		const savers = 3
		rule := t.saveRule()
		saved := make([]driver.ArchiveJob, savers)
		t.together(savers+1, func(i int) (err error) {
			if i == savers {
				_, err = t.store.ArchiveRules().Delete(t.ctx, rule.ID)
				return err
			}
			saved[i], err = t.store.ArchiveJobs().Save(t.ctx, driver.ArchiveJob{RuleID: &rule.ID})
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrMissingReference, "ArchiveJobs.Save"))
		})
		_, err := t.store.ArchiveJobs().Save(t.ctx, driver.ArchiveJob{RuleID: &rule.ID})
		t.wantMissing(err, "ArchiveJobs.Save", "rule_id", "archive rule", rule.ID)
		saved = slices.DeleteFunc(saved, func(j driver.ArchiveJob) bool { return j.ID == uuid.Nil })
		sameEntities(t, "jobs of the rule", must2(t, t.store.ArchiveJobs().GetByRule, rule.ID, 0), newestJobs(saved))
	}
}

// ofRule gives a job a rule.
func ofRule(id uuid.UUID) func(*driver.ArchiveJob) {
	return func(j *driver.ArchiveJob) { j.RuleID = &id }
}
