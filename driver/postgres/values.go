package postgres

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// bind returns args as types that pgx encodes in binary without reflection.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		bound[i] = binary(arg)
	}
	return bound
}

func binary(arg any) any {
	switch v := arg.(type) {
	case uuid.UUID:
		return pgtype.UUID{Bytes: v, Valid: true}
	case *uuid.UUID:
		if v == nil {
			return nil
		}
		return pgtype.UUID{Bytes: *v, Valid: true}
	case []uuid.UUID:
		if v == nil {
			return idList{} // nil is NULL
		}
		return idList(v)
	case []string:
		if v == nil {
			return []string{} // nil is NULL
		}
	}
	return scalar(arg)
}

// bindCopied is bind for a row of COPY, which knows the columns' types: what args point to is encoded from where it is, and
// JSON goes into text without a copy.
func bindCopied(bound, args []any) {
	for i, arg := range args {
		switch v := arg.(type) {
		case *uuid.UUID:
			bound[i] = idAt{v}
		case *string:
			bound[i] = textAt{v}
		case *int64:
			bound[i] = numberAt{v}
		case *time.Time:
			bound[i] = timeAt{v}
		case json.RawMessage:
			if bound[i] = nil; v != nil {
				bound[i] = []byte(v)
			}
		default:
			bound[i] = binary(arg)
		}
	}
}

// Pointers that may be nil, as pgx takes them without reflection. They are as large as a pointer, and so
// no memory is needed to put them into an interface.
type (
	idAt     struct{ at *uuid.UUID }
	textAt   struct{ at *string }
	numberAt struct{ at *int64 }
	timeAt   struct{ at *time.Time }
)

func (p idAt) UUIDValue() (v pgtype.UUID, err error) {
	if p.at != nil {
		v = pgtype.UUID{Bytes: *p.at, Valid: true}
	}
	return v, nil
}

func (p textAt) TextValue() (v pgtype.Text, err error) {
	if p.at != nil {
		v = pgtype.Text{String: *p.at, Valid: true}
	}
	return v, nil
}

func (p numberAt) Int64Value() (v pgtype.Int8, err error) {
	if p.at != nil {
		v = pgtype.Int8{Int64: *p.at, Valid: true}
	}
	return v, nil
}

func (p timeAt) TimestamptzValue() (v pgtype.Timestamptz, err error) {
	if p.at != nil {
		v = pgtype.Timestamptz{Time: *p.at, Valid: true}
	}
	return v, nil
}

// idList is ids as pgx encodes them without reflection, or where a statement is not prepared as a literal.
type idList []uuid.UUID

func (l idList) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(l)), LowerBound: 1}}
}

func (l idList) Index(i int) any { return idAt{&l[i]} }

func (l idList) IndexType() any { return idAt{} }

// Value implements database/sql/driver.Valuer.
func (l idList) Value() (driver.Value, error) { return l.text(), nil }

func (l idList) text() string {
	texts := make([]string, len(l))
	for i, id := range l {
		texts[i] = id.String()
	}
	return arrayText(texts)
}

// bindText returns args as types that every driver of database/sql takes: the server reads ids and
// lists from text.
func bindText(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case uuid.UUID:
			bound[i] = v.String()
		case *uuid.UUID:
			if v != nil {
				bound[i] = v.String()
			}
		case []uuid.UUID:
			bound[i] = idList(v).text()
		case []string:
			bound[i] = arrayText(v)
		default:
			bound[i] = scalar(arg)
		}
	}
	return bound
}

// scalar returns an argument that is neither an id nor a list as one that pgx and database/sql
// take: no pointer, and no JSON.
func scalar(arg any) any {
	switch v := arg.(type) {
	case json.RawMessage:
		if v == nil {
			return nil
		}
		return string(v) // not []byte, which an unprepared statement takes for bytea
	case []byte:
		if v == nil {
			return nil
		}
	case *time.Time:
		return pointee(v)
	case *int64:
		return pointee(v)
	case *int:
		return pointee(v)
	case *float64:
		return pointee(v)
	case *bool:
		return pointee(v)
	case *string:
		return pointee(v)
	}
	return arg
}

func pointee[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// arrayText is a list as an array literal.
// https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
func arrayText(texts []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, text := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		_, _ = escapeInArray.WriteString(&b, text) // a Builder takes all
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

var escapeInArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// scanTargets returns targets that pgx decodes into without reflection.
func scanTargets(targets []any) []any {
	wrapped := make([]any, len(targets))
	for i, target := range targets {
		switch v := target.(type) {
		case *uuid.UUID:
			wrapped[i] = (*[16]byte)(v)
		case **uuid.UUID:
			wrapped[i] = optionalUUID{v}
		case *time.Time:
			wrapped[i] = utcTime{v}
		case **time.Time:
			wrapped[i] = optionalUTCTime{v}
		case *json.RawMessage:
			wrapped[i] = (*[]byte)(v)
		default:
			wrapped[i] = target
		}
	}
	return wrapped
}

type optionalUUID struct{ to **uuid.UUID }

func (o optionalUUID) ScanUUID(v pgtype.UUID) error {
	*o.to = nil
	if v.Valid {
		id := uuid.UUID(v.Bytes)
		*o.to = &id
	}
	return nil
}

type utcTime struct{ to *time.Time }

func (t utcTime) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t.to = v.Time.UTC()
	return nil
}

type optionalUTCTime struct{ to **time.Time }

func (t optionalUTCTime) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t.to = nil
	if v.Valid {
		at := v.Time.UTC()
		*t.to = &at
	}
	return nil
}

// sqlTargets returns targets that database/sql stores into. It does the rest itself: uuid.UUID
// scans text.
func sqlTargets(targets []any) []any {
	wrapped := make([]any, len(targets))
	for i, target := range targets {
		switch v := target.(type) {
		case *time.Time:
			wrapped[i] = sqlTime{v}
		case **time.Time:
			wrapped[i] = optionalSQLTime{v}
		case *json.RawMessage:
			wrapped[i] = (*[]byte)(v)
		default:
			wrapped[i] = target
		}
	}
	return wrapped
}

type sqlTime struct{ to *time.Time }

func (t sqlTime) Scan(value any) error {
	at, ok := value.(time.Time)
	if !ok {
		return fmt.Errorf("a time comes as %T", value)
	}
	*t.to = at.UTC()
	return nil
}

type optionalSQLTime struct{ to **time.Time }

func (t optionalSQLTime) Scan(value any) error {
	if value == nil {
		*t.to = nil
		return nil
	}
	*t.to = new(time.Time)
	return sqlTime{*t.to}.Scan(value)
}
