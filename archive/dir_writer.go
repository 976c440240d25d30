package archive

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

// Create implements [Storage]. It makes the folders in the name.
func (d *Dir) Create(ctx context.Context, name string) (Writer, error) {
	writer, err := d.create(ctx, name)
	if err != nil {
		return nil, d.fail("Create", name, err)
	}
	return writer, nil
}

func (d *Dir) create(ctx context.Context, name string) (*dirWriter, error) {
	if err := cmp.Or(CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	if err := d.checkFree(name); err != nil {
		return nil, err
	}
	if err := d.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, err
	}
	unfinished := unfinishedName(name, rand.Text())
	file, err := d.root.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &dirWriter{ctx: ctx, dir: d, name: name, unfinished: unfinished, file: file}, nil
}

// checkFree reports driver.ErrAlreadyExists if a file has this name.
func (d *Dir) checkFree(name string) error {
	_, err := d.root.Lstat(name)
	switch {
	case err == nil:
		return driver.ErrAlreadyExists
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// unfinishedName is the hidden name of a file that is not yet the object name.
func unfinishedName(name, mark string) string {
	folder, file := path.Split(name)
	return folder + "." + file + "." + mark + ".part"
}

func isUnfinished(name string) bool {
	file := path.Base(name)
	return strings.HasPrefix(file, ".") && strings.HasSuffix(file, ".part")
}

type dirWriter struct {
	ctx        context.Context
	dir        *Dir
	name       string
	unfinished string
	file       *os.File
	err        error // why nothing more can be written
}

func (w *dirWriter) Write(p []byte) (int, error) {
	if err := cmp.Or(w.err, w.ctx.Err()); err != nil {
		return 0, w.dir.fail("Write", w.name, err)
	}
	n, err := w.file.Write(p)
	w.err = err
	return n, w.dir.fail("Write", w.name, err)
}

func (w *dirWriter) Commit() error {
	if w.file == nil {
		return w.dir.fail("Commit", w.name, w.err)
	}
	err := w.commit()
	// A file that has its name by a link still has the hidden one, too, which nobody sees: never mind
	// if it can't be removed now.
	_ = w.end()
	return w.dir.fail("Commit", w.name, err)
}

func (w *dirWriter) commit() error {
	if err := cmp.Or(w.err, w.ctx.Err()); err != nil {
		return err
	}
	// The content first: a name must not survive a loss of power that the content does not.
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := w.dir.publish(w.unfinished, w.name); err != nil {
		return err
	}
	if err := w.dir.flushAbove(w.name); err != nil {
		return errors.Join(err, w.dir.root.Remove(w.name))
	}
	return nil
}

func (w *dirWriter) Abort() error {
	if w.file == nil {
		return nil
	}
	return w.dir.fail("Abort", w.name, w.end())
}

// end closes the file and removes its hidden name.
func (w *dirWriter) end() error {
	_ = w.file.Close() // what was not flushed is not wanted
	w.file, w.err = nil, driver.ErrClosed
	if err := w.dir.root.Remove(w.unfinished); err != nil && !isNotThere(err) {
		return err
	}
	return nil
}

// publish gives a finished file its name if that is free.
func (d *Dir) publish(unfinished, name string) error {
	err := d.link(unfinished, name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		if d.isSame(unfinished, name) {
			return nil // NFS: the first answer was lost, and this is the second one
		}
		return driver.ErrAlreadyExists
	}
	return d.rename(unfinished, name)
}

func (d *Dir) isSame(a, b string) bool {
	infoA, errA := d.root.Lstat(a)
	infoB, errB := d.root.Lstat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// rename does what publish does where there are no hard links: on FAT, and some file systems of
// networks and of user space. Renaming would replace a file, so whoever looks whether there is one
// holds a claim on the name meanwhile. One who is killed then leaves it claimed, until
// RemoveUnfinished.
func (d *Dir) rename(unfinished, name string) error {
	claim := unfinishedName(name, "claim")
	file, err := d.root.OpenFile(claim, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return driver.ErrAlreadyExists
	}
	if err != nil {
		return err
	}
	defer d.root.Remove(claim)
	if err := cmp.Or(file.Close(), d.checkFree(name)); err != nil {
		return err
	}
	return d.root.Rename(unfinished, name)
}
