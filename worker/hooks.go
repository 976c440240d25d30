package worker

import (
	"context"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Hooks are functions that are told what happens, for metrics and traces; package workerotel has
// some. Each may be nil. They are called concurrently, on the goroutines that do the work: they
// return soon and do not panic. Times are by this process's clock.
type Hooks struct {
	// Wrap is called once, before the first claim, and returns the handler that is called in place
	// of the app's: it can put values, such as a span, into its context. A panic of the app's handler
	// passes through it.
	Wrap func(Handler) Handler
	// Claimed is called after each call of Claim that did not fail: how many events it returned,
	// which may be 0, and how long it took.
	Claimed func(events int, took time.Duration)
	// Handled is called after each handler: what becomes of the event, what the handler returned (a
	// [PanicError] for a panic; with OutcomeSuccess nil or [Done]), and how long it ran. ctx is the
	// one that the handler had, without what Wrap put in.
	Handled func(ctx context.Context, claim driver.Claim, outcome Outcome, err error, took time.Duration)
	// Acked is called when events were acknowledged: how many, and how long it took, further tries
	// included. Those that a handler acknowledged by itself are not among them.
	Acked func(events int, took time.Duration)
	// Error is called for each failure of the method op of driver.EventClaims ("Claim", "Ack", …),
	// also of one that is tried again. An error that matches driver.ErrLeaseLost is no failure of the
	// database: others got these events meanwhile, or they left the queue.
	Error func(op string, err error)
}

// Outcome is what becomes of an event after its handler.
type Outcome string

// The outcomes.
const (
	// OutcomeSuccess: it is acknowledged, or was by the handler.
	OutcomeSuccess Outcome = "success"
	// OutcomeRetry: it is handled again later.
	OutcomeRetry Outcome = "retry"
	// OutcomeDeadLetter: the handler said so, or it was the last attempt.
	OutcomeDeadLetter Outcome = "dead_letter"
	// OutcomeLeaseLost: nothing; somebody else has it, or it left the queue meanwhile.
	OutcomeLeaseLost Outcome = "lease_lost"
	// OutcomeReleased: the handler failed after the drain timeout; the attempt does not count.
	OutcomeReleased Outcome = "released"
)

func (h *Hooks) claimed(events int, took time.Duration) {
	if h.Claimed != nil {
		h.Claimed(events, took)
	}
}

func (h *Hooks) handled(ctx context.Context, claim driver.Claim, outcome Outcome, err error, took time.Duration) {
	if h.Handled != nil {
		h.Handled(ctx, claim, outcome, err, took)
	}
}

func (h *Hooks) acked(events int, took time.Duration) {
	if h.Acked != nil {
		h.Acked(events, took)
	}
}

func (h *Hooks) error(op string, err error) {
	if h.Error != nil {
		h.Error(op, err)
	}
}
