package main

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/neomultitenant/neoevents/internal/figures"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows.
type page struct {
	Facts    []fact
	Sections []section
	Columns  []string
	Rows     []pageRow
	LeftOut  map[string]string
}

type fact struct{ Name, Value string }

type pageRow struct {
	Cells []string // the first is a name, the others are figures
	Notes []string
}

// htmlFile is a page that is written after the run; nil: none.
type htmlFile struct {
	file  *os.File
	peers *peers
}

// createHTML opens the page's file before the run.
func createHTML(path string, peers *peers) (*htmlFile, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &htmlFile{file, peers}, nil
}

func (h *htmlFile) write(r *report) error {
	if h == nil {
		return nil
	}
	return errors.Join(writePage(h.file, r, h.peers), h.file.Close())
}

// writePage writes a page that needs nothing but itself.
func writePage(w io.Writer, r *report, peers *peers) error {
	p := page{
		Facts: r.facts(), Sections: sections(r.Results, peers), LeftOut: r.LeftOut,
		Columns: []string{"scenario", "with", "events", "workers", "batch", "seconds", "events/s", "spread", "× save", "p50 ms", "p99 ms"},
	}
	for i := range r.Results {
		row := &r.Results[i]
		ratio, spread := "–", "–"
		if row.RatioToSave != nil {
			ratio = strconv.FormatFloat(*row.RatioToSave, 'f', 1, 64)
		}
		if len(row.Runs) > 1 {
			spread = percent(row.Spread)
		}
		name := row.name()
		if row.Interrupted {
			name += " (interrupted)"
		}
		p.Rows = append(p.Rows, pageRow{
			Cells: []string{
				name, row.with(), figures.Grouped(row.Events), strconv.Itoa(row.Workers), figures.Grouped(row.Batch), fmt.Sprintf("%.3f", row.Seconds),
				figures.Rounded(row.PerSecond), spread, ratio, fmt.Sprintf("%.3f", row.P50), fmt.Sprintf("%.3f", row.P99),
			},
			Notes: row.notes(),
		})
	}
	return pageTemplate.Execute(w, p)
}

// facts are where and how it was measured.
func (r *report) facts() []fact {
	software := []string{r.Version}
	if r.Server != "" {
		software = []string{r.Server, "by " + r.Version}
	}
	machine := fmt.Sprintf("%d CPUs", r.CPUs)
	for _, more := range []string{r.Machine, r.Go} {
		if more != "" {
			machine += ", " + more
		}
	}
	repeated := "once"
	for i := range r.Results {
		if n := len(r.Results[i].Runs); n > 1 {
			repeated = fmt.Sprintf("%d times, in turn; figures are of the repetition in the middle", n)
		}
	}
	var facts []fact
	for _, f := range []fact{
		{"Backend", r.Backend},
		{"neoevents", r.Build},
		{"Version", strings.Join(software, ", ")},
		{"Durability", r.Durability},
		{"Machine", machine},
		{"Input", r.Input},
		{"Measured", repeated},
		{"Began", r.Measured},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}
