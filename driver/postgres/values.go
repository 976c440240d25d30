package postgres

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// bind returns args as types that pgx encodes in binary without reflection.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case uuid.UUID:
			bound[i] = pgtype.UUID{Bytes: v, Valid: true}
		case *uuid.UUID:
			if v != nil {
				bound[i] = pgtype.UUID{Bytes: *v, Valid: true}
			}
		case json.RawMessage:
			bound[i] = string(v) // not []byte, which an unprepared statement takes for bytea
		case []uuid.UUID:
			list := make([]pgtype.UUID, len(v))
			for j, id := range v {
				list[j] = pgtype.UUID{Bytes: id, Valid: true}
			}
			bound[i] = list
		default:
			bound[i] = arg
		}
	}
	return bound
}

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
