package driver

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// DefaultLocation names files by schema, the day that they are made on, and archive.
const DefaultLocation = "{schema}/{year}/{month}/{day}/{id}"

// maxLocationTemplate is the longest template. The others are the longest name made of one, and the
// longest part of it between slashes: they leave room for the endings of files, such as
// ".manifest.json", in MaxObjectName and in what file systems take.
const (
	maxLocationTemplate = 512
	maxLocationName     = MaxObjectName - 64
	maxLocationPart     = 180
)

// longestSchema is a schema with the longest name.
var longestSchema = strings.Repeat("x", 48)

// checkLocationTemplate checks that file names made of a template are safe, and different.
func checkLocationTemplate(template string) error {
	const field = "location_template"
	if err := checkText(field, template, maxLocationTemplate); err != nil {
		return err
	}
	if !strings.Contains(template, "{id}") {
		return &InvalidError{field, "must have {id} in it, or archives would share a file"}
	}
	longest := locationName(template, longestSchema, uuid.Max, uuid.Max, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	if len(longest) > maxLocationName {
		return &InvalidError{field, fmt.Sprintf("makes names of %d bytes, at most %d are allowed", len(longest), maxLocationName)}
	}
	for part := range strings.SplitSeq(longest, "/") {
		switch {
		case part == "" || strings.Trim(part, ".") != part || strings.ContainsFunc(part, isUnsafeInNames):
			return &InvalidError{field, "must be parts of letters, digits, _ - . and the placeholders {schema} {rule} {id} {year} {month} {day}, " +
				"separated by single slashes, none of which begins or ends with a dot"}
		case len(part) > maxLocationPart:
			return &InvalidError{field, fmt.Sprintf("makes names with parts of %d bytes between slashes, at most %d are allowed", len(part), maxLocationPart)}
		}
	}
	return nil
}

func isUnsafeInNames(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.')
}

// LocationName is the name of an archive's file without its ending: the rule's LocationTemplate
// (DefaultLocation if it is empty), with these placeholders replaced: {schema}, {rule} (the id of the
// rule), {id} (of the archive), and {year}, {month} and {day} of a moment, in UTC, as 2026, 01 and 02.
// Whatever the template that Validate accepts, the name has letters, digits, "_", "-" and "." between
// single slashes, at most 960 bytes, and no part of it is "." or "..", or hidden; of two archives of a
// rule it differs. It is a pure function.
func (r *ArchiveRule) LocationName(schema string, archiveID uuid.UUID, at time.Time) string {
	template := r.LocationTemplate
	setDefault(&template, DefaultLocation)
	return locationName(template, schema, r.ID, archiveID, at.UTC())
}

func locationName(template, schema string, ruleID, archiveID uuid.UUID, at time.Time) string {
	return strings.NewReplacer(
		"{schema}", schema, "{rule}", ruleID.String(), "{id}", archiveID.String(),
		"{year}", at.Format("2006"), "{month}", at.Format("01"), "{day}", at.Format("02"),
	).Replace(template)
}
