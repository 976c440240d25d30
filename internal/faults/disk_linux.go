//go:build linux

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk is what a disk would hold of the files in a folder if the power failed: of each what the last fsync covered,
// and the changes since, of which any part may be there. It stands between SQLite and the operating system, in
// the tables of functions by which SQLite's own code reaches its files.
type disk struct {
	mu    sync.Mutex
	files map[string]*durable
	fails func(call int32) int32 // the code that a call fails with, 0 if it does not
}

// durable is one file: what is on the disk for sure, and what was done since.
type durable struct {
	bytes   []byte
	changes []change
}

// change is a write, or with nil data the truncation to a size.
type change struct {
	at   int64
	data []byte
}

// The codes that calls can fail with tell which call it is, too.
const (
	ioErrorWrite = sqlite3.SQLITE_IOERR_WRITE
	ioErrorFsync = sqlite3.SQLITE_IOERR_FSYNC
)

// spinning is the disks that there are, by their folders.
var spinning sync.Map // string → *disk

// spin puts a disk under a folder, until stop.
func spin(dir string) (d *disk, stop func(), err error) {
	if err := intercept(); err != nil {
		return nil, nil, err
	}
	d = &disk{files: map[string]*durable{}}
	spinning.Store(dir, d)
	return d, func() { spinning.Delete(dir) }, nil
}

// under returns the disk that a file of SQLite's is on, nil for one of the others, and its path.
func under(file uintptr) (*disk, string) {
	path := libc.GoString((*sqlite3.TunixFile)(pointer(file)).FzPath)
	d, ok := spinning.Load(filepath.Dir(path))
	if !ok {
		return nil, ""
	}
	return d.(*disk), path
}

// of returns a file; call with the lock held.
func (d *disk) of(path string) *durable {
	f := d.files[filepath.Base(path)]
	if f == nil {
		f = &durable{}
		f.bytes, _ = os.ReadFile(path) // before it is changed for the first time
		d.files[filepath.Base(path)] = f
	}
	return f
}

func (d *disk) failure(call int32) int32 {
	if d.fails == nil {
		return sqlite3.SQLITE_OK
	}
	return d.fails(call)
}

// setFails makes calls fail from now on; nil: none.
func (d *disk) setFails(fails func(call int32) int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = fails
}

// sector is what a disk writes at once.
const sector = 512

// cut writes the database and its WAL to another folder as the disk has them if the power fails now. Of the changes that no fsync
// has covered all are there, none, or some: whole sectors are as they were, as they should be, or now and then
// garbage, whatever their order.
func (d *disk) cut(rng *rand.Rand, name, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	keep := cmp.Or(rng.IntN(3), 3) // of 3
	if rng.IntN(3) == 0 {
		keep = 0
	}
	var errs []error
	for _, suffix := range []string{"", "-wal"} {
		f := d.files[name+suffix]
		if f == nil {
			continue
		}
		content := bytes.Clone(f.bytes)
		for _, c := range f.changes {
			content = c.partly(content, func() fate {
				switch {
				case rng.IntN(3) >= keep:
					return gone
				case keep < 3 && rng.IntN(20) == 0:
					return garbage
				}
				return there
			}, rng)
		}
		errs = append(errs, os.WriteFile(filepath.Join(to, name+suffix), content, 0o600))
	}
	return errors.Join(errs...)
}

// fate is what became of a sector.
type fate int

const (
	there fate = iota
	gone
	garbage
)

// apply makes the change.
func (c change) apply(content []byte) []byte {
	return c.partly(content, func() fate { return there }, nil)
}

// partly makes parts of the change.
func (c change) partly(content []byte, next func() fate, rng *rand.Rand) []byte {
	if c.data == nil {
		if next() == there {
			content = content[:min(int64(len(content)), c.at)]
		}
		return content
	}
	for from := 0; from < len(c.data); {
		to := min(from+sector-int(c.at+int64(from))%sector, len(c.data))
		fate, begin, end := next(), int(c.at)+from, int(c.at)+to
		if fate != gone {
			if end > len(content) {
				content = append(content, make([]byte, end-len(content))...)
			}
			copy(content[begin:end], c.data[from:to])
		}
		if fate == garbage {
			for i := begin; i < end; i++ {
				content[i] = byte(rng.Uint32())
			}
		}
		from = to
	}
	return content
}

