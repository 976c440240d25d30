package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/child"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
)

// envChild makes this program a child of a fault: it holds the order, as JSON.
const envChild = "NEOEVENTS_FAULTS_CHILD"

// order is what a child does until its standard input ends: clients, if there are some, or else a transaction.
type order struct {
	File    databaseFile
	Clients int
	First   int // the number of its first client
	Seed    uint64

	Begin string // the transaction's kind of lock
}

// start runs this program once more. What it says goes to out, in whole lines.
func (o order) start(out io.Writer) (*child.Process, error) {
	return child.Start(envChild, o, func(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = &lines{out: out}, os.Stderr })
}

// lines passes on whole lines: one who is killed may leave a half.
type lines struct {
	out  io.Writer
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		if _, err := l.out.Write(append(line, '\n')); err != nil {
			return 0, err
		}
		l.rest = bytes.Clone(rest)
	}
}

// beChild is the child's process; it returns the exit code.
func beChild(text string) int {
	ctx, stop := context.WithCancel(context.Background())
	go func() { // also when the parent dies
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil && o.Clients > 0 {
		err = o.work(ctx)
	} else if err == nil {
		err = o.hold(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults: a child:", err)
		return 1
	}
	return 0
}

// work opens the database, whatever state it is in, and lets the clients work on it.
func (o order) work(ctx context.Context) error {
	db, err := driver.Connect(context.Background(), o.File.dsn(""), driver.WithLogger(nil))
	if err != nil {
		return err
	}
	options := clients.Options{Clients: o.Clients, First: o.First, Seed: o.Seed, Record: history.NewRecorder(os.Stdout)}
	for _, tenant := range tenants {
		store, err := db.Store(context.Background(), tenant)
		if err != nil {
			return err
		}
		options.Tenants = append(options.Tenants, clients.Tenant{Name: tenant, Store: store})
	}
	return errors.Join(clients.Run(ctx, options), db.Close())
}

// hold writes to a table of its own in a transaction that takes until ctx is done, and says when it has the lock.
func (o order) hold(ctx context.Context) error {
	db, err := o.File.connect("?_pragma=busy_timeout(60000)&_txlock=" + o.Begin)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it is done
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{})
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS another_app (id INTEGER PRIMARY KEY, text)",
		"INSERT INTO another_app (text) VALUES (hex(randomblob(10000)))",
	} {
		if _, err := tx.Exec(statement); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	fmt.Println("held")
	<-ctx.Done()
	return tx.Commit()
}

// firstLine is closed when something is said.
type firstLine chan struct{}

func (l firstLine) Write(p []byte) (int, error) {
	close(l) // a second one would be a panic: there is none
	return len(p), nil
}

// whileHeld lets another process hold a lock while it calls fn.
func (f databaseFile) whileHeld(ctx context.Context, begin string, fn func() error) error {
	held := make(firstLine)
	c, err := order{File: f, Begin: begin}.start(held)
	if err != nil {
		return err
	}
	select {
	case <-held:
		err = fn()
	case <-c.Ended():
	case <-ctx.Done():
		err = ctx.Err()
	}
	return errors.Join(err, c.Finish(patience))
}
