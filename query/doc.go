// Package query is the one implementation of every repository, for SQL databases. It builds each
// statement once per schema with squirrel, in the [Dialect] of the database, and runs it through a
// small [Executor]; a backend brings these two and nothing else.
//
// # Data model
//
// events is append-only, in the order of position. event_queue has one narrow row, with the event's
// id, for each event that waits to be processed; finishing an event deletes that row and appends one
// to event_processed. So the wide rows are written once, never updated, and not read to mark them,
// and the queue stays as small as the work that is left.
package query
