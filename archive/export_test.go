package archive

import (
	"io/fs"
	"os"
)

// WithoutLinks makes a Dir believe that its file system has no hard links.
func WithoutLinks(dir *Dir) *Dir {
	dir.link = func(old, name string) error {
		return &os.LinkError{Op: "link", Old: old, New: name, Err: fs.ErrPermission}
	}
	return dir
}

// WithLostAnswers makes a Dir get its links, and then an answer as from a second try.
func WithLostAnswers(dir *Dir) *Dir {
	dir.link = func(old, name string) error {
		if err := dir.root.Link(old, name); err != nil {
			return err
		}
		return dir.root.Link(old, name)
	}
	return dir
}
