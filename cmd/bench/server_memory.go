package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// occupied is the memory in use at the end of a row, in bytes.
type occupied struct {
	Heap    uint64 `json:"heap_bytes"`              // of Go's heap, after garbage was collected
	Process uint64 `json:"process_bytes,omitempty"` // of the whole process, resident; 0 where that can't be told
	// Server is of the processes that serve the pool: what each has for itself, and its part of what they
	// share. ServerPrivate is the former alone.
	Server          uint64 `json:"server_bytes,omitempty"`
	ServerPrivate   uint64 `json:"server_private_bytes,omitempty"`
	ServerProcesses int    `json:"server_processes,omitempty"`
	ServerLeftOut   string `json:"server_left_out,omitempty"` // why it is not known
}

// look fills in what is the client's.
func (o *occupied) look() {
	var most memory
	most.look()
	o.Heap, o.Process = most.Heap, most.Process
}

func (o *occupied) String() string {
	text := fmt.Sprintf("client's heap %.1f MB", megabytes(float64(o.Heap)))
	if o.Process > 0 {
		text += fmt.Sprintf(", process %.1f MB", megabytes(float64(o.Process)))
	}
	if o.ServerLeftOut != "" {
		return text + "; the server's memory left out: " + o.ServerLeftOut
	}
	return text + fmt.Sprintf("; %d server processes %.1f MB, %.1f MB of it private", o.ServerProcesses, megabytes(float64(o.Server)), megabytes(float64(o.ServerPrivate)))
}

// addServer adds the memory of the server's processes that are there now and were not before.
func (o *occupied) addServer(ctx context.Context, look inspector, before []int) error {
	after, err := look.processes(ctx)
	if err != nil {
		return err
	}
	for _, pid := range after {
		if slices.Contains(before, pid) {
			continue
		}
		shared, private, err := memoryOf(pid)
		if err != nil {
			return err
		}
		o.Server += shared
		o.ServerPrivate += private
		o.ServerProcesses++
	}
	return nil
}

// memoryOf returns the proportional and the private memory of a process, as Linux tells it to those
// who may look.
func memoryOf(pid int) (proportional, private uint64, err error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0, errors.New("the memory of the server's processes can't be looked at from here")
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.ParseUint(fields[1], 10, 64) // the first line is no number
		switch fields[0] {
		case "Pss:":
			proportional += n << 10
		case "Private_Clean:", "Private_Dirty:":
			private += n << 10
		}
	}
	return proportional, private, lines.Err()
}
