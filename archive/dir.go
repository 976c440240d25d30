package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Dir is a [Storage] in a folder of the local file system: an object is a file, the slashes in its
// name separate folders. Several processes can use one folder, also over a network.
//
// Only the user of the process can read what it makes. A folder stays when its last file is
// deleted.
//
// A file is written under a hidden name beside its own, flushed to the disk, and then gets its name
// by a hard link, which can't replace another file; where the file system has no hard links, by
// renaming. A process that dies leaves the hidden file behind: see [Dir.RemoveUnfinished].
type Dir struct {
	root     *os.Root
	location string
	link     func(old, name string) error // root.Link, except in tests
}

// OpenDir opens a folder, and makes it if it is not there. The Dir reaches nothing outside of it,
// also not through a symbolic link. Close it in the end.
func OpenDir(path string) (*Dir, error) {
	dir, err := openDir(path)
	if err != nil {
		return nil, driver.Fail("OpenDir", "", "folder", path, err)
	}
	return dir, nil
}

func openDir(path string) (*Dir, error) {
	if path == "" {
		return nil, &driver.InvalidError{Field: "path", Reason: "is required"}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makeFolder(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{root: root, location: fileURL(path), link: root.Link}, nil
}

// makeFolder makes a folder and those above it, so that they survive a loss of power.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(folder)
	if above == folder {
		return fs.ErrNotExist // the drive
	}
	if err := makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return flushFolder(os.Open(above))
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // Windows: file:///C:/archives
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Location implements [Storage]: the folder as a URL, "file:///var/archives".
func (d *Dir) Location() string { return d.location }

// Close releases the folder. What is used afterwards is driver.ErrClosed, except that objects which
// are being written or read can be finished on most systems.
func (d *Dir) Close() error { return d.fail("Close", "", d.root.Close()) }

// Open implements [Storage].
func (d *Dir) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	file, err := d.open(ctx, name)
	if err != nil {
		return nil, d.fail("Open", name, err)
	}
	return &dirReader{ctx, d, name, file}, nil
}

func (d *Dir) open(ctx context.Context, name string) (*os.File, error) {
	if err := cmp.Or(CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	file, err := d.root.Open(name)
	if isNotThere(err) {
		return nil, &driver.Error{Kind: ErrMissing}
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &driver.Error{Kind: ErrMissing} // a folder
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

type dirReader struct {
	ctx  context.Context
	dir  *Dir
	name string
	file *os.File
}

func (r *dirReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.dir.fail("Read", r.name, err)
	}
	n, err := r.file.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, r.dir.fail("Read", r.name, err)
}

func (r *dirReader) Close() error { return r.file.Close() }

// Delete implements [Storage].
func (d *Dir) Delete(ctx context.Context, name string) error {
	return d.fail("Delete", name, d.delete(ctx, name))
}

func (d *Dir) delete(ctx context.Context, name string) error {
	if err := cmp.Or(CheckName(name), ctx.Err()); err != nil {
		return err
	}
	info, err := d.root.Lstat(name)
	if isNotThere(err) || err == nil && info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.root.Remove(name); err != nil && !isNotThere(err) {
		return err
	}
	return d.flush(path.Dir(name))
}

// List implements [Storage]. It reads one folder at a time. A file that is a symbolic link to
// another one in the Dir is listed, a folder that is a link is not.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := CheckPrefix(prefix); err != nil {
			yield(Object{}, d.fail("List", prefix, err))
			return
		}
		for name, err := range d.walk(".", prefix) {
			if err = cmp.Or(ctx.Err(), err); err != nil {
				yield(Object{}, d.fail("List", prefix, err))
				return
			}
			if CheckName(name) != nil || !strings.HasPrefix(name, prefix) {
				continue
			}
			info, err := d.root.Stat(name)
			if err != nil || !info.Mode().IsRegular() {
				continue // it was deleted meanwhile, or is a link to nowhere
			}
			if !yield(Object{name, info.Size()}, nil) {
				return
			}
		}
	}
}

// RemoveUnfinished removes what killed processes left half-written, if nothing was written to it
// for so long, and returns how many files that were. Give it longer than any write pauses: an hour,
// say. An object that is still being written then fails to commit.
func (d *Dir) RemoveUnfinished(olderThan time.Duration) (int, error) {
	removed, err := d.removeUnfinished(olderThan)
	return removed, d.fail("RemoveUnfinished", "", err)
}

func (d *Dir) removeUnfinished(olderThan time.Duration) (removed int, err error) {
	if olderThan < 0 {
		return 0, &driver.InvalidError{Field: "older_than", Reason: "must not be negative"}
	}
	before := time.Now().Add(-olderThan)
	for name, err := range d.walk(".", "") {
		if err != nil {
			return removed, err
		}
		if !isUnfinished(name) {
			continue
		}
		info, err := d.root.Lstat(name)
		if err == nil && info.ModTime().After(before) {
			continue
		}
		if err == nil {
			err = d.root.Remove(name)
		}
		if err == nil {
			removed++
		} else if !isNotThere(err) {
			return removed, err
		}
	}
	return removed, nil
}

// walk yields what is not a folder, in the order of the names, in folder and below, where names can
// begin with prefix. After an error it ends.
func (d *Dir) walk(folder, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		entries, err := fs.ReadDir(d.root.FS(), folder)
		if err != nil && (folder == "." || !isNotThere(err)) {
			yield("", err)
			return
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortKey(a), sortKey(b)) })
		for _, entry := range entries {
			name := path.Join(folder, entry.Name())
			if !entry.IsDir() {
				if !yield(name, nil) {
					return
				}
				continue
			}
			if within := name + "/"; checkPart(entry.Name()) != nil || !strings.HasPrefix(within, prefix) && !strings.HasPrefix(prefix, within) {
				continue
			}
			for name, err := range d.walk(name, prefix) {
				if !yield(name, err) || err != nil {
					return
				}
			}
		}
	}
}

// sortKey makes the files of a folder sort by their names in full: a-b comes before a/b.
func sortKey(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}

// flushAbove flushes the folders that an object is in, which may be new.
func (d *Dir) flushAbove(name string) error {
	for folder := path.Dir(name); ; folder = path.Dir(folder) {
		if err := d.flush(folder); err != nil || folder == "." {
			return err
		}
	}
}

func (d *Dir) flush(folder string) error { return flushFolder(d.root.Open(folder)) }

// flushFolder makes the names in a folder durable, and closes it. Windows can't, and some file
// systems either need not or can't.
func flushFolder(folder *os.File, err error) error {
	if err != nil {
		return fmt.Errorf("flush the folder: %w", err)
	}
	defer folder.Close()
	if runtime.GOOS == "windows" {
		return nil
	}
	err = folder.Sync()
	if err == nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return fmt.Errorf("flush the folder: %w", err)
}

// isNotThere reports whether an error says that there is no such file, or that a folder of its name
// is a file.
func isNotThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (d *Dir) fail(op, name string, err error) error {
	if errors.Is(err, fs.ErrClosed) {
		err = &driver.Error{Kind: driver.ErrClosed, Err: err}
	}
	return driver.Fail("Dir."+op, "", "object", name, err)
}
