// Command dependencies holds docs/dependencies.md against what is so, and names what is not:
//
//	cd tools && go run ./dependencies ..
//
// It has a row for each module that a go.mod of the repository requires directly, with the licence that the
// module's own text says; what an app downloads is what packages driver and a backend import; and every
// module of which something is compiled, for tests and tools, too, has a licence that allows it. Modules are
// as go.sum says (go mod verify).
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

const own = "github.com/neomultitenant/neoevents"

// allowed are the licences under which a dependency may come: they ask for a notice at the most.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense"}

// modules are the folders with a go.mod.
var modules = []string{".", "worker/workerotel", "archive/archiveblob", "cmd/bench/peers", "tools"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dependencies ROOT")
		os.Exit(2)
	}
	wrong, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "dependencies:", err)
		os.Exit(1)
	}
	for _, what := range wrong {
		fmt.Fprintln(os.Stderr, what)
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
}

// check returns what is wrong.
func check(root string) (wrong []string, err error) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		return nil, err
	}
	documented := rows(string(text))
	required := map[string]bool{}
	licences := map[string]string{}
	for _, module := range modules {
		dir := filepath.Join(root, module)
		if _, err := run(dir, "mod", "verify"); err != nil {
			return nil, err
		}
		direct, err := directOf(dir)
		if err != nil {
			return nil, err
		}
		for _, path := range direct {
			required[path] = true
		}
		if err := compiled(dir, licences); err != nil {
			return nil, err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(required)) {
		switch licence := documented[path]; {
		case licence == "":
			wrong = append(wrong, "docs/dependencies.md lacks "+path)
		case licence != licences[path]:
			wrong = append(wrong, fmt.Sprintf("docs/dependencies.md says %s for %s, whose licence is %s", licence, path, licences[path]))
		}
	}
	for path := range documented {
		if !required[path] {
			wrong = append(wrong, "docs/dependencies.md has "+path+", which no go.mod requires directly")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(licences)) {
		for licence := range strings.SplitSeq(licences[path], " and ") {
			if !slices.Contains(allowed, licence) {
				wrong = append(wrong, fmt.Sprintf("%s has the licence %q, which is none of %s", path, licence, strings.Join(allowed, ", ")))
			}
		}
	}
	for _, backend := range []string{"postgres", "sqlite"} {
		imported, err := importedBy(root, "./driver", "./driver/"+backend)
		if err != nil {
			return nil, err
		}
		if line := fmt.Sprintf("- `driver/%s`: %s", backend, strings.Join(imported, ", ")); !strings.Contains(string(text), line+"\n") {
			wrong = append(wrong, "docs/dependencies.md must say what an app downloads:\n"+line)
		}
	}
	return wrong, nil
}

// row is a row of a table whose first column is a module and whose second one is its licence.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\|")

func rows(text string) map[string]string {
	found := map[string]string{}
	for _, match := range row.FindAllStringSubmatch(text, -1) {
		found[match[1]] = match[2]
	}
	return found
}

// directOf returns the modules that a go.mod requires directly. Of the tools, which nothing imports, these are those
// that the tools are in.
func directOf(dir string) (paths []string, err error) {
	out, err := run(dir, "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, err
	}
	for _, r := range mod.Require {
		tool := slices.ContainsFunc(mod.Tool, func(t struct{ Path string }) bool {
			return t.Path == r.Path || strings.HasPrefix(t.Path, r.Path+"/")
		})
		if r.Path != own && (tool || !r.Indirect) {
			paths = append(paths, r.Path)
		}
	}
	return paths, nil
}

// compiled finds the licences of the modules of which something is compiled for the packages, tests and tools of a
// module.
func compiled(dir string, licences map[string]string) error {
	out, err := run(dir, "list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}} {{.Dir}}{{end}}", "./...", "tool")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		path, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path == "" || path == own || strings.HasPrefix(path, own+"/") || licences[path] != "" {
			continue
		}
		if licences[path], err = licenceOf(folder); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// licenceOf returns the licences that the texts in the folder of a module are of.
func licenceOf(folder string) (string, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	found := map[string]bool{}
	for _, file := range files {
		name := strings.ToUpper(file.Name())
		isText := strings.HasPrefix(name, "LICEN") || strings.HasPrefix(name, "COPYING")
		if file.IsDir() || !isText || strings.HasSuffix(name, ".DOCS") { // the last is of documents, not of code
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return "", err
		}
		for _, match := range licensecheck.Scan(text).Match {
			if !match.IsURL {
				found[match.ID] = true
			}
		}
	}
	if len(found) == 0 {
		return "", errors.New("no licence is found in " + folder)
	}
	return strings.Join(slices.Sorted(maps.Keys(found)), " and "), nil
}

// importedBy returns the modules that packages import something of.
func importedBy(root string, packages ...string) ([]string, error) {
	out, err := run(root, append([]string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}, packages...)...)
	if err != nil {
		return nil, err
	}
	paths := strings.Fields(string(out))
	slices.Sort(paths)
	return slices.DeleteFunc(slices.Compact(paths), func(path string) bool { return path == own }), nil
}

// run runs the Go command in a folder and returns what it printed.
func run(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s in %s: %w: %s", strings.Join(args, " "), dir, err, strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), nil
}
