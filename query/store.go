package query

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Store is the repositories of one schema on an Executor.
type Store struct {
	shared *shared
	exec   Executor
	tx     driver.TxConfig // of the transaction that InTx began; zero outside one
	events *events

	effects *effects // in a transaction that inTx began: what is to follow its commit
}

// shared is what a Store and the Stores of its transactions have in common. The statements of a
// repository are built when it is first used.
type shared struct {
	schema  string
	dialect *Dialect
	config  driver.Config

	nowSQL          string
	unknownKeySQL   string // a key that secrets are under and that is not on a list
	horizon         *horizon
	partitioning    *partitioning // nil: the events are in one table
	holding         sync.Mutex    // one claim at a time puts rows out of the way
	inOrder         atomic.Bool   // somebody claims with PerAggregateOrder
	wakeups         Wakeups
	eventSQL        *eventSQL
	claimSQL        func() *claimSQL
	deadLetterSQL   func() *deadLetterSQL
	consumerSQL     func() *consumerSQL
	endpointSQL     func() *endpointSQL
	eventTypeSQL    func() *eventTypeSQL
	subscriptionSQL func() *subscriptionSQL
	deliverySQL     func() *deliverySQL
	actionSQL       func() *actionSQL
	executionSQL    func() *executionSQL

	archiveSQL       func() *archiveSQL
	archivingSQL     func() *archivingSQL
	detachingSQL     func() *detachingSQL
	archiveRuleSQL   func() *archiveRuleSQL
	archiveJobSQL    func() *archiveJobSQL
	archiveObjectSQL func() *archiveObjectSQL
}

// NewStore returns the repositories of a schema whose tables are there.
func NewStore(schema string, d *Dialect, exec Executor, config driver.Config, wakeups Wakeups) *Store {
	return makeStore(schema, d, exec, config, wakeups, nil)
}

// OpenStore is NewStore, with CheckKeys, for a schema whose events may be partitioned. It finds out whether
// they are in the same round trip.
func OpenStore(ctx context.Context, schema string, d *Dialect, exec Executor, config driver.Config, wakeups Wakeups, p Partitions) (*Store, error) {
	size, end := config.EventPartitions, int64(0)
	last, missing := int64(0), ""
	if config.Migrations != driver.MigrateNever { // not even a look
		s := &schemaSQL{dialect: d, schema: schema}
		sql := s.render(sq.Select("b.size", "b.last_end", "b.last_position").Column(sq.Expr("coalesce((?), '')", s.unknownKey())).
			From("(" + d.PartitionBounds(Table{schema, eventsTable}, Table{schema, keysTable}) + ") b"))
		err := exec.Query(ctx, sql, []any{config.Keys.IDs()}, []any{&size, &end, &last, &missing}, nil)
		if err == nil && missing != "" {
			err = &driver.MissingKeyError{KeyID: missing}
		}
		if err != nil {
			return nil, driver.Fail("Store", schema, "schema", "", err)
		}
	}
	if size == 0 {
		return NewStore(schema, d, exec, config, wakeups), nil
	}
	partitioning := newPartitioning(p, schema, config, size, end)
	if end > 0 {
		partitioning.ahead(ctx, last)
	}
	return makeStore(schema, d, exec, config, wakeups, partitioning), nil
}

