package conformance_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func init() { driver.Register("memory", memory{}) }

type memory struct{}

func (memory) Connect(ctx context.Context, _ string, config driver.Config) (driver.DB, error) {
	return &memoryDB{config: config, turn: make(chan struct{}, 1), schemas: map[string]*rows{}}, ctx.Err()
}

// memoryDB serves one call at a time, and a transaction is one call.
type memoryDB struct {
	config  driver.Config
	turn    chan struct{} // holds a token while a call is under way
	closing sync.Once
	closed  bool
	schemas map[string]*rows
}

// rows are the events of a schema, by position.
type rows struct {
	events   []driver.Event
	position int64
}

func (db *memoryDB) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if db.closed {
		db.end()
		return driver.ErrClosed
	}
	return nil
}

func (db *memoryDB) end() { <-db.turn }

func (db *memoryDB) Store(ctx context.Context, schema string) (driver.Store, error) {
	if err := driver.ValidateSchema(schema); err != nil {
		return nil, err
	}
	if err := db.begin(ctx); err != nil {
		return nil, driver.Fail("Store", schema, "schema", "", err)
	}
	defer db.end()
	if db.schemas[schema] == nil {
		if db.config.Migrations == driver.MigrateVerify {
			return nil, &driver.Error{Op: "Store", Schema: schema, Entity: "schema", Kind: driver.ErrNotMigrated}
		}
		db.schemas[schema] = &rows{}
	}
	return &memoryStore{db: db, schema: schema, rows: db.schemas[schema]}, nil
}

func (db *memoryDB) Schemas(ctx context.Context) ([]string, error) {
	if err := db.begin(ctx); err != nil {
		return nil, driver.Fail("Schemas", "", "database", "", err)
	}
	defer db.end()
	return slices.Sorted(maps.Keys(db.schemas)), nil
}

func (db *memoryDB) DropSchema(ctx context.Context, schema string) error {
	if err := driver.ValidateSchema(schema); err != nil {
		return err
	}
	if err := db.begin(ctx); err != nil {
		return driver.Fail("DropSchema", schema, "schema", "", err)
	}
	defer db.end()
	if db.schemas[schema] == nil {
		return &driver.Error{Op: "DropSchema", Schema: schema, Entity: "schema", Kind: driver.ErrNotMigrated}
	}
	delete(db.schemas, schema)
	return nil
}

func (db *memoryDB) Ping(ctx context.Context) error {
	if err := db.begin(ctx); err != nil {
		return driver.Fail("Ping", "", "database", "", err)
	}
	db.end()
	return nil
}

func (db *memoryDB) Stats() driver.Stats {
	_ = db.begin(context.Background())
	defer db.end()
	return driver.Stats{Backend: "memory", MaxConns: 1, Open: 1, Stores: len(db.schemas)}
}

func (db *memoryDB) Capabilities(context.Context) (driver.Capabilities, error) {
	return driver.Capabilities{}, nil
}

func (db *memoryDB) Close() error {
	db.closing.Do(func() {
		db.turn <- struct{}{}
		db.closed = true
		db.end()
	})
	return nil
}

// memoryStore is a Store and its own EventRepository, outside a transaction or in one. Claims and the
// other repositories it lacks: nobody may ask for them.
type memoryStore struct {
	driver.Store
	driver.EventClaims
	db     *memoryDB
	schema string
	rows   *rows
	inTx   bool
	config driver.TxConfig // of the transaction
}

func (s *memoryStore) Schema() string                 { return s.schema }
func (s *memoryStore) Events() driver.EventRepository { return s }
func (s *memoryStore) Close() error                   { return nil }

func (s *memoryStore) IsTx() bool { return s.inTx }

func (s *memoryStore) InTx(ctx context.Context, fn func(tx driver.Store) error, opts ...driver.TxOption) error {
	config, err := driver.NewTxConfig(opts...)
	if err == nil && s.inTx {
		err = config.CheckInside(s.config)
		config = s.config
	}
	if err != nil {
		return driver.Fail("InTx", s.schema, "transaction", "", err)
	}
	return s.tx(ctx, "InTx", func(tx *memoryStore) error {
		tx.config = config
		return fn(tx)
	})
}

