package main

import (
	"context"
	"time"
)

// putProxy lets the clients connect through a proxy.
func putProxy(_ context.Context, s *server) (err error) {
	if s.proxy, err = newProxy(s.address()); err != nil {
		return err
	}
	s.ends = append(s.ends, func() error { s.proxy.close(); return nil })
	s.clients, err = s.at(s.proxy.address())
	return err
}

// cut cuts each connection after some more bytes.
func cut(ctx context.Context, s *server, w *work) error {
	s.proxy.each(func(l *link) { l.left.Store(w.rng.Int64N(4000)) })
	if err := w.during(ctx, 100*time.Millisecond); err != nil {
		return err
	}
	s.proxy.each(func(l *link) { l.left.Store(-1) })
	return nil
}

// cutCommit waits for a commit, too: there is none while the clients do something else.
func cutCommit(ctx context.Context, s *server, w *work) error {
	f := &commitFault{kind: "QE"[w.rng.IntN(2)], arrives: w.rng.IntN(3) > 0, hit: make(chan struct{})}
	s.proxy.commits.Store(f)
	select {
	case <-f.hit:
	case <-time.After(time.Second):
	}
	s.proxy.commits.Store(nil)
	return nil
}

func delay(ctx context.Context, s *server, w *work) error {
	s.proxy.delay.Store(1 + w.rng.Int64N(int64(5*time.Millisecond)))
	err := w.during(ctx, 300*time.Millisecond)
	s.proxy.delay.Store(0)
	return err
}

// drop ends with the connections: what was lost on them stays so.
func drop(ctx context.Context, s *server, w *work) error {
	s.proxy.silent.Store(true)
	err := w.during(ctx, 2*time.Second)
	s.proxy.silent.Store(false)
	s.proxy.each((*link).cut)
	return err
}

// halfClose heals by itself: both sides give up such a connection.
func halfClose(_ context.Context, s *server, w *work) error {
	toClient := w.rng.IntN(2) == 0
	s.proxy.each(func(l *link) {
		if toClient {
			_ = l.client.CloseWrite()
		} else {
			_ = l.server.CloseWrite()
		}
	})
	return nil
}
