package main

import "context"

// outboxPeer is the table that most apps begin with: a status, and a partial index on what is pending.
// https://microservices.io/patterns/data/transactional-outbox.html has the pattern,
// https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE what SKIP LOCKED is for.
var outboxPeer = peer{
	name: "outbox",
	about: "one table with a status and a partial index on pending rows; workers select FOR UPDATE SKIP LOCKED (SQLite: BEGIN IMMEDIATE) and update, " +
		"in one transaction; https://microservices.io/patterns/data/transactional-outbox.html",
	open: map[backend]func(context.Context, *home) (queue, error){
		onPostgres: func(ctx context.Context, h *home) (queue, error) { return openOutboxPostgres(ctx, h, false) },
		onSQLite:   func(ctx context.Context, h *home) (queue, error) { return openOutboxSQLite(ctx, h, false) },
	},
}

// outboxLeasePeer is the same table for workers that may die: a row is leased, and acknowledged by the
// token of its lease.
var outboxLeasePeer = peer{
	name: "outbox_lease",
	about: "one table with locked_until, token and attempts, and a partial index on unprocessed rows; workers UPDATE … RETURNING, " +
		"then update again by the token; https://microservices.io/patterns/data/transactional-outbox.html",
	open: map[backend]func(context.Context, *home) (queue, error){
		onPostgres: func(ctx context.Context, h *home) (queue, error) { return openOutboxPostgres(ctx, h, true) },
		onSQLite:   func(ctx context.Context, h *home) (queue, error) { return openOutboxSQLite(ctx, h, true) },
	},
}

// outboxColumns are those that a save writes. The payload comes last, behind what workers change.
const outboxColumns = "id, event_type, event_name, aggregate_type, aggregate_id, aggregate_version, payload"
