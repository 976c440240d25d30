package main

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy is the network between clients and a PostgreSQL server, on which faults can be laid.
type proxy struct {
	listener net.Listener
	server   string // its address

	delay   atomic.Int64                // how long each message is on its way
	silent  atomic.Bool                 // what is sent is lost, on old connections and new ones
	commits atomic.Pointer[commitFault] // of the next commit

	mu    sync.Mutex
	links map[*link]struct{}
}

// commitFault is what happens to a commit: a COMMIT, or a statement that commits by itself.
type commitFault struct {
	kind    byte          // 'Q' for COMMIT, 'E' for a statement that commits by itself
	arrives bool          // at the server; the answer is lost
	hit     chan struct{} // closed when it happened
}

// link is a connection through the proxy.
type link struct {
	*proxy
	client, server *net.TCPConn
	left           atomic.Int64 // how many bytes pass until it is cut; negative: it is not
	idle           atomic.Bool  // the server is in no transaction
	answerless     atomic.Bool  // the server's next answer is lost, and with it the connection
}

func newProxy(server string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, server: server, links: map[*link]struct{}{}}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client.(*net.TCPConn))
		}
	}()
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// close cuts every connection and takes no more.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.each((*link).cut)
}

// each does something with each connection.
func (p *proxy) each(do func(*link)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		do(l)
	}
}

func (p *proxy) serve(client *net.TCPConn) {
	conn, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{proxy: p, client: client, server: conn.(*net.TCPConn)}
	l.left.Store(-1)
	p.mu.Lock()
	p.links[l] = struct{}{}
	p.mu.Unlock()
	defer func() {
		l.cut()
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	}()
	var both sync.WaitGroup
	both.Go(func() { l.forward(l.server, l.client, l.fromServer) })
	both.Go(func() { l.forward(l.client, l.server, l.fromClient) })
	both.Wait()
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// forward passes on what one side says to the other, message by message, until it says no more.
func (l *link) forward(from, to *net.TCPConn, goesOn func(kind byte, body []byte) bool) {
	for typed := from == l.server; ; typed = true {
		kind, raw, err := read(from, typed)
		if err == io.EOF { // the other direction may go on
			_ = to.CloseWrite()
			return
		}
		if err != nil || !goesOn(kind, raw) || !l.pass(to, raw) {
			l.cut()
			return
		}
	}
}

// pass sends what a message has, unless a fault is laid on the network.
func (l *link) pass(to *net.TCPConn, raw []byte) bool {
	if delay := l.delay.Load(); delay > 0 {
		time.Sleep(time.Duration(delay))
	}
	if l.silent.Load() {
		return true
	}
	if l.left.Load() >= 0 {
		if left := l.left.Add(-int64(len(raw))); left < 0 {
			_, _ = to.Write(raw[:max(0, left+int64(len(raw)))])
			return false
		}
	}
	_, err := to.Write(raw)
	return err == nil
}

// fromClient looks whether a message commits something.
func (l *link) fromClient(kind byte, raw []byte) bool {
	commits := kind == 'Q' && string(raw[5:]) == "commit\x00" || kind == 'E' && l.idle.Load()
	if !commits {
		return true
	}
	f := l.commits.Load()
	if f == nil || f.kind != kind || !l.commits.CompareAndSwap(f, nil) {
		return true
	}
	defer close(f.hit)
	l.answerless.Store(f.arrives)
	return f.arrives
}

// fromServer looks what the server says of its transaction, at the end of each answer.
func (l *link) fromServer(kind byte, raw []byte) bool {
	if kind == 'Z' {
		l.idle.Store(raw[5] == 'I')
	}
	return !l.answerless.Load()
}

// read reads a message of the protocol. The first one of a client has no type.
// https://www.postgresql.org/docs/current/protocol-overview.html
func read(from io.Reader, typed bool) (kind byte, raw []byte, err error) {
	head := make([]byte, 4, 5)
	if typed {
		head = head[:5]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:]) - 4
	raw = append(head, make([]byte, length)...)
	if _, err := io.ReadFull(from, raw[len(head):]); err != nil {
		return 0, nil, err
	}
	return head[0], raw, nil
}
