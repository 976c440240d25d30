// Command behaviours writes docs/behaviours.md: which behaviours of the suite each backend was seen
// to have. It reads the output of go test -json and fails if a behaviour failed, or ran nowhere.
//
//	go test -json -run '^TestConformance' ./driver/... | go run ./internal/behaviours
//
// With -say it prints instead what go test would without -json, and fails if a test did.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/neomultitenant/neoevents/conformance"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-say" {
		os.Exit(say(os.Stdout, os.Stdin))
	}
	results, err := read(os.Stdin)
	if err == nil {
		err = write(os.Stdout, results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "behaviours:", err)
		os.Exit(1)
	}
}

// run is one way in which a backend ran the suite: "postgres TestConformance".
type run struct{ backend, test string }

// outcome is what became of a behaviour in a run: "pass", "fail", or "skip" with the reason.
type outcome struct{ action, reason string }

type results map[run]map[string]outcome // by the behaviour's full name

// read reads the events of go test -json. https://pkg.go.dev/cmd/test2json
func read(r io.Reader) (results, error) {
	found := results{}
	said := map[string]string{} // the last line that a test printed
	line := regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)\n$`)
	decoder := json.NewDecoder(bufio.NewReader(r))
	for {
		var event struct{ Action, Package, Test, Output string }
		err := decoder.Decode(&event)
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the input is not that of go test -json: %w", err)
		}
		test, behaviour, inside := strings.Cut(event.Test, "/")
		if !strings.HasPrefix(test, "TestConformance") || !strings.Contains(event.Package, "/driver/") {
			continue
		}
		in := run{path.Base(event.Package), test}
		key := in.backend + " " + event.Test
		switch event.Action {
		case "output":
			if said1 := line.FindStringSubmatch(event.Output); said1 != nil {
				said[key] = said1[1]
			}
		case "pass", "fail", "skip":
			if !inside {
				continue
			}
			if found[in] == nil {
				found[in] = map[string]outcome{}
			}
			found[in][behaviour] = outcome{event.Action, said[key]}
		}
	}
}

func write(w io.Writer, found results) error {
	runs := slices.SortedFunc(func(yield func(run) bool) {
		for in := range found {
			if !yield(in) {
				return
			}
		}
	}, func(a, b run) int { return strings.Compare(a.backend+a.test, b.backend+b.test) })
	if len(runs) == 0 {
		return fmt.Errorf("the input has no test of the suite")
	}
	backends := []string{}
	for _, in := range runs {
		if !slices.Contains(backends, in.backend) {
			backends = append(backends, in.backend)
		}
	}
	// What depends on the data at hand is no property of a backend.
	behaviours := slices.DeleteFunc(conformance.Behaviours(), func(b conformance.Behaviour) bool { return b.Outside })
	var text strings.Builder
	text.WriteString("# Behaviours\n\n" +
		"What every backend does, as package conformance checks it. Written by `make behaviours` from a run of the tests; not by hand.\n" +
		"Behaviours that need data from outside the repository are left out.\n\n" +
		"A number stands for the reason why one of a backend's configurations can't show a behaviour.\n\nConfigurations, and how many behaviours each ran:\n\n")
	for _, in := range runs {
		ran := 0
		for _, b := range behaviours {
			if _, there := found[in][b.Area+"/"+b.Name]; there {
				ran++
			}
		}
		fmt.Fprintf(&text, "- %s, %s: %d\n", in.backend, configuration(in.test), ran)
	}
	notes := []string{}
	area := ""
	for _, b := range behaviours {
		repository, _, _ := strings.Cut(b.Area, "/")
		if b.Area != area {
			if before, _, _ := strings.Cut(area, "/"); repository != before {
				fmt.Fprintf(&text, "\n## %s\n", repository)
			}
			area = b.Area
			fmt.Fprintf(&text, "\n### %s\n\n| behaviour | %s |\n|---|%s\n", area, strings.Join(backends, " | "), strings.Repeat("---|", len(backends)))
		}
		fmt.Fprintf(&text, "| %s |", b.Name)
		for _, backend := range backends {
			cell, err := summary(found, runs, backend, b.Area+"/"+b.Name, &notes)
			if err != nil {
				return err
			}
			text.WriteString(" " + cell + " |")
		}
		text.WriteByte('\n')
	}
	if len(notes) > 0 {
		text.WriteString("\n## Notes\n\n")
		for i, note := range notes {
			fmt.Fprintf(&text, "%d. %s\n", i+1, note)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// configuration is the name of a test of a backend as words: TestConformanceInAFile is "in a file".
func configuration(test string) string {
	words := regexp.MustCompile(`[A-Z][a-z0-9]*`).FindAllString(strings.TrimPrefix(test, "TestConformance"), -1)
	if len(words) == 0 {
		return "its own pool"
	}
	return strings.ToLower(strings.Join(words, " "))
}

// summary says whether a backend has a behaviour: in all its configurations, or with notes.
func summary(found results, runs []run, backend, behaviour string, notes *[]string) (string, error) {
	has := false
	numbers := []string{}
	for _, in := range runs {
		if in.backend != backend {
			continue
		}
		switch o := found[in][behaviour]; o.action {
		case "pass":
			has = true
		case "skip":
			note := configuration(in.test) + ": " + o.reason
			i := slices.Index(*notes, backend+" "+note)
			if i < 0 {
				i = len(*notes)
				*notes = append(*notes, backend+" "+note)
			}
			numbers = append(numbers, fmt.Sprint(i+1))
		case "fail":
			return "", fmt.Errorf("%s failed in %s of %s", behaviour, in.test, backend)
		}
	}
	if !has && len(numbers) == 0 {
		return "", fmt.Errorf("%s did not run on %s", behaviour, backend)
	}
	cell := "no"
	if has {
		cell = "yes"
	}
	if len(numbers) > 0 {
		cell += " (" + strings.Join(numbers, ", ") + ")"
	}
	return cell, nil
}
