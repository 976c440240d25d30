// Package worker handles the events of a store's queue: it claims them, gives them to a function of
// the app, and acknowledges them, until it is told to stop.
//
//	err := worker.Process(ctx, store, func(ctx context.Context, claim driver.Claim) error {
//		return mailer.Send(ctx, claim.Event)
//	}, worker.Options{})
//
// ctx usually comes from signal.NotifyContext. Several workers, in one process or in many, share the
// queue of a store; a process that serves many tenants calls Process once for each.
//
// What a handler returns decides what becomes of its event: see [Handler]. Each event is handled at
// least once; see [InTx] for exactly once. Events are handled in no order, unless
// Options.PerAggregateOrder asks for that of each aggregate.
//
// Package workerotel, a module of its own, has OpenTelemetry traces and metrics.
package worker
