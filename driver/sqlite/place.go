package sqlite

import (
	"errors"
	"os"
	"sync/atomic"

	"github.com/neomultitenant/neoevents/driver"
)

// place is the file that a database was opened from. SQLite does not notice that it was moved or deleted
// while it is open: what is committed then goes to a file that has no name any more, or another one, and a
// connection that is opened makes a new, empty one. So who opens one looks whether it is still there, and who has
// committed does before he says so.
type place struct {
	path string
	file os.FileInfo
	left atomic.Bool // it was not there any more, when somebody looked last
}

// placeOf looks at the file of a path; nil where there is none, as of a file system that the app brought.
func placeOf(path string) *place {
	file, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return &place{path: path, file: file}
}

var errMoved = errors.New("its file was moved or deleted while it was open; put it back, or close the DB and open it anew")

// check returns an error if the file is not in its place. committed tells that something was just committed to it.
func (p *place) check(committed bool) error {
	if p == nil {
		return nil
	}
	file, err := os.Stat(p.path)
	left := err != nil || !os.SameFile(file, p.file)
	p.left.Store(left)
	if !left {
		return nil
	}
	return &driver.Error{Kind: driver.ErrUnavailable, Err: &driver.UnavailableError{CommitUnknown: committed, Err: errMoved}}
}

// checkAgain is check where the file was not in its place when somebody looked last: else it does not look.
func (p *place) checkAgain() error {
	if p == nil || !p.left.Load() {
		return nil
	}
	return p.check(false)
}