// tx runs fn with the rows to itself and takes back what it did if it fails.
func (s *memoryStore) tx(ctx context.Context, op string, fn func(tx *memoryStore) error) error {
	if !s.inTx {
		if err := s.db.begin(ctx); err != nil {
			return driver.Fail(op, s.schema, "transaction", "", err)
		}
		defer s.db.end()
	}
	before, done := slices.Clone(s.rows.events), false
	defer func() {
		if !done {
			s.rows.events = before
		}
	}()
	if err := fn(&memoryStore{nil, nil, s.db, s.schema, s.rows, true, s.config}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return driver.Fail(op, s.schema, "transaction", "", err)
	}
	done = true
	return nil
}

// run is tx for a method of the repository.
func (s *memoryStore) run(ctx context.Context, method string, fn func(tx *memoryStore) error) error {
	op := "Events." + method
	return s.tx(ctx, op, func(tx *memoryStore) error {
		err := ctx.Err()
		if err == nil {
			err = fn(tx)
		}
		return driver.Fail(op, s.schema, "event", "", err)
	})
}

// writable refuses what a read-only transaction must not do.
func (s *memoryStore) writable() error {
	if s.config.ReadOnly {
		return &driver.Error{Kind: driver.ErrReadOnly}
	}
	return nil
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (s *memoryStore) find(id uuid.UUID) *driver.Event {
	for i := range s.rows.events {
		if s.rows.events[i].ID == id {
			return &s.rows.events[i]
		}
	}
	return nil
}

func (s *memoryStore) last(aggregate driver.Aggregate) (last int64) {
	for i := range s.rows.events {
		if e := &s.rows.events[i]; e.Aggregate() == aggregate {
			last = max(last, e.AggregateVersion)
		}
	}
	return last
}

func next(last int64) (int64, error) {
	if last == math.MaxInt64 {
		return 0, &driver.Error{Kind: driver.ErrState, Err: errors.New("the last version is the largest there is")}
	}
	return last + 1, nil
}

// add stores a prepared event.
func (s *memoryStore) add(e driver.Event) (_ driver.Event, err error) {
	if s.find(e.ID) != nil {
		return e, &driver.Error{Kind: driver.ErrAlreadyExists, Err: fmt.Errorf("id %s is taken", e.ID)}
	}
	last := s.last(e.Aggregate())
	if e.AggregateVersion == 0 {
		if e.AggregateVersion, err = next(last); err != nil {
			return e, err
		}
	}
	for _, other := range s.rows.events {
		if other.Aggregate() == e.Aggregate() && other.AggregateVersion == e.AggregateVersion {
			return e, &driver.VersionConflictError{Aggregate: e.Aggregate(), Expected: e.AggregateVersion - 1, Actual: last}
		}
	}
	s.rows.position++
	e.Position, e.CreatedAt = s.rows.position, now()
	if e.OccurredAt.IsZero() {
		e.OccurredAt = e.CreatedAt
	}
	e.EventData, e.EventMetadata = slices.Clone(e.EventData), slices.Clone(e.EventMetadata)
	s.rows.events = append(s.rows.events, e)
	return e, nil
}

func (s *memoryStore) Save(ctx context.Context, event driver.Event) (driver.Event, error) {
	if err := event.Prepare(s.db.config.MaxPayload); err != nil {
		return driver.Event{}, driver.Fail("Events.Save", s.schema, "event", "", err)
	}
	err := s.run(ctx, "Save", func(tx *memoryStore) (err error) {
		if err = tx.writable(); err == nil {
			event, err = tx.add(event)
		}
		return err
	})
	if err != nil {
		return driver.Event{}, err
	}
	return event, nil
}

func (s *memoryStore) SaveBatch(ctx context.Context, events []driver.Event) ([]driver.Event, error) {
	return s.saveAll(ctx, "SaveBatch", events, func(*memoryStore) error { return nil })
}

// saveAll saves events, or none of them, if check finds nothing against it.
func (s *memoryStore) saveAll(ctx context.Context, method string, events []driver.Event, check func(tx *memoryStore) error) ([]driver.Event, error) {
	events = slices.Clone(events)
	for i := range events {
		err := events[i].Prepare(s.db.config.MaxPayload)
		var invalid *driver.InvalidError
		if errors.As(err, &invalid) {
			err = &driver.InvalidError{Field: fmt.Sprintf("events[%d].%s", i, invalid.Field), Reason: invalid.Reason}
		}
		if err != nil {
			return nil, driver.Fail("Events."+method, s.schema, "event", "", err)
		}
	}
	err := s.run(ctx, method, func(tx *memoryStore) error {
		if err := tx.writable(); err != nil {
			return err
		}
		for _, event := range events { // before the check: who saves again learns that it was saved
			if tx.find(event.ID) != nil {
				return &driver.Error{Kind: driver.ErrAlreadyExists, Err: fmt.Errorf("id %s is taken", event.ID)}
			}
		}
		if err := check(tx); err != nil {
			return err
		}
		for i, event := range events {
			var err error
			if events[i], err = tx.add(event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}

func (s *memoryStore) Append(ctx context.Context, aggregate driver.Aggregate, expected int64, events []driver.Event) ([]driver.Event, error) {
	refuse := func(err error) ([]driver.Event, error) {
		return nil, driver.Fail("Events.Append", s.schema, "event", "", err)
	}
	if err := aggregate.Validate(); err != nil {
		return refuse(err)
	}
	if expected < driver.AnyVersion {
		return refuse(&driver.InvalidError{Field: "expected_version", Reason: "must be a version"})
	}
	events = slices.Clone(events)
	for i := range events {
		e := &events[i]
		differs := ""
		switch {
		case e.AggregateType != "" && e.AggregateType != aggregate.Type:
			differs = "aggregate_type"
		case e.AggregateID != uuid.Nil && e.AggregateID != aggregate.ID:
			differs = "aggregate_id"
		case e.AggregateVersion != 0 && e.AggregateVersion != expected+1+int64(i):
			differs = "aggregate_version"
		}
		if differs != "" {
			return refuse(&driver.InvalidError{Field: fmt.Sprintf("events[%d].%s", i, differs), Reason: "is not the aggregate's"})
		}
		e.AggregateType, e.AggregateID, e.AggregateVersion = aggregate.Type, aggregate.ID, 0
	}
	return s.saveAll(ctx, "Append", events, func(tx *memoryStore) error {
		if last := tx.last(aggregate); expected != driver.AnyVersion && expected != last {
			return &driver.VersionConflictError{Aggregate: aggregate, Expected: expected, Actual: last}
		}
		return nil
	})
}

func (s *memoryStore) NextVersion(ctx context.Context, aggregate driver.Aggregate) (version int64, err error) {
	err = s.run(ctx, "NextVersion", func(tx *memoryStore) (err error) {
		if err = aggregate.Validate(); err == nil {
			version, err = next(tx.last(aggregate))
		}
		return err
	})
	return version, err
}

func (s *memoryStore) GetByID(ctx context.Context, id uuid.UUID) (event driver.Event, err error) {
	err = s.run(ctx, "GetByID", func(tx *memoryStore) error {
		found := tx.find(id)
		if found == nil {
			return driver.ErrNotFound
		}
		event = *found
		return nil
	})
	return event, err
}

func (s *memoryStore) Exists(ctx context.Context, id uuid.UUID) (there bool, err error) {
	err = s.run(ctx, "Exists", func(tx *memoryStore) error {
		there = tx.find(id) != nil
		return nil
	})
	return there, err
}

// list returns the events that match, in the order of compare, or by position if that is nil.
func (s *memoryStore) list(
	ctx context.Context, method string, limit int, match func(driver.Event) bool, compare func(a, b driver.Event) int,
) (found []driver.Event, err error) {
	err = s.run(ctx, method, func(tx *memoryStore) error {
		most, err := driver.CheckLimit(limit)
		if err != nil {
			return err
		}
		for _, event := range tx.rows.events {
			if match(event) {
				found = append(found, event)
			}
		}
		if compare != nil {
			slices.SortStableFunc(found, compare)
		}
		found = found[:min(most, len(found))]
		return nil
	})
	return found, err
}

func oldestFirst(a, b driver.Event) int { return a.OccurredAt.Compare(b.OccurredAt) }

func newestFirst(a, b driver.Event) int {
	return cmp.Or(b.OccurredAt.Compare(a.OccurredAt), cmp.Compare(b.Position, a.Position))
}

func waiting(e driver.Event) bool { return e.ProcessedAt == nil }

func (s *memoryStore) GetByAggregate(ctx context.Context, aggregate driver.Aggregate, opts driver.HistoryOptions) ([]driver.Event, error) {
	if err := aggregate.Validate(); err != nil {
		return nil, driver.Fail("Events.GetByAggregate", s.schema, "event", "", err)
	}
	return s.list(ctx, "GetByAggregate", opts.Limit,
		func(e driver.Event) bool { return e.Aggregate() == aggregate && e.AggregateVersion >= opts.FromVersion },
		func(a, b driver.Event) int { return cmp.Compare(a.AggregateVersion, b.AggregateVersion) })
}

func (s *memoryStore) GetByCorrelationID(ctx context.Context, id uuid.UUID, limit int) ([]driver.Event, error) {
	return s.list(ctx, "GetByCorrelationID", limit,
		func(e driver.Event) bool { return e.CorrelationID != nil && *e.CorrelationID == id }, oldestFirst)
}

func (s *memoryStore) GetByContext(ctx context.Context, id *uuid.UUID, limit int) ([]driver.Event, error) {
	return s.list(ctx, "GetByContext", limit, func(e driver.Event) bool {
		return id == nil && e.ContextID == nil || id != nil && e.ContextID != nil && *e.ContextID == *id
	}, newestFirst)
}

func (s *memoryStore) GetByType(ctx context.Context, eventType string, limit int) ([]driver.Event, error) {
	sample := driver.Event{EventType: eventType, AggregateType: "A", AggregateID: uuid.Max, EventData: []byte("{}")}
	if err := sample.Validate(); err != nil {
		return nil, driver.Fail("Events.GetByType", s.schema, "event", "", err)
	}
	return s.list(ctx, "GetByType", limit, func(e driver.Event) bool { return e.EventType == eventType }, newestFirst)
}

func (s *memoryStore) GetUnprocessed(ctx context.Context, limit int) ([]driver.Event, error) {
	return s.list(ctx, "GetUnprocessed", limit, waiting, nil)
}

func (s *memoryStore) GetUnprocessedPage(ctx context.Context, after int64, limit int) ([]driver.Event, error) {
	return s.list(ctx, "GetUnprocessedPage", limit, func(e driver.Event) bool { return waiting(e) && e.Position > after }, nil)
}

// all yields the events that match at the moment when the loop begins.
func (s *memoryStore) all(
	ctx context.Context, method string, check func() error, match func(driver.Event) bool, compare func(a, b driver.Event) int,
) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		var events []driver.Event
		err := s.run(ctx, method, func(tx *memoryStore) error {
			events = slices.DeleteFunc(slices.Clone(tx.rows.events), func(e driver.Event) bool { return !match(e) })
			return check()
		})
		slices.SortStableFunc(events, compare)
		for _, event := range events {
			if err == nil {
				err = driver.Fail("Events."+method, s.schema, "event", "", ctx.Err())
			}
			if err != nil || !yield(event, nil) {
				break
			}
		}
		if err != nil {
			yield(driver.Event{}, err)
		}
	}
}

func (s *memoryStore) AllByAggregate(ctx context.Context, aggregate driver.Aggregate, from int64) iter.Seq2[driver.Event, error] {
	return s.all(ctx, "AllByAggregate", aggregate.Validate,
		func(e driver.Event) bool { return e.Aggregate() == aggregate && e.AggregateVersion >= from },
		func(a, b driver.Event) int { return cmp.Compare(a.AggregateVersion, b.AggregateVersion) })
}

func (s *memoryStore) AllUnprocessed(ctx context.Context, pageSize int) iter.Seq2[driver.Event, error] {
	check := func() error { _, err := driver.CheckLimit(pageSize); return err }
	return s.all(ctx, "AllUnprocessed", check, waiting, func(a, b driver.Event) int { return cmp.Compare(a.Position, b.Position) })
}

func (s *memoryStore) GetUnprocessedForUpdate(ctx context.Context, opts driver.LockOptions) ([]driver.Event, error) {
	return s.lock(ctx, "GetUnprocessedForUpdate", opts.Limit, opts.Columns)
}

// lock needs no locks: a transaction has all rows to itself.
func (s *memoryStore) lock(ctx context.Context, method string, limit int, columns []driver.EventColumn) ([]driver.Event, error) {
	_, err := driver.SelectEventColumns(columns)
	if err == nil && !s.inTx {
		err = driver.ErrTxRequired
	}
	if err == nil {
		err = s.writable()
	}
	if err != nil {
		return nil, driver.Fail("Events."+method, s.schema, "event", "", err)
	}
	return s.list(ctx, method, limit, waiting, nil)
}

func (s *memoryStore) ProcessUnprocessed(
	ctx context.Context, opts driver.ProcessOptions, fn func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error),
) (n int, err error) {
	const method = "ProcessUnprocessed"
	err = s.tx(ctx, "Events."+method, func(tx *memoryStore) error {
		events, err := tx.lock(ctx, method, opts.Limit, opts.Columns)
		if err != nil || len(events) == 0 {
			return err
		}
		done, err := fn(tx, events)
		if err != nil {
			return err
		}
		n, err = tx.mark(ctx, method, done)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (s *memoryStore) mark(ctx context.Context, method string, ids []uuid.UUID) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.run(ctx, method, func(tx *memoryStore) error {
		if err := tx.writable(); err != nil {
			return err
		}
		at, wanted := now(), make(map[uuid.UUID]bool, len(ids))
		for _, id := range ids {
			wanted[id] = true
		}
		for i := range tx.rows.events {
			if e := &tx.rows.events[i]; wanted[e.ID] && waiting(*e) {
				e.ProcessedAt = &at
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *memoryStore) MarkAsProcessed(ctx context.Context, id uuid.UUID) (bool, error) {
	n, err := s.mark(ctx, "MarkAsProcessed", []uuid.UUID{id})
	return n == 1, err
}

func (s *memoryStore) MarkMultipleAsProcessed(ctx context.Context, ids []uuid.UUID) (int, error) {
	return s.mark(ctx, "MarkMultipleAsProcessed", ids)
}

func (s *memoryStore) MarkMultipleAsProcessedBulk(ctx context.Context, ids []uuid.UUID, batchSize int) (int, error) {
	const method = "MarkMultipleAsProcessedBulk"
	if batchSize < 0 {
		return 0, driver.Fail("Events."+method, s.schema, "event", "", &driver.InvalidError{Field: "batch_size", Reason: "must not be negative"})
	}
	return s.mark(ctx, method, ids) // one batch: there is nothing to gain from more
}

func (s *memoryStore) CountUnprocessed(ctx context.Context) (n int64, err error) {
	err = s.run(ctx, "CountUnprocessed", func(tx *memoryStore) error {
		for _, event := range tx.rows.events {
			if waiting(event) {
				n++
			}
		}
		return nil
	})
	return n, err
}

// CountProcessing is 0: this backend has no leases.
func (s *memoryStore) CountProcessing(ctx context.Context) (int64, error) {
	return 0, s.run(ctx, "CountProcessing", func(*memoryStore) error { return nil })
}

func (s *memoryStore) CountByType(ctx context.Context, since time.Time) (map[string]int64, error) {
	counts := map[string]int64{}
	err := s.run(ctx, "CountByType", func(tx *memoryStore) error {
		for _, event := range tx.rows.events {
			if !event.OccurredAt.Before(since.Truncate(time.Microsecond)) {
				counts[event.EventType]++
			}
		}
		return nil
	})
	return counts, err
}
