package archiveblob

import (
	"cmp"
	"context"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/neomultitenant/neoevents/driver"
)

type writer struct {
	ctx    context.Context // the caller's
	name   string
	out    *blob.Writer // nil at the end
	cancel context.CancelFunc
	err    error // why nothing more can be written
}

func (w *writer) Write(p []byte) (int, error) {
	if err := cmp.Or(w.err, w.ctx.Err()); err != nil {
		return 0, fail("Write", w.name, err)
	}
	n, err := w.out.Write(p)
	w.err = err
	return n, fail("Write", w.name, err)
}

func (w *writer) Commit() error {
	if err := cmp.Or(w.err, w.ctx.Err()); err != nil {
		w.end()
		return fail("Commit", w.name, err)
	}
	defer w.cancel()
	err := w.out.Close()
	w.out, w.err = nil, driver.ErrClosed
	switch gcerrors.Code(err) {
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		err = &driver.Error{Kind: driver.ErrAlreadyExists, Err: plain(err)}
	}
	return fail("Commit", w.name, err)
}

func (w *writer) Abort() error {
	w.end()
	return nil
}

// end gives the upload up. A writer whose context has ended makes no object of what it has.
func (w *writer) end() {
	if w.out == nil {
		return
	}
	w.cancel()
	_ = w.out.Close()
	w.out, w.err = nil, driver.ErrClosed
}
