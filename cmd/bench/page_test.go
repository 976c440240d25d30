package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostile is a name that would break a page that did not escape it.
const hostile = `"><script>alert(1)</script>&`

// fullReport has a row of each kind.
func fullReport() *report {
	repeated := func(row result) result {
		slower := row
		slower.PerSecond *= 0.9
		return middle([]result{row, slower, row})
	}
	quick := []percentileOf{{1, 0}, {50, 1.5}, {99, 20}, {99.9, 30}, {100, 31}}
	r := &report{Backend: hostile, Version: "v1", CPUs: 2, Input: hostile, LeftOut: map[string]string{"consumer": hostile}}
	for _, name := range []string{"save", "save_batch", "claim_lease", "latency", "archive", "hot_save", hostile} {
		r.Results = append(r.Results, repeated(result{Scenario: name, Workers: 1, Batch: 100, PerSecond: 1234, P50: 1.5, P99: 20, Latency: quick, Paced: name == "latency", Note: hostile}))
	}
	for i := range 4 {
		grown := int(pow10(i))
		r.Results = append(r.Results,
			repeated(result{Sweep: sweepWorkers, Scenario: "save", Workers: 1 << i, Batch: 1, PerSecond: 100 * float64(grown)}),
			repeated(result{Sweep: sweepBatch, Scenario: "save_batch", Workers: 1, Batch: grown, PerSecond: 100}),
			repeated(result{Sweep: sweepBacklog, Scenario: "claim_lease", Workers: 1, Batch: 1, Backlog: grown, PerSecond: 0}),
			repeated(result{Sweep: sweepPayload, Scenario: "claim_lease", Workers: 1, Batch: 1, Payload: grown, PerSecond: 1e15}),
			repeated(result{Sweep: sweepTenants, Scenario: "mixed", Workers: 8, Tenants: grown, PerSecond: 100, Memory: &occupied{Heap: 1e7, Process: 2e7, ServerLeftOut: hostile}}),
		)
	}
	bloated := result{Sweep: sweepBloat, Scenario: "bloat", PerSecond: 100}
	for i := range 20 {
		bloated.Samples = append(bloated.Samples, sample{Seconds: float64(i), PerSecond: float64(100 * i), Parts: []part{{hostile, int64(1000 * i), int64(i)}}})
	}
	r.Results = append(r.Results, bloated)
	return r
}

func pow10(n int) float64 {
	x, _ := strconv.ParseFloat(fmt.Sprintf("1e%d", n), 64)
	return x
}

