// Package workerotel gives package worker OpenTelemetry traces and metrics, under the semantic
// conventions for messaging:
//
//	hooks, err := workerotel.Hooks(workerotel.Config{Destination: store.Schema()})
//	…
//	err = worker.Process(ctx, store, handler, worker.Options{Hooks: hooks})
//
// It is a module of its own, so that only apps that use it download OpenTelemetry. It uses the API
// only; the app sets up the SDK and its exporters.
//
// # Traces
//
// Each call of a handler is a span "process", with the destination if there is one, of kind
// consumer. It has messaging.system ("neoevents"), messaging.operation.name and .type ("process"),
// messaging.destination.name, messaging.message.id (the event's), messaging.message.conversation_id
// (its CorrelationID), and neoevents.event.type, neoevents.aggregate.type, neoevents.aggregate.id,
// neoevents.aggregate.version and neoevents.attempt; what the columns that were read leave empty is
// left out. A handler's error, other than worker.Done, makes it a failed span with error.type.
//
// It is linked to the span in which the event was saved, if [Inject] has put that into the event's
// metadata.
//
// # Metrics
//
// All have messaging.system, and messaging.destination.name if there is one.
//
//   - messaging.process.duration (s): how long handlers run. By messaging.operation.name,
//     neoevents.event.type, and error.type of those that failed.
//   - messaging.client.operation.duration (s): how long the calls of Claim and Ack take that
//     succeed. By messaging.operation.name ("claim", "ack") and .type ("receive", "settle").
//   - messaging.client.consumed.messages: events that were claimed.
//   - neoevents.worker.handled: events that were handled. By neoevents.outcome (see worker.Outcome)
//     and neoevents.event.type.
//   - neoevents.worker.lag (s): how old events are when their handler begins, since CreatedAt, or
//     OccurredAt where only that was read. By neoevents.event.type. It compares the clock of the
//     database with that of this process.
//   - neoevents.worker.errors: failures of calls of the database, also of those that were tried
//     again. By neoevents.operation ("Claim", "Ack", …) and error.type, the kind of the driver's
//     error ("unavailable", "lease lost", …).
package workerotel
