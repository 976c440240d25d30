package driver

import (
	"math/rand/v2"
	"time"
)

// The defaults of [Backoff].
const (
	DefaultBackoffBase = time.Second
	DefaultBackoffCap  = time.Hour
)

// Backoff is how long to wait before the next attempt: a random time up to Base × 2^(attempt−1),
// and up to Cap at the most. The randomness ("full jitter") keeps workers that failed together from
// coming back together:
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
//
// The zero value is the default.
type Backoff struct {
	Base time.Duration // 0: DefaultBackoffBase
	Cap  time.Duration // 0: DefaultBackoffCap
}

// Delay returns how long to wait after the attempt-th attempt, counted from 1. It differs from call
// to call.
func (b Backoff) Delay(attempt int) time.Duration {
	most := b.Longest(attempt)
	return rand.N(most + 1)
}

// Longest returns the longest Delay that there can be after the attempt-th attempt.
func (b Backoff) Longest(attempt int) time.Duration {
	setDefault(&b.Base, DefaultBackoffBase)
	setDefault(&b.Cap, DefaultBackoffCap)
	longest := max(0, min(b.Base, b.Cap))
	for i := 1; i < attempt && longest < b.Cap && longest > 0; i++ {
		if longest > b.Cap/2 {
			return b.Cap
		}
		longest *= 2
	}
	return longest
}
