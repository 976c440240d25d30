package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// archiveObjectSQL is the statements on objects.
type archiveObjectSQL struct {
	create         string // parameters: id, name
	append         string // bytes, name, chunks, data; "" where it takes two statements:
	count, add     string // bytes, name, chunks; chunks, data, name
	commit         string // name to be, name
	get, forget    string // name
	read           string // number, name
	list, listFrom string // from, to, limit; without an end: from, limit
}

func newArchiveObjectSQL(s *schemaSQL) *archiveObjectSQL {
	objects, chunks := s.quote(objectsTable), s.quote(chunksTable)
	columns := []string{"id", "name", "size_bytes", "chunks", "created_at", "is_complete"}
	returning := "RETURNING " + strings.Join(columns, ", ")
	all := sq.Select(columns...).From(objects)
	count := sq.Update(objects).Set("chunks", sq.Expr("chunks + 1")).Set("size_bytes", sq.Expr("size_bytes + ?")).
		Where("name = ? AND chunks = ? AND NOT is_complete")
	add := sq.Insert(chunks).Columns("object_id", "number", "data")
	sql := &archiveObjectSQL{
		create: s.render(sq.Insert(objects).Columns("id", "name").Values(sq.Expr("?"), sq.Expr("?")).
			Suffix("ON CONFLICT DO NOTHING " + returning)),
		commit: s.render(sq.Update(objects).Set("name", sq.Expr("?")).Set("is_complete", sq.Expr("TRUE")).
			Where("name = ? AND NOT is_complete").Suffix(returning)),
		get:      s.render(all.Where("name = ?")),
		read:     s.render(sq.Select("data").From(chunks).Where("number = ? AND object_id = (SELECT id FROM " + objects + " WHERE name = ?)")),
		forget:   s.render(sq.Delete(objects).Where("name = ?")),
		list:     s.list(all.Where("name >= ? AND name < ?"), "name"),
		listFrom: s.list(all.Where("name >= ?"), "name"),
	}
	if s.dialect.WritableCTE {
		sql.append = s.render(add.Select(sq.Select("id", "chunks - 1", "?").From("counted")).
			PrefixExpr(sq.Expr("WITH counted AS (?)", count.Suffix("RETURNING id, chunks"))))
	} else {
		sql.count = s.render(count)
		sql.add = s.render(add.Select(sq.Select("id", "?", "?").From(objects).Where("name = ?")))
	}
	return sql
}

// archiveObjects implements driver.ArchiveObjectRepository.
type archiveObjects struct {
	*shared
	sql  *archiveObjectSQL
	exec Executor
}

// fail leaves out a name that may be anything.
func (r *archiveObjects) fail(op, name string, err error) error {
	if driver.CheckObjectName(name) != nil {
		name = ""
	}
	return driver.Fail("ArchiveObjects."+op, r.schema, "object", name, err)
}

func (r *archiveObjects) Create(ctx context.Context, name string) (driver.ArchiveObject, error) {
	object, err := r.create(ctx, name)
	return object, r.fail("Create", name, err)
}

func (r *archiveObjects) create(ctx context.Context, name string) (object driver.ArchiveObject, err error) {
	if err := driver.CheckObjectName(name); err != nil {
		return object, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return object, fmt.Errorf("new id: %w", err)
	}
	err = r.writing(ctx, r.exec, func(x Executor) error {
		object, err = first(ctx, x, r.sql.create, id, name)
		return err
	})
	if err == nil && object.ID == uuid.Nil {
		err = driver.ErrAlreadyExists
	}
	return object, err
}

func (r *archiveObjects) Append(ctx context.Context, name string, chunks int, data []byte) error {
	err := driver.CheckObjectName(name)
	if err == nil {
		err = driver.CheckObjectChunk(chunks, data)
	}
	if err != nil {
		return r.fail("Append", name, err)
	}
	added, err := r.add(ctx, name, chunks, data)
	if err == nil && added == 0 {
		err = r.explain(ctx, name, &driver.Error{Kind: driver.ErrConflict, Err: fmt.Errorf("it has another number of chunks than %d", chunks)})
	}
	return r.fail("Append", name, err)
}

// add adds a chunk, and reports how many it added: none if there are not so many before it. Of several
// that do it at once the first is in the way of the others, which find one chunk more when it has ended.
func (r *archiveObjects) add(ctx context.Context, name string, chunks int, data []byte) (added int64, err error) {
	if r.sql.append != "" {
		return r.exec.Exec(ctx, r.sql.append, []any{int64(len(data)), name, chunks, data})
	}
	err = r.exec.InTx(ctx, func(x Executor) error {
		if added, err = x.Exec(ctx, r.sql.count, []any{int64(len(data)), name, chunks}); err != nil || added == 0 {
			return err
		}
		_, err = x.Exec(ctx, r.sql.add, []any{chunks, data, name})
		return err
	})
	return added, err
}

