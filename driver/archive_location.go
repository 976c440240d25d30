package driver

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// DefaultLocation names files by schema, the day that they are made on, and archive.
const DefaultLocation = "{schema}/{year}/{month}/{day}/{id}"

// maxLocationTemplate leaves room for what the placeholders become.
const maxLocationTemplate = 512

// locationPlaceholders are what a template may have.
var locationPlaceholders = []string{"{schema}", "{rule}", "{id}", "{year}", "{month}", "{day}"}

// checkLocationTemplate checks that file names made of a template are safe, and different.
func checkLocationTemplate(template string) error {
	const field = "location_template"
	if len(template) > maxLocationTemplate {
		return checkText(field, template, maxLocationTemplate)
	}
	rest := template
	for _, placeholder := range locationPlaceholders {
		rest = strings.ReplaceAll(rest, placeholder, "x")
	}
	for part := range strings.SplitSeq(rest, "/") {
		if strings.Trim(part, ".") == "" || strings.ContainsFunc(part, func(c rune) bool {
			return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-.=", c))
		}) {
			return &InvalidError{field, "must be names of letters, digits, _ - . = and the placeholders " +
				strings.Join(locationPlaceholders, " ") + ", separated by single slashes"}
		}
	}
	if !strings.Contains(template, "{id}") {
		return &InvalidError{field, "must have {id} in it, or archives would share a file"}
	}
	return nil
}

// LocationName is the name of an archive's file without its ending: the rule's LocationTemplate, with
// {schema}, {rule} (the id of the rule), {id} (of the archive), and {year}, {month} and {day} of a moment, in
// UTC, replaced. It is a pure function.
func (r *ArchiveRule) LocationName(schema string, archiveID uuid.UUID, at time.Time) string {
	template := r.LocationTemplate
	setDefault(&template, DefaultLocation)
	at = at.UTC()
	return strings.NewReplacer(
		"{schema}", schema, "{rule}", r.ID.String(), "{id}", archiveID.String(),
		"{year}", at.Format("2006"), "{month}", at.Format("01"), "{day}", at.Format("02"),
	).Replace(template)
}
