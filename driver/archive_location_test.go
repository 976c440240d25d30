package driver_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

func TestTheNameOfAnArchivesFile(t *testing.T) {
	rule := driver.ArchiveRule{ID: uuid.MustParse("0192a8c0-0000-7000-8000-000000000001")}
	id := uuid.MustParse("0192a8c0-0000-7000-8000-00000000abcd")
	at := time.Date(2026, 1, 2, 1, 30, 0, 0, time.FixedZone("east", 2*3600)) // the day before in UTC
	for template, want := range map[string]string{
		"":                            "tenant-a/2026/01/01/" + id.String(),
		driver.DefaultLocation:        "tenant-a/2026/01/01/" + id.String(),
		"{id}":                        id.String(),
		"a/{rule}.{year}{month}_{id}": "a/" + rule.ID.String() + ".202601_" + id.String(),
		"{schema}{schema}-{id}{id}":   "tenant-atenant-a-" + id.String() + id.String(),
	} {
		rule.LocationTemplate = template
		if got := rule.LocationName("tenant-a", id, at); got != want {
			t.Errorf("%q: got %q, want %q", template, got, want)
		}
	}
}

func TestATemplateOfNames(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for template, valid := range map[string]bool{
		"{id}":                                 true,
		"{id}.{year}":                          true,
		"a.b/c-d_E9/{id}":                      true,
		"x{id}y":                               true,
		long(180) + "/{id}":                    true,
		long(181) + "/{id}":                    false,
		long(144) + "{id}":                     true,
		long(145) + "{id}":                     false,
		long(132) + "{schema}/{id}":            true,  // of the longest schema, too
		long(133) + "{schema}/{id}":            false, // not of the longest one
		strings.Repeat("{id}/", 25) + long(35): true,  // 960 bytes
		strings.Repeat("{id}/", 25) + long(36): false, // one more than a name can have
		"":                                     true, "{ID}": false, "{schema}": false, "{rule}/{year}": false, "id": false, "{ id }": false, "{id": false, "id}": false, "{{id}}": false,
		"{sche{id}ma}": false, "{id}{": false, "{day}{id}}": false, "{hour}/{id}": false, "{0}{id}": false,
		"/{id}": false, "{id}/": false, "a//{id}": false, "./{id}": false, "../{id}": false, "a/../{id}": false, ".../{id}": false, "{id}/..": false,
		".{id}": false, "{id}.": false, ".a/{id}": false, "a./{id}": false, "{id}/.": false, "{year}./{id}": false,
		`a\{id}`: false, `..\{id}`: false, "c:{id}": false, "~/{id}": false, "a b/{id}": false, "{id}\n": false, "{id}\x00": false, "{id}\xff": false,
		"ä/{id}": false, "%2e%2e/{id}": false, "s3:{id}": false, "a?{id}": false, "a#{id}": false, "a*{id}": false, "$HOME/{id}": false, "a=b/{id}": false,
		"{id}" + strings.Repeat("/x", 254): true,
		"{id}" + strings.Repeat("/x", 255): false,
	} {
		rule := ruleWith(func(r *driver.ArchiveRule) { r.LocationTemplate = template })
		if err := rule.Validate(); !valid {
			wantInvalid(t, brief(template), err, "location_template")
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", brief(template), err)
		}
	}
}

// template draws what may be a template, and is one often enough.
var template = rapid.Custom(func(rt *rapid.T) string {
	part := rapid.SampledFrom([]string{
		"{id}", "{id}", "{id}", "{schema}", "{rule}", "{year}", "{month}", "{day}", "/", "/", ".", "..", "-", "_", "a", "Z", "0192", "x-y",
		"{", "}", "{i", "d}", "\\", " ", "\x00", "ä", "~", "=",
	})
	usual := rapid.SampledFrom([]string{"{id}", "{id}", "{schema}", "{rule}", "{year}", "{month}", "{day}", "/", "a", "b.c", "-"})
	if rapid.IntRange(0, 4).Draw(rt, "any") > 0 {
		part = usual
	}
	return strings.Join(rapid.SliceOfN(part, 1, 14).Draw(rt, "parts"), "")
})

