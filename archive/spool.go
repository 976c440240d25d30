package archive

import (
	"context"
	"errors"
	"io"
	"os"
)

// spool returns a storage on this machine that has an object of another one, and a function that ends its use. Who
// reads from it in a transaction does not wait for a network meanwhile, nor for a connection to the database that
// the transaction is on.
func spool(ctx context.Context, storage Storage, object string) (local Storage, done func() error, err error) {
	if dir, is := storage.(*Dir); is {
		return dir, func() error { return nil }, nil
	}
	path, err := os.MkdirTemp("", "neoevents-archive-")
	if err != nil {
		return nil, nil, because("copy", object, err)
	}
	dir, err := OpenDir(path)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(path))
	}
	done = func() error { return errors.Join(dir.Close(), os.RemoveAll(path)) }
	if err := copyObject(ctx, dir, storage, object); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return dir, done, nil
}

func copyObject(ctx context.Context, to, from Storage, object string) error {
	in, err := from.Open(ctx, object)
	if err != nil {
		return because("open", object, err)
	}
	defer in.Close()
	out, err := to.Create(ctx, object)
	if err != nil {
		return because("copy", object, err)
	}
	defer out.Abort()
	if _, err := io.Copy(out, in); err != nil {
		return because("copy", object, err)
	}
	return because("copy", object, out.Commit())
}
