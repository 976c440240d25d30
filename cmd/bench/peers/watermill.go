package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// watermillPoll is how soon a subscriber that found nothing looks again; a second by default.
const watermillPoll = time.Millisecond

// watermillPeer is Watermill's SQL Pub/Sub, by its adapter for pgx, with the queue schema that deletes
// what is acknowledged: the one of its schemas whose messages go to one subscriber each, as claims do,
// and are gone then. The default schema keeps them, for consumer groups with an offset each. Its
// batches have 100 messages by default; https://watermill.io/pubsubs/sql/ and the comment of
// SubscribeBatchSize: https://pkg.go.dev/github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql.
var watermillPeer = peer{
	name: "watermill",
	about: fmt.Sprintf("PostgreSQLQueueSchema with DeleteOnAck, SubscribeBatchSize %d, PollInterval %v, by pgx; a subscriber for each worker; https://watermill.io/pubsubs/sql/",
		claimed, watermillPoll),
	modules: []string{"github.com/ThreeDotsLabs/watermill-sql/v4"},
	open:    map[backend]func(context.Context, *home) (queue, error){onPostgres: openWatermill},
	lacks: map[string]string{
		"":          "its modules for SQL databases have none for SQLite",
		"mark_bulk": "a message is acknowledged by the subscriber that it was delivered to",
	},
}

const watermillTopic = "events"

type watermillQueue struct {
	pool      *pgxpool.Pool
	table     string
	publisher *sql.Publisher
	schema    sql.PostgreSQLQueueSchema
	offsets   sql.PostgreSQLQueueOffsetsAdapter
}

func openWatermill(ctx context.Context, h *home) (queue, error) {
	table := pgx.Identifier{h.schema, "watermill_" + watermillTopic}.Sanitize()
	name := func(string) string { return table }
	q := &watermillQueue{
		table:   table,
		schema:  sql.PostgreSQLQueueSchema{GenerateMessagesTableName: name, SubscribeBatchSize: claimed},
		offsets: sql.PostgreSQLQueueOffsetsAdapter{GenerateMessagesTableName: name, DeleteOnAck: true},
	}
	var err error
	if q.pool, err = h.pool(ctx); err != nil {
		return nil, err
	}
	q.publisher, err = sql.NewPublisher(sql.BeginnerFromPgx(q.pool), sql.PublisherConfig{SchemaAdapter: q.schema}, watermill.NopLogger{})
	if err == nil {
		var subscriber *sql.Subscriber
		if subscriber, err = q.subscriber(); err == nil {
			err = subscriber.SubscribeInitialize(watermillTopic)
		}
	}
	if err != nil {
		q.pool.Close()
		return nil, err
	}
	return q, nil
}

func (q *watermillQueue) subscriber() (*sql.Subscriber, error) {
	return sql.NewSubscriber(sql.BeginnerFromPgx(q.pool), sql.SubscriberConfig{
		SchemaAdapter: q.schema, OffsetsAdapter: q.offsets, PollInterval: watermillPoll,
	}, watermill.NopLogger{})
}

func (q *watermillQueue) save(ctx context.Context, e *driver.Event) error {
	return q.publisher.Publish(watermillTopic, toMessage(ctx, e))
}

func (q *watermillQueue) saveBatch(ctx context.Context, events []driver.Event) error {
	messages := make([]*message.Message, len(events))
	for i := range events {
		messages[i] = toMessage(ctx, &events[i])
	}
	return q.publisher.Publish(watermillTopic, messages...)
}

func toMessage(ctx context.Context, e *driver.Event) *message.Message {
	return message.NewMessageWithContext(ctx, e.ID.String(), message.Payload(e.EventData))
}

// work has a subscriber for each worker of the round. A batch is gone when it has been acknowledged as
// a whole and its transaction committed, which closing the subscriber waits for.
func (q *watermillQueue) work(ctx context.Context, r *round) error {
	subscribers := make([]*sql.Subscriber, r.workers)
	drained, end := context.WithCancel(ctx)
	defer end()
	subscription, cancel := context.WithCancel(ctx) // until they are closed: a transaction goes on until then
	defer cancel()
	var group errgroup.Group
	for i := range subscribers {
		var err error
		if subscribers[i], err = q.subscriber(); err != nil {
			return err
		}
		messages, err := subscribers[i].Subscribe(subscription, watermillTopic)
		if err != nil {
			return err
		}
		group.Go(func() error { return q.receive(drained, r, messages, end) })
	}
	err := group.Wait()
	for _, subscriber := range subscribers {
		err = errors.Join(err, subscriber.Close())
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// receive reads and acknowledges messages, until all are.
func (q *watermillQueue) receive(drained context.Context, r *round, messages <-chan *message.Message, end context.CancelFunc) error {
	defer end() // for the others
	for {
		select {
		case <-drained.Done():
			return nil
		case m := <-messages:
			if m == nil {
				return errors.New("the subscription has ended")
			}
			id, err := uuid.Parse(m.UUID)
			if err != nil {
				return err
			}
			r.read(id, m.Payload)
			m.Ack()
			r.acked(1)
			if r.left.Load() <= 0 {
				return nil
			}
		}
	}
}

func (q *watermillQueue) waiting(ctx context.Context) (n int, err error) {
	err = q.pool.QueryRow(ctx, "SELECT count(*) FROM "+q.table).Scan(&n)
	return n, err
}

func (q *watermillQueue) close() error {
	err := q.publisher.Close()
	q.pool.Close()
	return err
}
