package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Ids are text, times are microseconds since 1970, bytes are blobs, lists are JSON arrays.

// bind returns args as they are stored.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case uuid.UUID:
			bound[i] = v.String()
		case *uuid.UUID:
			if v != nil {
				bound[i] = v.String()
			}
		case time.Time:
			bound[i] = v.UnixMicro()
		case *time.Time:
			if v != nil {
				bound[i] = v.UnixMicro()
			}
		case json.RawMessage:
			if v != nil {
				bound[i] = string(v)
			}
		case []byte:
			if v != nil {
				bound[i] = v
			}
		case []uuid.UUID:
			bound[i] = uuidList(v)
		case []int64:
			bound[i] = list(v)
		case []string:
			bound[i] = list(append([]string{}, v...)) // nil would be JSON's null
		default:
			bound[i] = arg // database/sql takes numbers, text, pointers to them, and Valuers
		}
	}
	return bound
}

func uuidList(ids []uuid.UUID) string {
	const quoted = 36 + len(`"",`)
	list := make([]byte, 0, 2+quoted*len(ids))
	list = append(list, '[')
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, '"')
		list = hex.AppendEncode(list, id[:4])
		for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
			list = hex.AppendEncode(append(list, '-'), part)
		}
		list = append(list, '"')
	}
	return string(append(list, ']'))
}

// scanTargets returns targets that take what is stored.
func scanTargets(targets []any) []any {
	wrapped := make([]any, len(targets))
	for i, target := range targets {
		switch v := target.(type) {
		case *time.Time:
			wrapped[i] = microseconds{v}
		case **time.Time:
			wrapped[i] = optionalMicroseconds{v}
		case *json.RawMessage:
			wrapped[i] = (*[]byte)(v)
		case *[]byte:
			wrapped[i] = blob{v}
		default:
			wrapped[i] = target // numbers, text, pointers to them, and Scanners such as uuid.UUID
		}
	}
	return wrapped
}

// blob takes an empty blob for one: the driver has no bytes for it, as for NULL.
type blob struct{ to *[]byte }

func (b blob) Scan(value any) error {
	if value == nil {
		*b.to = nil
		return nil
	}
	bytes, ok := value.([]byte)
	if !ok {
		return fmt.Errorf("bytes are stored as %T", value)
	}
	*b.to = append([]byte{}, bytes...)
	return nil
}

type microseconds struct{ to *time.Time }

func (m microseconds) Scan(value any) error {
	us, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T, not as microseconds", value)
	}
	*m.to = time.UnixMicro(us).UTC()
	return nil
}

type optionalMicroseconds struct{ to **time.Time }

func (m optionalMicroseconds) Scan(value any) error {
	if value == nil {
		*m.to = nil
		return nil
	}
	*m.to = new(time.Time)
	return microseconds{*m.to}.Scan(value)
}