// SQLite's own functions, in the place of which these stand.
var (
	ownWrite    func(tls *libc.TLS, file, data uintptr, n int32, at int64) int32
	ownTruncate func(tls *libc.TLS, file uintptr, size int64) int32
	ownSync     func(tls *libc.TLS, file uintptr, flags int32) int32
)

func diskWrite(tls *libc.TLS, file, data uintptr, n int32, at int64) int32 {
	return onDisk(file, ioErrorWrite, func() int32 { return ownWrite(tls, file, data, n, at) }, func(f *durable) {
		f.changes = append(f.changes, change{at, bytes.Clone(unsafe.Slice((*byte)(pointer(data)), n))})
	})
}

func diskTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	return onDisk(file, ioErrorWrite, func() int32 { return ownTruncate(tls, file, size) }, func(f *durable) {
		f.changes = append(f.changes, change{at: size})
	})
}

func diskSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	return onDisk(file, ioErrorFsync, func() int32 { return ownSync(tls, file, flags) }, func(f *durable) {
		for _, c := range f.changes {
			f.bytes = c.apply(f.bytes)
		}
		f.changes = nil
	})
}

// onDisk makes a call, unless it fails, and notes what that did.
func onDisk(file uintptr, call int32, own func() int32, note func(*durable)) int32 {
	d, path := under(file)
	if d == nil {
		return own()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.of(path)
	if code := d.failure(call); code != sqlite3.SQLITE_OK {
		return code
	}
	code := own()
	if code == sqlite3.SQLITE_OK {
		note(f)
	}
	return code
}

// intercept puts the functions above into SQLite's tables: that of databases and that of the files beside them. The first
// call must be made before anybody else opens one.
var intercept = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "neoevents-disk-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tls := libc.NewTLS()
	defer tls.Close()
	handle := tls.Alloc(16)
	defer tls.Free(16)
	text := func(s string) uintptr {
		p, err := libc.CString(s)
		if err != nil {
			panic(err) // out of memory
		}
		return p
	}
	path, main, begin := text(filepath.Join(dir, "probe.db")), text("main"), text("PRAGMA journal_mode = WAL; CREATE TABLE probe (id)")
	defer func() {
		for _, p := range []uintptr{path, main, begin} {
			libc.Xfree(tls, p)
		}
	}()
	code := sqlite3.Xsqlite3_open_v2(tls, path, handle, sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE, 0)
	db := *(*uintptr)(pointer(handle))
	defer sqlite3.Xsqlite3_close_v2(tls, db)
	if code == sqlite3.SQLITE_OK {
		code = sqlite3.Xsqlite3_exec(tls, db, begin, 0, 0, 0)
	}
	for _, which := range []int32{sqlite3.SQLITE_FCNTL_FILE_POINTER, sqlite3.SQLITE_FCNTL_JOURNAL_POINTER} {
		if code != sqlite3.SQLITE_OK {
			break
		}
		if code = sqlite3.Xsqlite3_file_control(tls, db, main, which, handle); code == sqlite3.SQLITE_OK {
			replace(*(*uintptr)(pointer(handle)))
		}
	}
	if code != sqlite3.SQLITE_OK {
		return fmt.Errorf("SQLite's files can't be reached: result code %d", code)
	}
	return nil
})

// replace changes the table of functions of a file.
func replace(file uintptr) {
	table := (*sqlite3.Tsqlite3_io_methods)(pointer((*sqlite3.TunixFile)(pointer(file)).FpMethod))
	put := func(slot *uintptr, own, instead unsafe.Pointer) {
		if *(*uintptr)(own) == 0 {
			*(*uintptr)(own) = *slot
		}
		*slot = *(*uintptr)(instead)
	}
	write, truncate, sync := diskWrite, diskTruncate, diskSync
	put(&table.FxWrite, unsafe.Pointer(&ownWrite), unsafe.Pointer(&write))
	put(&table.FxTruncate, unsafe.Pointer(&ownTruncate), unsafe.Pointer(&truncate))
	put(&table.FxSync, unsafe.Pointer(&ownSync), unsafe.Pointer(&sync))
}

// pointer is an address in memory that SQLite has, which no garbage collector moves.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