var schemaName = rapid.Custom(func(rt *rapid.T) string {
	name := rapid.StringMatching(`[a-z0-9_-]{1,48}`).Draw(rt, "schema")
	if driver.ValidateSchema(name) != nil {
		return "tenant"
	}
	return name
})

var archiveID = rapid.Custom(func(rt *rapid.T) uuid.UUID {
	return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id"))
})

// validTemplate draws a template that Validate accepts.
func validTemplate(rt *rapid.T) driver.ArchiveRule {
	rule := ruleWith(func(r *driver.ArchiveRule) { r.LocationTemplate = template.Draw(rt, "template") })
	if rule.Validate() != nil {
		rt.Skip()
	}
	rule.ID = archiveID.Draw(rt, "rule")
	return rule
}

func moment(rt *rapid.T, label string) time.Time {
	return time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(rt, label), 0)
}

// Whatever the template, no name leaves its folder or is hidden, and an ending still fits.
func TestNoTemplateEscapesItsFolder(t *testing.T) {
	const ending = ".jsonl.zst.age"
	rapid.Check(t, func(rt *rapid.T) {
		rule := validTemplate(rt)
		name := rule.LocationName(schemaName.Draw(rt, "schema"), archiveID.Draw(rt, "archive"), moment(rt, "at"))
		if len(name) > 960 {
			rt.Fatalf("%q makes a name of %d bytes: %s", rule.LocationTemplate, len(name), name)
		}
		for part := range strings.SplitSeq(name+ending, "/") {
			if part == "" || part == "." || part == ".." || part[0] == '.' || part[len(part)-1] == '.' || len(part) > 200 {
				rt.Fatalf("%q makes the part %q of %s", rule.LocationTemplate, part, name)
			}
			if rest := strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."); rest != "" {
				rt.Fatalf("%q makes %s, with %q in it", rule.LocationTemplate, name, rest)
			}
		}
	})
}

// Whatever the template, the archives of a rule have different files, in whichever schema and whenever.
func TestNoTwoArchivesShareAFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rule := validTemplate(rt)
		one, other := archiveID.Draw(rt, "one"), archiveID.Draw(rt, "other")
		if rapid.Bool().Draw(rt, "nearly the same") {
			other = one
			other[rapid.IntRange(0, 15).Draw(rt, "byte")] ^= byte(1) << rapid.IntRange(0, 7).Draw(rt, "bit")
		}
		first := rule.LocationName(schemaName.Draw(rt, "schema of one"), one, moment(rt, "at one"))
		second := rule.LocationName(schemaName.Draw(rt, "schema of the other"), other, moment(rt, "at the other"))
		if one != other && first == second {
			rt.Fatalf("%q: archives %s and %s are both %s", rule.LocationTemplate, one, other, first)
		}
		if strings.EqualFold(first, second) && one != other {
			rt.Fatalf("%q: %s and %s differ in case only", rule.LocationTemplate, first, second)
		}
	})
}

// FuzzLocationTemplate: a template that is taken makes names that stay inside of a storage, in parts that file
// systems take, and that differ for two archives.
func FuzzLocationTemplate(f *testing.F) {
	for _, template := range []string{driver.DefaultLocation, "{id}", "a/{rule}.{year}{month}_{id}", "../{id}", "{id}/..", "/{id}", "a\\{id}", "{id}.", "{{id}}", "{sche{id}ma}", "ä{id}"} {
		f.Add(template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		rule := ruleWith(func(r *driver.ArchiveRule) { r.LocationTemplate = template })
		if rule.Validate() != nil {
			return
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		one, other := rule.LocationName("tenant_acme", uuid.Max, at), rule.LocationName("tenant_acme", uuid.MustParse("0192a8c0-0000-7000-8000-00000000abcd"), at)
		if one == other {
			t.Errorf("two archives have the name %q", one)
		}
		if len(one) > 960 || path.Clean(one) != one || path.IsAbs(one) {
			t.Errorf("got the name %q", one)
		}
		for part := range strings.SplitSeq(one, "/") {
			if part == "" || part[0] == '.' || part[len(part)-1] == '.' || len(part) > 180 || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != "" {
				t.Errorf("got the name %q with the part %q", one, part)
			}
		}
	})
}
