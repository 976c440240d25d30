package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/neomultitenant/neoevents/webhook"
)

// partner receives webhooks.
type partner struct {
	path, method    string
	signatureHeader string // where it looks for the signature
	authorization   string // what it wants there; empty: nothing
	secret          string // what the shop told it
	failsFirst      bool   // it can't take a webhook when it comes first

	mu   sync.Mutex
	seen map[string]bool // by the id of the webhook
}

// ServeHTTP verifies the bytes as they came, before it looks into them.
func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch {
	case err != nil:
		http.Error(w, "can't read the body", http.StatusBadRequest)
		return
	case r.Method != p.method:
		http.Error(w, "use "+p.method, http.StatusMethodNotAllowed)
		return
	case r.Header.Get("Authorization") != p.authorization:
		http.Error(w, "not for you", http.StatusForbidden)
		return
	}
	r.Header.Set(webhook.HeaderSignature, r.Header.Get(p.signatureHeader)) // where Verify looks
	if err := webhook.Verify(r.Header, body, time.Now(), p.secret); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if first := p.sees(r.Header.Get(webhook.HeaderID)); first && p.failsFirst {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "thank you")
}

// sees reports whether a webhook comes for the first time.
func (p *partner) sees(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.seen[id]
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[id] = true
	return first
}

// listen serves the partners on a free port of this machine until ctx ends.
func listen(ctx context.Context, partners ...*partner) (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	for _, p := range partners {
		mux.Handle(p.path, p)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // until it is closed
	return "http://" + listener.Addr().String(), nil
}
