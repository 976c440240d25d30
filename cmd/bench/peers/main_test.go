package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// command runs the command and returns its exit code and output.
func command(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestEachPeerAndPathOnSQLite(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary) // where the files go
	left := eachPeerAndPath(t, "sqlite")
	want := []string{
		"watermill save", "watermill save_32", "watermill save_batch", "watermill claim_ack", "watermill claim_ack_4",
		"river mark_bulk", "watermill mark_bulk", "goqite mark_bulk",
	}
	if !slices.Equal(left, want) {
		t.Errorf("left out are %q, want %q", left, want)
	}
	if files, _ := os.ReadDir(temporary); len(files) > 0 {
		t.Errorf("%s was left behind", files[0].Name())
	}
}

func TestEachPeerAndPathOnPostgres(t *testing.T) {
	dsn := pgtest.DSN(t)
	left := eachPeerAndPath(t, "postgres", "-dsn", dsn)
	if want := []string{"river mark_bulk", "watermill mark_bulk", "goqite mark_bulk"}; !slices.Equal(left, want) {
		t.Errorf("left out are %q, want %q", left, want)
	}
	place, err := findPlace(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer place.close()
	var schemas int
	if err := place.admin.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'peers%'").Scan(&schemas); err != nil || schemas > 0 {
		t.Errorf("%d schemas were left behind, error %v", schemas, err)
	}
}

// eachPeerAndPath runs all with few events, and checks that the table and the JSON have each peer and path. It returns
// what was left out.
func eachPeerAndPath(t *testing.T, backend string, args ...string) (left []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "result.json")
	code, stdout, stderr := command(t.Context(), append(args, "-events", "300", "-repeat", "1", "-payload", "200", "-json", file)...)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var written report
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	if written.Backend != backend || written.Version == "" || written.CPUs < 1 || written.Repeat != 1 || written.Events != 300 || len(written.Peers) != len(peers) {
		t.Errorf("JSON is\n%s", text)
	}
	got := map[string]bool{}
	for _, r := range written.Results {
		got[r.Peer+" "+r.Path] = true
		if r.PerSecond <= 0 || r.Events != 300 || r.Workers < 1 || r.Batch < 1 || len(r.PerSecondAll) != 1 {
			t.Errorf("%s %s: result is %+v", r.Peer, r.Path, r)
		}
	}
	for _, l := range written.LeftOut {
		got[l.Peer+" "+l.Path] = true
		left = append(left, l.Peer+" "+l.Path)
		if l.Why == "" {
			t.Errorf("%s %s is left out without a reason", l.Peer, l.Path)
		}
	}
	for _, path := range paths {
		for _, peer := range peers {
			if !got[peer.name+" "+path.name] {
				t.Errorf("the JSON has no %s of %s", path.name, peer.name)
			}
			if line := fmt.Sprintf("\n%-12s %-13s ", path.name, peer.name); !strings.Contains(stdout, line) {
				t.Errorf("no line begins with %q in\n%s", line, stdout)
			}
		}
	}
	return left
}

func TestAWrongResultIsAFailure(t *testing.T) {
	event := func() *round {
		source, err := config{payload: `{"num":1}`}.source()
		if err != nil {
			t.Fatal(err)
		}
		return &round{events: source.Take(2, 0)}
	}
	for name, work := range map[string]func(r *round){
		"an event was not read": func(r *round) { r.read(r.events[0].ID, r.events[0].EventData) },
		"an event was read twice": func(r *round) {
			r.read(r.events[0].ID, r.events[0].EventData)
			r.read(r.events[0].ID, r.events[0].EventData)
		},
		"a payload was lost":        func(r *round) { r.read(r.events[0].ID, nil); r.read(r.events[1].ID, r.events[1].EventData) },
		"a payload was another one": func(r *round) { r.read(r.events[0].ID, []byte(`{}`)); r.read(r.events[1].ID, r.events[1].EventData) },
	} {
		t.Run(name, func(t *testing.T) {
			r := event()
			work(r)
			if err := r.check(); err == nil || !strings.HasPrefix(err.Error(), "wrong result: ") {
				t.Errorf("error %v, want a wrong result", err)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	for _, test := range []struct {
		rates          []float64
		median, spread float64
	}{
		{[]float64{5}, 5, 0},
		{[]float64{30, 10, 20}, 20, 1},
		{[]float64{40, 10, 20, 30}, 25, 1.2},
	} {
		if median, spread := summary(test.rates); median != test.median || spread != test.spread {
			t.Errorf("%v: median %v, spread %v, want %v and %v", test.rates, median, spread, test.median, test.spread)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-peers", "neoevents,kafka"}, 2, `no peer is named "kafka"; there are neoevents, hand, outbox`},
		{[]string{"-paths", "fly"}, 2, `no path is named "fly"; there are save, save_32`},
		{[]string{"-payload", "10"}, 2, "-payload must be 0, or from 11"},
		{[]string{"-payload", "[1]"}, 2, "-payload must be a number of bytes or a JSON object: payload must be a JSON object"},
		{[]string{"-payload", "20", "-input", "events.jsonl"}, 2, "leave it out with -input"},
		{[]string{"-input", "/nowhere/at/all.jsonl"}, 1, "/nowhere/at/all.jsonl"},
		{[]string{"-dsn", "sqlite:app.db"}, 2, "-dsn is for PostgreSQL"},
		{[]string{"-dsn", "postgres://user:sesame@127.0.0.1:1/app"}, 1, "connect"},
		{[]string{"-dsn", "postgres://user:ses/ame@127.0.0.1:1/app"}, 2, "can't be read"},
		{[]string{"-events", "0"}, 2, "at least 1"},
		{[]string{"-json", "/nowhere/at/all.json"}, 1, "/nowhere/at/all.json"},
	} {
		code, stdout, stderr := command(t.Context(), test.args...)
		if code != test.code || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%q: exit code %d, want %d; stdout %q, stderr %q, want one line with %q", test.args, code, test.code, stdout, stderr, test.want)
		}
		if strings.Contains(stderr, "sesame") || strings.Contains(stderr, "ses/ame") {
			t.Errorf("%q: stderr %q has the password", test.args, stderr)
		}
	}
}

// trigger calls a function when a text is written.
type trigger struct {
	bytes.Buffer
	text string
	call func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.call()
	}
	return w.Buffer.Write(p)
}

func TestAnInterruptedRunRemovesWhatItWrote(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	file := filepath.Join(t.TempDir(), "result.json")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout := &trigger{text: "save         neoevents ", call: cancel} // when its row is written
	var stderr bytes.Buffer
	code := run(ctx, []string{"-events", "20", "-repeat", "1", "-peers", "neoevents", "-paths", "save,claim_ack", "-json", file}, stdout, &stderr)
	if code != 130 || stderr.String() != "peers: interrupted\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	var written report
	if text, err := os.ReadFile(file); err != nil || json.Unmarshal(text, &written) != nil || len(written.Results) != 1 {
		t.Errorf("JSON is %s, error %v, want the one path that was measured", text, err)
	}
	if files, _ := os.ReadDir(temporary); len(files) > 0 {
		t.Errorf("%s was left behind", files[0].Name())
	}
}
