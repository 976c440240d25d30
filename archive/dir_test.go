package archive_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/archive/storagetest"
	"github.com/neomultitenant/neoevents/driver"
)

func openDir(t testing.TB, path string) *archive.Dir {
	t.Helper()
	dir, err := archive.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestDirIsAStorage(t *testing.T) {
	for name, change := range map[string]func(*archive.Dir) *archive.Dir{
		"as it is":          func(d *archive.Dir) *archive.Dir { return d },
		"without links":     archive.WithoutLinks,
		"with lost answers": archive.WithLostAnswers,
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) archive.Storage { return change(openDir(t, t.TempDir())) })
		})
	}
}

// begin writes to a new object and does not end it, as a process that dies.
func begin(t *testing.T, dir *archive.Dir, name string) archive.Writer {
	t.Helper()
	writer, err := dir.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte("unfinished")); err != nil {
		t.Fatal(err)
	}
	return writer
}

func put(t *testing.T, dir *archive.Dir, name string) {
	t.Helper()
	if err := begin(t, dir, name).Commit(); err != nil {
		t.Fatal(err)
	}
}

// files returns the paths of all files below a folder, hidden ones, too.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(folder, path)
			paths = append(paths, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func listed(t *testing.T, dir *archive.Dir) []string {
	t.Helper()
	var names []string
	for object, err := range dir.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, object.Name)
	}
	return names
}

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestDirLeavesNothingBesideItsObjects(t *testing.T) {
	for name, change := range map[string]func(*archive.Dir) *archive.Dir{
		"as it is": func(d *archive.Dir) *archive.Dir { return d }, "without links": archive.WithoutLinks, "with lost answers": archive.WithLostAnswers,
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			dir := change(openDir(t, path))
			late := begin(t, dir, "a/b")
			put(t, dir, "a/b")
			put(t, dir, "c")
			if err := late.Commit(); !errors.Is(err, driver.ErrAlreadyExists) {
				t.Errorf("got error %v, want driver.ErrAlreadyExists", err)
			}
			if err := begin(t, dir, "d").Abort(); err != nil {
				t.Error(err)
			}
			wantList(t, "the files", files(t, path), "a/b", "c")
		})
	}
}

