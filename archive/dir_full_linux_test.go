package archive

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// smallDisk mounts a file system of 256 kB.
func smallDisk(t *testing.T) (path string) {
	t.Helper()
	path = t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small file system can't be mounted, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestAFullDiskLeavesNothingAndSaysSo(t *testing.T) {
	path := smallDisk(t)
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	events := newEvents(10)
	random := rand.NewChaCha8([32]byte{})
	for i := range events {
		noise := make([]byte, 50_000)
		_, _ = random.Read(noise)
		for j := range noise {
			noise[j] = 'A' + noise[j]%26
		}
		events[i].EventData = []byte(`{"noise":"` + string(noise) + `"}`)
	}
	for name, encrypt := range map[string]bool{"plain": false, "encrypted": true} {
		a := newArchived(t, dir, "tenant_acme/2026", encrypt)
		_, err = writeFile(t.Context(), dir, a.name, each(events), a.options)
		wantKind(t, name, err, syscall.ENOSPC)
		var failed *driver.Error
		if !errors.As(err, &failed) || !strings.HasPrefix(failed.Op, "Dir.") || failed.Key != objectName(a.name, encrypt) {
			t.Errorf("%s: got error %v, want a driver.Error that names the object", name, err)
		}
		wantObjects(t, dir)
		if left, _ := filepath.Glob(filepath.Join(path, "tenant_acme", ".*")); len(left) > 0 {
			t.Errorf("%s: got the files %q left, want none", name, left)
		}
		a.write(t, events[:2]) // there is room again
		if err := a.verify(); err != nil {
			t.Error(err)
		}
		if err := deleteFile(t.Context(), dir, a.name); err != nil {
			t.Error(err)
		}
	}
}

func TestAFullDiskIsFoundByTheManifest(t *testing.T) {
	path := smallDisk(t)
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	a := newArchived(t, dir, "a", false)
	filler := filepath.Join(path, "filler")
	events := func(yield func(driver.Event, error) bool) {
		if !yield(newEvents(1)[0], nil) {
			return
		}
		// All but the page that the object with the events is going to need.
		if err := os.WriteFile(filler, make([]byte, 256<<10-os.Getpagesize()), 0o600); err != nil {
			t.Errorf("filling the disk: %v", err)
		}
	}
	_, err = writeFile(t.Context(), dir, a.name, events, a.options)
	wantKind(t, "the manifest", err, syscall.ENOSPC)
	if err != nil && !strings.Contains(err.Error(), "a.manifest.json") {
		t.Errorf("got error %v, want one that names the manifest", err)
	}
	wantKind(t, "the archive", a.verify(), ErrMissing)
	if err := errors.Join(deleteFile(t.Context(), dir, a.name), os.Remove(filler)); err != nil {
		t.Fatal(err)
	}
	a.write(t, newEvents(1))
}
