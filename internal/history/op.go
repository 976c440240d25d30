// Package history keeps what the clients of a store were told, and proves offline that it fits together
// with what the store holds in the end: nothing that was acknowledged is lost or was done twice, nobody
// worked without a lease, the order of aggregates held, and no row crossed from one tenant to another.
//
// A [Recorder] writes each call as a line of JSON, [Read] reads the lines back, and [Check] looks for
// what must not be. Package clients makes such histories.
package history

import (
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Op is one call of a client, or a step of a transaction. A call with two answers, such as claims of
// which some are lost, is an Op for each of them.
type Op struct {
	ID     uint64 `json:"n"`           // unique, set by the Recorder
	Tx     uint64 `json:"x,omitempty"` // the steps with the same one commit together; 0: a call by itself
	Client int    `json:"c"`
	Tenant string `json:"t"`
	Kind   Kind   `json:"k"`

	// Call and Return are when it began and when its answer came, in microseconds since 1970 by the
	// client's clock, which must be that of the database's machine; for a step of a transaction Return is
	// that of the transaction. Return is 0 if no answer came: the client was killed.
	Call   int64 `json:"b"`
	Return int64 `json:"e,omitempty"`

	Outcome Outcome `json:"o"`
	Error   string  `json:"err,omitempty"`
	Rows    []Row   `json:"r,omitempty"` // what it was about, or what it returned

	Lease    int64  `json:"l,omitempty"`  // what Claimed, Extended and Due asked for, in microseconds
	Ordered  bool   `json:"a,omitempty"`  // PerAggregateOrder; of Seen: the whole history of an aggregate
	Final    bool   `json:"f,omitempty"`  // of Attempted: the delivery has ended by it
	Consumer string `json:"u,omitempty"`  // of Seen behind its position, and of Committed
	Position int64  `json:"to,omitempty"` // of Committed: where the consumer is then
}

// Row is an event or a delivery in the hands of a client. What the call does not tell is zero.
type Row struct {
	ID        uuid.UUID `json:"id"`
	Aggregate uuid.UUID `json:"ag,omitzero"`
	Version   int64     `json:"v,omitempty"`
	Position  int64     `json:"p,omitempty"`
	Hash      string    `json:"h,omitempty"`  // see Hash
	Tag       string    `json:"t,omitempty"`  // the tenant whose the row says it is, if that is not the caller
	Of        uuid.UUID `json:"of,omitzero"`  // the event whose effect an event is, or that a delivery is of
	Token     uuid.UUID `json:"tk,omitzero"`  // of the lease
	Attempt   int       `json:"n,omitempty"`  // how often it was handed out
	Until     int64     `json:"un,omitempty"` // when the lease ends, in microseconds, by the database's clock
}

// Kind is what a call was for.
type Kind string

// The kinds. Those that change something are written before the call, too.
const (
	Saved        Kind = "save"    // events
	Seen         Kind = "read"    // events, by id, by aggregate, or behind a consumer's position
	Claimed      Kind = "claim"   // and what is done with claims:
	Acked        Kind = "ack"     //
	Retried      Kind = "retry"   //
	Released     Kind = "release" //
	Extended     Kind = "extend"  //
	DeadLettered Kind = "dead"    //
	Requeued     Kind = "requeue" // from the dead letters
	Marked       Kind = "mark"    // MarkAsProcessed
	Processed    Kind = "process" // ProcessUnprocessed
	Committed    Kind = "commit"  // of a consumer: Rows are the events that it is done with by it
	Delivered    Kind = "deliver" // SaveForEvent: Rows are deliveries, here and below; without an answer one that only has Of
	Due          Kind = "due"     // ClaimDue
	Attempted    Kind = "attempt" // RecordAttempt
	GivenUp      Kind = "give up" // Release
)

func (k Kind) changes() bool { return k != Seen }

// Outcome is what the client was told.
type Outcome string

// The outcomes.
const (
	// OK: it took effect, or what was asked for is there.
	OK Outcome = "ok"
	// No is an answer, too: the id is taken, the row is not there, the lease is lost, it is done already.
	No Outcome = "no"
	// Refused: for sure nothing took effect, and that is all there is to know.
	Refused Outcome = "refused"
	// Unknown: it took effect or not, and may still do so.
	Unknown Outcome = "unknown"
)

// OutcomeOf returns what an error of package driver tells about a call that changes something.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OK
	}
	for _, kind := range []error{driver.ErrAlreadyExists, driver.ErrLeaseLost, driver.ErrNotFound, driver.ErrState, driver.ErrConflict} {
		if errors.Is(err, kind) {
			return No
		}
	}
	if driver.IsRetryable(err) || errors.Is(err, driver.ErrReadOnly) || errors.Is(err, driver.ErrVersionConflict) || errors.Is(err, driver.ErrInvalid) {
		return Refused
	}
	return Unknown
}
