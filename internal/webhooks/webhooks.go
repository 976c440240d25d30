// Package webhooks reads the sample data of tests and benchmarks: webhook payloads that GitHub
// sent, one JSON object a line, in shared/data beside a checkout.
package webhooks

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Webhook is a line of the sample data.
type Webhook struct {
	EventType string          `json:"event_type"`
	EventName string          `json:"event_name"`
	Payload   json.RawMessage `json:"payload"`
}

// Read returns the sample data. It skips t where the data is not there.
func Read(t testing.TB) []Webhook {
	t.Helper()
	file, err := os.Open(find(t, filepath.Join("shared", "data", "github-webhooks.jsonl")))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []Webhook
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var webhook Webhook
		if err := json.Unmarshal(lines.Bytes(), &webhook); err != nil {
			t.Fatal(err)
		}
		all = append(all, webhook)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// find returns the path of a file below the working directory or one above it.
func find(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if dir == filepath.Dir(dir) {
			t.Skipf("the sample data %s is not here", name)
		}
		dir = filepath.Dir(dir)
	}
}
