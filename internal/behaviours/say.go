package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// say writes what packages say, and what tests that failed did, and returns the exit code.
func say(w io.Writer, r io.Reader) int {
	code := 0
	said := map[string]string{}
	decoder := json.NewDecoder(bufio.NewReader(r))
	for {
		var event struct{ Action, Package, ImportPath, Test, Output string }
		err := decoder.Decode(&event)
		if err == io.EOF {
			return code
		}
		if err != nil {
			_, _ = fmt.Fprintln(w, "behaviours: the input is not that of go test -json:", err)
			return 1
		}
		key := event.Package + " " + event.Test
		switch event.Action {
		case "output", "build-output":
			switch {
			case event.Test != "":
				said[key] += event.Output
			case event.Output != "PASS\n": // go test says that only of packages it is in the folder of
				_, _ = io.WriteString(w, event.Output)
			}
		case "fail", "build-fail":
			code = 1
			_, _ = io.WriteString(w, said[key])
		}
		if event.Action == "pass" || event.Action == "fail" || event.Action == "skip" {
			delete(said, key)
		}
	}
}
