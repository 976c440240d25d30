package main

import (
	"context"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// peer is something that events can be put into and worked from. A new one is a file with its queue
// and a line in peers.
type peer struct {
	name string
	// about says how it is set up, and where its documentation says that this is fast.
	about string
	// modules it consists of; empty: the one that reaches the database.
	modules []string
	// open returns its queue on a backend, with new tables; nil: it has none, as lacks says.
	open map[backend]func(ctx context.Context, h *home) (queue, error)
	// lacks tells by path, or "" for all that has no own reason, why it can't be measured.
	lacks map[string]string
	// oneByOne: its workers take one event at a time.
	oneByOne bool
	// claims is how many events its workers take at a time unless that is for the path to say.
	claims int
	// rewrites: payloads come back as the same JSON in other bytes.
	rewrites bool
}

// backend is the kind of database.
type backend string

const (
	onPostgres backend = "postgres"
	onSQLite   backend = "sqlite"
)

// queue is a peer on one database, with tables of its own.
type queue interface {
	// save saves an event. It may be called by many at once.
	save(ctx context.Context, e *driver.Event) error
	// saveBatch saves events at once.
	saveBatch(ctx context.Context, events []driver.Event) error
	// work lets the run's workers take all events, read them and acknowledge them.
	work(ctx context.Context, r *round) error
	// waiting is how many events are not acknowledged.
	waiting(ctx context.Context) (int, error)
	close() error
}

// marker is a queue whose events can be acknowledged by their ids.
type marker interface {
	markBulk(ctx context.Context, ids []uuid.UUID) error
}

// lack is why a path can't be measured; empty: it can.
func (p *peer) lack(on backend, name string) string {
	if why := p.lacks[name]; why != "" {
		return why
	}
	if p.open[on] == nil {
		return p.lacks[""]
	}
	return ""
}

// version is that of the peer's modules.
func (p *peer) version(on backend) string {
	modules := p.modules
	if len(modules) == 0 {
		modules = []string{databaseModules[on]}
	}
	versions := make([]string, len(modules))
	for i, module := range modules {
		versions[i] = moduleVersion(module)
		if len(p.modules) != 1 { // not the peer itself
			versions[i] = module + " " + versions[i]
		}
	}
	return strings.Join(versions, ", ")
}

// databaseModules reach the databases.
var databaseModules = map[backend]string{onPostgres: "github.com/jackc/pgx/v5", onSQLite: "modernc.org/sqlite"}

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, module := range info.Deps {
			if module.Path == path {
				if module.Replace != nil {
					return "of this checkout"
				}
				return module.Version
			}
		}
	}
	return "unknown"
}

// peers is all there is, in the order in which they are reported. The first is what the others are
// compared with.
var peers = []peer{neoeventsPeer, handPeer, outboxPeer, outboxLeasePeer, riverPeer, watermillPeer, goqitePeer}