// explain says why an object could not be written to: it is not there, it is complete, or something
// else.
func (r *archiveObjects) explain(ctx context.Context, name string, otherwise error) error {
	object, err := r.get(ctx, name)
	switch {
	case err != nil:
		return err
	case object.IsComplete:
		return stateError("the object is complete")
	}
	return otherwise
}

func (r *archiveObjects) Commit(ctx context.Context, name, as string) (driver.ArchiveObject, error) {
	object, err := r.commit(ctx, name, as)
	if errors.Is(err, driver.ErrAlreadyExists) {
		name = as
	}
	return object, r.fail("Commit", name, err)
}

func (r *archiveObjects) commit(ctx context.Context, name, as string) (object driver.ArchiveObject, err error) {
	if err := driver.CheckObjectName(name); err != nil {
		return object, err
	}
	if err := driver.CheckObjectName(as); err != nil {
		return object, &driver.InvalidError{Field: "as", Reason: err.(*driver.InvalidError).Reason}
	}
	run := func(x Executor) error {
		object, err = first(ctx, x, r.sql.commit, as, name)
		return err
	}
	if r.dialect.WritableCTE && !r.exec.IsTx() {
		err = run(r.exec)
	} else { // a savepoint: a name that is taken must not end the transaction
		err = r.exec.InTx(ctx, run)
	}
	if err == nil && object.ID == uuid.Nil {
		err = r.explain(ctx, name, driver.ErrNotFound) // somebody began it meanwhile
	}
	return object, err
}

func (r *archiveObjects) Get(ctx context.Context, name string) (driver.ArchiveObject, error) {
	err := driver.CheckObjectName(name)
	var object driver.ArchiveObject
	if err == nil {
		object, err = r.get(ctx, name)
	}
	return object, r.fail("Get", name, err)
}

func (r *archiveObjects) get(ctx context.Context, name string) (driver.ArchiveObject, error) {
	object, err := first(ctx, r.exec, r.sql.get, name)
	if err == nil && object.ID == uuid.Nil {
		err = driver.ErrNotFound
	}
	return object, err
}

func (r *archiveObjects) ReadChunk(ctx context.Context, name string, number int) ([]byte, error) {
	data, err := r.readChunk(ctx, name, number)
	return data, r.fail("ReadChunk", name, err)
}

func (r *archiveObjects) readChunk(ctx context.Context, name string, number int) ([]byte, error) {
	if err := driver.CheckObjectName(name); err != nil {
		return nil, err
	}
	if err := driver.CheckChunkNumber("number", number); err != nil {
		return nil, err
	}
	var data []byte
	err := r.exec.Query(ctx, r.sql.read, []any{number, name}, []any{&data}, nil)
	if err == nil && data == nil {
		err = driver.ErrNotFound
	}
	return data, err
}

func (r *archiveObjects) Delete(ctx context.Context, name string) (bool, error) {
	err := driver.CheckObjectName(name)
	deleted := int64(0)
	if err == nil {
		deleted, err = r.exec.Exec(ctx, r.sql.forget, []any{name})
	}
	return deleted > 0, r.fail("Delete", name, err)
}

func (r *archiveObjects) List(ctx context.Context, prefix, after string, limit int) ([]driver.ArchiveObject, error) {
	n, err := driver.CheckLimit(limit)
	if err == nil {
		err = driver.CheckObjectRange(prefix, after)
	}
	if err != nil {
		return nil, r.fail("List", "", err)
	}
	from := prefix
	if after >= prefix {
		from = after + "\x01" // between these two there is no name, for none holds a NUL
	}
	sql, args := r.sql.listFrom, []any{from, int64(n)}
	if to := behindPrefix(prefix); to != "" {
		sql, args = r.sql.list, []any{from, to, int64(n)}
	}
	objects, err := queryObjects(ctx, r.exec, sql, args)
	return objects, r.fail("List", "", err)
}

// behindPrefix is the first text, by bytes, behind all that begin with a prefix; "" if there is none. It
// is valid UTF-8, as the prefix is, whose order by bytes is that by characters.
func behindPrefix(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch last {
		case utf8.MaxRune:
			continue
		case 0xD7FF: // before the surrogates, which are no characters
			last = 0xE000
		default:
			last++
		}
		return prefix + string(last)
	}
	return ""
}

// first runs a statement that returns one object at the most; one without an ID if it returns none.
func first(ctx context.Context, x Executor, sql string, args ...any) (driver.ArchiveObject, error) {
	objects, err := queryObjects(ctx, x, sql, args)
	if err != nil || len(objects) == 0 {
		return driver.ArchiveObject{}, err
	}
	return objects[0], nil
}

func queryObjects(ctx context.Context, x Executor, sql string, args []any) ([]driver.ArchiveObject, error) {
	var row driver.ArchiveObject
	rows := []driver.ArchiveObject{}
	targets := []any{&row.ID, &row.Name, &row.SizeBytes, &row.Chunks, &row.CreatedAt, &row.IsComplete}
	err := x.Query(ctx, sql, args, targets, func() { rows = append(rows, row) })
	if err != nil {
		return nil, err
	}
	return rows, nil
}
