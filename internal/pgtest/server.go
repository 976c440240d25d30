package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// server is a running PostgreSQL server.
type server struct {
	url  url.URL // of a database to connect to for creating others
	stop func()

	bin, dir string // of the programs, and of what they wrote; empty for a server that was not started by them
}

// newServer describes a server that this package started, whose superuser is postgres.
func newServer(host, port, password string, stop func()) *server {
	return &server{
		url: url.URL{
			Scheme:   "postgres",
			User:     url.UserPassword("postgres", password),
			Host:     net.JoinHostPort(host, port),
			Path:     "/postgres",
			RawQuery: "sslmode=disable",
		},
		stop: stop,
	}
}

// viaDSN uses the server that the environment names.
func viaDSN(ctx context.Context, _ settings) (*server, error) {
	dsn := os.Getenv(envDSN)
	if dsn == "" {
		return nil, errors.New(envDSN + " is not set")
	}
	// No cause in these errors: it may quote a part of the password.
	u, err := url.Parse(dsn)
	// An @ that late means that a /, ? or # in the password ended the user's part too early.
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return nil, errors.New(envDSN + " must be a URL, postgres://user:password@host:port/database with special characters percent-encoded")
	}
	if _, err := pgxpool.ParseConfig(dsn); err != nil {
		return nil, errors.New(envDSN + " has a setting that pgx does not understand")
	}
	u.Scheme = "postgres"
	srv := &server{url: *u, stop: func() {}}
	if err := srv.exec(ctx, "select 1"); err != nil {
		return nil, fmt.Errorf("connect to the server of %s: %w", envDSN, err)
	}
	return srv, nil
}

// createDatabase makes an empty database and returns its URL, and what drops it.
func (s *server) createDatabase(ctx context.Context) (dsn string, drop func() error, err error) {
	name := "neoevents_test_" + strings.ToLower(rand.Text()[:16])
	// template0: nobody can be connected to it, which would make the statement fail.
	if err := s.exec(ctx, "create database "+name+" template template0"); err != nil {
		return "", nil, fmt.Errorf("create a database for the test (its user needs CREATEDB): %w", err)
	}
	drop = func() error {
		if err := s.exec(context.Background(), "drop database "+name+" with (force)"); err != nil {
			return fmt.Errorf("drop the database of the test: %w", err)
		}
		return nil
	}
	u := s.url
	u.Path = "/" + name
	return u.String(), drop, nil
}

// exec runs a statement on a connection of its own: nothing stays open between tests, so that they
// may count connections and goroutines.
func (s *server) exec(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	config, err := pgxpool.ParseConfig(s.url.String()) // the pool's, for a DSN may hold settings of a pool
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

// tuning is the server settings for tests, as arguments of the postgres command.
func (s settings) tuning() []string {
	args := []string{"-c", "max_connections=300"} // packages and parallel tests each bring their pools
	if !s.fsync {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "autovacuum=off",
			"-c", "max_wal_size=256MB", "-c", "min_wal_size=32MB") // the files may be in memory
	}
	return append(args, s.extra...)
}