func makeStore(schema string, d *Dialect, exec Executor, config driver.Config, wakeups Wakeups, partitioning *partitioning) *Store {
	s := &schemaSQL{d, schema, partitioning != nil}
	archives := once(newArchiveSQL, s)
	return newStore(&shared{
		schema: schema, dialect: d, config: config, wakeups: wakeups, horizon: newHorizon(s), partitioning: partitioning,
		nowSQL:          s.render(sq.Select(d.Now)),
		unknownKeySQL:   s.render(s.unknownKey()),
		eventSQL:        newEventSQL(s),
		claimSQL:        once(newClaimSQL, s),
		deadLetterSQL:   once(newDeadLetterSQL, s),
		consumerSQL:     once(newConsumerSQL, s),
		endpointSQL:     once(newEndpointSQL, s),
		eventTypeSQL:    once(newEventTypeSQL, s),
		subscriptionSQL: once(newSubscriptionSQL, s),
		deliverySQL:     once(newDeliverySQL, s),
		actionSQL:       once(newActionSQL, s),
		executionSQL:    once(newExecutionSQL, s),

		archiveSQL:       archives,
		archivingSQL:     sync.OnceValue(func() *archivingSQL { return newArchivingSQL(archives().table) }),
		detachingSQL:     sync.OnceValue(func() *detachingSQL { return newDetachingSQL(archives().table) }),
		archiveRuleSQL:   once(newArchiveRuleSQL, s),
		archiveJobSQL:    once(newArchiveJobSQL, s),
		archiveObjectSQL: once(newArchiveObjectSQL, s),
	}, exec)
}

func once[S any](build func(*schemaSQL) *S, s *schemaSQL) func() *S {
	return sync.OnceValue(func() *S { return build(s) })
}

func newStore(s *shared, exec Executor) *Store {
	store := &Store{shared: s, exec: exec}
	store.events = &events{shared: s, sql: s.eventSQL, exec: exec, store: store}
	return store
}

// On returns the same repositories on another Executor, such as a transaction that the app began.
func (s *Store) On(exec Executor) *Store { return newStore(s.shared, exec) }

// inside returns the same repositories in a transaction that InTx of exec began, of which tx was
// asked.
func (s *Store) inside(exec Executor, tx driver.TxConfig) *Store {
	store := newStore(s.shared, exec)
	store.tx, store.effects = tx, s.effects
	return store
}

// unknownKey selects a key that secrets are under and that is not on a list, its parameter.
func (s *schemaSQL) unknownKey() sq.SelectBuilder {
	return sq.Select("key_id").From(s.quote(endpointsTable)).Where("key_id <> '' AND NOT (key_id " + s.dialect.IsOneText + ")").Suffix("LIMIT 1")
}

// CheckKeys tells if secrets are stored that the key ring can't open: ErrMissingKey.
func (s *Store) CheckKeys(ctx context.Context) error {
	var missing string
	err := s.exec.Query(ctx, s.shared.unknownKeySQL, []any{s.shared.config.Keys.IDs()}, []any{&missing}, nil)
	if err == nil && missing != "" {
		err = &driver.MissingKeyError{KeyID: missing}
	}
	return driver.Fail("Store", s.shared.schema, "key", "", err)
}

// Dialect is the dialect the Store was made with.
func (s *Store) Dialect() *Dialect { return s.shared.dialect }

// WriteLock is a statement that changes nothing, and takes the write lock where the database has
// one.
func (s *Store) WriteLock() string {
	return "DELETE FROM " + s.shared.dialect.Quote(Table{s.shared.schema, queueTable}) + " WHERE position < 0"
}

// Schema implements driver.Store.
func (s *Store) Schema() string { return s.shared.schema }

// Events implements driver.Store.
func (s *Store) Events() driver.EventRepository { return s.events }

// DeadLetters implements driver.Store.
func (s *Store) DeadLetters() driver.DeadLetterRepository {
	return &deadLetters{s.shared, s.shared.deadLetterSQL(), s.exec, s}
}

// Consumers implements driver.Store.
func (s *Store) Consumers() driver.ConsumerRepository {
	return &consumers{s.shared, s.shared.consumerSQL(), s.exec, s}
}

// Endpoints implements driver.Store.
func (s *Store) Endpoints() driver.EndpointRepository {
	sql := s.shared.endpointSQL()
	return &endpoints{newRepository(s.shared, sql.table, s.exec), sql}
}

// EventTypes implements driver.Store.
func (s *Store) EventTypes() driver.EventTypeRepository {
	sql := s.shared.eventTypeSQL()
	return &eventTypes{newRepository(s.shared, sql.table, s.exec), sql}
}

