package main

import (
	"os"
	"strings"
	"testing"
)

// The program of README.md is this one, so it compiles and runs.
func TestReadmeShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(program), "package main")
	if !strings.Contains(string(readme), "```go\npackage main"+code+"```") {
		t.Error("the program of README.md differs from examples/quickstart/main.go; make them the same")
	}
}

func TestProgramRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	main() // ends the process if anything fails
}
