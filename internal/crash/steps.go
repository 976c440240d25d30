package main

import (
	"bytes"
	"sync"
	"time"
)

// steps is what a worker's process tells of itself on its standard output: the step that it is at,
// a line each time it begins another one.
type steps struct {
	mu    sync.Mutex
	rest  []byte // of a line whose end has not come yet
	step  string
	since time.Time
	took  map[string]time.Duration // how long each took the last time
}

func (s *steps) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for {
		line, rest, whole := bytes.Cut(s.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		s.begin(string(line))
		s.rest = rest
	}
}

func (s *steps) begin(step string) {
	if s.took == nil {
		s.took = map[string]time.Duration{}
	}
	now := time.Now()
	s.took[s.step] = now.Sub(s.since)
	s.step, s.since = step, now
}

// at returns the step that the process is at, or was at when it ended; empty before the first.
func (s *steps) at() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.step
}

// length is how long a step took the last time; 0 if that is unknown.
func (s *steps) length(step string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took[step]
}
