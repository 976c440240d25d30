package main

import (
	"context"
	"errors"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// postgresFaults is every fault of PostgreSQL, each on a server of its own.
var postgresFaults = []fault{
	{
		name: "postmaster-kill", backend: "postgres", begin: onServer(killPostmaster),
		about: "all processes of the server are killed with SIGKILL, and it recovers",
	},
}

// onServer begins with a server that makes commits durable, and injects with it in hand.
func onServer(inject func(ctx context.Context, server *pgtest.Victim, w *work) error) func(context.Context, string) (*site, error) {
	return func(ctx context.Context, _ string) (*site, error) {
		server, err := pgtest.StartVictim(pgtest.WithFsync())
		if errors.Is(err, pgtest.ErrNoPrograms) {
			return nil, missing(err.Error())
		}
		if err != nil {
			return nil, err
		}
		dsn, err := server.CreateDatabase(ctx)
		if err != nil {
			server.Stop()
			return nil, err
		}
		return &site{
			dsn: dsn, end: server.Stop,
			inject: func(ctx context.Context, w *work) error { return inject(ctx, server, w) },
		}, nil
	}
}

func killPostmaster(_ context.Context, server *pgtest.Victim, _ *work) error {
	if err := server.Kill(); err != nil {
		return err
	}
	return server.Restart()
}
