package conformance

import (
	"regexp"
	"testing"
)

func TestNamesAreUniqueAndCanBeRunAlone(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range areas {
		for _, b := range a.behaviours {
			full := a.name + "/" + b.name
			if seen[full] {
				t.Errorf("two behaviours are named %s", full)
			}
			seen[full] = true
			if !regexp.MustCompile(`^[A-Za-z]+(/[A-Za-z]+)?/[A-Z][A-Za-z0-9]+$`).MatchString(full) {
				t.Errorf("the name %s is no words in a row", full)
			}
		}
	}
}

func TestOnlyAndSkip(t *testing.T) {
	h := Harness{
		Only: []string{"Events/Save", "Events/IDs/KeepsTheGivenID", "Events/Sav", "No/Such"},
		Skip: map[string]string{"Events/Save/KeepsEveryField": "why"},
	}
	for full, want := range map[string]bool{
		"Events/Save/KeepsEveryField":   true,
		"Events/SaveBatch/OfNothing":    false,
		"Events/IDs/KeepsTheGivenID":    true,
		"Events/IDs/MakesUUIDv7":        false,
		"Events/IDs/KeepsTheGivenIDToo": false,
	} {
		if got := h.wants(full); got != want {
			t.Errorf("wants %s: got %t, want %t", full, got, want)
		}
	}
	if reason, skipped := h.skips("Events/Save/KeepsEveryField"); !skipped || reason != "why" {
		t.Errorf("skips: got %q, %t", reason, skipped)
	}
	if _, skipped := h.skips("Events/Save/AssignsRisingPositions"); skipped {
		t.Error("skips a behaviour that no name covers")
	}
	if unknown := h.unknownNames(); len(unknown) != 2 {
		t.Errorf("unknown names: got %q, want the last two", unknown)
	}
}
