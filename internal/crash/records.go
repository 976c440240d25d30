package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// What a worker says about an event.
const (
	handled = "handled" // the handler ran
	acking  = "acking"  // it is about to acknowledge, outside a transaction
	acked   = "acked"   // the acknowledgement took effect
	refused = "refused" // ErrLeaseLost
	failed  = "failed"  // the database was busy, and nothing took effect
)

// record is something that happened to an event in the hands of a worker. Those of the table of
// acknowledgements are acked, and have a place in the order in which they were committed.
type record struct {
	what    string
	event   uuid.UUID
	token   uuid.UUID
	attempt int
	worker  string
	place   int64 // 0: of a log
}

func (r record) String() string {
	text := fmt.Sprintf("%s by %s, attempt %d, token %s", r.what, r.worker, r.attempt, r.token)
	if r.place > 0 {
		text += fmt.Sprintf(", in a transaction (row %d)", r.place)
	}
	return text
}

// logFile is the records of one worker process, one a line. They outlive the process: what was
// written is the kernel's.
type logFile struct{ file *os.File }

func openLog(path string) (*logFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &logFile{file}, err
}

// write appends a line for each claim, all in one write.
func (l *logFile) write(what string, claims []driver.Claim) error {
	if len(claims) == 0 {
		return nil
	}
	var lines []byte
	for i := range claims {
		lines = fmt.Appendf(lines, "%s %s %s %d\n", what, claims[i].Event.ID, claims[i].Token, claims[i].Attempt)
	}
	_, err := l.file.Write(lines)
	return err
}

// logPath is the log of a worker. The workers of a schema are called after it.
func logPath(dir, worker string) string { return filepath.Join(dir, worker+".log") }

// readLogs reads the logs of all workers of a schema.
func readLogs(dir, schema string) ([]record, error) {
	paths, err := filepath.Glob(logPath(dir, schema+"-*"))
	if err != nil {
		return nil, err
	}
	var records []record
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		worker := strings.TrimSuffix(filepath.Base(path), ".log")
		// A worker that was killed while it wrote leaves half a line at the end.
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		for line := range strings.Lines(string(whole)) {
			r, err := parseRecord(line)
			if err != nil {
				return nil, fmt.Errorf("%s: line %q: %w", path, line, err)
			}
			r.worker = worker
			records = append(records, r)
		}
	}
	return records, nil
}

func parseRecord(line string) (r record, err error) {
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return r, fmt.Errorf("it has %d fields, not 4", len(fields))
	}
	r.what = fields[0]
	if r.event, err = uuid.Parse(fields[1]); err != nil {
		return r, err
	}
	if r.token, err = uuid.Parse(fields[2]); err != nil {
		return r, err
	}
	r.attempt, err = strconv.Atoi(fields[3])
	return r, err
}