func TestDirRemovesWhatDeadProcessesLeft(t *testing.T) {
	path := t.TempDir()
	dir := openDir(t, path)
	put(t, dir, "a/done")
	begin(t, dir, "a/old")
	begin(t, dir, "old")
	for _, file := range files(t, path) {
		hourAgo := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(path, file), hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	alive := begin(t, dir, "a/alive")
	// A claim on a name, from a file system without links.
	if err := os.WriteFile(filepath.Join(path, ".claimed.claim.part"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, archive.WithoutLinks(openDir(t, path)), "claimed").Commit(); !errors.Is(err, driver.ErrAlreadyExists) {
		t.Errorf("a claimed name: got error %v, want driver.ErrAlreadyExists", err)
	}
	wantList(t, "the objects", listed(t, dir), "a/done")
	for _, step := range []struct {
		olderThan time.Duration
		want      int
	}{{2 * time.Hour, 0}, {time.Minute, 2}, {time.Minute, 0}} {
		if removed, err := dir.RemoveUnfinished(step.olderThan); err != nil || removed != step.want {
			t.Errorf("older than %s: got %d removed (%v), want %d", step.olderThan, removed, err, step.want)
		}
	}
	if err := alive.Commit(); err != nil {
		t.Errorf("one that is still written: %v", err)
	}
	if removed, err := dir.RemoveUnfinished(0); err != nil || removed != 1 {
		t.Errorf("all: got %d removed (%v), want the claim", removed, err)
	}
	wantList(t, "the files", files(t, path), "a/alive", "a/done")
	if err := begin(t, archive.WithoutLinks(openDir(t, path)), "claimed").Commit(); err != nil {
		t.Errorf("a name that is free again: %v", err)
	}
	if _, err := dir.RemoveUnfinished(-1); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("a negative age: got error %v, want driver.ErrInvalid", err)
	}
}

func TestDirFailsToCommitWhatWasRemoved(t *testing.T) {
	dir := openDir(t, t.TempDir())
	writer := begin(t, dir, "a")
	if removed, err := dir.RemoveUnfinished(0); err != nil || removed != 1 {
		t.Fatalf("got %d removed (%v), want 1", removed, err)
	}
	if err := writer.Commit(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want one that is fs.ErrNotExist", err)
	}
	wantList(t, "the objects", listed(t, dir))
}

func TestDirLeavesForeignFilesAlone(t *testing.T) {
	path := t.TempDir()
	dir := openDir(t, path)
	put(t, dir, "a/b")
	foreign := []string{".DS_Store", ".git/config.part", "a/.hidden", "a/b c", "lost+found/x", "notes.txt~"}
	for _, name := range foreign {
		file := filepath.Join(path, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantList(t, "the objects", listed(t, dir), "a/b")
	if removed, err := dir.RemoveUnfinished(0); err != nil || removed != 0 {
		t.Errorf("got %d removed (%v), want none", removed, err)
	}
	want := append(foreign, "a/b")
	slices.Sort(want)
	got := files(t, path)
	slices.Sort(got)
	wantList(t, "the files", got, want...)
}

func TestDirReachesNothingOutside(t *testing.T) {
	outside, path := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "link")); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(path, "file")); err != nil {
		t.Fatal(err)
	}
	dir := openDir(t, path)
	for _, name := range []string{"link/secret", "file"} {
		if reader, err := dir.Open(t.Context(), name); err == nil {
			_ = reader.Close()
			t.Errorf("Open %s: got no error, want one", name)
		}
	}
	if writer, err := dir.Create(t.Context(), "link/new"); err == nil {
		_ = writer.Abort()
		t.Error("Create link/new: got no error, want one")
	}
	if err := dir.Delete(t.Context(), "link/secret"); err == nil {
		t.Error("Delete link/secret: got no error, want one")
	}
	wantList(t, "the objects", listed(t, dir))
	wantList(t, "the files outside", files(t, outside), "secret")
}

func TestDirIsForItsUserAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "new", "archives")
	dir := openDir(t, path)
	put(t, dir, "a/b")
	for name, want := range map[string]fs.FileMode{"": 0o700, "a": 0o700, "a/b": 0o600, "..": 0o700} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got&^want != 0 {
			t.Errorf("%q: got permissions %v, want no more than %v", name, got, want)
		}
	}
}

func TestDirTellsItsLocation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space", "ä%")
	got := openDir(t, path).Location()
	if !strings.HasPrefix(got, "file:///") || !strings.HasSuffix(got, "/with%20space/%C3%A4%25") {
		t.Errorf("got %q, want the URL of %s", got, path)
	}
	t.Chdir(path)
	if relative := openDir(t, ".").Location(); relative != got {
		t.Errorf("got %q for a relative path, want %q", relative, got)
	}
}

func TestOpenDirRefusesWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		_, err := archive.OpenDir(path)
		var failed *driver.Error
		if !errors.As(err, &failed) || failed.Op != "OpenDir" || failed.Key != path {
			t.Errorf("%s: got error %v, want a driver.Error of OpenDir", path, err)
		}
	}
	if _, err := archive.OpenDir(""); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("no path: got error %v, want driver.ErrInvalid", err)
	}
}

func TestAClosedDirSaysSo(t *testing.T) {
	dir, err := archive.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a")
	for range 2 {
		if err := dir.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, created := dir.Create(t.Context(), "b")
	_, opened := dir.Open(t.Context(), "a")
	_, removed := dir.RemoveUnfinished(0)
	listed := error(nil)
	for _, err := range dir.List(t.Context(), "") {
		listed = err
	}
	for op, err := range map[string]error{
		"Dir.Create": created, "Dir.Open": opened, "Dir.Delete": dir.Delete(t.Context(), "a"), "Dir.List": listed, "Dir.RemoveUnfinished": removed,
	} {
		var failed *driver.Error
		if !errors.As(err, &failed) || failed.Op != op || failed.Kind != driver.ErrClosed {
			t.Errorf("%s: got error %v, want driver.ErrClosed", op, err)
		}
	}
}
