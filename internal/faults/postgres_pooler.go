package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// pooler is a PgBouncer that runs.
type pooler struct {
	program, config string
	cmd             *exec.Cmd
}

// putPooler lets the clients connect through PgBouncer, with fewer connections to the server than they have.
func putPooler(ctx context.Context, s *server) error {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return missing("PgBouncer is not installed (apt-get install pgbouncer)")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().(*net.TCPAddr)
	_ = listener.Close() // hardly anybody else gets it until PgBouncer does
	database, err := url.Parse(s.dsn)
	if err != nil {
		return err
	}
	password, _ := database.User.Password()
	config := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = extra_float_digits
`, database.Port(), database.User.Username(), password, address.Port)
	s.pooler = &pooler{program: program, config: filepath.Join(s.Dir(), "pgbouncer.ini")}
	if err := os.WriteFile(s.pooler.config, []byte(config), 0o600); err != nil {
		return err
	}
	if err := pgtest.GiveToServer(s.pooler.config); err != nil {
		return err
	}
	s.ends = append(s.ends, s.pooler.kill)
	if s.clients, err = s.at(address.String()); err != nil {
		return err
	}
	return s.pooler.start(ctx, address.String())
}

// start waits until it takes connections.
func (p *pooler) start(ctx context.Context, address string) error {
	p.cmd = exec.Command(p.program, "--quiet", p.config)
	if err := pgtest.AsServer(p.cmd); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if bounded.Err() != nil {
			return fmt.Errorf("PgBouncer does not answer: %w", err)
		}
		_ = wait(bounded, lookEvery)
	}
}

func (p *pooler) kill() error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait() // it was killed
	return nil
}

func killPooler(ctx context.Context, s *server, w *work) error {
	if err := s.pooler.kill(); err != nil {
		return err
	}
	if err := w.during(ctx, 2*injectEvery); err != nil {
		return err
	}
	u, err := url.Parse(s.clients)
	if err != nil {
		return err
	}
	return s.pooler.start(ctx, u.Host)
}