// Subscriptions implements driver.Store.
func (s *Store) Subscriptions() driver.SubscriptionRepository {
	sql := s.shared.subscriptionSQL()
	return &subscriptions{newRepository(s.shared, sql.table, s.exec), sql}
}

// Deliveries implements driver.Store.
func (s *Store) Deliveries() driver.DeliveryRepository {
	sql := s.shared.deliverySQL()
	return &deliveries{newRepository(s.shared, sql.table, s.exec), sql}
}

// Actions implements driver.Store.
func (s *Store) Actions() driver.ActionRepository {
	sql := s.shared.actionSQL()
	return &actions{newRepository(s.shared, sql.table, s.exec), sql}
}

// Executions implements driver.Store.
func (s *Store) Executions() driver.ExecutionRepository {
	sql := s.shared.executionSQL()
	return &executions{newRepository(s.shared, sql.table, s.exec), sql}
}

// Archives implements driver.Store.
func (s *Store) Archives() driver.ArchiveRepository {
	sql := s.shared.archiveSQL()
	return &archives{newRepository(s.shared, sql.table, s.exec), sql, s}
}

// ArchiveRules implements driver.Store.
func (s *Store) ArchiveRules() driver.ArchiveRuleRepository {
	sql := s.shared.archiveRuleSQL()
	return &archiveRules{newRepository(s.shared, sql.table, s.exec), sql}
}

// ArchiveJobs implements driver.Store.
func (s *Store) ArchiveJobs() driver.ArchiveJobRepository {
	sql := s.shared.archiveJobSQL()
	return &archiveJobs{newRepository(s.shared, sql.table, s.exec), sql}
}

// ArchiveObjects implements driver.Store.
func (s *Store) ArchiveObjects() driver.ArchiveObjectRepository {
	return &archiveObjects{s.shared, s.shared.archiveObjectSQL(), s.exec}
}

// InTx implements driver.Store.
func (s *Store) InTx(ctx context.Context, fn func(tx driver.Store) error, opts ...driver.TxOption) error {
	config, err := driver.NewTxConfig(opts...)
	if err == nil && s.exec.IsTx() {
		err = config.CheckInside(s.tx)
		config = s.tx
	}
	if err != nil {
		return driver.Fail("InTx", s.shared.schema, "transaction", "", err)
	}
	err = s.inTx(ctx, config, func(inside *Store) error { return fn(inside) }, opts...)
	var own *driver.Error
	if errors.As(err, &own) && own.Op == "" { // the transaction's own failure, not fn's
		return driver.Fail("InTx", s.shared.schema, "transaction", "", err)
	}
	return err
}

// inTx runs fn in a transaction or savepoint, and wakes who waits if it made events ready.
func (s *Store) inTx(ctx context.Context, config driver.TxConfig, fn func(inside *Store) error, opts ...driver.TxOption) error {
	var after effects
	err := writable(s.exec).InTx(ctx, func(tx Executor) error {
		if config.ReadOnly {
			tx = readOnly{tx}
		}
		inside := s.inside(tx, config)
		if !s.exec.IsTx() {
			inside.effects = &after
		}
		return fn(inside)
	}, opts...)
	if err == nil {
		s.follow(ctx, after)
	}
	return err
}

// effects are what is to follow the commit of a transaction.
type effects struct {
	ready bool        // events became ready
	gone  []uuid.UUID // events whose aggregates may go on
}

// follow does what follows a commit. It can't fail any more: what is left undone is noticed later.
func (s *Store) follow(ctx context.Context, after effects) {
	if len(after.gone) > 0 {
		_ = s.events.unhold(ctx, after.gone)
	}
	if after.ready {
		s.shared.wakeups.Changed(s.shared.schema)
	}
}

// IsTx reports whether the Store is inside a transaction. driver.RetryTx asks.
func (s *Store) IsTx() bool { return s.exec.IsTx() }

// Close implements driver.Store: the DB owns the connections.
func (s *Store) Close() error { return nil }