func fullPeers(t *testing.T) *peers {
	t.Helper()
	path := filepath.Join(t.TempDir(), "peers.json")
	text := fmt.Sprintf(`{"backend":%q,"results":[{"peer":"neoevents","path":"save","per_second":100,"spread":0.1},{"peer":%q,"path":"save","per_second":50,"spread":3}]}`, hostile, hostile)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := readPeers(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPageHasAChartOfEachKind(t *testing.T) {
	var out bytes.Buffer
	if err := writePage(&out, fullReport(), fullPeers(t)); err != nil {
		t.Fatal(err)
	}
	headings := headingsOf(t, out.Bytes())
	for _, want := range []string{
		"Throughput", "Saving", "Claims", "Archives", "Beside archives", "Others", "How long calls take", "Until a worker has an event",
		"Scaling", "save by workers", "save_batch by batch", "claim_lease by backlog", "claim_lease by size of payload",
		"Many tenants", "Calls by schemas", "Memory by schemas", "Over time", "Rate", "Size", "Dead rows", "Beside peers", "save", "All rows",
	} {
		if !slices.Contains(headings, want) {
			t.Errorf("no heading is %q; there are %q", want, headings)
		}
	}
	for _, unwanted := range []string{"http:", "https:", "//", "<script", "NaN", "Inf", "ZgotmplZ"} {
		if at := strings.Index(out.String(), unwanted); at >= 0 {
			t.Errorf("the page has %q in …%.100s…", unwanted, out.String()[max(0, at-50):])
		}
	}
}

func TestChartsWithoutFiguresAreLeftOut(t *testing.T) {
	var out bytes.Buffer
	if err := writePage(&out, &report{Backend: "sqlite", Results: []result{}}, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := headingsOf(t, out.Bytes()), []string{"neoevents benchmark", "All rows"}; !slices.Equal(got, want) {
		t.Errorf("headings %q, want %q", got, want)
	}
}

// headingsOf parses the page, which is to be well-formed XML, and returns its headings. Each drawing must have a title
// and a description that it names.
func headingsOf(t *testing.T, page []byte) []string {
	t.Helper()
	var headings []string
	var inside []string
	ids := map[string]bool{}
	var wanted []string
	decoder := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = append(inside, token.Name.Local)
			for _, attribute := range token.Attr {
				switch attribute.Name.Local {
				case "id":
					if ids[attribute.Value] {
						t.Errorf("two elements have the id %s", attribute.Value)
					}
					ids[attribute.Value] = true
				case "aria-labelledby":
					wanted = append(wanted, strings.Fields(attribute.Value)...)
				case "src", "href":
					t.Errorf("%s refers to %s", token.Name.Local, attribute.Value)
				}
			}
			if token.Name.Local == "h1" || token.Name.Local == "h2" || token.Name.Local == "h3" {
				headings = append(headings, "")
			}
		case xml.EndElement:
			inside = inside[:len(inside)-1]
		case xml.CharData:
			if len(inside) > 0 && inside[len(inside)-1][0] == 'h' && len(inside[len(inside)-1]) == 2 {
				headings[len(headings)-1] += string(token)
			}
		}
	}
	for _, id := range wanted {
		if !ids[id] {
			t.Errorf("no element has the id %s", id)
		}
	}
	return headings
}

func TestLabelsDoNotOverlap(t *testing.T) {
	for _, s := range sections(fullReport().Results, fullPeers(t)) {
		for _, c := range s.Charts {
			for i, a := range c.Marks {
				for _, b := range c.Marks[:i] {
					if a.Text != "" && b.Text != "" && !a.Dot && !b.Dot && overlap(a, b) {
						t.Errorf("%s: %q at %s %s and %q at %s %s", c.Title, a.Text, a.X, a.Y, b.Text, b.X, b.Y)
					}
				}
			}
		}
	}
}

// overlap tells whether two texts run into each other.
func overlap(a, b mark) bool {
	fromA, toA, baseA := extent(a)
	fromB, toB, baseB := extent(b)
	const lineHeight = 10
	return fromA < toB && fromB < toA && baseA < baseB+lineHeight && baseB < baseA+lineHeight
}

func extent(m mark) (from, to, base float64) {
	x, _ := strconv.ParseFloat(m.X, 64)
	base, _ = strconv.ParseFloat(m.Y, 64)
	width := letterWidth * float64(len([]rune(m.Text)))
	switch m.Anchor {
	case "middle":
		x -= width / 2
	case "end":
		x -= width
	}
	return x, x + width, base
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		got  []float64
		want string
	}{
		{linearTicks(0, 1234), "[0 500 1000]"},
		{linearTicks(0, 9.5), "[0 2 4 6 8]"},
		{linearTicks(0, 0), "[0 0.2 0.4 0.6 0.8 1]"},
		{linearTicks(0, 30), "[0 10 20 30]"},
		{logTicks(3, 40), "[2 5 10 20 50]"},
		{logTicks(1, 1), "[1 2]"},
		{thinned(logTicks(0.02, 4000)), "[0.1 1 10 100 1000]"},
	} {
		if got := fmt.Sprintf("%.4g", test.got); got != test.want {
			t.Errorf("ticks %s, want %s", got, test.want)
		}
	}
}

func TestPageOfAnEarlierRun(t *testing.T) {
	folder := t.TempDir()
	result, page := filepath.Join(folder, "result.json"), filepath.Join(folder, "page.html")
	args := []string{"-dsn", "sqlite::memory:", "-events", "10", "-workers", "1", "-scenarios", "save,mark_bulk", "-json", result, "-html", page}
	if code, _, stderr := command(t, args...); code != 0 {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(folder, "again.html")
	code, stdout, stderr := command(t, "-from", result, "-html", again, "-compare", result)
	if code != 0 || !strings.HasPrefix(stdout, "\ncompared with "+result) {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if text, err := os.ReadFile(again); err != nil || !bytes.Equal(text, written) {
		t.Errorf("the page of the file is another one than that of the run; error %v", err)
	}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-from", result}, 2, "-from needs -html or -compare"},
		{[]string{"-from", result, "-html", again, "-json", result}, 2, "leave out -json"},
		{[]string{"-peers", result}, 2, "-peers is for the page"},
		{[]string{"-from", page, "-html", again}, 1, "page.html is not a report that -json wrote"},
		{[]string{"-from", result, "-html", again, "-peers", result}, 1, "result.json is not a report about peers: result 1 lacks its peer or its path"},
		{[]string{"-from", result, "-html", "/nowhere/at/all.html"}, 1, "/nowhere/at/all.html"},
		{[]string{"-dsn", "sqlite::memory:", "-html", "/nowhere/at/all.html"}, 1, "/nowhere/at/all.html"},
		{[]string{"-duration", "0s"}, 2, "-duration must be above 0"},
	} {
		code, stdout, stderr := command(t, test.args...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit code %d, want %d; stdout %q, stderr %q, want %q", test.args, code, test.code, stdout, stderr, test.want)
		}
	}
}
