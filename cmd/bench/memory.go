package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// memory is the most that was in use at a time, in bytes.
type memory struct {
	Heap    uint64 `json:"peak_heap_bytes"`              // of Go's heap: what is in use, and what is not cleared away yet
	Process uint64 `json:"peak_process_bytes,omitempty"` // of the whole process, resident; 0 where that can't be told
}

// lookAtMemory is how often watchMemory looks.
const lookAtMemory = 5 * time.Millisecond

// watchMemory watches the memory while fn runs. What was in use before and no longer is goes back to
// the system first.
func watchMemory(fn func() error) (memory, error) {
	debug.FreeOSMemory()
	var most memory
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(lookAtMemory)
		defer tick.Stop()
		for {
			most.look()
			select {
			case <-tick.C:
			case <-quit:
				most.look()
				return
			}
		}
	}()
	err := fn()
	close(quit)
	<-gone
	return most, err
}

func (m *memory) look() {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	if heap[0].Value.Kind() == metrics.KindUint64 {
		m.Heap = max(m.Heap, heap[0].Value.Uint64())
	}
	m.Process = max(m.Process, resident())
}

// resident is the memory of the process as Linux tells it; 0 elsewhere.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
