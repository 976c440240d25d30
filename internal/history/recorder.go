package history

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Recorder writes the calls of clients, an Op on each line. It is safe for concurrent use. A call that
// changes something is written when it begins, with the outcome Unknown, and again when its answer has
// come: whenever the process is killed, its history says what it may have done.
type Recorder struct {
	start time.Time // what times are counted from, so that they never go back

	mu   sync.Mutex
	out  io.Writer
	next uint64
	err  error
}

// NewRecorder returns a Recorder that writes to w, a line with each Write and nothing kept back. The
// output of several, in one process or more, is one history: just put it together.
func NewRecorder(w io.Writer) *Recorder {
	return &Recorder{start: time.Now(), out: w, next: uint64(rand.Uint32()) << 31}
}

// Now is the time as the history has it.
func (r *Recorder) Now() int64 { return r.start.Add(time.Since(r.start)).UnixMicro() }

// NewTx returns a number that no other transaction has.
func (r *Recorder) NewTx() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	return r.next
}

// Begin numbers an op that is about to be done and sets its Call and its Outcome.
func (r *Recorder) Begin(op *Op) {
	op.ID, op.Outcome, op.Call, op.Return = r.NewTx(), Unknown, r.Now(), 0
	if op.Kind.changes() {
		r.write(op)
	}
}

// End writes an op with its outcome. Its Return is now, unless it is set.
func (r *Recorder) End(op *Op) {
	if op.Return == 0 {
		op.Return = r.Now()
	}
	r.write(op)
}

func (r *Recorder) write(op *Op) {
	line, err := json.Marshal(op)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.err == nil {
		_, err = r.out.Write(append(line, '\n'))
	}
	r.err = cmp.Or(r.err, err)
}

// Err returns the first error of writing, after which nothing more is written.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Read reads what Recorders wrote, and returns the ops in the order of their calls.
func Read(in io.Reader) ([]Op, error) {
	var ops []Op
	at := map[uint64]int{}
	lines := bufio.NewReader(in)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break // half a line is what a process left that was killed while it wrote
		}
		if err != nil {
			return nil, err
		}
		var op Op
		if err := json.Unmarshal(bytes.TrimSpace(line), &op); err != nil {
			return nil, fmt.Errorf("line %d of the history: %w", n, err)
		}
		if i, begun := at[op.ID]; begun {
			ops[i] = op
			continue
		}
		at[op.ID] = len(ops)
		ops = append(ops, op)
	}
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	return ops, nil
}

// Hash returns what tells the content of an event from that of another one.
func Hash(event *driver.Event) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(event.EventType), event.EventData, event.EventMetadata} {
		fmt.Fprintf(h, "%d ", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
