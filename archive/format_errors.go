package archive

import (
	"errors"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
)

// CorruptError is the detail of [ErrCorrupt].
type CorruptError struct {
	Object string // the name of the object
	Line   int64  // of the event, from 1; 0: not a line of it
	Reason string // never holds what is stored
}

func (e *CorruptError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s line %d %s", e.Object, e.Line, e.Reason)
	}
	return e.Object + " " + e.Reason
}

// corrupt is an [ErrCorrupt] for driver.Fail.
func corrupt(object, reason string) error { return corruptLine(object, 0, reason) }

func corruptLine(object string, line int64, reason string) error {
	return &driver.Error{Kind: ErrCorrupt, Err: &CorruptError{object, line, reason}}
}

// because says what was being done to which object when a Storage failed, unless the error does.
func because(doing, object string, err error) error {
	var failed *driver.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &failed):
		return fmt.Errorf("%s %s: %w", doing, object, err)
	case failed.Op != "":
		return err
	case failed.Err == nil:
		return &driver.Error{Kind: failed.Kind, Err: fmt.Errorf("%s %s", doing, object)}
	}
	return &driver.Error{Kind: failed.Kind, Err: fmt.Errorf("%s %s: %w", doing, object, failed.Err)}
}
