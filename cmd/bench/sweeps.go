package main

// The sweeps by name, which their rows have, too.
const (
	sweepWorkers = "by_workers"
	sweepBatch   = "by_batch"
	sweepBacklog = "by_backlog"
	sweepPayload = "by_payload"
	sweepTenants = "by_tenants"
	sweepBloat   = "bloat"
)
